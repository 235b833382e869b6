"""What went wrong in the system that this one learns from, and must not go wrong here. The numbers are the specification's."""

import asyncio
import logging
from typing import Any

import orjson
import pytest
import structlog

from app.actions import work
from app.actions.tokens import new_key
from app.actions.work.running import _CLAIM, recover_lost_work
from app.database import fetch, transaction
from app.models import OutboxEvent, Worker, WorkRequest, WorkRequestResult
from tests.api import Api, gid, rows_of, state
from tests.cast import Cast
from tests.statements import statements

SUCCESS = WorkRequestResult.SUCCESS
INBOX = "subscription { workerInbox { __typename } }"
REQUEST = "workRequest { id status result attempt worker { name } }"
CHANGES = "subscription($c: Cursor) { workRequestChanged(after: $c) { cursor type workRequest { id } } }"


async def lose_leases() -> None:
    """Let all leases run out, and have them noticed."""
    await fetch(
        "UPDATE work_request SET lease_expires_at = now() - interval '1 second' WHERE status = 'running'"
    )
    await recover_lost_work(limit=100)


async def test_registering_a_key_twice_is_a_conflict_in_few_statements(
    api: Api, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    """D1: it went on for ever, for anybody."""
    key = new_key()
    await api.mutate(None, "registerWorker", fqdn="a.lan", tokenKey=key)

    with statements(monkeypatch) as sent:
        answer = await api.mutate(None, "registerWorker", fqdn="a.lan", tokenKey=key)

    assert answer.refused["__typename"] == "ConflictError"
    assert len(sent) <= 8


@pytest.mark.parametrize(("fqdn", "name"), [("x" * 400, "x" * 50), ("例え.テスト", "worker")])
async def test_any_fqdn_makes_a_name(api: Api, cast: Cast, fqdn: str, name: str) -> None:
    """D2: a long one was an error, one without ASCII had no name."""
    answer = await api.mutate(None, "registerWorker", "worker { name }", fqdn=fqdn)

    assert answer.done["worker"]["name"] == name


async def test_the_end_of_an_old_connection_does_not_disconnect_the_new_one(api: Api, cast: Cast) -> None:
    """D3."""
    worker = cast.machine.worker
    async with api.subscribe(cast.machine, INBOX) as old:
        assert (await old.next())["__typename"] == "DynamicMetadataRequested"
        async with api.subscribe(cast.machine, INBOX) as new:
            assert (await new.next())["__typename"] == "DynamicMetadataRequested"
            connection = (await Worker.get(id=worker.id)).connection_id

            await old.close()

            assert connection is not None
            assert (await Worker.get(id=worker.id)).connection_id == connection
    assert (await Worker.get(id=worker.id)).connected_at is None
    assert await OutboxEvent.filter(event_type="worker.disconnected").count() == 1


@pytest.mark.parametrize(
    "cause", ["never connected", "disconnected", "disabled", "at capacity", "without the tag"]
)
async def test_only_an_eligible_worker_gets_work(api: Api, cast: Cast, cause: str) -> None:
    """D4: looked at in the claim itself; nothing else gives work to anybody."""
    machine = await cast.worker(tags=["task:noop"])
    if cause == "never connected":
        await fetch("UPDATE worker SET connected_at = NULL, connection_id = NULL, connection_server = NULL")
    elif cause == "disconnected":
        async with api.subscribe(machine, INBOX):
            pass
    elif cause == "disabled":
        viewer = await machine.viewer()
        await work.disable_worker(await cast.sam.viewer(), machine.worker.id)
    elif cause == "at capacity":
        await cast.request()
        assert await work.acquire_work_request(await machine.viewer()) is not None
    await cast.request(required_tags=["gpu"] if cause == "without the tag" else [])
    await api.mutate(cast.sam, "setWorkerStaticMetadata", id=gid(machine.worker), metadata={"x": 1})

    claimed = await work.acquire_work_request(viewer if cause == "disabled" else await machine.viewer())

    assert claimed is None
    waiting = await WorkRequest.get(status="pending")
    assert waiting.worker_id is None


async def test_a_worker_that_never_returns_loses_its_request_and_at_last_it_ends_with_error(
    api: Api, cast: Cast
) -> None:
    """D5: it ran for ever."""
    id = gid(await cast.request(max_attempts=2))
    document = (
        "query($id: ID!) { workRequest(id: $id) { status result attempt errors { code } worker { name } } }"
    )

    await work.acquire_work_request(await cast.machine.viewer())
    await lose_leases()
    once = await api.execute(cast.bob, document, id=id)
    await work.acquire_work_request(await cast.machine.viewer())
    await lose_leases()
    twice = await api.execute(cast.bob, document, id=id)

    assert once["workRequest"] == {
        "status": "PENDING",
        "result": "NONE",
        "attempt": 1,
        "errors": [],
        "worker": None,
    }
    assert (twice["workRequest"]["status"], twice["workRequest"]["result"]) == ("COMPLETED", "ERROR")
    assert twice["workRequest"]["errors"] == [{"code": "ATTEMPTS_EXHAUSTED"}]
    assert twice["workRequest"]["attempt"] == 2


@pytest.mark.parametrize("ended", ["completed", "aborted"])
async def test_what_has_ended_stays_as_it_is(api: Api, cast: Cast, ended: str) -> None:
    """D6: abort rewrote a completed request."""
    request = await cast.request()
    machine = await cast.machine.viewer()
    await work.acquire_work_request(machine)
    if ended == "completed":
        await work.complete_work_request(machine, request.id, 1, SUCCESS)
    else:
        await work.abort_work_request(await cast.ann.viewer(), request.id)
    before = await state()

    for mutation, who, input in (
        ("abortWorkRequest", cast.ann, {}),
        ("setWorkRequestPriority", cast.root, {"priorityAdjustment": 1}),
        ("setWorkRequestDependencies", cast.bob, {"dependencies": []}),
        ("renewWorkRequestLease", cast.machine, {"attempt": 1}),
        ("handBackWorkRequest", cast.machine, {"attempt": 1}),
        (
            "appendWorkRequestLog",
            cast.machine,
            {"attempt": 1, "first": 1, "lines": [{"text": "", "time": "2026-01-01T00:00:00Z"}]},
        ),
        ("completeWorkRequest", cast.machine, {"attempt": 1, "result": "FAILURE"}),
    ):
        answer = await api.mutate(who, mutation, id=gid(request), **input)
        if (mutation, ended) == ("renewWorkRequestLease", "aborted"):  # how its worker learns of it
            assert answer.done == {"userErrors": []}
        else:
            expected = (
                "CONFLICT" if (mutation, ended) == ("completeWorkRequest", "completed") else "INVALID_STATE"
            )
            assert answer.refused["code"] == expected, mutation
    await lose_leases()
    assert await state() == before


async def test_the_same_report_twice_is_one_and_a_different_one_is_a_conflict(api: Api, cast: Cast) -> None:
    """D7: every late report was answered with 200."""
    request = await cast.request()
    await work.acquire_work_request(await cast.machine.viewer())
    report = {"id": gid(request), "attempt": 1}

    first = await api.mutate(cast.machine, "completeWorkRequest", REQUEST, **report, result="SUCCESS")
    before = await state()
    again = await api.mutate(cast.machine, "completeWorkRequest", REQUEST, **report, result="SUCCESS")
    other = await api.mutate(cast.machine, "completeWorkRequest", REQUEST, **report, result="FAILURE")

    assert again.done == first.done
    assert other.refused["code"] == "CONFLICT" and other.refused["existing"] == {"id": gid(request)}
    assert await state() == before


async def test_of_many_different_reports_at_once_one_counts(api: Api, cast: Cast) -> None:
    """D7."""
    request = await cast.request()
    await work.acquire_work_request(await cast.machine.viewer())

    answers = await asyncio.gather(
        *[
            api.mutate(
                cast.machine, "completeWorkRequest", REQUEST, id=gid(request), attempt=1, result=result
            )
            for result in ("SUCCESS", "FAILURE", "ERROR", "SKIPPED")
        ]
    )

    assert sorted(len(answer.payload["userErrors"]) for answer in answers) == [0, 1, 1, 1]
    assert await OutboxEvent.filter(event_type="work_request.completed").count() == 1


async def test_a_list_as_metadata_is_refused_and_not_stored(api: Api, cast: Cast) -> None:
    """D8: it was stored although refused, and broke what read it."""
    before = await state()

    answer = await api.mutate(cast.machine, "updateWorkerDynamicMetadata", metadata=["a"])

    assert answer.refused["path"] == ["input", "metadata"]
    assert await state() == before


async def test_who_may_not_see_a_workspace_gets_none_of_its_events(api: Api, cast: Cast) -> None:
    """D12: live, and again on a resume from before."""
    start = await api.cursor()
    async with api.subscribe(cast.eve, CHANGES) as live:
        await cast.request()
        public = await api.mutate(cast.root, "createWorkspace", "workspace { id }", name="open", public=True)
        seen = await api.mutate(
            cast.root, "createWorkRequest", REQUEST, taskName="noop", workspace=public.done["workspace"]["id"]
        )
        assert (await live.next())["workRequest"]["id"] == seen.done["workRequest"]["id"]
    async with api.subscribe(cast.eve, CHANGES, c=start) as again:
        assert (await again.next())["workRequest"]["id"] == seen.done["workRequest"]["id"]


async def test_a_resume_in_the_middle_of_equal_instants_loses_and_repeats_nothing(
    api: Api, cast: Cast
) -> None:
    """D13: the cursor is a place in the log, not a time."""
    start = await api.cursor()
    ids = [gid(await cast.request()) for _ in range(6)]
    await fetch("UPDATE outbox_event SET created_at = timestamptz '2026-01-01Z'")
    async with api.subscribe(cast.bob, CHANGES, c=start) as events:
        cursors = [event["cursor"] for event in await events.take(6)]

    for number, cursor in enumerate([start, *cursors[:-1]]):
        async with api.subscribe(cast.bob, CHANGES, c=cursor) as events:
            rest = await events.take(6 - number)
            assert [event["workRequest"]["id"] for event in rest] == ids[number:]


async def test_no_secret_is_logged(api: Api, cast: Cast, caplog: pytest.LogCaptureFixture) -> None:
    """D16: at any level, by anything, whether it succeeds or fails."""
    caplog.set_level(logging.DEBUG)
    brought, password = new_key(), "a password that nobody has"
    with structlog.testing.capture_logs() as entries:
        made = (await api.mutate(None, "registerWorker", "key", fqdn="a.lan")).done["key"]
        await api.mutate(None, "registerWorker", "key", fqdn="b.lan", tokenKey=brought)
        await api.mutate(None, "registerWorker", "key", fqdn="b.lan", tokenKey=brought)
        created = (await api.mutate(cast.bob, "createToken", "key")).done["key"]
        activation = (await api.mutate(cast.sam, "createActivationToken", "key")).done["key"]
        await api.mutate(None, "registerWorker", "key", fqdn="c.lan", activationToken=activation)
        await api.mutate(cast.sam, "createUser", username="new", password=password)
        await api.mutate(None, "signIn", username="new", password=password)
        await api.mutate(None, "signIn", username="ann", password=password)
        await api.execute(brought, "{ viewer { user { id } } }")

    logged = " ".join([*(record.getMessage() for record in caplog.records), *map(str, entries)])
    assert len(caplog.records) > 10
    for secret in (made, brought, created, activation, password):
        assert secret and secret not in logged


async def test_a_claim_looks_at_no_request_that_cannot_match(api: Api, cast: Cast) -> None:
    """D18: two thousand requests ahead of it, in fifty kinds, that this worker cannot run."""
    await fetch("INSERT INTO tag_set (tags) SELECT ARRAY['never-' || n] FROM generate_series(1, 50) AS n")
    await fetch(
        """INSERT INTO work_request (workspace_id, created_by_id, task_name, required_tags, tag_set_id, priority_adjustment)
           SELECT $1, $2, 'noop', tags, id, 10 FROM tag_set, generate_series(1, 40) WHERE tags[1] LIKE 'never%'""",
        cast.lab.id,
        cast.bob.user.id,
    )
    wanted = await cast.request()
    await fetch("ANALYZE work_request, tag_set")
    machine = await cast.machine.viewer()

    async with transaction():
        explain = await fetch(f"EXPLAIN (ANALYZE, FORMAT JSON) {_CLAIM}", machine.worker_id, 60)
        (explained,) = orjson.loads(explain[0]["QUERY PLAN"])
        claimed = await WorkRequest.get(status="running")

    assert claimed.id == wanted.id
    assert rows_read(explained["Plan"]) < 20


def rows_read(plan: dict[str, Any]) -> float:
    """How many rows of work_request the nodes of a plan looked at."""
    own = 0.0
    if plan.get("Relation Name") == "work_request" and "Scan" in plan["Node Type"]:
        own = (plan["Actual Rows"] + plan.get("Rows Removed by Filter", 0)) * plan["Actual Loops"]
    return own + sum(rows_read(inner) for inner in plan.get("Plans", []))


LIST = """query($n: Int!) { workRequests(first: $n) { totalCount nodes {
    id status createdBy { username email } worker { name enabled busy } workspace { name viewerRole }
    parent { id } supersedes { id } supersededBy { id } dependencies { id } dependants { id }
    log(first: 5) { nodes { number text } pageInfo { hasNextPage } totalCount } children(first: 5) { nodes { id } } } } }"""


async def test_a_list_takes_as_many_statements_for_fifty_rows_as_for_two(
    api: Api, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    """D19: it took eighteen for ten, and there were no filters."""
    await cast.request()
    await fetch(
        """INSERT INTO work_request (workspace_id, created_by_id, worker_id, task_name, tag_set_id, status, result, completed_at)
           SELECT $1, (ARRAY[$2::bigint, $3::bigint])[n % 2 + 1], $4, 'noop', (SELECT min(id) FROM tag_set), 'completed',
               'success', now()
           FROM generate_series(1, 60) AS n""",
        cast.lab.id,
        cast.bob.user.id,
        cast.ann.user.id,
        cast.machine.worker.id,
    )
    await fetch(
        """INSERT INTO log_line (work_request_id, attempt, number, stream, time, text)
           SELECT id, 1, number, 'stdout', now(), 'text' FROM work_request, generate_series(1, 7) AS number"""
    )
    counts = {}
    for size in (2, 50):
        await api.execute(cast.ann, LIST, n=size)
        with statements(monkeypatch) as sent:
            answer = await api.execute(cast.ann, LIST, n=size)
        assert len(answer["workRequests"]["nodes"]) == size
        assert {len(each["log"]["nodes"]) for each in answer["workRequests"]["nodes"]} == {5}
        assert {each["log"]["totalCount"] for each in answer["workRequests"]["nodes"]} == {7}
        counts[size] = len(sent)

    assert counts[2] == counts[50] <= 14


async def test_the_four_relations_of_a_list_take_one_statement_each(
    api: Api, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    """D19: the viewer, the list, creators, workers, workspaces and logs."""
    for _ in range(50):
        await cast.request()
    document = """{ workRequests(first: 50) { nodes { createdBy { username } worker { name } workspace { name }
                    log(first: 5) { nodes { text } } } } }"""

    with statements(monkeypatch) as sent:
        answer = await api.execute(cast.ann, document)

    assert len(answer["workRequests"]["nodes"]) == 50
    assert len(sent) <= 6
    assert await rows_of("work_request") == 50
