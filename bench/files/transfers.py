"""As little of a client for bytes as will do, in threads: what is measured is the server."""

import asyncio
import re
import socket
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import perf_counter

LENGTH = re.compile(rb"\r\ncontent-length: (\d+)", re.IGNORECASE)
BUFFER = 1 << 20


def download(port: int, path: str, key: str) -> int:
    """GET a path; how many bytes came."""
    with _connect(port) as connection:
        connection.sendall(_head("GET", port, path, key))
        buffer = bytearray(BUFFER)
        head, begun = _answer(connection)
        assert head.startswith(b"HTTP/1.1 200"), head
        length = LENGTH.search(head)
        assert length
        left = int(length[1]) - len(begun)
        while left:
            count = connection.recv_into(buffer)
            assert count, f"{left} bytes have not come"
            left -= count
        return int(length[1])


def upload(port: int, path: str, key: str, source: Path) -> int:
    """PUT a file; how many bytes it has."""
    size = source.stat().st_size
    with _connect(port) as connection, source.open("rb") as file:
        connection.sendall(_head("PUT", port, path, key, f"Content-Length: {size}\r\n"))
        connection.sendfile(file)
        head, _ = _answer(connection)
        assert head.startswith(b"HTTP/1.1 201"), head
        return size


async def rate(transfers: Sequence[Callable[[], int]]) -> float:
    """Do all of them at once; MB/s of all together."""
    loop = asyncio.get_running_loop()
    with ThreadPoolExecutor(len(transfers)) as threads:
        began = perf_counter()
        counts = await asyncio.gather(*(loop.run_in_executor(threads, each) for each in transfers))
        return sum(counts) / (perf_counter() - began) / 1e6


def _connect(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=300)


def _head(method: str, port: int, path: str, key: str, more: str = "") -> bytes:
    return (
        f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: Bearer {key}\r\n"
        f"Connection: close\r\n{more}\r\n"
    ).encode()


def _answer(connection: socket.socket) -> tuple[bytes, bytes]:
    """The head of an answer, and what came of its body with it."""
    received = b""
    while b"\r\n\r\n" not in received:
        more = connection.recv(BUFFER)
        assert more, "the server closed the connection"
        received += more
    head, _, begun = received.partition(b"\r\n\r\n")
    return head, begun
