"""Debian's nginx, as a stranger who knows nothing of us would set it up to send files. Nothing is installed."""

import asyncio
import os
import shutil
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from bench.place import SERVERS, free_port, on

FETCHED = Path(".tools/nginx").absolute()

CONFIGURATION = """
worker_processes 1;
daemon off;
pid {directory}/pid;
error_log {directory}/errors;
events {{ worker_connections 512; }}
http {{
  access_log off;
  sendfile on;
  tcp_nopush on;
  client_body_temp_path {directory}/body;
  proxy_temp_path {directory}/proxy;
  fastcgi_temp_path {directory}/fastcgi;
  uwsgi_temp_path {directory}/uwsgi;
  scgi_temp_path {directory}/scgi;
  server {{ listen 127.0.0.1:{port}; root {root}; }}
}}
{user}
"""


def find() -> str | None:
    """The program: $NGINX, that of the machine, or one that is fetched from Debian and unpacked; None: there is none."""
    fetched = FETCHED / "usr/sbin/nginx"
    there = os.environ.get("NGINX") or shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
    if there or not shutil.which("apt-get"):
        return there
    if not fetched.exists():
        FETCHED.mkdir(parents=True, exist_ok=True)
        subprocess.run(["apt-get", "download", "nginx"], cwd=FETCHED, capture_output=True)
        for package in FETCHED.glob("nginx_*.deb"):
            subprocess.run(["dpkg", "-x", str(package), str(FETCHED)], check=True)
    return str(fetched) if fetched.exists() else None


def version(program: str) -> str:
    """Such as nginx/1.22.1."""
    said = subprocess.run([program, "-v"], capture_output=True, text=True).stderr
    return said.strip().rpartition(" ")[2]


@asynccontextmanager
async def serve(program: str, root: Path, directory: Path) -> AsyncIterator[int]:
    """Send what is in a directory, on the processor of servers; the port."""
    port = free_port()
    directory.mkdir()
    user = "user root;" if os.geteuid() == 0 else ""
    configuration = directory / "nginx.conf"
    configuration.write_text(CONFIGURATION.format(directory=directory, root=root, port=port, user=user))
    with on(SERVERS):
        process = await asyncio.create_subprocess_exec(
            program, "-c", str(configuration), "-p", str(directory)
        )
    try:
        async with asyncio.timeout(30):
            while True:
                try:
                    _, writer = await asyncio.open_connection("127.0.0.1", port)
                    writer.close()
                    break
                except OSError:
                    await asyncio.sleep(0.05)
        yield port
    finally:
        process.terminate()
        await process.wait()
