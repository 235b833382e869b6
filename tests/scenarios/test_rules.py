"""The rules of work, told to the API: what may be retried, what an end means for others, who may run what."""

from typing import Any

import asyncpg
import pytest

from app.database import Database, fetch
from app.models import WorkRequest, Workspace
from app.models.workers import provided_tags
from tests.api import Api, gid, rows_of, state
from tests.cast import Cast, Machine
from tests.scenarios.test_work import acquire, submit

SHOWN = """id status result abortReason abortedBy { username } attempt duration errors { code message }
    supersedes { id } supersededBy { id }"""


async def show(api: Api, cast: Cast, id: str) -> dict[str, Any]:
    answer = await api.execute(cast.ann, f"query($id: ID!) {{ workRequest(id: $id) {{ {SHOWN} }} }}", id=id)
    found: dict[str, Any] = answer["workRequest"]
    return found


async def finish(api: Api, machine: Machine, id: str, result: str = "SUCCESS") -> None:
    """Have the machine run this very request to its end."""
    got = await acquire(api, machine)
    assert got is not None and got["id"] == id
    report = await api.mutate(
        machine,
        "completeWorkRequest",
        id=id,
        attempt=got["attempt"],
        result=result,
        errors=[{"code": "EXIT", "message": "exit code 1"}] if result == "ERROR" else [],
    )
    assert report.done == {"userErrors": []}


async def test_work_that_names_no_workspace_goes_into_the_one_called_system(api: Api, cast: Cast) -> None:
    selection = "workRequest { workspace { name } createdBy { username } }"
    made = await api.mutate(cast.root, "createWorkRequest", selection, taskName="noop")
    assert made.done["workRequest"] == {"workspace": {"name": "System"}, "createdBy": {"username": "root"}}
    before = await state()

    answer = await api.mutate(cast.bob, "createWorkRequest", selection, taskName="noop")

    assert (answer.refused["code"], answer.refused["path"]) == ("NOT_FOUND", ["input", "workspace"])
    assert await state() == before
    assert await Workspace.filter(name="System").count() == 1


# Retries -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("result", ["FAILURE", "ERROR", "ABORTED"])
async def test_what_ended_badly_can_be_retried_once_and_the_retry_again(
    api: Api, cast: Cast, result: str
) -> None:
    id = await submit(api, cast)
    if result == "ABORTED":
        await api.mutate(cast.ann, "abortWorkRequest", id=id)
    else:
        await finish(api, cast.machine, id, result)

    retry = (await api.mutate(cast.bob, "retryWorkRequest", f"workRequest {{ {SHOWN} }}", id=id)).done[
        "workRequest"
    ]
    before = await state()
    again = await api.mutate(cast.bob, "retryWorkRequest", id=id)

    assert (retry["status"], retry["attempt"], retry["supersedes"]) == ("PENDING", 0, {"id": id})
    assert (await show(api, cast, id))["supersededBy"] == {"id": retry["id"]}
    assert (again.refused["__typename"], again.refused["existing"]) == ("ConflictError", {"id": retry["id"]})
    assert await state() == before
    await finish(api, cast.machine, retry["id"], "FAILURE")
    assert (await api.mutate(cast.bob, "retryWorkRequest", "workRequest { id }", id=retry["id"])).done[
        "workRequest"
    ]


@pytest.mark.parametrize("ending", ["PENDING", "RUNNING", "SUCCESS", "SKIPPED"])
async def test_what_goes_on_or_ended_well_cannot_be_retried(api: Api, cast: Cast, ending: str) -> None:
    id = await submit(api, cast)
    if ending == "RUNNING":
        await acquire(api, cast.machine)
    elif ending != "PENDING":
        await finish(api, cast.machine, id, ending)
    before = await state()

    answer = await api.mutate(cast.bob, "retryWorkRequest", id=id)

    assert answer.refused["code"] == "INVALID_STATE"
    assert answer.refused["currentState"] == (ending if ending in ("PENDING", "RUNNING") else "COMPLETED")
    assert await state() == before


async def test_dependants_of_an_automatic_retry_wait_for_it(api: Api, cast: Cast) -> None:
    first = await submit(api, cast, retryDelays=["PT0S"])
    second = await submit(api, cast, dependencies=[first])
    await finish(api, cast.machine, first, "FAILURE")
    retry = (await show(api, cast, first))["supersededBy"]["id"]
    assert (await show(api, cast, second))["status"] == "BLOCKED"

    await finish(api, cast.machine, retry)

    assert (await show(api, cast, second))["status"] == "PENDING"


