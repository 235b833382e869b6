"""The cast. ann owns the workspace `lab`, bob contributes to it, vic may look, eve is no member; sam is staff; the machine
is an enabled, connected worker that can do everything built in. `theirs` is the workspace of another tenant."""

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any

import pytest

from app.access import Role, Viewer
from app.actions import accounts, artifacts, work
from app.actions.tasks.enqueueing import enqueue
from app.actions.tokens import make_token, viewer_of
from app.actions.workspaces import default_file_store_id
from app.clock import now
from app.database import Database, atomic
from app.models import (
    Task,
    TaskState,
    Tenant,
    Token,
    TokenKind,
    User,
    Worker,
    WorkRequest,
    Workspace,
    WorkspaceMembership,
)
from app.tasks.making import new_task
from tests import task_actors

MACHINE_TAGS = ["task:noop", "task:python", "task:shell"]


@dataclass
class Person:
    """Somebody of the cast: a user and a token that is good for everything they may do."""

    user: User
    token: Token

    @property
    def key(self) -> str:
        assert self.token.key is not None
        return self.token.key

    async def viewer(self) -> Viewer:
        """Who this person is just now."""
        viewer = await viewer_of(self.key)
        assert viewer is not None
        return viewer


@dataclass
class Machine:
    """A worker of the cast."""

    worker: Worker
    key: str

    async def viewer(self) -> Viewer:
        viewer = await viewer_of(self.key)
        assert viewer is not None
        return viewer


@dataclass
class Cast:
    """Everybody, and where they work."""

    tenant: Tenant
    lab: Workspace
    ann: Person
    bob: Person
    vic: Person
    eve: Person
    sam: Person
    root: Person
    zoe: Person
    theirs: Workspace
    machine: Machine

    async def request(self, by: Person | None = None, **changes: Any) -> WorkRequest:
        """A pending request in the lab, by bob."""
        viewer = await (by or self.bob).viewer()
        return await work.create_work_request(
            viewer, work.NewWorkRequest(**{"task_name": "noop", "workspace_id": self.lab.id, **changes})
        )

    async def task(self, *args: Any, actor: Any = task_actors.noop, **where: Any) -> Task:
        """A task in the lab that waits for a runner; `where` says else where and when."""
        where = {"workspace_id": self.lab.id, "tenant_id": self.tenant.id, **where}
        (sent,) = await enqueue([new_task(actor.message(*args), **where)])
        return await Task.get(id=sent.id)

    async def rejected_task(self, *args: Any, **where: Any) -> Task:
        """A task that ended without having been done, as a runner leaves it."""
        task = await self.task(*args, **where)
        await Task.filter(id=task.id).update(
            state=TaskState.REJECTED, ready=False, expires_at=_soon(), attempt=1, worst_level="error"
        )
        return await Task.get(id=task.id)

    async def worker(
        self, fqdn: str = "other.lan", *, tags: list[str] | None = None, concurrency: int = 1
    ) -> Machine:
        """One more enabled and connected worker."""
        activation = await make_token(
            self.tenant.id, TokenKind.ACTIVATION, user_id=self.sam.user.id, expire_at=_soon(), scopes=()
        )
        worker = await work.register_worker(fqdn=fqdn, activation_key=activation.key, concurrency=concurrency)
        assert worker.token.key is not None
        machine = Machine(worker, worker.token.key)
        await work.update_worker_dynamic_metadata(
            await machine.viewer(), {"tags": MACHINE_TAGS if tags is None else tags}
        )
        machine.worker = await work.connect_worker(await machine.viewer(), uuid.uuid4(), 1)
        return machine


async def workspace(tenant: Tenant, name: str, *, public: bool = False) -> Workspace:
    """A new workspace without members."""
    store_id = await default_file_store_id()
    return await Workspace.create(
        tenant_id=tenant.id, name=name, public=public, default_file_store_id=store_id
    )


_hash = cache(accounts.hash_password)


def _soon() -> datetime:
    return now() + timedelta(minutes=5)


@atomic()
async def _person(tenant: Tenant, name: str, **rights: Any) -> Person:
    user = await User.create(
        tenant_id=tenant.id,
        username=name,
        password=_hash(name) if name == "ann" else "",
        **rights,
    )
    return Person(user, await make_token(tenant.id, TokenKind.API, user_id=user.id))


@pytest.fixture
async def cast(db: Database) -> Cast:
    """Everybody, new for this test."""
    return await make_cast()


async def make_cast() -> Cast:
    """Make everybody, in the database that the models use."""
    await work.register_builtin_task_types()
    await artifacts.register_builtin_categories()
    tenant, other = await Tenant.get(name="default"), await Tenant.create(name="other")
    lab = await workspace(tenant, "lab")
    people = {name: await _person(tenant, name) for name in ("ann", "bob", "vic", "eve")}
    for name, role in (("ann", Role.OWNER), ("bob", Role.CONTRIBUTOR), ("vic", Role.VIEWER)):
        await WorkspaceMembership.create(workspace_id=lab.id, user_id=people[name].user.id, role=role)
    cast = Cast(
        tenant=tenant,
        lab=lab,
        **people,
        sam=await _person(tenant, "sam", is_staff=True),
        root=await _person(tenant, "root", is_staff=True, is_superuser=True),
        zoe=await _person(other, "zoe", is_superuser=True),
        theirs=await workspace(other, "theirs"),
        machine=None,  # type: ignore[arg-type]
    )
    cast.machine = await cast.worker("machine.lan", concurrency=2)
    return cast
