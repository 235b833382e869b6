"""Submitting work, and changing what has not started."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from app import events
from app.access import Capability, Viewer
from app.actions.gathering import Gatherings
from app.actions.idempotency import made_before, remember
from app.actions.notifications.rules import NewNotificationRule, checked_rules
from app.actions.outbox import Source, insert, insert_from, record
from app.actions.work.inputs import INPUTS, check_inputs, hold_inputs
from app.actions.work.task_types import (
    KnownTaskType,
    check_tags,
    check_task_data,
    forget_task_type,
    known_task_type,
    task_type_named,
)
from app.actions.workspaces import workspace_or_default
from app.database import atomic, fetch, in_transaction
from app.errors import Invalid, InvalidState
from app.models import TaskType, Worker, WorkRequest, WorkRequestStatus, Workspace
from app.models.kept import finding
from app.models.work import ABORTED, BLOCKED, GOOD_RESULTS, PENDING

MAX_DEPENDENCIES = 100
MAX_RETRIES = 20
MOST_TOGETHER = 50
"""So many requests of several callers go into one statement, each with at most MAX_TASK_DATA bytes."""

_together: Gatherings[dict[str, Any], WorkRequest | None] = Gatherings(MOST_TOGETHER)


@dataclass(frozen=True)
class NewWorkRequest:
    """What a client asks for. Ids are numbers of rows."""

    task_name: str
    task_data: Any = field(default_factory=dict)
    workspace_id: int | None = None
    required_tags: Sequence[str] = ()
    pinned_worker_id: int | None = None
    priority_adjustment: int = 0
    dependency_ids: Sequence[int] = ()
    parent_id: int | None = None
    allow_failure: bool = False
    max_attempts: int = 3
    retry_delays: Sequence[timedelta] = ()
    notifications: Sequence[NewNotificationRule] = ()

    @property
    def stands_alone(self) -> bool:
        """True when it has to do with no other row, but its workspace and its task type."""
        related = self.dependency_ids or self.parent_id or self.pinned_worker_id or self.notifications
        return not related and not (isinstance(self.task_data, dict) and INPUTS in self.task_data)


async def create_work_request(
    viewer: Viewer, new: NewWorkRequest, *, idempotency_key: str | None = None
) -> WorkRequest:
    """Submit work. It waits for its dependencies (BLOCKED), then for a worker (PENDING)."""
    if idempotency_key is None and new.stands_alone:
        return await _create_alone(viewer, new)
    return await atomic()(_create)(viewer, new, idempotency_key)


async def _create_alone(viewer: Viewer, new: NewWorkRequest) -> WorkRequest:
    """One statement, if all is as usual; it needs no other to hold still. What is not as usual is looked at closely."""
    workspace_id = new.workspace_id
    known = await known_task_type(viewer, new.task_name)
    if known is not None and workspace_id is not None and viewer.can(Capability.CREATE_WORK, workspace_id):
        with suppress(Invalid):
            values = await _checked(viewer, new, workspace_id, known.row)
            source = _while_known(viewer, workspace_id, values["required_tags"], known)
            if made := await _insert(source, values):
                return made
        forget_task_type(new.task_name)
    return await _create(viewer, new, None)


async def _insert(source: Source, values: dict[str, Any]) -> WorkRequest | None:
    """The row, if the source has what it is to be made from; with those of others who want the same just now."""

    async def store(rows: Sequence[dict[str, Any]]) -> list[WorkRequest | None]:
        made = await insert_from(source, WorkRequest, events.WorkRequestCreated, rows)
        return list(made) or [None] * len(rows)

    if in_transaction():
        return (await store([values]))[0]
    return (await _together.of(store, source).store([values]))[0]


def _while_known(viewer: Viewer, workspace_id: int, tags: Sequence[str], task_type: KnownTaskType) -> Source:
    """The workspace, if the viewer sees it, and the set of tags, if there is one; while the task type is as it is known."""
    seen = finding(Workspace, viewer, "id")
    first = len(seen.values) + 2
    return Source(
        (("workspace_id", "workspace.id"), ("tag_set_id", "tag_set.id")),
        f"""JOIN ({seen.sql}) AS workspace ON true JOIN tag_set ON tag_set.tags = ${first}::text[]
            WHERE EXISTS (SELECT FROM task_type WHERE id = ${first + 1}::bigint AND xmin = ${first + 2}::text::xid)""",
        (*seen.values, workspace_id, tuple(tags), task_type.row.id, task_type.xmin),
    )


async def _create(viewer: Viewer, new: NewWorkRequest, idempotency_key: str | None) -> WorkRequest:
    workspace = await workspace_or_default(viewer, new.workspace_id)
    viewer.require(Capability.CREATE_WORK, workspace.id)
    if before := await made_before(viewer, idempotency_key, "createWorkRequest", new):
        return await WorkRequest.get_visible(viewer, before)
    await _hold_parent(new.parent_id)
    values = await _checked(viewer, new, workspace.id, await task_type_named(viewer, new.task_name))
    dependencies = await _lock_dependencies(viewer, workspace.id, new.dependency_ids)
    blocked = any(not ended_well(dependency) for dependency in dependencies)
    request = await insert(
        WorkRequest,
        events.WorkRequestCreated,
        {
            **values,
            "workspace_id": workspace.id,
            "tag_set_id": await tag_set_id(values["required_tags"]),
            "status": BLOCKED if blocked else PENDING,
        },
    )
    await depend_on(request, dependencies)
    await hold_inputs(viewer, request, new.task_data)
    await remember(viewer, idempotency_key, request.id)
    return request


async def check_work_request(viewer: Viewer, new: NewWorkRequest) -> None:
    """Raise what `create_work_request` would raise, and change nothing."""
    workspace = await workspace_or_default(viewer, new.workspace_id)
    viewer.require(Capability.CREATE_WORK, workspace.id)
    values = await _checked(viewer, new, workspace.id, await task_type_named(viewer, new.task_name))
    await check_inputs(viewer, WorkRequest(**values, workspace_id=workspace.id), new.task_data)
    await _find_dependencies(viewer, workspace.id, new.dependency_ids)


async def _checked(
    viewer: Viewer, new: NewWorkRequest, workspace_id: int, task_type: TaskType
) -> dict[str, Any]:
    """What the row is to have of its own; `Invalid` when the input breaks a rule."""
    check_task_data(task_type, new.task_data)
    tags = check_tags(
        "requiredTags", [*new.required_tags, *task_type.required_tags, f"task:{task_type.name}"]
    )
    if not 1 <= new.max_attempts <= 100:
        raise Invalid.field("maxAttempts", "There are from 1 to 100 attempts.")
    if len(new.retry_delays) > MAX_RETRIES or any(
        not timedelta() <= delay <= timedelta(days=30) for delay in new.retry_delays
    ):
        raise Invalid.field(
            "retryDelays", f"There are at most {MAX_RETRIES} retries, each after at most 30 days."
        )
    check_priority(viewer, new.priority_adjustment)
    if new.pinned_worker_id is not None:
        await Worker.get_visible(viewer, new.pinned_worker_id)
    if new.parent_id is not None:
        await _check_parent(viewer, new.parent_id, workspace_id)
    return {
        "created_by_id": viewer.user_id,
        "task_name": task_type.name,
        "task_data": new.task_data,
        "required_tags": tags,
        "pinned": new.pinned_worker_id is not None,
        "worker_id": new.pinned_worker_id,
        "priority_adjustment": new.priority_adjustment,
        "parent_id": new.parent_id,
        "allow_failure": new.allow_failure,
        "max_attempts": new.max_attempts,
        "retry_delays": list(new.retry_delays),
        "notifications": await checked_rules(viewer, new.notifications),
    }


async def _hold_parent(id: int | None) -> None:
    """Let the parent not be aborted before it is known to have one more child, which that would have to abort too."""
    if id is not None:
        await fetch("SELECT 1 FROM work_request WHERE id = $1 FOR SHARE", id)


async def _check_parent(viewer: Viewer, id: int, workspace_id: int) -> None:
    parent = await WorkRequest.get_visible(viewer, id)
    if parent.workspace_id != workspace_id:
        raise Invalid.field("parent", "The parent is in another workspace.")
    if parent.status is ABORTED:
        raise Invalid.field("parent", "The parent was aborted, and its parts with it.", "ABORTED")


@atomic()
async def set_work_request_priority(
    viewer: Viewer, id: int, adjustment: int, *, if_version: int | None = None
) -> WorkRequest:
    """Move a request that has not started in the queue. Contributors may lower their own; staff may raise any."""
    request = await WorkRequest.lock_visible(viewer, id, if_version=if_version)
    if viewer.user_id == request.created_by_id and not viewer.can(Capability.RAISE_PRIORITY):
        viewer.require(Capability.LOWER_PRIORITY, request.workspace_id)
    else:
        viewer.require(Capability.RAISE_PRIORITY)
    check_priority(viewer, adjustment)
    if request.status not in (BLOCKED, PENDING):
        raise InvalidState(
            f"The work request is {request.status.name}: its place in the queue is past.",
            current_state=request.status.name,
        )
    request.priority_adjustment = adjustment
    await request.save_changes("priority_adjustment")
    await record(events.WorkRequestPriorityChanged, request.id)
    return request


@atomic()
async def set_work_request_dependencies(
    viewer: Viewer,
    id: int,
    dependency_ids: Sequence[int],
    *,
    if_version: int | None = None,
) -> WorkRequest:
    """Say anew what a request that has not started waits for. Cycles are refused."""
    workspace_id = (await WorkRequest.get_visible(viewer, id)).workspace_id
    viewer.require(Capability.CREATE_WORK, workspace_id)
    await fetch(
        "SELECT pg_advisory_xact_lock(1, $1::int)", workspace_id % 2**31
    )  # two edits could make a cycle together
    dependencies = await _lock_dependencies(viewer, workspace_id, dependency_ids)
    request = await WorkRequest.lock_visible(viewer, id, if_version=if_version)
    if request.status not in (BLOCKED, PENDING):
        raise InvalidState(
            f"The work request is {request.status.name}: it waits for nothing.",
            current_state=request.status.name,
        )
    if await fetch(_REACHES, [dependency.id for dependency in dependencies], request.id):
        raise Invalid.field(
            "dependencies", "A work request cannot wait for itself, not even through others.", "CYCLE"
        )
    await fetch("DELETE FROM work_request_dependency WHERE dependant_id = $1", request.id)
    await depend_on(request, dependencies)
    blocked = any(not ended_well(dependency) for dependency in dependencies)
    request.wait_for(blocked)
    await request.save_changes("status")
    await record(events.WorkRequestDependenciesChanged, request.id)
    return request


_REACHES = """
WITH RECURSIVE waits_for(id) AS (
    SELECT unnest($1::bigint[])
    UNION
    SELECT dependency_id FROM work_request_dependency JOIN waits_for ON dependant_id = waits_for.id)
