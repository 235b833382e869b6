"""Artifacts that work takes and makes."""

from typing import Any

from app.actions import work
from app.models import Artifact, Workspace
from tests.api import Api, gid, state
from tests.artifact_rows import (
    CATEGORY,
    artifact,
    artifact_with,
    declare,
    file,
)
from tests.cast import Cast


async def running(cast: Cast, **more: Any) -> Any:
    """A request that the machine runs."""
    await cast.request(pinned_worker_id=cast.machine.worker.id, **more)
    return await work.acquire_work_request(await cast.machine.viewer())


async def test_a_worker_makes_artifacts_for_the_request_that_it_runs(api: Api, cast: Cast) -> None:
    request = await running(cast)
    of_it = {"workRequest": gid(request), "attempt": 1}

    made = await declare(api, cast.machine, file("out/log"), **of_it)

    assert (made["createdByWorkRequest"], made["createdBy"]) == ({"id": gid(request)}, None)
    assert made["workspace"] == {"name": "lab"}
    document = "query($id: ID!) { workRequest(id: $id) { artifacts { nodes { id files { totalCount } } } } }"
    for who in (cast.machine, cast.vic):
        found = (await api.execute(who, document, id=gid(request)))["workRequest"]["artifacts"]["nodes"]
        assert found == [{"id": made["id"], "files": {"totalCount": 1}}]


async def test_what_a_worker_does_not_run_it_makes_nothing_for(api: Api, cast: Cast) -> None:
    request, other = await running(cast), await cast.request()
    before = await state()

    for who, more, code in (
        (cast.machine, {}, "FORBIDDEN"),
        (cast.machine, {"workRequest": gid(request)}, "VALIDATION"),
        (cast.machine, {"workRequest": gid(request), "attempt": 2}, "STALE_ATTEMPT"),
        (cast.machine, {"workRequest": gid(other), "attempt": 1}, "NOT_FOUND"),
        (
            cast.machine,
            {"workRequest": gid(request), "attempt": 1, "workspace": gid(cast.theirs)},
            "VALIDATION",
        ),
        (cast.bob, {"workRequest": gid(request), "attempt": 1, "workspace": gid(cast.lab)}, "FORBIDDEN"),
    ):
        answer = await api.mutate(who, "createArtifact", category=CATEGORY, **more)
        assert answer.refused["code"] == code, more
    assert await state() == before
    await api.mutate(cast.machine, "completeWorkRequest", id=gid(request), attempt=1, result="SUCCESS")
    late = await api.mutate(
        cast.machine, "createArtifact", category=CATEGORY, workRequest=gid(request), attempt=1
    )
    assert late.refused["code"] == "INVALID_STATE"


TAKES = {"type": "object", "properties": {"inputs": {"type": "object"}, "n": {"type": "number"}}}


async def taker(api: Api, cast: Cast) -> None:
    """A task type that takes artifacts."""
    await api.mutate(cast.sam, "registerTaskType", name="count", dataSchema=TAKES)


async def test_a_worker_sees_what_its_running_request_takes_and_relates_to_it_what_it_makes(
    api: Api, cast: Cast
) -> None:
    await taker(api, cast)
    await work.update_worker_dynamic_metadata(
        await cast.machine.viewer(), {"tags": ["task:count", "task:noop"]}
    )
    taken, other = await artifact_with(cast.lab, ("a", b"a")), await artifact(cast.lab)
    request = await running(cast, task_name="count", task_data={"inputs": {"corpus": gid(taken)}})
    document = """query($id: ID!) { workRequest(id: $id) { inputs { nodes {
        id file(path: "a") { downloadUrl } usedBy { nodes { id } } } } }
      artifacts { nodes { id } } }"""

    found = await api.execute(cast.machine, document, id=gid(request))
    made = await declare(api, cast.machine, workRequest=gid(request), attempt=1)
    related = await api.mutate(
        cast.machine,
        "createArtifactRelation",
        "created",
        artifact=made["id"],
        target=gid(taken),
        type="BUILT_USING",
    )
    before = await state()
    backwards = await api.mutate(
        cast.machine, "createArtifactRelation", artifact=gid(taken), target=made["id"], type="BUILT_USING"
    )
    unseen = await api.mutate(
        cast.machine, "createArtifactRelation", artifact=made["id"], target=gid(other), type="BUILT_USING"
    )

    (input,) = found["workRequest"]["inputs"]["nodes"]
    assert input["file"]["downloadUrl"].endswith(f"/artifacts/{taken.id}/files/a")
    assert (input["id"], input["usedBy"]["nodes"]) == (gid(taken), [{"id": gid(request)}])
    assert found["artifacts"]["nodes"] == [{"id": gid(taken)}]
    assert related.done["created"]
    assert backwards.refused["code"] == unseen.refused["code"] == "NOT_FOUND"
    assert await state() == before
    await api.mutate(cast.machine, "completeWorkRequest", id=gid(request), attempt=1, result="SUCCESS")
    assert (await api.execute(cast.machine, "{ artifacts { nodes { id } } }"))["artifacts"]["nodes"] == []


