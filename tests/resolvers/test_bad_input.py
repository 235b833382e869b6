"""Bad input to work and workers: each has its typed error, and nothing changes."""

import asyncio
from typing import Any

import pytest

from app.actions import work
from app.actions.tokens import new_key
from app.database import fetch
from app.models import Token, Worker, WorkRequest, WorkRequestResult
from tests.api import Api, gid, rows_of, state
from tests.artifact_rows import artifact
from tests.cast import Cast

REQUEST = "workRequest { id status attempt }"


async def refused(api: Api, who: Any, mutation: str, **input: Any) -> dict[str, Any]:
    """The error of a mutation that is refused and changes nothing."""
    before = await state()
    answer = await api.mutate(who, mutation, **input)
    assert await state() == before
    return answer.refused


async def create(api: Api, cast: Cast, **input: Any) -> dict[str, Any]:
    return await refused(
        api, cast.bob, "createWorkRequest", **{"taskName": "noop", "workspace": gid(cast.lab), **input}
    )


# Submitting ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("task", "data", "path"),
    [
        ("noop", {"seconds": "long"}, ["seconds"]),
        ("noop", {"seconds": -1}, ["seconds"]),
        ("noop", {"result": "success"}, ["result"]),
        ("noop", {"other": 1}, []),
        ("noop", [], []),
        ("noop", "text", []),
        ("noop", 7, []),
        ("shell", {}, []),
        ("shell", {"command": ""}, ["command"]),
        ("shell", {"command": "true", "files": {"a/b": ""}}, ["files"]),
        ("shell", {"command": "true", "files": {"a": 1}}, ["files", "a"]),
        ("shell", {"command": "true", "memoryBytes": 1}, ["memoryBytes"]),
        ("python", {"function": "no colon"}, ["function"]),
    ],
)
async def test_data_that_breaks_the_schema_is_refused_with_the_path_to_it(
    api: Api, cast: Cast, task: str, data: Any, path: list[str]
) -> None:
    error = await create(api, cast, taskName=task, taskData=data)

    assert (error["__typename"], error["code"]) == ("ValidationError", "VALIDATION")
    assert error["path"] == ["input", "taskData", *path]


async def test_every_broken_rule_of_the_data_is_told(api: Api, cast: Cast) -> None:
    answer = await api.mutate(
        cast.bob,
        "createWorkRequest",
        taskName="shell",
        workspace=gid(cast.lab),
        taskData={"command": "", "memoryBytes": 1, "input": 7},
    )

    paths = {error["path"][-1] for error in answer.payload["userErrors"]}
    assert paths == {"command", "memoryBytes", "input"}


async def test_data_of_more_than_256_kib_is_refused(api: Api, cast: Cast) -> None:
    error = await create(api, cast, taskName="shell", taskData={"command": "true", "input": "x" * 256 * 1024})

    assert (error["path"], error["rule"]) == (["input", "taskData"], "TOO_LARGE")


async def test_a_dry_run_refuses_the_same_and_makes_nothing(api: Api, cast: Cast) -> None:
    good = {"taskName": "noop", "workspace": gid(cast.lab), "requiredTags": ["a-new-tag"], "dryRun": True}
    before = await state()

    answer = await api.mutate(cast.bob, "createWorkRequest", REQUEST, **good)

    assert answer.done["workRequest"] is None
    assert await state() == before
    assert (await create(api, cast, taskName="sbuild", dryRun=True))["rule"] == "UNKNOWN"
    assert (await create(api, cast, taskData={"seconds": -1}, dryRun=True))["code"] == "VALIDATION"
    assert (await create(api, cast, priorityAdjustment=1, dryRun=True))["code"] == "FORBIDDEN"


async def test_a_dependency_of_another_workspace_or_of_nowhere_is_refused(api: Api, cast: Cast) -> None:
    elsewhere = await cast.request(by=cast.zoe, workspace_id=cast.theirs.id)

    for id in (gid(elsewhere), gid(WorkRequest(id=2**40))):
        error = await create(api, cast, dependencies=[id])
        assert (error["path"], error["rule"]) == (["input", "dependencies"], "UNKNOWN")
    assert (await create(api, cast, parent=gid(elsewhere)))["code"] == "NOT_FOUND"


async def test_a_dependency_that_has_failed_is_refused(api: Api, cast: Cast) -> None:
    failed = await cast.request()
    await work.abort_work_request(await cast.bob.viewer(), failed.id)

    assert (await create(api, cast, dependencies=[gid(failed)]))["rule"] == "FAILED"


