"""What a server does without its database, and without the connection by which it hears of others' writes."""

import asyncio
from contextlib import AsyncExitStack
from time import monotonic

import asyncpg
import httpx

from app.actions.work.workers import SERVER_LOCK
from app.client import Client
from tests.database.cluster import Databases
from tests.faults.changes import Follower, read_log
from tests.faults.machine import CREATE, Machine
from tests.faults.wire import Wire
from tests.live import LiveServer, run_server

SECONDS_AWAY = 2.0
LIMIT = 30.0

WHO = "{ viewer { user { username } } }"
NOOP = {"in": {"taskName": "noop"}}
LISTENERS = (
    f"SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND classid = {SERVER_LOCK} AND objsubid = 2"
)


async def test_without_its_database_a_server_says_so_and_afterwards_all_goes_on(databases: Databases) -> None:
    credentials = await databases.make()
    async with Wire(credentials) as wire, run_server(credentials, DATABASE_URL=wire.url) as server:
        key = await server.sign_in()
        async with Client(server.url, key) as client, Follower(client) as follower:
            before = await submit(client)

            await wire.close()
            answers = await ask_for(server, key, SECONDS_AWAY)
            readiness = await ready(server)
            await wire.open()
            async with asyncio.timeout(LIMIT):
                while (await ready(server)).status_code != 200:
                    await asyncio.sleep(0.05)

            after = await submit(client)
            await follower.sees(2)
    assert len(answers) > 10
    # Who asks may be remembered for a second: then it is only the field that has nothing to show.
    assert {code for _, code in answers} == {"UNAVAILABLE"}
    assert answers[-1] == (503, "UNAVAILABLE")
    assert readiness.status_code == 503
    assert readiness.json()["checks"]["database"] != "ok"
    assert [change.request for change in follower.seen] == [before, after]
    await databases.drop(credentials)


async def test_events_of_others_arrive_although_the_connection_that_listens_is_killed(
    pair: tuple[LiveServer, LiveServer],
) -> None:
    here, there = pair
    async with (
        AsyncExitStack() as stack,
        Client(here.url, await here.sign_in()) as watcher,
        Client(there.url, await there.sign_in()) as writer,
        Follower(watcher) as follower,
    ):
        machine = await Machine.register(here.url, watcher)
        await stack.enter_async_context(machine.connected(here.url))
        await kill_listeners(here)
        began = monotonic()
        await submit(writer)
        await follower.sees(1)
        late = monotonic() - began

        await listening_again(here)
        began = monotonic()
        for number in range(5):
            await submit(writer)
            await follower.sees(2 + number)
        together = monotonic() - began
        claimed = await machine.acquire(here.url)

        log = await read_log(here.credentials, follower.begin)
    assert late < 2.5  # the log is read every second in any case
    assert together < 2.5  # and at once when somebody says that it has grown
    assert follower.seen[:6] == log[:6]
    assert claimed  # its worker has not been taken for lost


async def kill_listeners(server: LiveServer) -> None:
    connection = await asyncpg.connect(**server.credentials)
    try:
        killed = await connection.fetch(f"SELECT pg_terminate_backend(pid) FROM ({LISTENERS}) AS listening")
        assert len(killed) >= 2
    finally:
        await connection.close()


async def listening_again(server: LiveServer) -> None:
    connection = await asyncpg.connect(**server.credentials)
    try:
        async with asyncio.timeout(LIMIT):
            while len(await connection.fetch(LISTENERS)) < 2:
                await asyncio.sleep(0.05)
    finally:
        await connection.close()


async def submit(client: Client) -> str:
    return str((await client.mutate(CREATE, NOOP))["workRequest"]["id"])


async def ready(server: LiveServer) -> httpx.Response:
    async with httpx.AsyncClient(verify=False, timeout=5) as http:
        return await http.get(f"{server.url}/health/ready")


async def ask_for(server: LiveServer, key: str, seconds: float) -> list[tuple[int, str]]:
    """Ask and write again and again; the status and the code of each answer."""
    answers = []
    until = monotonic() + seconds
    headers = {"Authorization": f"Bearer {key}", "Accept": "application/graphql-response+json"}
    async with httpx.AsyncClient(verify=False, timeout=10, headers=headers) as http:
        while monotonic() < until:
            for query, variables in ((WHO, None), (CREATE, NOOP)):
                response = await http.post(server.graphql, json={"query": query, "variables": variables})
                codes = [error["extensions"]["code"] for error in response.json().get("errors", [])]
                answers.append((response.status_code, ",".join(codes)))
    return answers
