"""Workers, live; and the inbox of one's own."""

import asyncio
import contextlib
import uuid
from collections.abc import AsyncIterator
from typing import Annotated, Any, ClassVar

import strawberry

from app import models
from app.access import Capability, Viewer
from app.actions import work as actions
from app.clock import now
from app.context import Info
from app.errors import Forbidden, Unauthenticated
from app.events import CATALOGUE, WORK_BROUGHT
from app.graphql.ids import event_cursor
from app.graphql.scalars import Cursor
from app.publishers.hub import Event
from app.schema.work import Worker, WorkerFilter, WorkRequest
from app.subscriptions.following import After, Following, Happening, Wanted, common, follow, position_after

CHANGES = frozenset(name for name in CATALOGUE if name.startswith("worker."))
INBOX = WORK_BROUGHT | {
    "work_request.aborted",
    "work_request.answered",
    "worker.disabled",
    "worker.metadata_changed",
    "worker.connected",
}
HEARTBEAT = 5.0
DISCONNECT_TIMEOUT = 5.0


@strawberry.type(description="A change of a worker.")
class WorkerEvent(Happening):
    """For workerChanged."""

    row_id: strawberry.Private[int]

    @strawberry.field(
        description="The worker as it is now; null when you may no longer see it.", graphql_type=Worker | None
    )
    @staticmethod
    async def worker(event: strawberry.Parent[Any], info: Info) -> models.Worker | None:
        return await info.context.one(models.Worker, event.row_id)


@strawberry.interface(description="Something that a worker is to know.")
class WorkerInboxMessage(Happening):
    """For workerInbox."""


@strawberry.type(description="There is work that this worker can run: claim it with acquireWorkRequest.")
class WorkRequestAvailable(WorkerInboxMessage):
    """Work to claim."""


@strawberry.type(description="A work request that this worker runs was aborted: stop it, and report nothing.")
class WorkRequestAbortRequested(WorkerInboxMessage):
    """Work to stop."""

    attempt: int = strawberry.field(description="The attempt to stop.")
    reason: str = strawberry.field(description="Why it was aborted.")
    row_id: strawberry.Private[int]

    @strawberry.field(description="The work request.", graphql_type=WorkRequest | None)
    @staticmethod
    async def work_request(event: strawberry.Parent[Any], info: Info) -> models.WorkRequest | None:
        return await info.context.one(models.WorkRequest, event.row_id)


@strawberry.type(description="What the task of a work request asked, which this worker runs, was answered.")
class WorkRequestAnswered(WorkerInboxMessage):
    """Something to go on with."""

    attempt: int = strawberry.field(description="The attempt that asked.")
    answer: str = strawberry.field(description="The answer.")
    row_id: strawberry.Private[int]

    @strawberry.field(description="The work request.", graphql_type=WorkRequest | None)
    @staticmethod
    async def work_request(event: strawberry.Parent[Any], info: Info) -> models.WorkRequest | None:
        return await info.context.one(models.WorkRequest, event.row_id)


@strawberry.type(description="Say what you are: send updateWorkerDynamicMetadata.")
class DynamicMetadataRequested(WorkerInboxMessage):
    """Comes first on every connection."""


@strawberry.type(
    description="An administrator stopped this worker. What it ran has gone back into the queue; the connection ends."
)
class WorkerDisabled(WorkerInboxMessage):
    """The last message: told although the token is refused already."""

    last_word: ClassVar[bool] = True


