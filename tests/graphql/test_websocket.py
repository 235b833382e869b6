"""GraphQL over WebSocket."""

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

import pytest
from starlette.types import Message
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Subprotocol

from tests.graphql.small import Small, make_small, serve

PROTOCOL = Subprotocol("graphql-transport-ws")


class Client:
    """Speaks JSON; waits for nothing longer than ten seconds."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket

    async def send(self, message: Any) -> None:
        await self.socket.send(message if isinstance(message, str | bytes) else json.dumps(message))

    async def receive(self) -> dict[str, Any]:
        async with asyncio.timeout(10):
            return cast(dict[str, Any], json.loads(await self.socket.recv(decode=True)))

    async def subscribe(self, query: str, id: str = "1", **members: Any) -> None:
        await self.send({"id": id, "type": "subscribe", "payload": {"query": query, **members}})

    async def collect(self, count: int) -> list[dict[str, Any]]:
        return [await self.receive() for _ in range(count)]

    async def closed(self) -> tuple[int, str]:
        """The close code and reason; what else was to be read is dropped."""
        async with asyncio.timeout(10):
            with pytest.raises(ConnectionClosed) as closed:
                while True:
                    await self.socket.recv()
        frame = closed.value.rcvd
        assert frame is not None
        return frame.code, frame.reason


@asynccontextmanager
async def socket_to(
    small: Small,
    *,
    init: dict[str, Any] | None = None,
    acknowledged: bool = True,
    protocol: Subprotocol | None = PROTOCOL,
    origin: str | None = None,
    headers: dict[str, str] | None = None,
) -> AsyncIterator[Client]:
    async with connect(
        small.websocket_url,
        subprotocols=[protocol] if protocol else None,
        additional_headers={**(headers or {}), **({"Origin": origin} if origin else {})},
        max_size=None,
    ) as socket:
        client = Client(socket)
        if acknowledged:
            await client.send({"type": "connection_init", "payload": init or {}})
            assert await client.receive() == {"type": "connection_ack"}
        yield client


def next_of(data: Any, id: str = "1") -> dict[str, Any]:
    return {"id": id, "type": "next", "payload": {"data": data}}


async def test_queries_mutations_and_subscriptions_run_on_one_socket(small: Small) -> None:
    async with socket_to(small) as client:
        await client.subscribe("{ hello }", "q")
        assert await client.collect(2) == [
            next_of({"hello": "hello world"}, "q"),
            {"id": "q", "type": "complete"},
        ]
        await client.subscribe("mutation { add(number: 7) { number } }", "m")
        assert await client.collect(2) == [
            next_of({"add": {"number": 7}}, "m"),
            {"id": "m", "type": "complete"},
        ]
        await client.subscribe("subscription { ticks(to: 2) { number cursor } }", "s")
        assert await client.collect(3) == [
            next_of({"ticks": {"number": 1, "cursor": "1"}}, "s"),
            next_of({"ticks": {"number": 2, "cursor": "2"}}, "s"),
            {"id": "s", "type": "complete"},
        ]


async def test_operations_do_not_wait_for_each_other(small: Small) -> None:
    async with socket_to(small) as client:
        await client.subscribe("{ slow }", "slow")
        await client.subscribe("subscription { silence { number } }", "silence")
        await client.subscribe("{ hello }", "quick")

        messages = await client.collect(3)

    assert {"id": "quick", "type": "complete"} in messages
    assert next_of({"silence": {"number": 1}}, "silence") in messages


async def test_variables_names_and_extensions_reach_the_operation(small: Small) -> None:
    async with socket_to(small) as client:
        await client.subscribe(
            "query A { viewer } query B($n: String!) { hello(name: $n) extensions }",
            variables={"n": "ann"},
            operationName="B",
            extensions={"trace": 1},
        )

        assert await client.receive() == next_of({"hello": "hello ann", "extensions": "{'trace': 1}"})


async def test_trusted_documents_run_by_their_sha256_here_too(tmp_path: Path) -> None:
    (tmp_path / "trusted.graphql").write_text("{ hello }")
    sha256 = hashlib.sha256(b"{ hello }").hexdigest()
    settings = {"trusted_documents": "only", "trusted_documents_dir": tmp_path}
    async with serve(make_small(**settings)) as small, socket_to(small) as client:
        await client.send({"id": "1", "type": "subscribe", "payload": {"documentId": sha256}})
        assert await client.receive() == next_of({"hello": "hello world"})
        await client.receive()
        await client.subscribe("{ viewer }")
        refused = await client.receive()

    assert refused["payload"][0]["extensions"]["code"] == "PERSISTED_QUERY_REQUIRED"


async def test_the_identity_is_in_the_payload_of_connection_init(small: Small) -> None:
    async with socket_to(small, init={"Authorization": "Bearer user-5"}) as client:
        await client.subscribe("{ viewer }")

        assert await client.receive() == next_of({"viewer": 5})


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("{ hello", "GRAPHQL_PARSE_FAILED"),
        ("{ nothing }", "GRAPHQL_VALIDATION_FAILED"),
        ("query A { hello } query B { hello }", "OPERATION_NAME_REQUIRED"),
        ("query A($n: String!) { hello(name: $n) }", "BAD_INPUT"),
        ("subscription($n: Int!) { ticks(to: $n) { number } }", "BAD_INPUT"),
        ("subscription { ticks { missing } }", "GRAPHQL_VALIDATION_FAILED"),
        ("subscription { ticks { number } silence { number } }", "GRAPHQL_VALIDATION_FAILED"),
        ('subscription { ticks(after: "old") { number } }', "CURSOR_EXPIRED"),
    ],
)
async def test_an_operation_that_cannot_be_served_gets_an_error_and_the_socket_stays_open(
    small: Small, query: str, code: str
) -> None:
    async with socket_to(small) as client:
        await client.subscribe(query)

        message = await client.receive()
        assert (message["id"], message["type"]) == ("1", "error")
        assert [error["extensions"]["code"] for error in message["payload"]] == [code]
        await client.subscribe("{ hello }")  # the id is free again
        assert await client.receive() == next_of({"hello": "hello world"})


async def test_a_subscription_whose_source_fails_ends_with_its_error(small: Small) -> None:
    async with socket_to(small) as client:
        await client.subscribe("subscription { breaks { number } }")

        event, error = await client.collect(2)

    assert event == next_of({"breaks": {"number": 1}})
    assert error["type"] == "error"
    assert error["payload"][0]["extensions"] == {"code": "CURSOR_EXPIRED"}


async def test_a_completed_subscription_closes_its_source(small: Small) -> None:
    async with socket_to(small) as client:
        await client.subscribe("subscription { silence { number } }")
        await client.receive()
        await client.send({"id": "1", "type": "complete"})

        await small.book.until(lambda book: book.open_sources == 0)
        await client.subscribe("{ hello }")
        assert await client.receive() == next_of({"hello": "hello world"})


async def test_a_client_that_leaves_closes_everything_it_had_open(small: Small) -> None:
    async with socket_to(small) as client:
        await client.subscribe("subscription { silence { number } }", "1")
        await client.subscribe("subscription { silence { number } }", "2")
        await client.subscribe("{ slow }", "3")
        await small.book.until(lambda book: book.open_sources == 2 and book.begun == ["slow"])

    await small.book.until(lambda book: book.open_sources == 0 and book.cancelled == ["slow"])


async def test_every_event_has_a_context_of_its_own(small: Small) -> None:
    async with socket_to(small) as client:
        await client.subscribe("subscription { ticks { context } }")

        numbers = [message["payload"]["data"]["ticks"]["context"] for message in await client.collect(3)]

    assert len(set(numbers)) == 3


async def test_ping_is_answered_by_pong_with_the_same_payload(small: Small) -> None:
    async with socket_to(small, acknowledged=False) as client:
        await client.send({"type": "ping"})
        assert await client.receive() == {"type": "pong"}
        await client.send({"type": "connection_init"})
        assert await client.receive() == {"type": "connection_ack"}
        await client.send({"type": "pong"})
        await client.send({"type": "ping", "payload": {"a": 1}})
        assert await client.receive() == {"type": "pong", "payload": {"a": 1}}


SUBSCRIBE = {"id": "1", "type": "subscribe", "payload": {"query": "subscription { silence { number } }"}}


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ({"type": "connection_init"}, 4429),
        ({"type": "unknown"}, 4400),
        ({"type": ["subscribe"]}, 4400),
        ({"type": {}}, 4400),
        ({}, 4400),
        ("{", 4400),
        ("[1]", 4400),
        ('"text"', 4400),
        ("null", 4400),
        ("1", 4400),
        ("[" * 100_000, 4400),
        (b'{"type":"ping"}', 4400),
        ({"type": "ping", "payload": []}, 4400),
        ({"type": "subscribe", "payload": {"query": "{ hello }"}}, 4400),
        ({"id": 1, "type": "subscribe", "payload": {"query": "{ hello }"}}, 4400),
        ({"id": "", "type": "subscribe", "payload": {"query": "{ hello }"}}, 4400),
        ({"id": "1", "type": "subscribe"}, 4400),
        ({"id": "1", "type": "subscribe", "payload": {"query": "{ hello }", "variables": []}}, 4400),
        ({"id": "1", "type": "subscribe", "payload": {"query": "{ hello }", "extensions": 1}}, 4400),
        ({"id": "1", "type": "subscribe", "payload": {"query": 1}}, 4400),
        ({"type": "complete"}, 4400),
        ('{"type":"ping","payload":{"a":"' + "a" * 1_048_576 + '"}}', 1009),
    ],
)
async def test_a_message_that_breaks_the_protocol_closes_the_socket(
    small: Small, message: Any, code: int
) -> None:
    async with socket_to(small) as client:
        await client.send(message)

        assert (await client.closed())[0] == code


async def test_an_id_in_use_closes_the_socket(small: Small) -> None:
    async with socket_to(small) as client:
        await client.send(SUBSCRIBE)
        await client.send(SUBSCRIBE)

        assert await client.closed() == (4409, "Subscriber for 1 already exists")
    await small.book.until(lambda book: book.open_sources == 0)


async def test_nothing_runs_before_connection_init(small: Small) -> None:
    async with socket_to(small, acknowledged=False) as client:
        await client.send(SUBSCRIBE)

        assert (await client.closed())[0] == 4401
    assert small.identity.callers == []


async def test_connection_init_must_come_in_time() -> None:
    async with serve(make_small(init_timeout=0.05)) as small, socket_to(small, acknowledged=False) as client:
        assert await client.closed() == (4408, "Connection initialisation timeout")


async def test_the_subprotocol_must_be_ours(small: Small) -> None:
    for protocol in (None, Subprotocol("graphql-ws")):
        async with connect(small.websocket_url, subprotocols=[protocol] if protocol else None) as socket:
            assert (await Client(socket).closed())[0] == 4406


async def test_credentials_that_are_not_accepted_close_the_socket(small: Small) -> None:
    async with socket_to(small, acknowledged=False) as client:
        await client.send({"type": "connection_init", "payload": {"Authorization": "Bearer wrong"}})
        assert (await client.closed())[0] == 4403
    async with socket_to(small, acknowledged=False) as client:
        await client.send({"type": "connection_init", "payload": {"Authorization": "Bearer broken"}})
        code, reason = await client.closed()
        assert code == 1013
        assert "hunter2" not in reason
    async with socket_to(small, acknowledged=False) as client:
        await client.send({"type": "connection_init", "payload": []})
        assert (await client.closed())[0] == 4400


async def test_a_page_of_another_origin_gets_no_socket_unless_it_is_allowed(small: Small) -> None:
    with pytest.raises(InvalidStatus) as refused:
        async with socket_to(small, origin="http://evil.example"):
            pass
    assert refused.value.response.status_code == 403
    async with serve(make_small(allowed_origins="http://front.example")) as other:
        async with socket_to(
            other, origin="http://front.example", init={"Authorization": "Bearer user-1"}
        ) as client:
            await client.subscribe("{ viewer }")
            assert await client.receive() == next_of({"viewer": 1})
        async with socket_to(
            other, origin="http://front.example", headers={"Cookie": "session=user-1"}, acknowledged=False
        ) as client:
            await client.send({"type": "connection_init"})
            assert (await client.closed())[0] == 4403


async def test_a_page_of_ours_may_use_the_cookie(small: Small) -> None:
    own = small.url.removesuffix("/graphql")

    async with socket_to(small, origin=own, headers={"Cookie": "session=user-3"}) as client:
        await client.subscribe("{ viewer }")

        assert await client.receive() == next_of({"viewer": 3})


async def test_revoked_credentials_close_the_socket(small: Small) -> None:
    async with socket_to(small, init={"Authorization": "Bearer user-1"}) as client:
        await client.subscribe("subscription { silence { number } }")
        await client.receive()
        small.identity.callers[0].revoked.set()

        assert await client.closed() == (4403, "Token revoked")
    await small.book.until(lambda book: book.open_sources == 0)


async def test_a_socket_runs_so_many_operations_and_no_more() -> None:
    async with serve(make_small(max_operations_per_socket=2)) as small, socket_to(small) as client:
        for id in ("1", "2"):
            await client.subscribe("subscription { silence { number } }", id)
            await client.receive()
        await client.subscribe("{ hello }", "3")
        refused = await client.receive()
        await client.send({"id": "1", "type": "complete"})
        await client.subscribe("{ hello }", "4")

        assert (refused["id"], refused["type"]) == ("3", "error")
        assert refused["payload"][0]["extensions"]["code"] == "LIMIT_EXCEEDED"
        assert await client.receive() == next_of({"hello": "hello world"}, "4")


async def test_a_shutdown_tells_every_socket_to_come_back(small: Small) -> None:
    async with (
        socket_to(small) as idle,
        socket_to(small) as busy,
        socket_to(small, acknowledged=False) as new,
    ):
        await busy.subscribe("subscription { ticks(to: 0) { number } }")
        await busy.receive()

        left = await small.endpoint.connections.drain(within=5)

        for client in (idle, busy, new):
            assert await client.closed() == (1012, "Service restart: reconnect from your cursor")
    assert left == 0
    assert small.book.open_sources == 0
    async with socket_to(small, acknowledged=False) as late:
        assert (await late.closed())[0] == 1012


async def test_a_shutdown_that_meets_a_client_just_leaving_ends_in_order() -> None:
    small = make_small()
    connections = small.endpoint.connections
    messages = [
        {"type": "websocket.connect"},
        {"type": "websocket.receive", "text": '{"type":"connection_init"}'},
    ]
    sent: list[str] = []

    async def receive() -> Message:
        if messages:
            return messages.pop(0)
        asyncio.get_running_loop().call_soon(lambda: asyncio.ensure_future(connections.drain()))
        return {"type": "websocket.disconnect", "code": 1001}

    async def send(message: Message) -> None:
        sent.append(message["type"])

    scope = {"type": "websocket", "path": "/graphql", "headers": [], "subprotocols": [PROTOCOL]}
    await small.endpoint(scope, receive, send)

    assert sent == ["websocket.accept", "websocket.send"]
