"""Work requests and their logs, live."""

import random
from datetime import datetime
from typing import Any

import pytest

from app.actions import work, workspaces
from app.clock import now
from app.database import fetch
from app.errors import AppError
from app.models import LogStream, WorkRequest, WorkRequestResult
from tests.api import Api, gid
from tests.cast import Cast
from tests.statements import statements

CHANGES = """subscription($f: WorkRequestFilter, $c: Cursor) { workRequestChanged(filter: $f, after: $c) {
    cursor time type status result attempt version workRequest { id status result attempt version } } }"""
LOG = """subscription($id: ID!, $c: Cursor) { workRequestLog(id: $id, after: $c) {
    cursor type attempt lines { number attempt stream text time } workRequest { id } } }"""
SUCCESS, FAILURE = WorkRequestResult.SUCCESS, WorkRequestResult.FAILURE


def lines(*texts: str, stream: LogStream = LogStream.STDOUT) -> list[work.NewLogLine]:
    return [work.NewLogLine(stream, text, now()) for text in texts]


async def test_a_request_is_followed_from_submission_to_its_end(api: Api, cast: Cast) -> None:
    machine = await cast.machine.viewer()
    async with api.subscribe(cast.vic, CHANGES) as events:
        request = await cast.request()
        created = await events.next()
        await work.acquire_work_request(machine)
        started = await events.next()
        await work.complete_work_request(machine, request.id, 1, FAILURE)
        completed = await events.next()

    told = [
        (event["type"], event["status"], event["result"], event["attempt"], event["version"])
        for event in (created, started, completed)
    ]
    assert told == [
        ("work_request.created", "PENDING", "NONE", 0, 1),
        ("work_request.started", "RUNNING", "NONE", 1, 2),
        ("work_request.completed", "COMPLETED", "FAILURE", 1, 3),
    ]
    for event in (created, started, completed):
        assert event["workRequest"]["id"] == gid(request)
        assert datetime.fromisoformat(event["time"]) <= now()
    assert completed["workRequest"]["status"] == "COMPLETED"


async def test_past_events_tell_the_state_of_then_and_the_object_the_state_of_now(
    api: Api, cast: Cast
) -> None:
    start = await api.cursor()
    request, machine = await cast.request(), await cast.machine.viewer()
    await work.acquire_work_request(machine)
    await work.complete_work_request(machine, request.id, 1, SUCCESS)

    async with api.subscribe(cast.vic, CHANGES, c=start) as events:
        seen = await events.take(3)

    assert [event["status"] for event in seen] == ["PENDING", "RUNNING", "COMPLETED"]
    assert {event["workRequest"]["status"] for event in seen} == {"COMPLETED"}


async def test_a_filter_lets_through_only_what_satisfies_it_now(api: Api, cast: Cast) -> None:
    machine = await cast.machine.viewer()
    wanted = {
        "createdBy": {"eq": gid(cast.bob.user)},
        "or": [{"status": {"eq": "PENDING"}}, {"result": {"eq": "SUCCESS"}}],
    }
    async with api.subscribe(cast.ann, CHANGES, f=wanted) as events:
        await cast.request(by=cast.ann)
        request = await cast.request()
        assert (await events.next())["workRequest"]["id"] == gid(request)
        await work.acquire_work_request(machine)  # ann's
        await work.acquire_work_request(machine)
        await work.complete_work_request(machine, request.id, 1, SUCCESS)

        following = await events.next()
        while (
            following["type"] == "work_request.started"
        ):  # delivered after it had completed: it satisfies by then
            following = await events.next()
        assert (following["type"], following["workRequest"]["id"]) == ("work_request.completed", gid(request))


