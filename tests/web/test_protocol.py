"""What goes over the wire when responses are gathered into one write."""

import asyncio
import gc
from collections.abc import AsyncIterator

import pytest
import uvicorn
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from app.graphql.http import WHOLE
from app.web.protocol import MOST_HELD, Gathering, Protocol
from tests.live import free_port

LIMIT = 30.0


class Recorded(asyncio.Transport):
    """Keeps what is written, write by write."""

    def __init__(self) -> None:
        super().__init__()
        self.writes: list[bytes] = []
        self.closed = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.writes.append(bytes(data))

    def close(self) -> None:
        self.closed = True


async def test_what_one_turn_gives_is_one_write() -> None:
    transport = Recorded()
    gathering = Gathering(transport, asyncio.get_running_loop())

    gathering.write(b"head ")
    gathering.write(b"body")
    assert transport.writes == []
    await asyncio.sleep(0)
    gathering.write(b"next")
    await asyncio.sleep(0)

    assert transport.writes == [b"head body", b"next"]


async def test_no_more_than_so_much_is_held() -> None:
    transport = Recorded()
    gathering = Gathering(transport, asyncio.get_running_loop())

    gathering.write(b"head")
    gathering.write(b"x" * MOST_HELD)

    assert transport.writes == [b"head" + b"x" * MOST_HELD]


async def test_closing_writes_what_is_held_first() -> None:
    transport = Recorded()
    gathering = Gathering(transport, asyncio.get_running_loop())

    gathering.write(b"last words")
    gathering.close()

    assert (transport.writes, transport.closed) == ([b"last words"], True)


@pytest.fixture
async def port() -> AsyncIterator[int]:
    """Of a server with a few ways to answer."""
    port = free_port()
    config = uvicorn.Config(
        _answer, port=port, http=Protocol, lifespan="off", log_config=None, access_log=False
    )
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve())
    async with asyncio.timeout(LIMIT):
        while not server.started:
            await asyncio.sleep(0.01)
    yield port
    server.should_exit = True
    await asyncio.wait_for(task, LIMIT)


_go_on = asyncio.Event()


async def _answer(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["path"] == "/late":
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await _go_on.wait()
        await send({"type": "http.response.body", "body": b"late"})
    elif scope["path"] == "/none":
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body"})
    elif scope["path"] == "/whole":
        if not scope[WHOLE](b"answered: whole\r\n", b"all of it"):
            length = (b"content-length", b"5")
            await send({"type": "http.response.start", "status": 200, "headers": [length]})
            await send({"type": "http.response.body", "body": b"parts"})
    else:
        size = 20_000_000
        length = (b"content-length", str(size).encode())
        await send({"type": "http.response.start", "status": 200, "headers": [length]})
        for _ in range(size // 50_000):
            await send({"type": "http.response.body", "body": b"y" * 50_000, "more_body": True})
        await send({"type": "http.response.body"})


async def _ask(
    port: int, path: str, method: str = "GET"
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"{method} {path} HTTP/1.1\r\nHost: here\r\n\r\n".encode())
    return reader, writer


async def test_a_head_does_not_wait_for_its_body(port: int) -> None:
    _go_on.clear()
    reader, writer = await _ask(port, "/late")

    head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), LIMIT)
    _go_on.set()
    body = await asyncio.wait_for(reader.readuntil(b"0\r\n\r\n"), LIMIT)

    assert head.startswith(b"HTTP/1.1 200")
    assert body == b"4\r\nlate\r\n0\r\n\r\n"
    writer.close()


async def test_whole_responses_come_in_the_order_of_requests_on_one_connection(port: int) -> None:
    reader, writer = await _ask(port, "/whole")
    writer.write(b"GET /whole HTTP/1.1\r\nHost: here\r\n\r\nGET /none HTTP/1.1\r\nHost: here\r\n\r\n")

    for _ in range(2):
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), LIMIT)
        assert head.startswith(b"HTTP/1.1 200 OK\r\n")
        assert {b"answered: whole", b"content-length: 9"} < set(head.split(b"\r\n"))
        assert b"date: " in head
        assert await asyncio.wait_for(reader.readexactly(9), LIMIT) == b"all of it"
    assert (await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), LIMIT)).startswith(b"HTTP/1.1 204")
    writer.close()


async def test_a_connection_that_is_to_be_closed_gets_its_response_from_uvicorn(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET /whole HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n")

    answer = await asyncio.wait_for(reader.read(), LIMIT)

    assert answer.endswith(b"\r\n\r\nparts")
    assert b"connection: close" in answer
    writer.close()


@pytest.mark.parametrize(("path", "method"), [("/none", "GET"), ("/long", "HEAD")])
async def test_a_response_without_a_body_is_sent(port: int, path: str, method: str) -> None:
    reader, writer = await _ask(port, path, method)

    assert (await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), LIMIT)).startswith(b"HTTP/1.1 20")
    writer.close()


async def test_a_long_body_comes_whole_to_who_reads_slowly(port: int) -> None:
    reader, writer = await _ask(port, "/long")

    await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), LIMIT)
    body = await asyncio.wait_for(reader.readexactly(20_000_000), LIMIT)

    assert body == b"y" * 20_000_000
    writer.close()


async def test_a_request_leaves_nothing_that_only_a_collection_finds(port: int) -> None:
    reader, writer = await _ask(port, "/whole")
    await asyncio.wait_for(reader.readuntil(b"all of it"), LIMIT)
    gc.collect()
    gc.disable()
    try:
        for _ in range(50):
            writer.write(b"GET /whole HTTP/1.1\r\nHost: here\r\n\r\n")
            await asyncio.wait_for(reader.readuntil(b"all of it"), LIMIT)
        left = sum(isinstance(each, RequestResponseCycle) for each in gc.get_objects())
    finally:
        gc.enable()

    assert left < 10
    writer.close()
