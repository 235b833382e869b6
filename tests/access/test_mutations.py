"""Who may do what: every mutation × every role. What is refused changes nothing."""

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import uuid4

import pytest

from app.access import Scope
from app.actions import work
from app.actions.tokens import make_token
from app.clock import now
from app.database import atomic
from app.graphql.ids import row_id
from app.models import (
    Artifact,
    ArtifactRelation,
    ArtifactRelationType,
    NotificationChannel,
    NotificationMethod,
    Schedule,
    TokenKind,
    WorkRequest,
)
from tests.access.world import ROLES, World
from tests.api import INPUTS, USER_ERRORS, Answer, Api, gid, state
from tests.task_actors import noop

OUTCOMES = {
    ".": "done",
    "U": "UNAUTHENTICATED",
    "F": "FORBIDDEN",
    "N": "NOT_FOUND",
}

# One letter for each role:      anonymous, eve, vic, bob | ann, sam, root | zoe, machine
MAY: dict[str, str] = {
    "signIn": "....  ...  ..",
    "signOut": "....  ...  ..",
    "createUser": "UFFF  F..  .F",
    "updateUser": "N.FF  F..  NN",  # eve changes her own name
    "setTeam": "UFFF  F..  .F",
    "grantPermission": "UFFF  FF.  NF",
    "createToken": "U...  ...  .F",
    "createActivationToken": "UFFF  F..  .F",
    "enableToken": "NNN.  N..  NN",  # bob's
    "disableToken": "NNN.  N..  NN",
    "deleteToken": "NNN.  N..  NN",
    "createWorkspace": "UFFF  F..  .F",
    "updateWorkspace": "NNFF  .N.  NF",  # the lab
    "setWorkspaceRole": "NNFF  .N.  NF",
    "createWorkRequest": "NNF.  .N.  NF",  # in the lab, where the machine has work
    "abortWorkRequest": "NNF.  .N.  NN",  # bob's, not started
    "retryWorkRequest": "NNF.  .N.  NN",
    "setWorkRequestPriority": "NNF.  FN.  NN",
    "setWorkRequestDependencies": "NNF.  .N.  NN",
    "registerTaskType": "UFFF  F..  .F",
    "registerWorker": "....  ...  ..",
    "updateWorkerDynamicMetadata": "UFFF  FFF  F.",
    "acquireWorkRequest": "UFFF  FFF  F.",
    "renewWorkRequestLease": "UFFF  FFF  F.",
    "appendWorkRequestLog": "UFFF  FFF  F.",
    "completeWorkRequest": "UFFF  FFF  F.",
    "handBackWorkRequest": "UFFF  FFF  F.",
    "askForInput": "UFFF  FFF  F.",
    "answerWorkRequest": "NNF.  .N.  NF",  # of the lab, run by the machine
    "enableWorker": "NFFF  F..  NF",
    "disableWorker": "NFFF  F..  NN",  # another than the machine
    "setWorkerStaticMetadata": "NFFF  F..  NF",
    "enqueueTask": "NNF.  .N.  NF",  # in the lab
    "enqueueTasks": "NNF.  .N.  NF",
    "retryTask": "NNF.  ...  NN",  # of the lab
    "retryTasks": "UFF.  ...  .F",  # whichever one sees
    "cancelTask": "NNF.  ...  NN",
    "purgeTasks": "UFFF  F..  .F",
    "updateSchedule": "NNNN  N..  NN",
    "createArtifact": "NNF.  .N.  NF",  # in the lab; the machine without its work request
    "updateArtifact": "NNFF  .N.  NN",  # of the lab
    "createArtifactRelation": "NNF.  .N.  NN",
    "deleteArtifactRelation": "NNF.  .N.  NN",
    "registerArtifactCategory": "UFFF  F..  .F",
    "runExpiry": "UFFF  F..  .F",
    "sendSchedule": "NNNN  N..  NN",
    "createNotificationChannel": "UFFF  F..  .F",
    "updateNotificationChannel": "NFFF  F..  NN",
    "deleteNotificationChannel": "NFFF  F..  NN",
}