async def test_who_follows_one_request_costs_no_statement_when_another_changes(
    api: Api, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    request, other = await cast.request(), await cast.request()
    cursor = await api.cursor()
    await work.abort_work_request(await cast.bob.viewer(), other.id, reason="")
    await work.abort_work_request(await cast.bob.viewer(), request.id, reason="")

    for wanted in ({"eq": gid(request)}, {"in": [gid(request)]}):
        with statements(monkeypatch) as sent:
            async with api.subscribe(cast.bob, CHANGES, f={"id": wanted}, c=cursor) as events:
                event = await events.next()
        assert event["workRequest"]["id"] == gid(request)
        asked = [each for each in sent if each.startswith('SELECT "id" "id" FROM "work_request"')]
        assert len(asked) == 1, sent


async def test_a_filter_that_does_not_decode_is_refused_at_once(api: Api, cast: Cast) -> None:
    """Not only when the first event comes."""
    for field, name in (("workRequestChanged", "WorkRequestFilter"), ("workerChanged", "WorkerFilter")):
        document = f"subscription($f: {name}) {{ {field}(filter: $f) {{ type }} }}"
        async with api.subscribe(cast.bob, document, f={"id": {"eq": "x"}}) as events:
            assert await events.end() == "BAD_INPUT"


async def test_a_request_that_is_let_go_retried_or_aborted_by_another_is_told_too(
    api: Api, cast: Cast
) -> None:
    machine = await cast.machine.viewer()
    first = await cast.request()
    second = await cast.request(dependency_ids=[first.id])
    third = await cast.request(dependency_ids=[second.id])
    await api.caught_up()
    async with api.subscribe(cast.ann, CHANGES) as events:
        await work.acquire_work_request(machine)
        await work.complete_work_request(machine, first.id, 1, SUCCESS)
        await work.acquire_work_request(machine)
        await work.complete_work_request(machine, second.id, 1, FAILURE)
        retry = await work.retry_work_request(await cast.bob.viewer(), second.id)
        seen = await events.take(7)

    told = [(event["type"].removeprefix("work_request."), event["workRequest"]["id"]) for event in seen]
    assert told == [
        ("started", gid(first)),
        ("completed", gid(first)),
        ("unblocked", gid(second)),
        ("started", gid(second)),
        ("completed", gid(second)),
        ("aborted", gid(third)),
        ("created", gid(retry)),
    ]


async def test_the_events_are_enough_to_keep_a_snapshot_up_to_date(api: Api, cast: Cast) -> None:
    """A client that applies each change to what it had holds what it would read anew: status, result, attempt, version."""
    dice = random.Random(11)
    machine, bob, ann = await cast.machine.viewer(), await cast.bob.viewer(), await cast.ann.viewer()
    for _ in range(4):
        await cast.request(max_attempts=2)
    cursor = await api.cursor()
    snapshot = await read_all(api, cast)

    async def act() -> None:
        everything = await WorkRequest.all().order_by("id")
        live = [request for request in everything if not request.finished]
        request = dice.choice(live if live and dice.random() < 0.7 else everything)
        match dice.randint(0, 8):
            case 0:
                await cast.request(dependency_ids=[request.id], max_attempts=2)
            case 1 | 2:
                await work.acquire_work_request(machine)
            case 3 | 8:
                running = [each for each in everything if each.status is WorkRequest.Statuses.RUNNING]
                request = dice.choice(running or everything)
                result = dice.choice([SUCCESS, SUCCESS, FAILURE])
                await work.complete_work_request(machine, request.id, request.attempt, result)
            case 4:
                await work.hand_back_work_request(machine, request.id, request.attempt)
            case 5:
                await work.abort_work_request(ann, request.id)
            case 6:
                await work.retry_work_request(bob, request.id)
            case 7:
                await fetch(
                    "UPDATE work_request SET lease_expires_at = now() - interval '1s' WHERE status = 'running'"
                )
                await work.recover_lost_work()

    changes = 0
    for _ in range(150):
        try:
            await act()
            changes += 1
        except AppError:
            pass
    end = await api.cursor()
    async with api.subscribe(cast.vic, CHANGES, c=cursor) as events:
        kinds = set()
        while cursor != end:
            event = await events.next()
            cursor = event["cursor"]
            kinds.add(event["type"])
            before = snapshot.get(event["workRequest"]["id"])
            assert event["version"] == (before["version"] + 1 if before else 1)
            snapshot[event["workRequest"]["id"]] = {
                name: event[name] for name in ("status", "result", "attempt", "version")
            }

    assert snapshot == await read_all(api, cast)
    assert changes > 40 and len(kinds) >= 6


async def read_all(api: Api, cast: Cast) -> dict[str, Any]:
    """What a client reads: id → state."""
    document = "{ workRequests(first: 100) { totalCount nodes { id status result attempt version } } }"
    found = (await api.execute(cast.vic, document))["workRequests"]
    assert found["totalCount"] == len(found["nodes"])
    return {node.pop("id"): node for node in found["nodes"]}


# Logs ----------------------------------------------------------------------------------------------------------------


async def test_lines_come_as_they_are_printed_attempt_by_attempt(api: Api, cast: Cast) -> None:
    machine = await cast.machine.viewer()
    request = await cast.request()
    await cast.request()
    await work.acquire_work_request(machine)
    other = await work.acquire_work_request(machine)
    assert other is not None
    async with api.subscribe(cast.vic, LOG, id=gid(request)) as events:
        await work.append_work_request_log(machine, other.id, 1, 1, lines("another's"))
        await work.append_work_request_log(machine, request.id, 1, 1, lines("one", "two"))
        first = await events.next()
        await work.append_work_request_log(machine, request.id, 1, 2, lines("two", "three"))  # two again
        second = await events.next()
        await work.hand_back_work_request(machine, request.id, 1)
        await work.acquire_work_request(machine)
        await work.append_work_request_log(machine, request.id, 2, 1, lines("anew", stream=LogStream.STDERR))
        third = await events.next()

    printed = [
        [(line["attempt"], line["number"], line["stream"], line["text"]) for line in event["lines"]]
        for event in (first, second, third)
    ]
    assert printed == [
        [(1, 1, "STDOUT", "one"), (1, 2, "STDOUT", "two")],
        [(1, 3, "STDOUT", "three")],
        [(2, 1, "STDERR", "anew")],
    ]
    assert [event["attempt"] for event in (first, second, third)] == [1, 1, 2]
    async with api.subscribe(cast.vic, LOG, id=gid(request), c=first["cursor"]) as again:
        assert await again.take(2) == [second, third]


async def test_a_log_ends_for_who_may_no_longer_see_it(api: Api, cast: Cast) -> None:
    machine = await cast.machine.viewer()
    request = await cast.request()
    await work.acquire_work_request(machine)
    async with (
        api.subscribe(cast.vic, LOG, id=gid(request)) as of_vic,
        api.subscribe(cast.ann, LOG, id=gid(request)) as of_ann,
    ):
        await work.append_work_request_log(machine, request.id, 1, 1, lines("one"))
        assert len((await of_vic.next())["lines"]) == 1
        await workspaces.set_workspace_role(
            await cast.ann.viewer(), cast.lab.id, None, user_id=cast.vic.user.id
        )
        await work.append_work_request_log(machine, request.id, 1, 2, lines("two"))
        assert [line["text"] for event in await of_ann.take(2) for line in event["lines"]] == ["one", "two"]
        await api.mutate(cast.root, "updateUser", id=gid(cast.vic.user), isActive=False)
        await work.append_work_request_log(machine, request.id, 1, 3, lines("three"))
        assert await of_vic.end() == "UNAUTHENTICATED"  # and nothing before


async def test_a_thousand_lines_in_one_report_come_in_one_event(api: Api, cast: Cast) -> None:
    machine = await cast.machine.viewer()
    request = await cast.request()
    await work.acquire_work_request(machine)
    async with api.subscribe(cast.vic, LOG, id=gid(request)) as events:
        await work.append_work_request_log(machine, request.id, 1, 1, lines(*map(str, range(1000))))

        assert [line["text"] for line in (await events.next())["lines"]] == [str(n) for n in range(1000)]
