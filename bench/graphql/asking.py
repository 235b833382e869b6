"""Who asks: Debian's wrk, which is fetched and not installed; without it a small client of our own."""

import asyncio
import os
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from time import monotonic, perf_counter
from typing import cast

import orjson

from bench.table import percentile

CONNECTIONS = 16
FETCHED = Path(".tools/wrk").absolute()
SCRIPT = Path(__file__).with_name("ask.lua")
LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)


@dataclass(frozen=True)
class Asked:
    """What came of asking for some seconds."""

    requests: int
    seconds: float
    p50: float
    p99: float
    bytes_each: float

    @property
    def per_second(self) -> float:
        return self.requests / self.seconds


class Asker:
    """Keeps some connections busy: on each, the next request follows the answer."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._program = _find()

    @property
    def words(self) -> str:
        return "wrk, one thread" if self._program else "a client of our own, as there is no wrk"

    async def ask(self, url: str, headers: Mapping[str, str], bodies: Sequence[bytes], seconds: int) -> Asked:
        """Send these bodies in turn."""
        if self._program:
            return await self._wrk(url, headers, bodies, seconds)
        return await _ourselves(url, headers, bodies, seconds)

    async def _wrk(
        self, url: str, headers: Mapping[str, str], bodies: Sequence[bytes], seconds: int
    ) -> Asked:
        lines = self._directory / "bodies"
        lines.write_bytes(b"\n".join(bodies))
        named = [word for name, value in headers.items() for word in ("-H", f"{name}: {value}")]
        libraries = str(FETCHED / "usr/lib" / f"{os.uname().machine}-linux-gnu")
        process = await asyncio.create_subprocess_exec(
            *(
                str(self._program),
                "-t1",
                f"-c{CONNECTIONS}",
                f"-d{seconds}s",
                "--timeout",
                "20s",
                "-s",
                str(SCRIPT),
            ),
            *(*named, url, "--", str(lines)),
            stdout=asyncio.subprocess.PIPE,
            env={**os.environ, "LD_LIBRARY_PATH": libraries},
        )
        try:
            said, _ = await process.communicate()
        except asyncio.CancelledError:
            process.kill()
            raise
        told = orjson.loads(said.splitlines()[-1])
        if told["errors"]:
            raise AssertionError(f"{told['errors']} of {told['requests']} requests to {url} failed")
        requests = told["requests"]
        return Asked(
            requests,
            told["us"] / 1e6,
            told["p50"] / 1000,
            told["p99"] / 1000,
            told["bytes"] / max(requests, 1),
        )


def _find() -> str | None:
    """The program: $WRK, that of the machine, or one that is fetched from Debian and unpacked; None: there is none."""
    fetched = FETCHED / "usr/bin/wrk"
    there = os.environ.get("WRK") or shutil.which("wrk")
    if there or not shutil.which("apt-get"):
        return there
    if not fetched.exists():
        FETCHED.mkdir(parents=True, exist_ok=True)
        subprocess.run(["apt-get", "download", "wrk", "libluajit-5.1-2"], cwd=FETCHED, capture_output=True)
        for package in FETCHED.glob("*.deb"):
            subprocess.run(["dpkg", "-x", str(package), str(FETCHED)], check=True)
    return str(fetched) if fetched.exists() else None


class _Caller(asyncio.Protocol):
    """One connection, which asks until the time is over."""

    def __init__(self, requests: Sequence[bytes], first: int, until: float) -> None:
        self._requests, self._next, self._until = requests, first, until
        self._received = b""
        self._asked = 0.0
        self.delays: list[float] = []
        self.bytes = 0
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._ask()

    def _ask(self) -> None:
        self._asked = perf_counter()
        self._transport.write(self._requests[self._next % len(self._requests)])
        self._next += 1

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, end, body = self._received.partition(b"\r\n\r\n")
        length = LENGTH.search(head)
        if not end or not length or len(body) < int(length[1]):
            return
        if not head.startswith(b"HTTP/1.1 200"):
            self.done.set_exception(AssertionError(self._received[:2000]))
            return
        self.delays.append(perf_counter() - self._asked)
        self.bytes += len(self._received)
        self._received = b""
        if monotonic() < self._until:
            self._ask()
        else:
            self._transport.close()

    def connection_lost(self, error: Exception | None) -> None:
        if not self.done.done():
            self.done.set_result(None)


def _same(caller: _Caller) -> _Caller:
    return caller


async def _ourselves(url: str, headers: Mapping[str, str], bodies: Sequence[bytes], seconds: int) -> Asked:
    host, _, path = url.removeprefix("http://").partition("/")
    address, _, port = host.partition(":")
    named = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    head = f"POST /{path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n{named}"
    requests = [f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body for body in bodies]
    began = monotonic()
    loop = asyncio.get_running_loop()
    callers = [_Caller(requests, number, began + seconds) for number in range(CONNECTIONS)]
    for each in callers:
        await loop.create_connection(partial(_same, each), address, int(port))
    await asyncio.gather(*(each.done for each in callers))
    delays = [delay * 1000 for each in callers for delay in each.delays]
    return Asked(
        len(delays),
        monotonic() - began,
        percentile(delays, 50),
        percentile(delays, 99),
        sum(each.bytes for each in callers) / max(len(delays), 1),
    )