Prepare = Callable[[World], Awaitable[dict[str, Any]]]


async def _sign_in(world: World) -> dict[str, Any]:
    return {"username": "ann", "password": "ann"}


async def _nothing(world: World) -> dict[str, Any]:
    return {}


async def _user(world: World) -> dict[str, Any]:
    return {"username": f"new-{uuid4().hex}", "email": "x@example.org"}


async def _name(world: World) -> dict[str, Any]:
    return {"id": gid(world.cast.eve.user), "lastName": "Adams"}


async def _team(world: World) -> dict[str, Any]:
    return {"name": "new", "members": []}


async def _permission(world: World) -> dict[str, Any]:
    return {"user": gid(world.cast.bob.user), "permission": "abort_work"}


@atomic()
async def _token_of_bob(world: World) -> dict[str, Any]:
    token = await make_token(world.cast.tenant.id, TokenKind.API, user_id=world.cast.bob.user.id)
    return {"id": gid(token)}


async def _workspace(world: World) -> dict[str, Any]:
    return {"name": f"w{uuid4().hex}"}


async def _lab(world: World) -> dict[str, Any]:
    return {"id": gid(world.cast.lab), "public": False}


async def _role_in_lab(world: World) -> dict[str, Any]:
    """A user whom all who may share the lab see."""
    return {"workspace": gid(world.cast.lab), "user": gid(world.cast.sam.user), "role": None}


async def _task(world: World) -> dict[str, Any]:
    return {"taskName": "noop", "workspace": gid(world.cast.lab)}


async def _waiting(world: World) -> WorkRequest:
    return await world.cast.request(required_tags=["never"])


async def _of_bob(world: World) -> dict[str, Any]:
    return {"id": gid(await _waiting(world))}


async def _aborted(world: World) -> dict[str, Any]:
    request = await _waiting(world)
    await work.abort_work_request(await world.cast.bob.viewer(), request.id)
    return {"id": gid(request)}


async def _priority(world: World) -> dict[str, Any]:
    return {**await _of_bob(world), "priorityAdjustment": -1}


async def _dependencies(world: World) -> dict[str, Any]:
    return {**await _of_bob(world), "dependencies": [gid(await _waiting(world))]}


async def _task_type(world: World) -> dict[str, Any]:
    return {"name": "new", "dataSchema": {"type": "object"}}


async def _fqdn(world: World) -> dict[str, Any]:
    return {"fqdn": "new.lan"}


async def _metadata(world: World) -> dict[str, Any]:
    return {"metadata": {"tags": ["task:noop"]}}


async def _running(world: World) -> dict[str, Any]:
    """A request that the machine runs."""
    machine = await world.cast.machine.viewer()
    for request in await WorkRequest.filter(worker_id=machine.worker_id, status="running"):
        await work.hand_back_work_request(machine, request.id, request.attempt)
    request = await world.cast.request(pinned_worker_id=machine.worker_id)
    claimed = await work.acquire_work_request(machine)
    assert claimed is not None
    return {"id": gid(claimed), "attempt": claimed.attempt}


async def _report(world: World) -> dict[str, Any]:
    return {**await _running(world), "result": "SUCCESS"}


async def _lines(world: World) -> dict[str, Any]:
    line = {"text": "hello", "time": "2026-01-01T00:00:00Z"}
    return {**await _running(world), "first": 1, "lines": [line]}


async def _question(world: World) -> dict[str, Any]:
    return {**await _running(world), "question": "Which colour?"}


async def _asked(world: World) -> dict[str, Any]:
    """A request that asks something."""
    running = await _running(world)
    await work.ask_for_input(
        await world.cast.machine.viewer(),
        row_id(running["id"], WorkRequest),
        running["attempt"],
        "Which colour?",
    )
    return {"id": running["id"], "answer": "Red"}


async def _new_channel(world: World) -> dict[str, Any]:
    return {"name": f"c{uuid4().hex[:10]}", "data": MAIL}


