"""One of everything in every place that matters to who may see it, and the roles that look at it."""

import hashlib
import uuid
from dataclasses import dataclass, field
from typing import Any

import pytest

from app.access import Role, Viewer
from app.actions import work
from app.actions.accounts import default_tenant_id
from app.actions.tokens import make_token
from app.clock import now
from app.database import atomic
from app.models import (
    Artifact,
    ArtifactCategory,
    ArtifactRelation,
    ArtifactRelationType,
    ContentType,
    Entity,
    File,
    FileInArtifact,
    FileInStore,
    FileStore,
    FileToRemove,
    FileUpload,
    Group,
    IdempotencyKey,
    LogAction,
    LogEntry,
    LogLine,
    LogStream,
    NotificationChannel,
    NotificationMethod,
    Permission,
    Schedule,
    TaskLog,
    TaskType,
    Team,
    Tenant,
    TokenKind,
    User,
    Worker,
    WorkerStatus,
    WorkRequest,
    Workspace,
    WorkspaceMembership,
)
from app.models.tasks import Task
from app.models.workers import TagSet
from tests.api import Asker
from tests.cast import Cast, workspace
from tests.task_actors import noop

ROLES = ("anonymous", "eve", "vic", "bob", "ann", "sam", "root", "zoe", "machine")
"""nobody · outsider · viewer, contributor and owner of the lab · staff · superuser · superuser elsewhere · a worker"""

USERS = {"eve", "vic", "bob", "ann", "sam", "root"}
MEMBERS = {"vic", "bob", "ann", "root"}
STAFF = {"sam", "root"}
NOBODY: set[str] = set()


@dataclass
class World:
    """`rows` are (model, word) → row; the words are those of the table of what is seen."""

    cast: Cast
    open: Workspace
    rows: dict[tuple[type[Entity], str], Any] = field(default_factory=dict)

    def who(self, role: str) -> Asker:
        """The one who plays the role."""
        return None if role == "anonymous" else getattr(self.cast, role)

    async def viewer(self, role: str) -> Viewer:
        """With what eyes the role looks."""
        who: Any = self.who(role)
        return await who.viewer() if who is not None else Viewer(tenant_id=await default_tenant_id())


async def make_world(cast: Cast) -> World:
    """Beside the cast: a public workspace, running work, and one of everything of the other tenant."""
    open_ = await workspace(cast.tenant, "open", public=True)
    await WorkspaceMembership.create(workspace_id=open_.id, user_id=cast.ann.user.id, role=Role.OWNER)
    world = World(cast, open_)
    other = await Tenant.get(id=cast.theirs.tenant_id)
    of_zoe = await WorkspaceMembership.create(
        workspace_id=cast.theirs.id, user_id=cast.zoe.user.id, role=Role.OWNER
    )
    running = await cast.request()
    assert await work.acquire_work_request(await cast.machine.viewer()) is not None
    pending = await cast.request()
    in_open = await cast.request(by=cast.ann, workspace_id=open_.id)
    in_theirs = await cast.request(by=cast.zoe, workspace_id=cast.theirs.id)
    their_worker = await _their_worker(other)
    world.rows = {
        (Tenant, "ours"): cast.tenant,
        (Tenant, "theirs"): other,
        (Permission, "any"): await Permission.create(codename="abort_work", name="abort work"),
        (Group, "ours"): await Group.create(tenant_id=cast.tenant.id, name="group"),
        (Group, "theirs"): await Group.create(tenant_id=other.id, name="group"),
        (Team, "ours"): await Team.create(tenant_id=cast.tenant.id, name="team"),
        (Team, "theirs"): await Team.create(tenant_id=other.id, name="team"),
        (User, "ours"): cast.ann.user,
        (User, "theirs"): cast.zoe.user,
        (IdempotencyKey, "ann's"): await IdempotencyKey.create(
            owner=f"user/{cast.ann.user.id}",
            key="key",
            mutation="createWorkspace",
            fingerprint="",
            object_id=1,
        ),
        (LogEntry, "ours"): await _log_entry(cast.tenant, cast.sam.user),
        (LogEntry, "theirs"): await _log_entry(other, cast.zoe.user),
        (Workspace, "lab"): cast.lab,
        (Workspace, "open"): open_,
        (Workspace, "theirs"): cast.theirs,
        (WorkspaceMembership, "lab"): await WorkspaceMembership.get(
            workspace_id=cast.lab.id, role=Role.OWNER
        ),
        (WorkspaceMembership, "open"): await WorkspaceMembership.get(workspace_id=open_.id),
        (WorkspaceMembership, "theirs"): of_zoe,
        (TaskType, "any"): await TaskType.get(name="noop"),
        (TagSet, "any"): await TagSet.get(id=running.tag_set_id),
        (Worker, "machine"): cast.machine.worker,
        (Worker, "other"): (await cast.worker()).worker,
        (Worker, "theirs"): their_worker,
    }
    await _add_tokens(world, their_worker)
    for word, request in (
        ("lab, the machine's", running),
        ("lab, waiting", pending),
        ("open", in_open),
        ("theirs", in_theirs),
    ):
        world.rows[WorkRequest, word] = await WorkRequest.get(id=request.id)
        world.rows[LogLine, word] = await LogLine.create(
            work_request_id=request.id, attempt=1, number=1, stream=LogStream.STDOUT, time=now(), text=word
        )
    await _add_tasks(world, other)
    await _add_artifacts(world, running, in_open, in_theirs)
    await _add_channels(world, other)
    return world


