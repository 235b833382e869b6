"""Ways out to a client: the same bytes whichever is taken, and none when there is no room."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from starlette.types import Message
from websockets.asyncio.client import connect

from app.events import START
from app.graphql import outlets, websocket
from app.graphql.outlets import ReadyFrames, Sending, text_frame
from app.graphql.rendering import Event, Parcel, Rendered
from tests.graphql.small import Small, make_small, serve
from tests.graphql.test_websocket import PROTOCOL, socket_to

FILLED = "subscription ($size: Int!) { ticks(to: 3) { number filler(size: $size) } }"


@pytest.fixture(params=[True, False], ids=["ready frames", "send"])
async def both(request: pytest.FixtureRequest) -> AsyncIterator[Small]:
    """A server that writes ready frames, and one that sends everything by ASGI."""
    async with serve(make_small(ready_frames=request.param)) as small:
        yield small


class Counted(ReadyFrames):
    """Counts what is written."""

    written = 0

    def write(self, frames: bytes) -> None:
        type(self).written += 1
        super().write(frames)


@pytest.mark.parametrize("size", [1, 60, 300, 65_400, 70_000])
async def test_a_result_is_the_same_by_ready_frames_and_by_send(both: Small, size: int) -> None:
    """The sizes are of each kind of header that a frame may have."""
    async with socket_to(both) as client:
        await client.subscribe(FILLED, '"\u00e9', variables={"size": size})

        messages = await client.collect(4)

    ticks = [{"ticks": {"number": number, "filler": "x" * size}} for number in (1, 2, 3)]
    assert messages == [
        *({"id": '"\u00e9', "type": "next", "payload": {"data": data}} for data in ticks),
        {"id": '"\u00e9', "type": "complete"},
    ]


async def test_ready_frames_are_used_with_the_server_that_we_come_with(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Counted, "written", 0)
    monkeypatch.setattr(websocket, "ReadyFrames", Counted)
    for ready, expected in ((True, 3), (False, 0)):
        Counted.written = 0
        async with serve(make_small(ready_frames=ready)) as small, socket_to(small) as client:
            await client.subscribe(FILLED, variables={"size": 1})
            await client.collect(4)

        assert Counted.written == expected


async def test_there_are_none_where_another_server_or_another_uvicorn_runs_us(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Other:
        async def receive(self) -> Message:
            raise NotImplementedError

    async def receive() -> Message:
        raise NotImplementedError

    assert ReadyFrames.behind(receive) is None
    assert ReadyFrames.behind(Other().receive) is None
    monkeypatch.setattr(outlets, "_is_uvicorns", lambda protocol: isinstance(protocol, Other))
    assert ReadyFrames.behind(Other().receive) is None  # it has nothing of what is looked for


async def test_there_are_none_where_an_extension_changes_frames() -> None:
    small = make_small()
    request = '{"id":"1","type":"subscribe","payload":{"query":"subscription { ticks(to: 1) { number } }"}}'
    async with (
        serve(small, ws_per_message_deflate=True),
        connect(small.websocket_url, subprotocols=[PROTOCOL], compression="deflate") as socket,
    ):
        await socket.send('{"type":"connection_init"}')
        await socket.send(request)
        received = [await asyncio.wait_for(socket.recv(decode=True), 10) for _ in range(3)]
        assert len(socket.protocol.extensions) == 1

    assert received[1] == '{"id":"1","type":"next","payload":{"data":{"ticks":{"number":1}}}}'


async def test_a_client_that_does_not_read_holds_its_subscription_back_either_way(both: Small) -> None:
    """Its source is asked for no more than what fits into the buffers on the way."""
    async with socket_to(both) as client:
        client.socket.transport.pause_reading()
        await client.subscribe("subscription { ticks(to: 0) { number context filler(size: 100000) } }")
        await both.book.until(lambda book: book.open_sources == 1)
        rendered = await settled(lambda: both.book.rendered)
        client.socket.transport.resume_reading()
        messages = await client.collect(rendered + 20)

    assert 0 < rendered < 500
    numbers = [message["payload"]["data"]["ticks"]["number"] for message in messages]
    assert numbers == list(range(1, rendered + 21))


async def settled(read: Callable[[], int]) -> int:
    """The number, once it has not changed for many turns of the event loop."""
    turns = 0
    before = read()
    async with asyncio.timeout(30):
        while not before or turns < 1000:
            await asyncio.sleep(0)
            turns = turns + 1 if read() == before else 0
            before = read()
    return before


class Server:
    """An ASGI server whose `send` waits for room, which the test gives."""

    def __init__(self, fails: Exception | None = None) -> None:
        self.sent: list[Any] = []
        self.room = asyncio.Event()
        self.room.set()
        self.fails = fails

    async def send(self, message: Message) -> None:
        await self.room.wait()
        if self.fails is not None:
            raise self.fails
        await asyncio.sleep(0)
        self.sent.append(message["text"])


class Ready(Server):
    """One that never waits while there is room."""

    async def send(self, message: Message) -> None:
        await self.room.wait()
        if self.fails is not None:
            raise self.fails
        self.sent.append(message["text"])


async def test_what_is_put_while_there_is_room_has_been_sent() -> None:
    server = Ready()
    sending = Sending(server.send)

    assert sending.put({"type": "websocket.send", "text": "one"})

    assert server.sent == ["one"]
    assert not sending.busy


@pytest.mark.parametrize("kind", [Server, Ready])
async def test_what_is_put_without_room_is_sent_in_its_order_once_there_is(kind: type[Server]) -> None:
    server = kind()
    sending = Sending(server.send)
    server.room.clear()

    assert not sending.put({"type": "websocket.send", "text": "one"})
    assert sending.busy
    waiting = asyncio.create_task(sending.send({"type": "websocket.send", "text": "two"}))
    await asyncio.sleep(0)
    server.room.set()
    async with asyncio.timeout(10):
        await waiting

    assert server.sent == ["one", "two"]
    assert not sending.busy


async def test_who_waits_for_its_turn_may_leave_without_taking_what_was_put_along() -> None:
    server = Ready()
    sending = Sending(server.send)
    server.room.clear()
    sending.put({"type": "websocket.send", "text": "one"})
    leaving = asyncio.create_task(sending.send({"type": "websocket.send", "text": "two"}))
    await asyncio.sleep(0)
    leaving.cancel()
    await asyncio.wait([leaving])
    server.room.set()

    await asyncio.wait_for(sending.send({"type": "websocket.send", "text": "three"}), 10)

    assert server.sent == ["one", "three"]


@pytest.mark.parametrize("room", [True, False])
async def test_a_client_that_is_gone_is_no_failure_of_who_puts(room: bool) -> None:
    server = Ready(fails=ConnectionResetError())
    sending = Sending(server.send)
    if not room:
        server.room.clear()

    sending.put({"type": "websocket.send", "text": "one"})
    server.room.set()
    with pytest.raises(ConnectionResetError):
        await asyncio.wait_for(sending.send({"type": "websocket.send", "text": "two"}), 10)


def test_results_are_framed_once_for_all_who_number_alike() -> None:
    framed: list[Event] = []

    def frame(event: Event) -> bytes:
        framed.append(event)
        return text_frame(event.rendered.payload)

    parcel = Parcel(START, [Event(Rendered(b"one")), Event(Rendered(b"two"))])

    first, again = parcel.as_bytes("1", frame), parcel.as_bytes("1", frame)
    other = parcel.as_bytes("2", frame)

    assert first == again == other == b"\x81\x03one\x81\x03two"
    assert len(framed) == 4