async def test_what_a_request_takes_is_checked_when_it_is_submitted(api: Api, cast: Cast) -> None:
    await taker(api, cast)
    good, lacking = await artifact(cast.lab), await artifact(cast.lab, complete=False)
    private, open_ = (
        await artifact(cast.theirs),
        await Workspace.create(
            tenant_id=cast.tenant.id,
            name="open",
            public=True,
            default_file_store_id=cast.lab.default_file_store_id,
        ),
    )
    elsewhere = await artifact(open_)
    inputs = {
        "good": gid(good),
        "lacking": gid(lacking),
        "private": gid(private),
        "elsewhere": gid(elsewhere),
        "user": gid(cast.bob.user),
        "nonsense": "nonsense",
        "number": 7,
    }
    before = await state()

    for dry_run in (False, True):
        answer = await api.mutate(
            cast.bob,
            "createWorkRequest",
            taskName="count",
            workspace=gid(cast.lab),
            taskData={"inputs": inputs},
            dryRun=dry_run,
        )
        assert {error["path"][3]: error["rule"] for error in answer.payload["userErrors"]} == {
            "lacking": "INCOMPLETE",
            "private": "UNKNOWN",
            "elsewhere": "ELSEWHERE",
            "user": "UNKNOWN",
            "nonsense": "UNKNOWN",
            "number": "UNKNOWN",
        }
        assert {tuple(error["path"][:3]) for error in answer.payload["userErrors"]} == {
            ("input", "taskData", "inputs")
        }
    assert await state() == before


async def test_a_retry_takes_what_the_first_one_took_as_long_as_it_is_there(api: Api, cast: Cast) -> None:
    await taker(api, cast)
    taken = await artifact(cast.lab)
    document = "query($id: ID!) { workRequest(id: $id) { inputs { nodes { id } } } }"

    async def aborted() -> str:
        made = await api.mutate(
            cast.bob,
            "createWorkRequest",
            "workRequest { id }",
            taskName="count",
            workspace=gid(cast.lab),
            taskData={"inputs": {"a": gid(taken), "b": gid(taken)}},
        )
        id: str = made.done["workRequest"]["id"]
        await api.mutate(cast.bob, "abortWorkRequest", id=id)
        return id

    retried = await api.mutate(cast.bob, "retryWorkRequest", "workRequest { id }", id=await aborted())
    found = await api.execute(cast.bob, document, id=retried.done["workRequest"]["id"])
    late = await aborted()
    await Artifact.filter(id=taken.id).delete()
    before = await state()
    too_late = await api.mutate(cast.bob, "retryWorkRequest", id=late)

    assert found["workRequest"]["inputs"]["nodes"] == [{"id": gid(taken)}]
    assert (too_late.refused["code"], too_late.refused["currentState"]) == ("INVALID_STATE", "EXPIRED")
    assert await state() == before


async def test_inputs_of_a_task_type_that_declares_none_are_its_own_business(api: Api, cast: Cast) -> None:
    await api.mutate(cast.sam, "registerTaskType", name="free", dataSchema={"type": "object"})

    made = await api.mutate(
        cast.bob,
        "createWorkRequest",
        "workRequest { inputs { totalCount } }",
        taskName="free",
        workspace=gid(cast.lab),
        taskData={"inputs": {"a": 1}},
    )

    assert made.done["workRequest"] == {"inputs": {"totalCount": 0}}
