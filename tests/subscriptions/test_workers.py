"""Workers live, and the inbox of a worker."""

import asyncio
from contextlib import AsyncExitStack
from typing import Any

import pytest

from app.actions import work
from app.actions.outbox import record
from app.database import fetch, transaction
from app.events import WorkerConnected
from app.models import Worker, WorkRequestResult
from tests.api import Api, gid
from tests.cast import Cast

INBOX = """subscription($c: Cursor) { workerInbox(after: $c) { __typename cursor type
    ... on WorkRequestAbortRequested { attempt reason workRequest { id } } } }"""
CHANGES = """subscription($f: WorkerFilter, $c: Cursor) { workerChanged(filter: $f, after: $c) {
    cursor type worker { name connected enabled providedTags } } }"""
REQUESTED, AVAILABLE = "DynamicMetadataRequested", "WorkRequestAvailable"
ABORT, DISABLED = "WorkRequestAbortRequested", "WorkerDisabled"


async def greeting(inbox: Any) -> None:
    """What comes first on every connection: say what you are; and look for work that came before."""
    assert [message["__typename"] for message in await inbox.take(2)] == [REQUESTED, AVAILABLE]


async def test_only_work_that_the_worker_can_run_is_announced(api: Api, cast: Cast) -> None:
    gpu = await cast.worker("gpu.lan", tags=["task:noop", "gpu"])
    async with api.subscribe(cast.machine, INBOX) as plain, api.subscribe(gpu, INBOX) as able:
        await greeting(plain)
        await greeting(able)

        await cast.request(required_tags=["gpu"])
        assert (await able.next())["__typename"] == AVAILABLE
        await cast.request(pinned_worker_id=gpu.worker.id)
        assert (await able.next())["__typename"] == AVAILABLE
        await cast.request(by=cast.zoe, workspace_id=cast.theirs.id)
        blocked = await cast.request(dependency_ids=[(await cast.request()).id])
        assert (await able.next())["type"] == "work_request.created"

        assert blocked.status.name == "BLOCKED"
        message = await plain.next()  # the first that it hears of is the request without wishes
        assert (message["__typename"], message["type"]) == (AVAILABLE, "work_request.created")
        await cast.request()
        assert (await plain.next())["__typename"] == AVAILABLE
        assert (await able.next())["__typename"] == AVAILABLE


@pytest.mark.parametrize(
    "cause", ["handed back", "unblocked", "priority", "recovered", "retried", "dependencies"]
)
async def test_whatever_makes_a_request_wait_announces_it(api: Api, cast: Cast, cause: str) -> None:
    bob, machine = await cast.bob.viewer(), await cast.machine.viewer()
    request = await cast.request()
    waiting = await cast.request(dependency_ids=[request.id])
    await work.acquire_work_request(machine)
    async with api.subscribe(cast.machine, INBOX) as inbox:
        await greeting(inbox)
        if cause == "handed back":
            await work.hand_back_work_request(machine, request.id, 1)
        elif cause == "unblocked":
            await work.complete_work_request(machine, request.id, 1, WorkRequestResult.SUCCESS)
        elif cause == "priority":
            await work.hand_back_work_request(machine, request.id, 1)
            assert (await inbox.next())["type"] == "work_request.requeued"
            await work.set_work_request_priority(bob, request.id, -1)
        elif cause == "recovered":
            await fetch("UPDATE work_request SET lease_expires_at = now() WHERE status = 'running'")
            await work.recover_lost_work()
        elif cause == "retried":
            await work.abort_work_request(bob, request.id)
            assert (await inbox.next())["__typename"] == ABORT
            await work.retry_work_request(bob, request.id)
        else:
            await work.set_work_request_dependencies(bob, waiting.id, [])

        assert (await inbox.next())["__typename"] == AVAILABLE
    assert await work.acquire_work_request(machine) is None  # it left; connected, it would get it
    async with api.subscribe(cast.machine, INBOX) as inbox:
        await greeting(inbox)
        assert await work.acquire_work_request(machine) is not None


async def test_the_tags_that_count_are_those_of_now(api: Api, cast: Cast) -> None:
    async with api.subscribe(cast.machine, INBOX) as inbox:
        await greeting(inbox)
        await cast.request(required_tags=["gpu"])
        await api.mutate(cast.machine, "updateWorkerDynamicMetadata", metadata={"tags": ["task:noop", "gpu"]})
        assert (await inbox.next())["type"] == "worker.metadata_changed"  # look again
        await cast.request(required_tags=["gpu"])
        assert (await inbox.next())["type"] == "work_request.created"
        await api.mutate(
            cast.sam,
            "setWorkerStaticMetadata",
            id=gid(cast.machine.worker),
            metadata={"tasks_denylist": ["noop"]},
        )
        assert (await inbox.next())["type"] == "worker.metadata_changed"
        await cast.request(required_tags=["gpu"])
        await api.mutate(cast.sam, "setWorkerStaticMetadata", id=gid(cast.machine.worker), metadata={})

        assert (await inbox.next())["type"] == "worker.metadata_changed"


async def test_an_abort_reaches_the_worker_that_runs_it_and_no_other(api: Api, cast: Cast) -> None:
    other = await cast.worker()
    request = await cast.request()
    await work.acquire_work_request(await cast.machine.viewer())
    async with api.subscribe(cast.machine, INBOX) as running, api.subscribe(other, INBOX) as idle:
        await greeting(running)
        await greeting(idle)

        await api.mutate(cast.ann, "abortWorkRequest", id=gid(request), reason="enough")
        await cast.request()

        told = await running.next()
        assert (told["__typename"], told["attempt"], told["reason"]) == (ABORT, 1, "enough")
        assert told["workRequest"] == {"id": gid(request)}
        assert (await idle.next())["__typename"] == AVAILABLE