async def test_too_many_of_anything_are_refused(api: Api, cast: Cast) -> None:
    one = await cast.request()

    for name, value in (
        ("dependencies", [gid(one)] * 101),
        ("requiredTags", ["tag"] * 51),
        ("retryDelays", ["PT1S"] * 21),
        ("retryDelays", ["P31D"]),
        ("maxAttempts", 0),
        ("maxAttempts", 101),
        ("requiredTags", ["no tag"]),
    ):
        error = await create(api, cast, **{name: value})
        assert (error["code"], error["path"]) == ("VALIDATION", ["input", name])


async def test_a_pinned_worker_must_be_one_that_the_submitter_sees(api: Api, cast: Cast) -> None:
    assert (await create(api, cast, pinnedWorker=gid(Worker(id=2**40))))["code"] == "NOT_FOUND"


# Cycles --------------------------------------------------------------------------------------------------------------


async def set_dependencies(api: Api, cast: Cast, id: str, *dependencies: str) -> Any:
    return await api.mutate(
        cast.bob, "setWorkRequestDependencies", REQUEST, id=id, dependencies=list(dependencies)
    )


@pytest.mark.parametrize("length", [1, 2, 3, 10])
async def test_a_circle_of_dependencies_is_refused(api: Api, cast: Cast, length: int) -> None:
    chain = [gid(await cast.request()) for _ in range(length)]
    for later, earlier in zip(chain[1:], chain, strict=False):
        assert (await set_dependencies(api, cast, later, earlier)).done["workRequest"]["status"] == "BLOCKED"
    before = await state()

    answer = await set_dependencies(api, cast, chain[0], chain[-1])

    assert (answer.refused["rule"], answer.refused["path"]) == ("CYCLE", ["input", "dependencies"])
    assert await state() == before


async def test_two_edits_at_once_make_no_circle_together(api: Api, cast: Cast) -> None:
    for _ in range(5):
        one, two = gid(await cast.request()), gid(await cast.request())

        answers = await asyncio.gather(
            set_dependencies(api, cast, one, two), set_dependencies(api, cast, two, one)
        )

        assert sorted(len(answer.payload["userErrors"]) for answer in answers) == [0, 1]
    assert await rows_of("work_request_dependency") == 5


# Reports -------------------------------------------------------------------------------------------------------------


async def running(cast: Cast, **changes: Any) -> WorkRequest:
    """A request that the machine runs."""
    await cast.request(**changes)
    request = await work.acquire_work_request(await cast.machine.viewer())
    assert request is not None
    return request


LINES = {"first": 1, "lines": [{"text": "late", "time": "2026-01-01T00:00:00Z"}]}
REPORTS: dict[str, dict[str, Any]] = {
    "completeWorkRequest": {"result": "SUCCESS"},
    "renewWorkRequestLease": {},
    "appendWorkRequestLog": LINES,
    "handBackWorkRequest": {},
}


@pytest.mark.parametrize("mutation", REPORTS)
async def test_a_report_after_the_lease_ran_out_is_stale(api: Api, cast: Cast, mutation: str) -> None:
    """Whether it waits again, runs elsewhere, or was completed there."""
    request = await running(cast)
    other = await cast.worker()
    report = {"id": gid(request), "attempt": 1, **REPORTS[mutation]}
    await fetch("UPDATE work_request SET lease_expires_at = now() - interval '1 second'")
    assert await work.recover_lost_work() == 1

    if mutation != "handBackWorkRequest":  # which is what has happened to it
        waiting = await refused(api, cast.machine, mutation, **report)
        assert (waiting["__typename"], waiting["code"]) == ("InvalidStateError", "STALE_ATTEMPT")
    again = await work.acquire_work_request(await other.viewer())
    assert again is not None and again.attempt == 2
    assert (await refused(api, cast.machine, mutation, **report))["code"] == "STALE_ATTEMPT"
    await work.complete_work_request(await other.viewer(), again.id, 2, WorkRequestResult.SUCCESS)
    assert (await refused(api, cast.machine, mutation, **report))["code"] == "STALE_ATTEMPT"


