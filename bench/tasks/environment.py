"""The peers, installed beside us: their pins are no concern of our lock files."""

import asyncio
import hashlib
import os
import shutil
import sys
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).parents[2]
REQUIREMENTS = Path(__file__).with_name("requirements.txt")
HERE = ROOT / ".tools" / "bench-tasks"
SHOWN = ("pgqueuer", "procrastinate", "dramatiq", "dramatiq-postgres", "asyncpg", "psycopg", "uvloop")


async def peers() -> str:
    """The Python that has the peers; they are installed when they are not there, or others than required."""
    python, stamp = HERE / "bin" / "python", HERE / "installed"
    wanted = hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest()
    if not (python.exists() and stamp.exists() and stamp.read_text() == wanted):
        shutil.rmtree(HERE, ignore_errors=True)
        await _uv("venv", "-q", "--python", sys.executable, str(HERE))
        await _uv("pip", "install", "-q", "--python", str(python), "-r", str(REQUIREMENTS))
        stamp.write_text(wanted)
    return str(python)


async def versions(python: str) -> str:
    """Of what is measured, and of the drivers."""
    script = f"from importlib.metadata import version\nfor name in {SHOWN}: print(name, version(name))"
    process = await asyncio.create_subprocess_exec(python, "-c", script, stdout=asyncio.subprocess.PIPE)
    theirs = (await process.communicate())[0].decode().split("\n")
    ours = [f"{name} {version(name)}" for name in ("asyncpg", "uvloop", "dramatiq")]
    return f"peers: {', '.join(theirs).rstrip(', ')}; ours: {', '.join(ours)}"


async def _uv(*arguments: str) -> None:
    uv = ROOT / ".tools" / "bin" / "uv"
    process = await asyncio.create_subprocess_exec(uv, *arguments, env={**_certificates(), **os.environ})
    if await process.wait():
        raise SystemExit(f"uv {arguments[0]} failed")


def _certificates() -> dict[str, str]:
    """uv brings its own, and would not trust those that the machine's administrator added."""
    system = Path("/etc/ssl/certs/ca-certificates.crt")
    return {"SSL_CERT_FILE": str(system)} if system.exists() else {}
