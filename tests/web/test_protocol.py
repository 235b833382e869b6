"""What goes over the wire when responses are gathered into one write."""

import asyncio
import gc
from collections.abc import AsyncIterator
from typing import Any

import pytest
import uvicorn
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from app.graphql.http import BODY, WHOLE
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
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept"})
        while (await receive())["type"] != "websocket.disconnect":
            pass
    elif scope["path"] == "/late":
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await _go_on.wait()
        await send({"type": "http.response.body", "body": b"late"})
    elif scope["path"] == "/echo":
        known = BODY in scope
        message: Any = {"more_body": True}
        body = b""
        while message.get("more_body"):
            message = await receive()
            body += message["body"]
        assert not known or scope[BODY] == body
        body += b"|known" if known else b"|"
        if b"x-forwarded-for" in dict(scope["headers"]):
            body += b" " + scope["client"][0].encode()
        length = (b"content-length", b"%d" % len(body))
        await send({"type": "http.response.start", "status": 200, "headers": [length]})
        await send({"type": "http.response.body", "body": body})
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


def _post(body: bytes, *headers: str, length: int | None = None) -> bytes:
    lines = [
        "POST /echo HTTP/1.1",
        "Host: here",
        f"Content-Length: {len(body) if length is None else length}",
    ]
    return "\r\n".join([*lines, *headers, "", ""]).encode() + body


async def _answers(reader: asyncio.StreamReader, number: int) -> list[bytes]:
    """The bodies of so many answers."""
    found = []
    for _ in range(number):
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), LIMIT)
        if b" 100 " in head:
            head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), LIMIT)
        length = next(int(line[16:]) for line in head.split(b"\r\n") if line.startswith(b"content-length: "))
        found.append(await asyncio.wait_for(reader.readexactly(length), LIMIT))
    return found


async def test_requests_with_the_same_head_are_told_apart(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for _ in range(3):
        for body in (b"one", b"two", b"three", b""):
            writer.write(_post(body))
            (answer,) = await _answers(reader, 1)
            assert answer.partition(b"|")[0] == body
    writer.close()


async def test_a_known_head_may_come_in_any_pieces(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    whole = _post(b"some body")
    for _ in range(2):
        writer.write(whole)
        await _answers(reader, 1)

    for cut in (1, 10, whole.index(b"\r\n\r\n") + 2, whole.index(b"\r\n\r\n") + 4, len(whole) - 1):
        writer.write(whole[:cut])
        await writer.drain()
        writer.write(whole[cut:])
        assert (await _answers(reader, 1))[0].startswith(b"some body|")
    writer.write(whole * 3)
    assert [answer.partition(b"|")[0] for answer in await _answers(reader, 3)] == [b"some body"] * 3
    writer.write(whole + whole[:20])
    await _answers(reader, 1)
    writer.write(whole[20:])
    assert (await _answers(reader, 1))[0].startswith(b"some body|")
    writer.close()


async def test_only_a_known_head_is_not_read_again(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    seen = []
    for headers in ([], [], ["X-Other: 1"], ["X-Other: 2"], ["X-Other: 1"], ["Expect: 100-continue"]) * 2:
        writer.write(_post(b"body", *headers))
        (answer,) = await _answers(reader, 1)
        seen.append(answer.partition(b"|")[2])
    assert seen[:6] == [b"", b"known", b"", b"", b"known", b""]
    assert seen[6:] == [b"known"] * 5 + [b""]
    writer.close()


async def test_a_proxy_is_believed_each_time(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    seen = []
    for address in ("192.0.2.1", "192.0.2.1", "192.0.2.2", "192.0.2.2"):
        writer.write(_post(b"body", f"X-Forwarded-For: {address}"))
        seen += await _answers(reader, 1)

    assert seen == [
        b"body| 192.0.2.1",
        b"body|known 192.0.2.1",
        b"body| 192.0.2.2",
        b"body|known 192.0.2.2",
    ]
    writer.close()


async def test_a_socket_is_opened_on_a_connection_that_knows_heads(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for _ in range(2):
        writer.write(_post(b"body"))
        await _answers(reader, 1)

    writer.write(
        b"GET /echo HTTP/1.1\r\nHost: here\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
    head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), LIMIT)

    assert head.startswith(b"HTTP/1.1 101 ")
    writer.close()


async def test_parts_of_unknown_length_are_read_each_time(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for size in (5, 5, 3):
        head = b"POST /echo HTTP/1.1\r\nHost: here\r\nTransfer-Encoding: chunked\r\n\r\n"
        writer.write(head + b"%x\r\n%b\r\n0\r\n\r\n" % (size, b"z" * size))
        assert await _answers(reader, 1) == [b"z" * size + b"|"]
    writer.close()


async def test_a_known_head_and_what_is_no_request_after_it(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for _ in range(2):
        writer.write(_post(b"body"))
        await _answers(reader, 1)

    writer.write(b"nonsense\r\n\r\n")

    assert (await asyncio.wait_for(reader.read(), LIMIT)).startswith(b"HTTP/1.1 400")
    writer.close()