async def _channel(world: World) -> dict[str, Any]:
    """A new one, so that it can be removed."""
    channel = await NotificationChannel.create(
        tenant_id=world.cast.tenant.id,
        name=f"c{uuid4().hex[:10]}",
        method=NotificationMethod.EMAIL,
        data=MAIL,
    )
    return {"id": gid(channel)}


MAIL = {"from": "yard@example.org", "to": ["crew@example.org"]}


async def _machine(world: World) -> dict[str, Any]:
    return {"id": gid(world.cast.machine.worker)}


async def _other_worker(world: World) -> dict[str, Any]:
    """Another, because the machine must stay enabled for the roles to come."""
    return {"id": gid((await world.cast.worker(f"w{uuid4().hex}.lan")).worker)}


async def _static(world: World) -> dict[str, Any]:
    return {**await _machine(world), "metadata": {"place": "here"}}


async def _new_task(world: World) -> dict[str, Any]:
    return {"actorName": noop.actor_name, "workspace": gid(world.cast.lab), "args": [1]}


async def _new_tasks(world: World) -> dict[str, Any]:
    return {"tasks": [await _new_task(world) for _ in range(2)]}


async def _waiting_task(world: World) -> dict[str, Any]:
    return {"id": gid(await world.cast.task())}


async def _rejected_task(world: World) -> dict[str, Any]:
    return {"id": gid(await world.cast.rejected_task())}


async def _rejected_tasks(world: World) -> dict[str, Any]:
    await world.cast.rejected_task()
    return {"filter": {"actorName": {"eq": noop.actor_name}}}


async def _old_tasks(world: World) -> dict[str, Any]:
    return {**await _rejected_tasks(world), "olderThan": "PT0S"}


async def _schedule(world: World) -> dict[str, Any]:
    return {"id": gid(world.rows[Schedule, "ours"])}


async def _crontab(world: World) -> dict[str, Any]:
    """Another each time, so that something is changed."""
    schedule = await Schedule.get(id=world.rows[Schedule, "ours"].id)
    return {**await _schedule(world), "crontab": f"{schedule.version % 60} 0 * * *"}


async def _new_artifact(world: World) -> dict[str, Any]:
    """One whose file has yet to come."""
    file = {"path": "a", "size": 1, "sha256": uuid4().hex * 2}
    return {"workspace": gid(world.cast.lab), "category": "workyard:test", "files": [file]}


async def _artifact(world: World) -> Artifact:
    return await Artifact.create(
        category="workyard:test", workspace_id=world.cast.lab.id, complete=True, completed_at=now()
    )


async def _kept(world: World) -> dict[str, Any]:
    return {"id": gid(await _artifact(world)), "expireAt": "2030-01-01T00:00:00Z"}


async def _related(world: World) -> dict[str, Any]:
    return {
        "artifact": gid(await _artifact(world)),
        "target": gid(await _artifact(world)),
        "type": "EXTENDS",
    }


async def _relation(world: World) -> dict[str, Any]:
    artifact, target = await _artifact(world), await _artifact(world)
    type_ = ArtifactRelationType.EXTENDS
    return {
        "id": gid(await ArtifactRelation.create(artifact_id=artifact.id, target_id=target.id, type=type_))
    }


async def _category(world: World) -> dict[str, Any]:
    return {"name": f"test:{uuid4().hex}", "dataSchema": {"type": "object"}}