async def test_a_worker_cannot_touch_the_request_of_another(api: Api, cast: Cast) -> None:
    request = await running(cast)
    waiting = await cast.request(required_tags=["never"])
    other = await cast.worker()

    for mutation, report in REPORTS.items():
        for id, attempt in ((gid(request), 1), (gid(request), 2), (gid(waiting), 1)):
            error = await refused(api, other, mutation, id=id, attempt=attempt, **report)
            assert (error["__typename"], error["code"]) == ("ForbiddenError", "FORBIDDEN"), mutation


async def test_a_report_on_nothing_or_on_another_tenants_request_finds_nothing(api: Api, cast: Cast) -> None:
    theirs = await cast.request(by=cast.zoe, workspace_id=cast.theirs.id)

    for mutation, report in REPORTS.items():
        for row in (theirs, WorkRequest(id=2**40)):
            error = await refused(api, cast.machine, mutation, id=gid(row), attempt=1, **report)
            assert (error["__typename"], error["code"]) == ("NotFoundError", "NOT_FOUND"), mutation


@pytest.mark.parametrize(
    ("output", "path"), [([], "outputData"), ("text", "outputData"), ({"a": "x" * 1024 * 1024}, "outputData")]
)
async def test_output_that_is_no_object_or_too_large_is_refused(
    api: Api, cast: Cast, output: Any, path: str
) -> None:
    request = await running(cast)

    error = await refused(
        api,
        cast.machine,
        "completeWorkRequest",
        id=gid(request),
        attempt=1,
        result="SUCCESS",
        outputData=output,
    )

    assert error["path"] == ["input", path]


@pytest.mark.parametrize(
    ("input", "path"),
    [
        ({"first": 0}, "first"),
        ({"lines": []}, "lines"),
        ({"lines": [{"text": "", "time": "2026-01-01T00:00:00Z"}] * 1001}, "lines"),
        ({"lines": [{"text": "x" * 8193, "time": "2026-01-01T00:00:00Z"}]}, "lines"),
        ({"lines": [{"text": "a\nb", "time": "2026-01-01T00:00:00Z"}]}, "lines"),
    ],
)
async def test_log_lines_that_break_a_rule_are_refused(
    api: Api, cast: Cast, input: dict[str, Any], path: str
) -> None:
    request = await running(cast)

    error = await refused(
        api, cast.machine, "appendWorkRequestLog", **{"id": gid(request), "attempt": 1, **LINES, **input}
    )

    assert error["path"] == ["input", path]


@pytest.mark.parametrize(
    ("name", "seconds"),
    [("waitSeconds", -1), ("waitSeconds", 31), ("leaseSeconds", 0), ("leaseSeconds", 3601)],
)
async def test_a_claim_has_bounds(api: Api, cast: Cast, name: str, seconds: int) -> None:
    await cast.request()

    error = await refused(api, cast.machine, "acquireWorkRequest", **{name: seconds})

    assert error["path"] == ["input", name]


# Workers -------------------------------------------------------------------------------------------------------------

NO_METADATA = [None, [], ["a"], "text", 1, True, {"a": "x" * 64 * 1024}, {"a": "x" * 1024 * 1024}]


@pytest.mark.parametrize("metadata", NO_METADATA, ids=lambda value: str(value)[:10])
async def test_metadata_that_is_no_object_or_too_large_is_refused(
    api: Api, cast: Cast, metadata: Any
) -> None:
    by_itself = await api.mutate(cast.machine, "updateWorkerDynamicMetadata", metadata=metadata)
    before = await state()
    by_staff = await api.mutate(
        cast.sam, "setWorkerStaticMetadata", id=gid(cast.machine.worker), metadata=metadata
    )

    assert await state() == before
    for answer in (by_itself, by_staff):
        if metadata is None:  # no value at all: the request itself is wrong
            assert answer.code == "BAD_INPUT"
        else:
            assert answer.refused["path"] == ["input", "metadata"]
            assert answer.refused["rule"] == ("TOO_LARGE" if isinstance(metadata, dict) else "INVALID")
    assert (await Worker.get(id=cast.machine.worker.id)).metadata() == {
        "tags": cast.machine.worker.provided_tags
    }


async def test_a_key_registers_once(api: Api, cast: Cast) -> None:
    key = new_key()
    assert (
        await api.mutate(None, "registerWorker", "worker { name } key", fqdn="a.lan", tokenKey=key)
    ).done == {
        "worker": {"name": "a-lan"},
        "key": None,
        "userErrors": [],
    }

    error = await refused(api, None, "registerWorker", fqdn="b.lan", tokenKey=key)

    assert (error["__typename"], error["code"]) == ("ConflictError", "CONFLICT")
    assert error["path"] == ["input", "tokenKey"]


