"""What mutations promise beside their effect: keys, versions, the book of changes, one event, all or nothing."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from app.actions import work
from app.database import fetch, transaction
from app.events import CATALOGUE
from app.models import LogEntry, OutboxEvent, Schedule, Worker, WorkRequest, WorkRequestResult, Workspace
from tests.access.test_mutations import INPUT, MAIL, MAY, outcome, run
from tests.access.world import World, world
from tests.api import USER_ERRORS, Api, gid, rows_of, state
from tests.cast import Cast
from tests.resolvers.test_any_input import doer, fields_of
from tests.task_actors import noop

__all__ = ["world"]  # a fixture

# Idempotency keys ----------------------------------------------------------------------------------------------------

CREATING: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "createWorkRequest": (
        "workRequest { id }",
        {"taskName": "noop"},
        {"taskName": "noop", "allowFailure": True},
    ),
    "createWorkspace": ("workspace { id }", {"name": "new"}, {"name": "new", "public": True}),
    "enqueueTask": (
        "task { id }",
        {"actorName": noop.actor_name},
        {"actorName": noop.actor_name, "args": [1]},
    ),
    "enqueueTasks": (
        "tasks { id }",
        {"tasks": [{"actorName": noop.actor_name}]},
        {"tasks": [{"actorName": noop.actor_name}] * 2},
    ),
    "sendSchedule": ("task { id }", {"id": "one"}, {"id": "other"}),
    "createArtifact": (
        "artifact { id }",
        {"category": "workyard:test", "files": [{"path": "a", "size": 1, "sha256": "ab" * 32}]},
        {"category": "workyard:test", "files": [{"path": "a", "size": 2, "sha256": "ab" * 32}]},
    ),
    "createNotificationChannel": (
        "notificationChannel { id }",
        {"name": "new", "data": MAIL},
        {"name": "new", "data": MAIL, "allowOverride": True},
    ),
}
"""Mutation → what it makes, an input, and another input."""


async def maker(cast: Cast, mutation: str, other: bool = False) -> tuple[Any, str, dict[str, Any]]:
    selection, *inputs = CREATING[mutation]
    input = inputs[other]
    if mutation == "sendSchedule":
        schedule, _ = await Schedule.get_or_create(
            tenant_id=cast.tenant.id,
            actor_name=noop.actor_name,
            identifier=input["id"],
            defaults={"crontab": "@daily"},
        )
        return cast.sam, selection, {"id": gid(schedule)}
    if mutation in ("enqueueTask", "enqueueTasks"):
        return cast.root, selection, input
    return (
        (cast.bob, selection, {**input, "workspace": gid(cast.lab)})
        if mutation in ("createWorkRequest", "createArtifact")
        else (cast.sam, selection, input)
    )


def test_every_mutation_with_a_key_is_in_the_table() -> None:
    assert {name for name in MAY if "idempotencyKey" in fields_of(name)} == set(CREATING)


@pytest.mark.parametrize("mutation", CREATING)
async def test_a_key_sent_twice_makes_one_object(api: Api, cast: Cast, mutation: str) -> None:
    who, selection, input = await maker(cast, mutation)

    first = await api.mutate(who, mutation, selection, **input, idempotencyKey="k")
    before = await state()
    second = await api.mutate(who, mutation, selection, **input, idempotencyKey="k")

    assert first.done == second.done
    assert await state() == before


@pytest.mark.parametrize("mutation", CREATING)
async def test_a_key_sent_eight_times_at_once_makes_one_object(api: Api, cast: Cast, mutation: str) -> None:
    who, selection, input = await maker(cast, mutation)
    events = await rows_of("outbox_event")

    answers = await asyncio.gather(
        *[api.mutate(who, mutation, selection, **input, idempotencyKey="k") for _ in range(8)]
    )

    assert len({str(answer.done) for answer in answers}) == 1
    assert await rows_of("outbox_event") == events + 1


@pytest.mark.parametrize("mutation", CREATING)
async def test_a_key_with_another_input_is_a_conflict(api: Api, cast: Cast, mutation: str) -> None:
    who, selection, input = await maker(cast, mutation)
    _, _, another = await maker(cast, mutation, other=True)
    await api.mutate(who, mutation, selection, **input, idempotencyKey="k")
    before = await state()

    answer = await api.mutate(who, mutation, selection, **another, idempotencyKey="k")

    assert (answer.refused["code"], answer.refused["path"]) == ("CONFLICT", ["input", "idempotencyKey"])
    assert await state() == before


async def test_a_key_belongs_to_its_owner_and_its_mutation(api: Api, cast: Cast) -> None:
    _, selection, input = await maker(cast, "createWorkRequest")

    made = [
        (await api.mutate(who, "createWorkRequest", selection, **input, idempotencyKey="k")).done[
            "workRequest"
        ]["id"]
        for who in (cast.bob, cast.ann, cast.root)
    ]

    assert len(set(made)) == 3
    other = await api.mutate(cast.root, "createWorkspace", "workspace { id }", name="new", idempotencyKey="k")
    assert other.refused["code"] == "CONFLICT"


async def test_a_key_is_free_again_after_a_refusal(api: Api, cast: Cast) -> None:
    who, selection, input = await maker(cast, "createWorkRequest")

    refused = await api.mutate(
        who, "createWorkRequest", selection, **{**input, "taskName": "sbuild"}, idempotencyKey="k"
    )
    done = await api.mutate(who, "createWorkRequest", selection, **input, idempotencyKey="k")

    assert refused.refused["code"] == "VALIDATION"
    assert done.done["workRequest"] is not None


@pytest.mark.parametrize("key", ["", "x" * 256])
async def test_a_key_has_one_to_255_characters(api: Api, cast: Cast, key: str) -> None:
    who, selection, input = await maker(cast, "createWorkRequest")

    answer = await api.mutate(who, "createWorkRequest", selection, **input, idempotencyKey=key)

    assert answer.refused["path"] == ["input", "idempotencyKey"]


# Versions ------------------------------------------------------------------------------------------------------------

VERSIONED = {
    "updateUser": "user",
    "updateWorkspace": "workspace",
    "abortWorkRequest": "workRequest",
    "setWorkRequestPriority": "workRequest",
    "setWorkRequestDependencies": "workRequest",
    "setWorkerStaticMetadata": "worker",
    "updateSchedule": "schedule",
    "updateArtifact": "artifact",
    "answerWorkRequest": "workRequest",
    "updateNotificationChannel": "notificationChannel",
}


TABLES = {
    "setWorkerStaticMetadata": "worker",
    "updateSchedule": "schedule",
    "updateNotificationChannel": "notification_channel",
    "updateArtifact": "artifact",
}
"""Those of mutations that are not about work requests."""


def test_every_mutation_with_a_version_is_in_the_table() -> None:
    assert {name for name in MAY if "ifVersion" in fields_of(name)} == set(VERSIONED)


@pytest.mark.parametrize("mutation", VERSIONED)
async def test_a_change_is_refused_unless_the_version_is_the_one_that_was_seen(
    api: Api, world: World, mutation: str
) -> None:
    input, who = await INPUT[mutation](world), doer(world, mutation)
    types = ("User", "Workspace", "WorkRequest", "Worker", "Schedule", "NotificationChannel", "Artifact")
    selection = " ".join(f"... on {name} {{ version }}" for name in types)
    document = f"query($id: ID!) {{ node(id: $id) {{ {selection} }} }}"
    version = (await api.execute(who, document, id=input["id"]))["node"]["version"]
    before = await state()

    for wrong in (version - 1, version + 1, 0):
        refused = await api.mutate(who, mutation, **input, ifVersion=wrong)
        assert (refused.refused["__typename"], refused.refused["code"]) == ("ConflictError", "CONFLICT")
        assert refused.refused["path"] == ["input", "ifVersion"]
        assert refused.refused["currentVersion"] == version
    assert await state() == before
    done = await api.mutate(who, mutation, f"{VERSIONED[mutation]} {{ version }}", **input, ifVersion=version)
    assert done.done[VERSIONED[mutation]]["version"] == version + 1


@pytest.mark.parametrize("mutation", VERSIONED)
async def test_of_two_changes_at_once_to_one_version_one_is_made(
    api: Api, world: World, mutation: str
) -> None:
    input, who = await INPUT[mutation](world), doer(world, mutation)
    version = {"updateUser": 1, "updateWorkspace": 1}.get(mutation)
    if version is None:
        table = TABLES.get(mutation, "work_request")
        version = (await fetch(f"SELECT version FROM {table} WHERE id = $1", _number(input["id"])))[0][
            "version"
        ]

    answers = await asyncio.gather(*[api.mutate(who, mutation, **input, ifVersion=version) for _ in range(4)])

    codes = [[error["code"] for error in answer.payload["userErrors"]] for answer in answers]
    assert sorted(codes) == [[], ["CONFLICT"], ["CONFLICT"], ["CONFLICT"]]


def _number(id: str) -> int:
    from app.graphql.ids import decode_id

    return int(decode_id(id)[1])


# The book of what administrators did ---------------------------------------------------------------------------------

ADMINISTRATIVE = {
    "createUser": ("User", "ADDITION"),
    "updateUser": ("User", "CHANGE"),
    "setTeam": ("Team", "ADDITION"),
    "grantPermission": ("User", "CHANGE"),
    "createToken": ("Token", "ADDITION"),
    "createActivationToken": ("Token", "ADDITION"),
    "enableToken": ("Token", "CHANGE"),
    "disableToken": ("Token", "CHANGE"),
    "deleteToken": ("Token", "DELETION"),
    "createWorkspace": ("Workspace", "ADDITION"),
    "updateWorkspace": ("Workspace", "CHANGE"),
    "setWorkspaceRole": ("Workspace", "CHANGE"),
    "registerTaskType": ("TaskType", "ADDITION"),
    "enableWorker": ("Worker", "CHANGE"),
    "disableWorker": ("Worker", "CHANGE"),
    "setWorkerStaticMetadata": ("Worker", "CHANGE"),
    "purgeTasks": ("Task", "DELETION"),
    "updateSchedule": ("Schedule", "CHANGE"),
    "registerArtifactCategory": ("ArtifactCategory", "ADDITION"),
    "runExpiry": ("Artifact", "DELETION"),
    "createNotificationChannel": ("NotificationChannel", "ADDITION"),
    "updateNotificationChannel": ("NotificationChannel", "CHANGE"),
    "deleteNotificationChannel": ("NotificationChannel", "DELETION"),
}
NOT_ADMINISTRATIVE = {
    "signIn",
    "signOut",
    "registerWorker",
    "createWorkRequest",
    "abortWorkRequest",
    "retryWorkRequest",
    "setWorkRequestPriority",
    "setWorkRequestDependencies",
    "updateWorkerDynamicMetadata",
    "acquireWorkRequest",
    "renewWorkRequestLease",
    "appendWorkRequestLog",
    "completeWorkRequest",
    "handBackWorkRequest",
    "askForInput",
    "answerWorkRequest",
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


def test_every_mutation_is_administrative_or_not() -> None:
    assert set(ADMINISTRATIVE) | NOT_ADMINISTRATIVE == set(MAY)
    assert not set(ADMINISTRATIVE) & NOT_ADMINISTRATIVE


async def test_an_administrative_change_is_in_the_book(api: Api, world: World) -> None:
    for mutation in ADMINISTRATIVE:
        input = await INPUT[mutation](world)
        if mutation == "enableWorker":  # which the machine is already: then there is nothing to note
            await api.mutate(world.cast.sam, "disableWorker", **input)
        before = await LogEntry.all().count()

        answer = await run(api, world.cast.root, mutation, input)

        assert outcome(answer) == "done", mutation
        assert await LogEntry.all().count() == before + 1, mutation
        document = "{ logEntries(first: 1) { nodes { objectType actionFlag user { username } objectRepr changeMessage } } }"
        (entry,) = (await api.execute(world.cast.sam, document))["logEntries"]["nodes"]
        assert (entry["objectType"], entry["actionFlag"]) == ADMINISTRATIVE[mutation], mutation
        assert entry["user"] == {"username": "root"} and entry["objectRepr"]


async def test_ordinary_work_is_not_in_the_book(api: Api, world: World) -> None:
    for mutation in sorted(NOT_ADMINISTRATIVE):
        input = await INPUT[mutation](world)
        before = await LogEntry.all().count()

        answer = await run(api, doer(world, mutation), mutation, input)

        assert outcome(answer) == "done", mutation
        assert await LogEntry.all().count() == before, mutation


async def test_the_book_tells_no_password(api: Api, cast: Cast) -> None:
    await api.mutate(cast.root, "createUser", username="new", password="correct horse")
    await api.mutate(cast.root, "updateUser", id=gid(cast.bob.user), password="battery staple")

    entries = await LogEntry.all().values_list("change_message", flat=True)
    assert "horse" not in str(entries) and "battery" not in str(entries) and "argon2" not in str(entries)


# One event each ------------------------------------------------------------------------------------------------------

EMITS: dict[str, list[str]] = {
    "signIn": ["token.created"],
    "signOut": [],  # nobody of the cast came with a session
    "createUser": ["user.created"],
    "updateUser": ["user.changed"],
    "setTeam": ["team.changed"],
    "grantPermission": ["user.changed"],
    "createToken": ["token.created"],
    "createActivationToken": ["token.created"],
    "enableToken": ["token.enabled"],
    "disableToken": ["token.disabled"],
    "deleteToken": ["token.deleted"],
    "createWorkspace": ["workspace.created"],
    "updateWorkspace": ["workspace.changed"],
    "setWorkspaceRole": ["workspace.changed"],
    "createWorkRequest": ["work_request.created"],
    "abortWorkRequest": ["work_request.aborted"],
    "retryWorkRequest": ["work_request.created"],
    "setWorkRequestPriority": ["work_request.priority_changed"],
    "setWorkRequestDependencies": ["work_request.dependencies_changed"],
    "registerTaskType": ["task_type.registered"],
    "registerWorker": ["token.created", "worker.registered"],
    "updateWorkerDynamicMetadata": ["worker.metadata_changed"],
    "acquireWorkRequest": ["work_request.started"],
    "renewWorkRequestLease": [],
    "appendWorkRequestLog": ["work_request.log_appended"],
    "completeWorkRequest": ["work_request.completed"],
    "handBackWorkRequest": ["work_request.requeued"],
    "askForInput": ["work_request.needs_input"],
    "answerWorkRequest": ["work_request.answered"],
    "enableWorker": [],  # it is
    "disableWorker": ["token.disabled", "worker.disabled"],
    "setWorkerStaticMetadata": ["worker.metadata_changed"],
    "enqueueTask": ["task.queued"],
    "enqueueTasks": ["task.queued", "task.queued"],
    "retryTask": ["task.requeued"],
    "retryTasks": ["task.requeued"],
    "cancelTask": ["task.rejected"],
    "purgeTasks": [],
    "updateSchedule": ["schedule.changed"],
    "sendSchedule": ["task.queued"],
    "createArtifact": ["artifact.created"],
    "updateArtifact": ["artifact.changed"],
    "createArtifactRelation": ["artifact.related"],
    "deleteArtifactRelation": ["artifact.unrelated"],
    "registerArtifactCategory": ["artifact_category.registered"],
    "runExpiry": [],
    "createNotificationChannel": ["notification_channel.created"],
    "updateNotificationChannel": ["notification_channel.changed"],
    "deleteNotificationChannel": ["notification_channel.deleted"],
}


def test_every_mutation_and_every_event_is_in_the_table() -> None:
    assert set(EMITS) == set(MAY)
    elsewhere = {
        "worker.connected",
        "worker.disconnected",
        "worker.enabled",
        "work_request.unblocked",
        "token.enabled",
        "task.progressed",
        "task.done",
        "schedule.created",
        "schedule.deleted",
        "worker_status.started",
        "worker_status.stopped",
        "worker_status.lost",
        "artifact.file_progressed",
        "artifact.file_completed",
        "artifact.file_discarded",
        "artifact.completed",
        "artifact.deleted",
        "file_store.created",
        "file_store.changed",
        "file_store.deleted",
    }
    assert set(CATALOGUE) <= {event for events in EMITS.values() for event in events} | elsewhere


async def test_a_change_writes_its_events_in_its_own_transaction(api: Api, world: World) -> None:
    for mutation in sorted(EMITS):
        input = await INPUT[mutation](world)
        before = set(await OutboxEvent.all().values_list("id", flat=True))

        answer = await run(api, doer(world, mutation), mutation, input)

        assert outcome(answer) == "done", mutation
        new = [event for event in await OutboxEvent.all().order_by("seq") if event.id not in before]
        assert sorted(event.event_type for event in new) == sorted(EMITS[mutation]), mutation
        assert len({event.xid for event in new}) <= 1, mutation


async def test_a_change_that_is_rolled_back_leaves_no_event_and_wakes_nobody(api: Api, world: World) -> None:
    """Whatever the transaction around it does: the mutation is part of it."""
    for mutation in sorted(EMITS):
        input, who = await INPUT[mutation](world), doer(world, mutation)
        before = await state()
        end = await api.cursor()

        with pytest.raises(ZeroDivisionError):
            async with transaction():
                assert outcome(await run(api, who, mutation, input)) == "done"
                raise ZeroDivisionError

        assert await state() == before, mutation
        assert await api.cursor() == end, mutation


Change = Callable[[Cast], Awaitable[Any]]


async def _unblock(cast: Cast) -> None:
    first = await cast.request()
    await cast.request(dependency_ids=[first.id])
    machine = await cast.machine.viewer()
    await work.acquire_work_request(machine)
    await work.complete_work_request(machine, first.id, 1, WorkRequestResult.SUCCESS)


async def test_every_change_of_a_request_made_one_event_with_the_version_that_it_made(
    api: Api, cast: Cast
) -> None:
    await _unblock(cast)

    for request in await WorkRequest.all():
        events = await OutboxEvent.filter(subject=f"work_request/{request.id}").order_by("seq")
        versions = [event.data["version"] for event in events if event.data]
        assert versions == list(range(1, request.version + 1))


async def test_several_mutations_of_one_operation_each_show_the_state_after_them(
    api: Api, cast: Cast
) -> None:
    """What one of them has looked up must not answer for the next."""
    request = gid(await cast.request())
    worker = gid(cast.machine.worker)
    part = (
        f"worker {{ enabled busy assignedWorkRequests {{ totalCount }} token {{ enabled }} }} {USER_ERRORS}"
    )
    document = f"""mutation($w: ID!) {{
        a: disableWorker(input: {{id: $w}}) {{ {part} }}
        b: enableWorker(input: {{id: $w}}) {{ {part} }}
        c: disableWorker(input: {{id: $w}}) {{ {part} }} }}"""

    answer = await api.execute(cast.sam, document, w=worker)

    enabled = [answer[name]["worker"]["enabled"] for name in "abc"]
    assert enabled == [False, True, False]
    assert [answer[name]["worker"]["token"]["enabled"] for name in "abc"] == enabled
    document = """mutation($r: ID!) {
        a: setWorkRequestPriority(input: {id: $r, priorityAdjustment: -1}) { workRequest { parent { id } supersededBy { id } } }
        b: abortWorkRequest(input: {id: $r}) { workRequest { supersededBy { id } } }
        c: retryWorkRequest(input: {id: $r}) { workRequest { supersedes { supersededBy { id } status } id } } }"""
    answer = await api.execute(cast.bob, document, r=request)
    assert answer["c"]["workRequest"]["supersedes"] == {
        "supersededBy": {"id": answer["c"]["workRequest"]["id"]},
        "status": "ABORTED",
    }


async def test_a_mutation_that_is_refused_in_the_middle_leaves_the_others_done(api: Api, cast: Cast) -> None:
    document = f"""mutation($lab: ID!) {{
        a: createWorkspace(input: {{name: "one"}}) {{ {USER_ERRORS} }}
        b: createWorkspace(input: {{name: "one"}}) {{ {USER_ERRORS} }}
        c: createWorkspace(input: {{name: "two"}}) {{ {USER_ERRORS} }} }}"""

    answer = await api.execute(cast.sam, document.replace("($lab: ID!)", ""))

    assert [[error["code"] for error in answer[name]["userErrors"]] for name in "abc"] == [
        [],
        ["VALIDATION"],
        [],
    ]
    assert await Workspace.filter(name__in=["one", "two"]).count() == 2
    assert await Worker.all().count() == 1