async def test_an_abort_of_what_waits_is_no_message_even_for_the_worker_it_is_pinned_to(
    api: Api, cast: Cast
) -> None:
    request = await cast.request(pinned_worker_id=cast.machine.worker.id)
    async with api.subscribe(cast.machine, INBOX) as inbox:
        await greeting(inbox)
        await api.mutate(cast.ann, "abortWorkRequest", id=gid(request))
        await cast.request()

        assert (await inbox.next())["__typename"] == AVAILABLE


async def test_a_worker_that_was_away_learns_what_it_missed_by_its_cursor(api: Api, cast: Cast) -> None:
    request = await cast.request()
    await work.acquire_work_request(await cast.machine.viewer())
    async with api.subscribe(cast.machine, INBOX) as inbox:
        await greeting(inbox)
        cursor = await api.cursor()
    await api.mutate(cast.ann, "abortWorkRequest", id=gid(request))

    async with api.subscribe(cast.machine, INBOX, c=cursor) as inbox:
        names = [message["__typename"] for message in await inbox.take(3)]

    assert names == [REQUESTED, ABORT, AVAILABLE]


async def test_disabling_one_worker_ends_its_inbox_alone(api: Api, cast: Cast) -> None:
    other = await cast.worker()
    async with api.subscribe(cast.machine, INBOX) as inbox, api.subscribe(other, INBOX) as others:
        await greeting(inbox)
        await greeting(others)

        await api.mutate(cast.sam, "disableWorker", id=gid(cast.machine.worker))

        assert (await inbox.next())["__typename"] == DISABLED
        assert await inbox.end() is None
        await cast.request()
        assert (await others.next())["__typename"] == AVAILABLE
    async with api.subscribe(cast.machine, INBOX) as inbox:
        assert await inbox.end() == "UNAUTHENTICATED"
    await api.mutate(cast.sam, "enableWorker", id=gid(cast.machine.worker))
    async with api.subscribe(cast.machine, INBOX) as inbox:
        await greeting(inbox)


@pytest.mark.parametrize("who", ["anonymous", "bob", "sam", "root"])
async def test_an_inbox_is_for_workers(api: Api, cast: Cast, who: str) -> None:
    asker = None if who == "anonymous" else getattr(cast, who)

    async with api.subscribe(asker, INBOX) as inbox:
        assert await inbox.end() == ("UNAUTHENTICATED" if who == "anonymous" else "FORBIDDEN")


async def test_a_worker_sees_no_events_but_its_inbox(api: Api, cast: Cast) -> None:
    start = await api.cursor()
    await cast.request()
    await work.acquire_work_request(await cast.machine.viewer())
    for field in ("events", "workRequestChanged", "workerChanged"):
        stream = api.stream(
            cast.machine, f"subscription($c: Cursor) {{ {field}(after: $c) {{ type }} }}", c=start
        )
        reading = asyncio.create_task(anext(stream))
        async with api.subscribe(cast.root, "subscription { events { type } }") as sentinel:
            await cast.request()
            await sentinel.next()
        assert not reading.done()
        reading.cancel()
        await asyncio.wait([reading])


# workerChanged -------------------------------------------------------------------------------------------------------


async def test_a_worker_is_followed_through_its_life(api: Api, cast: Cast) -> None:
    async with AsyncExitStack() as stack:
        events = await stack.enter_async_context(
            api.subscribe(cast.bob, CHANGES, f={"name": {"startsWith": "new"}})
        )
        made = (await api.mutate(None, "registerWorker", "worker { id } key", fqdn="new.lan")).done
        registered = await events.next()
        await api.mutate(cast.sam, "enableWorker", id=made["worker"]["id"])
        enabled = await events.next()
        async with api.subscribe(made["key"], INBOX) as inbox:
            await greeting(inbox)
            connected = await events.next()
            await api.mutate(made["key"], "updateWorkerDynamicMetadata", metadata={"tags": ["task:noop"]})
            described = await events.next()
        disconnected = await events.next()
        await api.mutate(cast.sam, "disableWorker", id=made["worker"]["id"])
        disabled = await events.next()

    life = (registered, enabled, connected, described, disconnected, disabled)
    assert [event["type"].removeprefix("worker.") for event in life] == [
        "registered",
        "enabled",
        "connected",
        "metadata_changed",
        "disconnected",
        "disabled",
    ]
    assert (registered["worker"]["enabled"], enabled["worker"]["enabled"]) == (False, True)
    assert connected["worker"]["connected"] and not disconnected["worker"]["connected"]
    assert described["worker"]["providedTags"] == ["task:noop"]


async def test_workers_of_another_tenant_are_not_told_of(api: Api, cast: Cast) -> None:
    async with api.subscribe(cast.zoe, CHANGES) as theirs, api.subscribe(cast.eve, CHANGES) as ours:
        await cast.worker("ours.lan")
        assert (await ours.next())["worker"]["name"] == "ours-lan"
        await Worker.filter(name="ours-lan").update(tenant_id=cast.theirs.tenant_id)
        moved = await Worker.get(name="ours-lan")
        async with transaction():
            await record(WorkerConnected, moved.id)

        assert (await theirs.next())["worker"]["name"] == "ours-lan"