SELECT 1 FROM waits_for WHERE id = $2
"""


async def tag_set_id(tags: Sequence[str]) -> int:
    """The number of this set of tags; made when it is new."""
    found = await fetch("SELECT id FROM tag_set WHERE tags = $1::text[]", list(tags))
    if not found:
        await fetch("INSERT INTO tag_set (tags) VALUES ($1::text[]) ON CONFLICT DO NOTHING", list(tags))
        found = await fetch("SELECT id FROM tag_set WHERE tags = $1::text[]", list(tags))
    return int(found[0]["id"])


def check_priority(viewer: Viewer, adjustment: int) -> None:
    """Anyone may ask to be last; being first is for staff to give."""
    if not -1000 <= adjustment <= 1000:
        raise Invalid.field("priorityAdjustment", "The adjustment is from -1000 to 1000.")
    if adjustment > 0:
        viewer.require(Capability.RAISE_PRIORITY)


async def _find_dependencies(
    viewer: Viewer, workspace_id: int, ids: Sequence[int], *, lock: bool = False
) -> list[WorkRequest]:
    if not ids:
        return []
    if len(ids) > MAX_DEPENDENCIES:
        raise Invalid.field("dependencies", f"There may be at most {MAX_DEPENDENCIES} dependencies.")
    query = WorkRequest.visible_to(viewer).filter(id__in=list(ids)).order_by("id")
    rows = await (query.select_for_update(of=("work_request",), no_key=True) if lock else query)
    if len(rows) != len(set(ids)) or any(row.workspace_id != workspace_id for row in rows):
        raise Invalid.field(
            "dependencies", "Each dependency is a work request of the same workspace.", "UNKNOWN"
        )
    failed = [row for row in rows if row.finished and not ended_well(row)]
    if failed:
        raise Invalid.field(
            "dependencies", "One of the dependencies has failed or was aborted already.", "FAILED"
        )
    return rows


async def _lock_dependencies(viewer: Viewer, workspace_id: int, ids: Sequence[int]) -> list[WorkRequest]:
    """The dependencies, locked so that none of them ends before this one is known to wait for it."""
    return await _find_dependencies(viewer, workspace_id, ids, lock=True)


async def depend_on(request: WorkRequest, dependencies: Sequence[WorkRequest]) -> None:
    """Let a saved request wait for these, which the caller has locked."""
    if not dependencies:
        return
    ids = [dependency.id for dependency in dependencies]
    await fetch(
        "INSERT INTO work_request_dependency (dependant_id, dependency_id) SELECT $1, unnest($2::bigint[])",
        request.id,
        ids,
    )
    await fetch(
        "UPDATE work_request SET has_dependants = true WHERE id = ANY($1::bigint[]) AND NOT has_dependants",
        ids,
    )


def ended_well(request: WorkRequest) -> bool:
    """True when it no longer holds up those that wait for it."""
    if request.status is WorkRequestStatus.COMPLETED:
        return request.result in GOOD_RESULTS or request.allow_failure
    return request.status is WorkRequestStatus.ABORTED and request.allow_failure