@strawberry.type
class Subscription:
    """Workers."""

    @strawberry.subscription(
        description="Every change of the workers that you may see.", graphql_type=WorkerEvent
    )
    @staticmethod
    async def worker_changed(
        info: Info,
        filter: Annotated[
            WorkerFilter | None,
            strawberry.argument(description="Only workers that satisfy this as they are now."),
        ] = None,
        after: After = None,
    ) -> Following:
        return await follow(info, after, _change, CHANGES, wanted=Wanted(info, models.Worker, filter))

    @strawberry.subscription(
        description="What this worker is to know. Holding it open is what being connected means. For enabled workers.",
        graphql_type=WorkerInboxMessage,
    )
    @staticmethod
    async def worker_inbox(info: Info, after: After = None) -> AsyncIterator[Any]:
        viewer = info.context.viewer
        if viewer.anonymous:
            raise Unauthenticated()
        if viewer.worker_id is None:
            raise Forbidden("This needs a worker's token.")
        viewer.require(Capability.RUN_WORK)
        position = await position_after(info, after)
        async with _Connection(info, viewer):
            yield DynamicMetadataRequested(
                cursor=Cursor(event_cursor(position)), time=now(), type="worker.metadata_requested"
            )
            worker = await models.Worker.get(id=viewer.worker_id)
            async for event in info.context.hub.follow(position, INBOX):
                if event.tenant_id != viewer.tenant_id:
                    continue
                if event.type == "worker.metadata_changed" and event.subject_id == worker.id:
                    worker.provided_tags = event.data["provided_tags"]
                message = _message(event, worker)
                if message is None:
                    continue
                welcome = await _is_welcome(info)
                if isinstance(message, WorkerDisabled):
                    if welcome:  # it was enabled again since
                        continue
                    yield message
                    return
                if welcome:
                    yield message


def _change(event: Event) -> WorkerEvent:
    fields: dict[str, Any] = common(event)
    return WorkerEvent(**fields, row_id=event.subject_id)


async def _is_welcome(info: Info) -> bool:
    """False once the worker is disabled: then it hears nothing more but that."""
    try:
        await info.context.current_viewer()
    except Unauthenticated:
        return False
    return True


def _message(event: Event, worker: models.Worker) -> WorkerInboxMessage | None:
    """What an event means for this worker, if anything."""
    fields: dict[str, Any] = common(event)
    if event.type == "worker.disabled":
        return WorkerDisabled(**fields) if event.subject_id == worker.id else None
    if event.type == "work_request.aborted":
        if event.data["worker_id"] != worker.id or not event.data["attempt"]:
            return None
        return WorkRequestAbortRequested(
            **fields,
            row_id=event.subject_id,
            attempt=event.data["attempt"],
            reason=event.data["abort_reason"],
        )
    if event.type == "work_request.answered":
        if event.data["worker_id"] != worker.id:
            return None
        return WorkRequestAnswered(
            **fields,
            row_id=event.subject_id,
            attempt=event.data["attempt"],
            answer=event.data["answer"],
        )
    if event.type in ("worker.metadata_changed", "worker.connected"):
        return WorkRequestAvailable(**fields) if event.subject_id == worker.id else None
    return WorkRequestAvailable(**fields) if _can_run(event, worker) else None


def _can_run(event: Event, worker: models.Worker) -> bool:
    if event.data["status"] != models.WorkRequestStatus.PENDING.value:
        return False
    return event.data["worker_id"] in (None, worker.id) and set(event.data["required_tags"]) <= set(
        worker.provided_tags
    )


class _Connection:
    """While it is held, the worker counts as connected."""

    def __init__(self, info: Info, viewer: Viewer) -> None:
        self._hub = info.context.hub
        self._viewer = viewer
        self._id = uuid.uuid4()
        self._beating: asyncio.Task[None] | None = None

    async def __aenter__(self) -> None:
        try:
            await actions.connect_worker(self._viewer, self._id, self._hub.server_number)
        except BaseException:  # cancelled in the middle of a commit, one cannot know whether it was done
            await self._disconnect()
            raise
        self._beating = asyncio.create_task(self._beat())

    async def __aexit__(self, *_: object) -> None:
        assert self._beating is not None
        self._beating.cancel()
        await self._disconnect()

    async def _disconnect(self) -> None:
        """Also when this task is being cancelled."""
        assert self._viewer.worker_id is not None
        ending = asyncio.create_task(actions.disconnect_worker(self._viewer.worker_id, self._id))
        with contextlib.suppress(Exception):
            await asyncio.wait_for(asyncio.shield(ending), DISCONNECT_TIMEOUT)

    async def _beat(self) -> None:
        """Note that the worker is there; connect it again when it was taken for lost while the server was out of touch."""
        while True:
            await asyncio.sleep(HEARTBEAT)
            with contextlib.suppress(Exception):
                assert self._viewer.worker_id is not None
                if not await actions.touch_worker(self._viewer.worker_id, self._id, self._hub.server_number):
                    await actions.reconnect_worker(self._viewer, self._id, self._hub.server_number)