INPUT: dict[str, Prepare] = {
    "signIn": _sign_in,
    "signOut": _nothing,
    "createUser": _user,
    "updateUser": _name,
    "setTeam": _team,
    "grantPermission": _permission,
    "createToken": _nothing,
    "createActivationToken": _nothing,
    "enableToken": _token_of_bob,
    "disableToken": _token_of_bob,
    "deleteToken": _token_of_bob,
    "createWorkspace": _workspace,
    "updateWorkspace": _lab,
    "setWorkspaceRole": _role_in_lab,
    "createWorkRequest": _task,
    "abortWorkRequest": _of_bob,
    "retryWorkRequest": _aborted,
    "setWorkRequestPriority": _priority,
    "setWorkRequestDependencies": _dependencies,
    "registerTaskType": _task_type,
    "registerWorker": _fqdn,
    "updateWorkerDynamicMetadata": _metadata,
    "acquireWorkRequest": _nothing,
    "renewWorkRequestLease": _running,
    "appendWorkRequestLog": _lines,
    "completeWorkRequest": _report,
    "handBackWorkRequest": _running,
    "askForInput": _question,
    "answerWorkRequest": _asked,
    "enableWorker": _machine,
    "disableWorker": _other_worker,
    "setWorkerStaticMetadata": _static,
    "enqueueTask": _new_task,
    "enqueueTasks": _new_tasks,
    "retryTask": _rejected_task,
    "retryTasks": _rejected_tasks,
    "cancelTask": _waiting_task,
    "purgeTasks": _old_tasks,
    "updateSchedule": _crontab,
    "createArtifact": _new_artifact,
    "updateArtifact": _kept,
    "createArtifactRelation": _related,
    "deleteArtifactRelation": _relation,
    "registerArtifactCategory": _category,
    "runExpiry": _nothing,
    "sendSchedule": _schedule,
    "createNotificationChannel": _new_channel,
    "updateNotificationChannel": _channel,
    "deleteNotificationChannel": _channel,
}

FOR_ANYBODY = {"signIn", "signOut", "registerWorker"}
"""Mutations that need no identity."""


def test_every_mutation_is_in_the_tables(api_schema: Any) -> None:
    mutations = set(api_schema.mutation_type.fields)

    assert set(MAY) == mutations
    assert set(INPUT) == mutations
    assert all(len(row.replace(" ", "")) == len(ROLES) for row in MAY.values())


@pytest.fixture
def api_schema() -> Any:
    """The product's schema, without a database."""
    from app.web.schema import build_schema

    return build_schema()._schema


async def run(api: Api, who: Any, mutation: str, input: dict[str, Any]) -> Answer:
    """Run a mutation without asking for what it made."""
    if mutation == "signOut":
        return await api.execute(who, f"mutation {{ signOut {{ signedOut {USER_ERRORS} }} }}")
    type_ = INPUTS.get(mutation, f"{mutation[0].upper()}{mutation[1:]}Input")
    document = f"mutation($input: {type_}!) {{ {mutation}(input: $input) {{ {USER_ERRORS} }} }}"
    return await api.execute(who, document, input=input)


def outcome(answer: Answer) -> str:
    """In a word what came of it."""
    if answer.errors:
        return answer.code
    errors = answer.payload["userErrors"]
    return str(errors[0]["code"]) if errors else "done"


@pytest.mark.parametrize("mutation", sorted(MAY))
async def test_a_mutation_is_for_exactly_the_roles_in_the_table(
    api: Api, world: World, mutation: str
) -> None:
    found, expected = {}, {}
    for role, letter in zip(ROLES, MAY[mutation].replace(" ", ""), strict=True):
        input = await INPUT[mutation](world)
        before = await state()

        answer = await run(api, world.who(role), mutation, input)

        found[role], expected[role] = outcome(answer), OUTCOMES[letter]
        if found[role] != "done":
            assert await state() == before, role
    assert found == expected


@atomic()
async def _key(world: World, *scopes: Scope) -> str:
    """root's, with these scopes only."""
    token = await make_token(
        world.cast.tenant.id, TokenKind.API, user_id=world.cast.root.user.id, scopes=scopes
    )
    assert token.key is not None
    return token.key


async def test_with_a_token_for_reading_even_a_superuser_changes_nothing(api: Api, world: World) -> None:
    for mutation in sorted(set(MAY) - FOR_ANYBODY):
        input = await INPUT[mutation](world)
        key = await _key(world, Scope.READ)
        before = await state()

        answer = await run(api, key, mutation, input)

        assert outcome(answer) in ("FORBIDDEN", "NOT_FOUND"), mutation
        assert await state() == before, mutation


