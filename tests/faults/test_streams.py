"""What happens to connections that stay open: the server stops, a token is revoked, an old one ends late. And how soon
requests of who lost a right by another server are refused."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from time import monotonic
from typing import Any
from uuid import uuid4

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from app.client import Client
from app.identity import SURE_SECONDS
from tests.faults.changes import CHANGES, CURSOR, Change, Follower, change_of, read_log
from tests.faults.machine import CREATE, Machine
from tests.live import LiveServer, run_server
from tests.machine import until

LIMIT = 20.0
PROTOCOL = Subprotocol("graphql-transport-ws")
TOKEN = "mutation { createToken(input: {}) { key token { id } userErrors { code message } } }"
WHO = "{ viewer { user { username } } }"
TOKEN_FOR = (
    "mutation ($of: ID!) { createToken(input: {user: $of}) { key token { id } userErrors { code message } } }"
)
USER = """mutation ($name: String!) { createUser(input: {username: $name}) {
  user { id } userErrors { code message } } }"""
WORKSPACE = """mutation ($name: String!) { createWorkspace(input: {name: $name}) {
  workspace { id } userErrors { code message } } }"""
PUBLIC_WORKSPACE = """mutation ($name: String!) { createWorkspace(input: {name: $name, public: true}) {
  workspace { id } userErrors { code message } } }"""
MAKE_PRIVATE = """mutation ($id: ID!) { updateWorkspace(input: {id: $id, public: false}) {
  userErrors { code message } } }"""
ROLE = """mutation ($of: ID!, $in: ID!, $role: Role) { setWorkspaceRole(input: {workspace: $in, user: $of, role: $role}) {
  userErrors { code message } } }"""
DISABLE = "mutation ($id: ID!) { disableToken(input: {id: $id}) { userErrors { code message } } }"
WORKER = "query ($name: String!) { worker(name: $name) { connected } }"
DISCONNECTED = 'subscription ($after: Cursor) { events(after: $after, filter: {types: ["worker.disconnected"]}) { cursor } }'

Goodbye = tuple[int | None, str | None]
Pair = tuple[LiveServer, LiveServer]


async def test_a_server_that_stops_sends_its_streams_away_and_they_miss_nothing(pair: Pair) -> None:
    staying = pair[0]
    key = await staying.sign_in()
    on_socket: list[Change] = []
    on_stream: list[Change] = []
    async with Client(staying.url, key) as writer:
        begin = (await writer.execute(CURSOR))["eventCursor"]
        async with run_server(staying.credentials) as leaving:
            socket = asyncio.create_task(follow_by_socket(leaving, key, begin, on_socket))
            stream = asyncio.create_task(follow_by_stream(leaving, key, begin, on_stream))
            await submit(writer)
            await until(lambda: bool(on_socket and on_stream))

            began = monotonic()
            leaving.process.terminate()
            for _ in range(5):
                await submit(writer)
            goodbye, last_words = await asyncio.wait_for(asyncio.gather(socket, stream), LIMIT)
            await asyncio.wait_for(leaving.process.wait(), LIMIT)
            took = monotonic() - began

        log = await read_log(staying.credentials, begin)
        async with (
            Follower(writer, on_socket[-1].cursor) as after_socket,
            Follower(writer, on_stream[-1].cursor) as after_stream,
        ):
            await after_socket.sees(len(log) - len(on_socket))
            await after_stream.sees(len(log) - len(on_stream))
    assert goodbye == (1012, "Service restart: reconnect from your cursor")
    assert last_words == {"code": "UNAVAILABLE", "cursor": on_stream[-1].cursor}
    assert took < 5
    assert len(log) == 6
    assert on_socket + after_socket.seen == log
    assert on_stream + after_stream.seen == log


async def test_a_token_that_is_revoked_elsewhere_closes_its_sockets_within_a_second(pair: Pair) -> None:
    here, there = pair
    async with Client(there.url, await there.sign_in()) as admin:
        made = await admin.mutate(TOKEN)
        seen: list[Change] = []
        begin = (await admin.execute(CURSOR))["eventCursor"]
        socket = asyncio.create_task(follow_by_socket(here, made["key"], begin, seen))
        await submit(admin)
        await until(lambda: len(seen) == 1)

        await admin.mutate(DISABLE, {"id": made["token"]["id"]})
        goodbye = await asyncio.wait_for(socket, 1)

    assert goodbye == (4403, "Token revoked")


async def test_a_token_that_is_revoked_elsewhere_is_refused_within_a_second(pair: Pair) -> None:
    here, there = pair
    async with Client(here.url, await here.sign_in()) as admin:
        made = await admin.mutate(TOKEN)
        asking = Asking(there, made["key"], WHO)

        async with asking.until_refused():
            await admin.mutate(DISABLE, {"id": made["token"]["id"]})

    assert asking.answers[0] == {"data": {"viewer": {"user": {"username": "admin"}}}}
    assert asking.answers[-1]["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"
    assert asking.believed_for < SURE_SECONDS


async def test_a_membership_that_ends_elsewhere_is_none_within_a_second(pair: Pair) -> None:
    here, there = pair
    name = f"mem-{uuid4().hex}"
    async with Client(here.url, await here.sign_in()) as admin:
        user = (await admin.mutate(USER, {"name": name}))["user"]["id"]
        workspace = (await admin.mutate(WORKSPACE, {"name": name}))["workspace"]["id"]
        await admin.mutate(ROLE, {"of": user, "in": workspace, "role": "CONTRIBUTOR"})
        key = (await admin.mutate(TOKEN_FOR, {"of": user}))["key"]
        asking = Asking(there, key, f'{{ workspace(name: "{name}") {{ id }} }}')

        async with asking.until_refused():
            await admin.mutate(ROLE, {"of": user, "in": workspace})

    assert asking.answers[0] == {"data": {"workspace": {"id": workspace}}}
    assert asking.answers[-1] == {"data": {"workspace": None}}
    assert asking.believed_for < SURE_SECONDS


async def test_what_is_in_a_workspace_that_becomes_private_elsewhere_is_hidden_within_a_second(
    pair: Pair,
) -> None:
    here, there = pair
    name = f"was-public-{uuid4().hex}"
    async with Client(here.url, await here.sign_in()) as admin:
        user = (await admin.mutate(USER, {"name": f"out-{uuid4().hex}"}))["user"]["id"]
        key = (await admin.mutate(TOKEN_FOR, {"of": user}))["key"]
        workspace = (await admin.mutate(PUBLIC_WORKSPACE, {"name": name}))["workspace"]["id"]
        submitted = (await admin.mutate(CREATE, {"in": {"taskName": "noop", "workspace": workspace}}))[
            "workRequest"
        ]
        asking = Asking(there, key, f'{{ workRequest(id: "{submitted["id"]}") {{ id }} }}')

        async with asking.until_refused():
            await admin.mutate(MAKE_PRIVATE, {"id": workspace})

    assert asking.answers[0] == {"data": {"workRequest": {"id": submitted["id"]}}}
    assert asking.answers[-1] == {"data": {"workRequest": None}}
    assert asking.believed_for < SURE_SECONDS


class Asking:
    """Asks a server the same again and again, until the answer is another than the first."""

    def __init__(self, server: LiveServer, key: str, query: str) -> None:
        self.url, self.query = server.graphql, query
        self.headers = {"Authorization": f"Bearer {key}"}
        self.answers: list[Any] = []
        self.last_believed = 0.0
        self.believed_for = 0.0
        """Seconds from the answer to the change until the last request was sent that was answered as before."""

    @asynccontextmanager
    async def until_refused(self) -> AsyncIterator[None]:
        """Ask from before the change that is made in here."""
        asking = asyncio.create_task(self._ask())
        await until(lambda: len(self.answers) > 10)
        yield
        changed = monotonic()
        await asyncio.wait_for(asking, LIMIT)
        self.believed_for = self.last_believed - changed

    async def _ask(self) -> None:
        async with httpx.AsyncClient(verify=False, timeout=LIMIT, headers=self.headers) as http:
            while not self.answers or self.answers[-1] == self.answers[0]:
                sent = monotonic()
                self.answers.append((await http.post(self.url, json={"query": self.query})).json())
                if self.answers[-1] == self.answers[0]:
                    self.last_believed = sent


async def test_an_old_connection_that_ends_late_does_not_disconnect_its_worker(pair: Pair) -> None:
    here, there = pair
    async with Client(here.url, await here.sign_in()) as admin, AsyncExitStack() as new:
        machine = await Machine.register(here.url, admin)
        begin = (await admin.execute(CURSOR))["eventCursor"]
        async with machine.connected(here.url):
            await new.enter_async_context(machine.connected(there.url))
            await submit(admin)
        await no_subscription_left(here)

        still = (await admin.execute(WORKER, {"name": machine.name}))["worker"]["connected"]
        claimed = await machine.acquire(here.url)
        await new.aclose()
        ends = admin.subscribe(DISCONNECTED, after=begin)
        first = await asyncio.wait_for(anext(ends), LIMIT)
        await ends.aclose()
        finally_ = (await admin.execute(WORKER, {"name": machine.name}))["worker"]["connected"]

    assert still and claimed
    assert first and not finally_


async def no_subscription_left(server: LiveServer) -> None:
    """Wait until the server has done everything that the end of a connection brings with it."""
    async with asyncio.timeout(LIMIT), httpx.AsyncClient(verify=False) as http:
        while "workyard_graphql_subscriptions 0.0" not in (await http.get(f"{server.url}/metrics")).text:
            await asyncio.sleep(0.02)


async def submit(client: Client) -> None:
    await client.mutate(CREATE, {"in": {"taskName": "noop"}})


async def follow_by_socket(server: LiveServer, key: str, after: str, seen: list[Change]) -> Goodbye:
    """Note all changes until the server closes the socket; how it did."""
    async with connect(server.websocket, subprotocols=[PROTOCOL]) as socket:
        payload = {"query": CHANGES, "variables": {"after": after}}
        for message in (
            {"type": "connection_init", "payload": {"token": key}},
            {"type": "subscribe", "id": "1", "payload": payload},
        ):
            await socket.send(json.dumps(message))
        with suppress(ConnectionClosed):
            while True:
                received: dict[str, Any] = json.loads(await socket.recv())
                if received["type"] == "next":
                    seen.append(change_of(received["payload"]["data"]["workRequestChanged"]))
        return socket.close_code, socket.close_reason


async def follow_by_stream(server: LiveServer, key: str, after: str, seen: list[Change]) -> dict[str, Any]:
    """Note all changes until the server completes the stream; the extensions of the error that came before."""
    headers = {"Authorization": f"Bearer {key}", "Accept": "text/event-stream"}
    body = {"query": CHANGES, "variables": {"after": after}}
    extensions: dict[str, Any] = {}
    async with (
        httpx.AsyncClient(verify=False, headers=headers, timeout=LIMIT) as http,
        http.stream("POST", server.graphql, json=body) as response,
    ):
        async for line in response.aiter_lines():
            if line == "event: complete":
                return extensions
            if line.startswith("data: "):
                result = json.loads(line.removeprefix("data: "))
                if "errors" in result:
                    extensions = result["errors"][0]["extensions"]
                else:
                    seen.append(change_of(result["data"]["workRequestChanged"]))
    pytest.fail("the stream ended without `complete`")