async def _add_tasks(world: World, other: Tenant) -> None:
    cast = world.cast
    world.rows[ContentType, "any"] = await ContentType.get(app_label="work", model="workrequest")
    world.rows[WorkerStatus, "any"] = await WorkerStatus.create(id=uuid.uuid4(), hostname="yard", version="1")
    for word, tenant in (("ours", cast.tenant), ("theirs", other)):
        world.rows[Schedule, word] = await Schedule.create(
            tenant_id=tenant.id, actor_name=noop.actor_name, crontab="0 0 * * *", identifier=word
        )
    for word, task in (
        ("lab", await cast.task(rel_obj=world.rows[WorkRequest, "lab, waiting"])),
        ("open", await cast.task(workspace_id=world.open.id)),
        ("no workspace", await cast.task(workspace_id=None, rel_obj=world.rows[Schedule, "ours"])),
        ("theirs", await cast.task(workspace_id=cast.theirs.id, tenant_id=other.id)),
    ):
        world.rows[Task, word] = task
        world.rows[TaskLog, word] = await TaskLog.get(task_id=task.id)


async def _add_artifacts(
    world: World, running: WorkRequest, in_open: WorkRequest, in_theirs: WorkRequest
) -> None:
    """In each place an artifact with a file, the upload of it, and a relation to another artifact."""
    store = await FileStore.get(name=FileStore.DEFAULT)
    world.rows[FileStore, "any"] = store
    world.rows[ArtifactCategory, "any"] = await ArtifactCategory.get(name="workyard:test")
    digest = hashlib.sha256(b"gone").digest()
    world.rows[FileToRemove, "any"] = await FileToRemove.create(store_id=store.id, sha256=digest, size=4)
    used = await _artifact(world, "lab, used", running.workspace_id)
    await used.used_by.add(running)
    for word, workspace_id, made_by, target in (
        ("lab", running.workspace_id, None, used),
        ("lab, the machine's", running.workspace_id, running.id, used),
        ("open", in_open.workspace_id, None, None),
        ("theirs", in_theirs.workspace_id, None, None),
    ):
        artifact = await _artifact(world, word, workspace_id, made_by)
        other = target or await Artifact.create(category="workyard:test", workspace_id=workspace_id)
        world.rows[ArtifactRelation, word] = await ArtifactRelation.create(
            artifact_id=artifact.id, target_id=other.id, type=ArtifactRelationType.BUILT_USING
        )
    world.rows[FileInStore, "any"] = await FileInStore.create(
        store_id=store.id, file_id=world.rows[File, "lab"].id
    )


async def _artifact(world: World, word: str, workspace_id: int, made_by: int | None = None) -> Artifact:
    artifact = await Artifact.create(
        category="workyard:test", workspace_id=workspace_id, created_by_work_request_id=made_by
    )
    file = await File.create(sha256=hashlib.sha256(word.encode()).digest(), size=len(word))
    place = await FileInArtifact.create(artifact_id=artifact.id, path="a/file", file_id=file.id)
    upload = await FileUpload.create(file_in_artifact_id=place.id, path=str(uuid.uuid4()))
    for row in (artifact, file, place, upload):
        world.rows[type(row), word] = row
    return artifact


async def _add_channels(world: World, other: Tenant) -> None:
    for word, tenant in (("ours", world.cast.tenant), ("theirs", other)):
        world.rows[NotificationChannel, word] = await NotificationChannel.create(
            tenant_id=tenant.id,
            name="mail",
            method=NotificationMethod.EMAIL,
            data={"from": "yard@example.org", "to": ["team@example.org"]},
        )


async def _add_tokens(world: World, their_worker: Worker) -> None:
    cast = world.cast
    activation = await _token(cast.tenant.id, TokenKind.ACTIVATION, cast.sam.user.id)
    for word, token in (
        ("ann's", cast.ann.token),
        ("machine's", await cast.machine.worker.token),
        ("activation", activation),
        ("zoe's", cast.zoe.token),
        ("their worker's", await their_worker.token),
    ):
        world.rows[type(token), word] = token


@atomic()
async def _token(tenant_id: int, kind: TokenKind, user_id: int | None) -> Any:
    return await make_token(tenant_id, kind, user_id=user_id)


async def _their_worker(tenant: Tenant) -> Worker:
    token = await _token(tenant.id, TokenKind.WORKER, None)
    return await Worker.create(tenant_id=tenant.id, name=f"theirs-{uuid.uuid4().hex[:6]}", token_id=token.id)


async def _log_entry(tenant: Tenant, user: User) -> LogEntry:
    return await LogEntry.create(
        tenant_id=tenant.id,
        user_id=user.id,
        object_type="User",
        object_id=user.id,
        object_repr="x",
        action_flag=LogAction.CHANGE,
    )


@pytest.fixture
async def world(cast: Cast) -> World:
    """Everything, new for this test."""
    return await make_world(cast)