async def test_of_many_registrations_with_one_key_at_once_one_is_made(api: Api, cast: Cast) -> None:
    tokens, workers = await rows_of("token"), await rows_of("worker")
    key = new_key()

    answers = await asyncio.gather(
        *[api.mutate(None, "registerWorker", fqdn=f"host-{n % 2}.lan", tokenKey=key) for n in range(8)]
    )

    codes = [[error["code"] for error in answer.payload["userErrors"]] for answer in answers]
    assert sorted(codes) == [[], *[["CONFLICT"]] * 7]
    assert (await rows_of("token"), await rows_of("worker")) == (tokens + 1, workers + 1)


async def test_many_workers_of_one_host_at_once_all_get_names(api: Api, cast: Cast) -> None:
    answers = await asyncio.gather(
        *[api.mutate(None, "registerWorker", "worker { name }", fqdn="host.lan") for _ in range(8)]
    )

    names = {answer.done["worker"]["name"] for answer in answers}
    assert names == {"host-lan", *(f"host-lan-{number}" for number in range(2, 9))}


@pytest.mark.parametrize(
    ("fqdn", "names"),
    [
        ("a" * 400, ["a" * 50, "a" * 48 + "-2"]),
        (
            ".".join(["label"] * 66),
            [
                "label-label-label-label-label-label-label-label-la",
                "label-label-label-label-label-label-label-label-2",
            ],
        ),
        ("日本語.例え", ["worker", "worker-2"]),
        ("...", ["worker", "worker-2"]),
        ("-_-", ["_", "_-2"]),
        ("Build_01.Example.COM", ["build_01-example-com", "build_01-example-com-2"]),
        ("müller.lan", ["muller-lan", "muller-lan-2"]),
        ("a b;c'd\"e", ["a-b-c-d-e", "a-b-c-d-e-2"]),
        ("\u202e\u0000\n", None),
    ],
    ids=lambda value: str(value)[:12],
)
async def test_any_host_gets_a_name_of_at_most_fifty_characters(
    api: Api, cast: Cast, fqdn: str, names: list[str] | None
) -> None:
    if names is None:
        before = await state()
        answer = await api.mutate(None, "registerWorker", "worker { name }", fqdn=fqdn)
        assert answer.code == "BAD_INPUT"
        assert await state() == before
        return
    for expected in names:
        answer = await api.mutate(None, "registerWorker", "worker { name }", fqdn=fqdn)
        assert answer.done["worker"]["name"] == expected
        assert len(expected) <= 50


@pytest.mark.parametrize(
    ("input", "path"),
    [
        ({"fqdn": ""}, "fqdn"),
        ({"fqdn": "a" * 401}, "fqdn"),
        ({"tokenKey": "short"}, "tokenKey"),
        ({"tokenKey": "G" * 64}, "tokenKey"),
        ({"tokenKey": "A" * 64}, "tokenKey"),
        ({"activationToken": "unknown"}, "activationToken"),
        ({"concurrency": 0}, "concurrency"),
        ({"concurrency": 1001}, "concurrency"),
    ],
)
async def test_a_registration_that_breaks_a_rule_is_refused(
    api: Api, cast: Cast, input: dict[str, Any], path: str
) -> None:
    error = await refused(api, None, "registerWorker", **{"fqdn": "a.lan", **input})

    assert (error["code"], error["path"]) == ("VALIDATION", ["input", path])


async def test_an_activation_token_enables_one_worker_once(api: Api, cast: Cast) -> None:
    payload = (await api.mutate(cast.sam, "createActivationToken", "key token { kind }")).done
    key = payload["key"]

    answers = await asyncio.gather(
        *[
            api.mutate(None, "registerWorker", "worker { enabled }", fqdn="a.lan", activationToken=key)
            for _ in range(4)
        ]
    )

    enabled = [answer.payload["worker"] for answer in answers if not answer.payload["userErrors"]]
    assert enabled == [{"enabled": True}]
    assert not await Token.filter(kind="activation").exists()
    assert (await api.execute(key, "{ viewer { user { id } } }")).code == "UNAUTHENTICATED"
    assert (await refused(api, None, "registerWorker", fqdn="a.lan", activationToken=key))[
        "code"
    ] == "VALIDATION"


# Subscriptions -------------------------------------------------------------------------------------------------------