# What an end means for others ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("result", "allow_failure", "expected"),
    [
        ("SUCCESS", False, "PENDING"),
        ("SKIPPED", False, "PENDING"),
        ("FAILURE", False, "ABORTED"),
        ("ERROR", False, "ABORTED"),
        ("FAILURE", True, "PENDING"),
        ("ERROR", True, "PENDING"),
    ],
)
async def test_a_dependant_goes_on_or_is_aborted_as_its_dependency_ends(
    api: Api, cast: Cast, result: str, allow_failure: bool, expected: str
) -> None:
    first = await submit(api, cast, allowFailure=allow_failure)
    second = await submit(api, cast, dependencies=[first])
    third = await submit(api, cast, dependencies=[second])

    await finish(api, cast.machine, first, result)

    shown = await show(api, cast, second)
    assert shown["status"] == expected
    assert (await show(api, cast, third))["status"] == ("ABORTED" if expected == "ABORTED" else "BLOCKED")
    if expected == "ABORTED":
        assert "depends on" in shown["abortReason"] and shown["abortedBy"] is None


async def test_a_dependant_waits_for_all_of_its_dependencies(api: Api, cast: Cast) -> None:
    first, second = await submit(api, cast), await submit(api, cast)
    third = await submit(api, cast, dependencies=[first, second])

    await finish(api, cast.machine, first)
    assert (await show(api, cast, third))["status"] == "BLOCKED"
    await finish(api, cast.machine, second)
    assert (await show(api, cast, third))["status"] == "PENDING"
    already_done = await submit(api, cast, dependencies=[first, second])
    assert (await show(api, cast, already_done))["status"] == "PENDING"


async def test_an_abort_reaches_children_and_dependants_and_says_who_and_why(api: Api, cast: Cast) -> None:
    parent = await submit(api, cast)
    child = await submit(api, cast, parent=parent)
    grandchild = await submit(api, cast, parent=child)
    dependant = await submit(api, cast, dependencies=[grandchild])
    other = await submit(api, cast)

    await api.mutate(cast.ann, "abortWorkRequest", id=parent, reason="not needed any more")

    shown = {
        name: await show(api, cast, id)
        for name, id in {
            "parent": parent,
            "child": child,
            "grandchild": grandchild,
            "dependant": dependant,
            "other": other,
        }.items()
    }
    assert {name: request["status"] for name, request in shown.items()} == {
        "parent": "ABORTED",
        "child": "ABORTED",
        "grandchild": "ABORTED",
        "dependant": "ABORTED",
        "other": "PENDING",
    }
    assert shown["parent"]["abortReason"] == "not needed any more"
    assert "parent" in shown["child"]["abortReason"] and "depends on" in shown["dependant"]["abortReason"]
    assert {
        request["abortedBy"] and request["abortedBy"]["username"]
        for name, request in shown.items()
        if name != "other"
    } == {"ann"}


async def test_errors_and_duration_of_a_run_are_shown(api: Api, cast: Cast) -> None:
    id = await submit(api, cast)
    assert (await show(api, cast, id))["duration"] is None

    await finish(api, cast.machine, id, "ERROR")

    shown = await show(api, cast, id)
    assert shown["errors"] == [{"code": "EXIT", "message": "exit code 1"}]
    assert shown["duration"] >= 0


# Who may run what ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("metadata", "tags"),
    [
        ({}, []),
        ({"tags": ["b", "a", "b", "", 7, None]}, ["a", "b"]),
        ({"tags": "a"}, []),
        ({"tags": ["task:noop", "task:shell", "gpu"], "tasks_denylist": ["shell"]}, ["gpu", "task:noop"]),
        ({"tags": ["task:noop", "task:shell", "gpu"], "tasks_allowlist": ["shell"]}, ["gpu", "task:shell"]),
        ({"tags": ["task:noop", "gpu"], "tasks_allowlist": []}, ["gpu"]),
        ({"tags": ["task:noop", "task:shell"], "tasks_allowlist": ["shell"], "tasks_denylist": ["shell"]}, ["task:shell"]),
        ({"tags": ["noop", "task:noop"], "tasks_denylist": ["noop"]}, ["noop"]),
        ({"tags": ["task:noop"], "tasks_allowlist": "noop"}, ["task:noop"]),
    ],
)  # fmt: skip
def test_the_tags_of_a_worker_come_from_its_metadata(metadata: dict[str, Any], tags: list[str]) -> None:
    """An allow-list wins over a deny-list, and an empty one allows nothing: M-P32 and M-P33 of the specification."""
    assert provided_tags(metadata) == tags