WORK = {
    "createWorkRequest",
    "answerWorkRequest",
    "abortWorkRequest",
    "retryWorkRequest",
    "setWorkRequestDependencies",
    "enqueueTask",
    "enqueueTasks",
    "retryTask",
    "retryTasks",
    "cancelTask",
    "sendSchedule",
    "createArtifact",
    "updateArtifact",
    "createArtifactRelation",
    "deleteArtifactRelation",
}


async def test_a_token_for_work_is_good_for_work_and_for_nothing_else(api: Api, world: World) -> None:
    """Moving what others submitted is administering."""
    for mutation in sorted(set(MAY) - FOR_ANYBODY):
        answer = await run(api, await _key(world, Scope.WORK), mutation, await INPUT[mutation](world))

        if mutation in WORK:
            assert outcome(answer) == "done", mutation
        else:
            assert outcome(answer) in ("FORBIDDEN", "NOT_FOUND"), mutation


PRIORITY = "workRequest { priority viewerCan { setPriority abort retry } }"


@pytest.mark.parametrize(
    ("role", "adjustment", "expected"),
    [
        ("ann", -1, "done"),  # her own
        ("ann", 0, "done"),
        ("ann", 1, "FORBIDDEN"),
        ("bob", -1, "FORBIDDEN"),
        ("eve", -1, "FORBIDDEN"),
        ("sam", -1, "done"),
        ("sam", 1, "done"),
        ("root", 1000, "done"),
        ("root", 1001, "VALIDATION"),
        ("root", -1001, "VALIDATION"),
    ],
)
async def test_ones_own_work_may_be_moved_down_and_any_work_by_staff(
    api: Api, world: World, role: str, adjustment: int, expected: str
) -> None:
    request = world.rows[WorkRequest, "open"]
    before = await state()

    answer = await api.mutate(
        world.who(role), "setWorkRequestPriority", PRIORITY, id=gid(request), priorityAdjustment=adjustment
    )

    assert outcome(answer) == expected
    if expected == "done":
        assert answer.payload["workRequest"]["priority"] == adjustment
    else:
        assert await state() == before


async def test_viewer_can_says_what_the_mutations_permit(api: Api, world: World) -> None:
    """Of a request that waits, of one that was aborted, of one that asks something, and of one that runs."""
    for role in ROLES:
        for prepare, mutations in (
            (_of_bob, {"abort": "abortWorkRequest", "setPriority": "setWorkRequestPriority"}),
            (_aborted, {"retry": "retryWorkRequest", "abort": "abortWorkRequest"}),
            (_asked, {"answer": "answerWorkRequest"}),
            (_running, {"answer": "answerWorkRequest"}),
        ):
            for right, mutation in mutations.items():
                input = await prepare(world)
                document = "query($id: ID!) { workRequest(id: $id) { viewerCan { abort retry setPriority answer } } }"
                seen = (await api.execute(world.who(role), document, id=input["id"]))["workRequest"]
                extra: dict[str, Any] = {}
                if right == "setPriority":
                    extra = {"priorityAdjustment": -1}
                elif right == "answer":
                    extra = {"answer": "Red"}

                answer = await run(api, world.who(role), mutation, {"id": input["id"], **extra})

                assert (outcome(answer) == "done") == bool(seen and seen["viewerCan"][right]), (role, right)


async def test_can_says_what_the_mutations_of_tasks_permit(api: Api, world: World) -> None:
    """Of a task that waits, and of one that was rejected."""
    document = "query($id: ID!) { task(id: $id) { canRetry canCancel } }"
    for role in ROLES:
        for prepare in (_waiting_task, _rejected_task):
            for right, mutation in (("canRetry", "retryTask"), ("canCancel", "cancelTask")):
                input = await prepare(world)
                seen = (await api.execute(world.who(role), document, id=input["id"]))["task"]

                answer = await run(api, world.who(role), mutation, input)

                assert (outcome(answer) == "done") == bool(seen and seen[right]), (role, right)