EVERY_SUBSCRIPTION = {
    "events": "subscription($c: Cursor) { events(after: $c) { type } }",
    "workRequestChanged": "subscription($c: Cursor) { workRequestChanged(after: $c) { type } }",
    "workerChanged": "subscription($c: Cursor) { workerChanged(after: $c) { type } }",
    "workRequestLog": "subscription($c: Cursor, $id: ID!) { workRequestLog(id: $id, after: $c) { type } }",
    "workerInbox": "subscription($c: Cursor) { workerInbox(after: $c) { type } }",
    "taskUpdated": "subscription($c: Cursor) { taskUpdated(after: $c) { type } }",
    "taskLogAppended": "subscription($c: Cursor, $id: ID!) { taskLogAppended(taskId: $id, after: $c) { type } }",
    "taskStatusSummaryChanged": "subscription($c: Cursor) { taskStatusSummaryChanged(after: $c) { type } }",
    "artifactChanged": "subscription($c: Cursor) { artifactChanged(after: $c) { type } }",
    "fileUploadProgress": "subscription($c: Cursor, $id: ID!) { fileUploadProgress(artifact: $id, after: $c) { type } }",
    "workersChanged": "subscription($c: Cursor) { workersChanged(after: $c) { type } }",
}


def test_every_subscription_is_in_the_table_above() -> None:
    from app.web.schema import build_schema

    subscription_type = build_schema()._schema.subscription_type
    assert subscription_type is not None
    assert set(EVERY_SUBSCRIPTION) == set(subscription_type.fields)


BAD_CURSORS = [
    "",
    "x",
    "é",
    "e1.1",
    "ZTEuMQ==",
    "ZS0xLjE",
    "ZTEu",
    "ZTEuMS4xLjE",
    "ZTEuMS4w",
    "ZTEuMS4tMQ",
    "ZTAxLjE",
    "x" * 300,
    "ZTE4NDQ2NzQ0MDczNzA5NTUxNjE2LjE",
]
IN_THE_FUTURE = "ZTk5OTk5OTk5OTk5OS4x"
"""e1.1 in clear and with padding · e-1.1 · e1. · e1.1.1.1 · e1.1.0 · e1.1.-1 · e01.1 · … · e18446744073709551616.1"""


@pytest.mark.parametrize("name", EVERY_SUBSCRIPTION)
async def test_a_cursor_that_does_not_decode_or_lies_in_the_future_is_bad_input(
    api: Api, cast: Cast, name: str
) -> None:
    who: Any = cast.machine if name == "workerInbox" else cast.root
    document = EVERY_SUBSCRIPTION[name]
    subjects: dict[str, Any] = {
        "workRequestLog": cast.request,
        "taskLogAppended": cast.task,
        "fileUploadProgress": lambda: artifact(cast.lab),
    }
    variables = {"id": gid(await subjects[name]())} if name in subjects else {}
    before = await state()

    for cursor in (*BAD_CURSORS, IN_THE_FUTURE):
        async with api.subscribe(who, document, c=cursor, **variables) as events:
            assert await events.end() == "BAD_INPUT", cursor

    assert await state() == before


async def test_a_subscription_ends_when_its_token_is_disabled(api: Api, cast: Cast) -> None:
    """At the next event, whoever it is for; and the connection is told within a second even if there is none."""
    made = (await api.mutate(cast.bob, "createToken", "key token { id }")).done
    async with api.subscribe(made["key"], "subscription { workRequestChanged { type } }") as events:
        await cast.request()
        assert (await events.next())["type"] == "work_request.created"
        assert events.caller is not None
        revoked = asyncio.create_task(events.caller.wait_until_revoked())

        await api.mutate(cast.bob, "disableToken", id=made["token"]["id"])

        async with asyncio.timeout(1):
            assert await revoked == "Token revoked"
        await cast.request(by=cast.ann)
        assert await events.end() == "UNAUTHENTICATED"


@pytest.mark.parametrize(
    "filter",
    [{"types": ["work_request.unheard"]}, {"types": ["x"] * 101}, {"subjects": ["x"] * 101}],
    ids=lambda value: str(value)[:30],
)
async def test_a_filter_of_events_that_cannot_be_is_bad_input(
    api: Api, cast: Cast, filter: dict[str, Any]
) -> None:
    document = "subscription($f: EventFilter) { events(filter: $f) { type } }"

    async with api.subscribe(cast.ann, document, f=filter) as events:
        assert await events.end() == "BAD_INPUT"