async def test_administrators_decide_which_tasks_a_worker_runs(api: Api, cast: Cast) -> None:
    await submit(api, cast)
    id = gid(cast.machine.worker)
    await api.mutate(cast.sam, "setWorkerStaticMetadata", id=id, metadata={"tasks_allowlist": ["shell"]})
    assert await acquire(api, cast.machine) is None

    await api.mutate(cast.sam, "setWorkerStaticMetadata", id=id, metadata={"tasks_allowlist": ["noop"]})

    assert await acquire(api, cast.machine) is not None


async def test_a_worker_gets_work_of_all_workspaces_of_its_tenant_and_of_no_other(
    api: Api, cast: Cast
) -> None:
    await cast.request(by=cast.zoe, workspace_id=cast.theirs.id)
    await cast.request(by=cast.zoe, workspace_id=cast.theirs.id, priority_adjustment=10)
    made = await api.mutate(cast.root, "createWorkspace", "workspace { id }", name="second")
    await api.mutate(cast.root, "createWorkRequest", taskName="noop", workspace=made.done["workspace"]["id"])
    machine = await cast.worker(concurrency=5)
    await submit(api, cast)

    got = [await acquire(api, machine) for _ in range(3)]

    assert [request is not None for request in got] == [True, True, False]


async def test_work_that_is_put_off_is_not_given_out_before_its_time(api: Api, cast: Cast) -> None:
    first = await submit(api, cast, retryDelays=["PT1H"])
    await finish(api, cast.machine, first, "FAILURE")
    retry = (await show(api, cast, first))["supersededBy"]["id"]

    assert await acquire(api, cast.machine) is None
    await fetch("UPDATE work_request SET available_at = now() WHERE status = 'pending'")
    assert (await acquire(api, cast.machine) or {})["id"] == retry


# What must never be false is a constraint ----------------------------------------------------------------------------

IMPOSSIBLE = [
    ("pending", "status = 'completed'"),
    ("pending", "status = 'completed', completed_at = now()"),
    ("pending", "result = 'success'"),
    ("pending", "completed_at = now()"),
    ("pending", "started_at = now()"),
    ("pending", "lease_expires_at = now()"),
    ("pending", "slot = 1"),
    ("pending", "status = 'running'"),
    ("pending", "status = 'aborted'"),
    ("pending", "status = 'paused'"),
    ("pending", "worker_id = (SELECT min(id) FROM worker)"),
    ("pending", "pinned = true"),
    ("pending", "parent_id = id"),
    ("pending", "task_data = '[]'"),
    ("pending", "attempt = -1"),
    ("pending", "max_attempts = 0"),
    ("running", "worker_id = NULL"),
    ("running", "lease_expires_at = NULL"),
    ("running", "slot = NULL"),
    ("running", "started_at = NULL"),
    ("running", "attempt = 0"),
    ("running", "completed_at = now()"),
    ("running", "status = 'pending'"),
    ("running", "status = 'completed', result = 'success', completed_at = now()"),
]


async def test_the_database_itself_refuses_impossible_states(api: Api, cast: Cast, db: Database) -> None:
    await submit(api, cast)
    await acquire(api, cast.machine)
    await submit(api, cast)
    assert await rows_of("work_request") == 2
    connection = await asyncpg.connect(**db.credentials)
    try:
        for status, change in IMPOSSIBLE:
            with pytest.raises((asyncpg.CheckViolationError, asyncpg.NotNullViolationError)):
                await connection.execute(f"UPDATE work_request SET {change} WHERE status = '{status}'")
        with pytest.raises(asyncpg.UniqueViolationError):
            await connection.execute(
                "UPDATE work_request SET status = 'running', worker_id = (SELECT worker_id FROM work_request WHERE slot = 1),"
                " slot = 1, started_at = now(), lease_expires_at = now(), attempt = 1 WHERE status = 'pending'"
            )
        for table, change in (
            ("worker", "static_metadata = '[]'"),
            ("worker", "dynamic_metadata = '7'"),
            ("worker", "concurrency = 0"),
            ("worker", "name = 'A B'"),
            ("worker", "connected_at = NULL"),
        ):
            with pytest.raises(asyncpg.CheckViolationError):
                await connection.execute(f"UPDATE {table} SET {change}")
    finally:
        await connection.close()
    assert await WorkRequest.filter(status="running").count() == 1
