"""How work ends before or after its time: aborted, retried; and what that means for those that wait for it."""

from app import events
from app.access import Capability, Scope, Viewer
from app.actions.notifications.rules import notify_of_end
from app.actions.outbox import record
from app.actions.work.inputs import hold_inputs_of, require_inputs
from app.actions.work.requests import depend_on, ended_well
from app.clock import now
from app.database import atomic, fetch
from app.errors import Conflict, Invalid, InvalidState
from app.models import WorkRequest
from app.models.work import BLOCKED, COMPLETED, GOOD_RESULTS, PENDING

MAX_REASON = 1000


@atomic()
async def abort_work_request(
    viewer: Viewer, id: int, *, reason: str = "", if_version: int | None = None
) -> WorkRequest:
    """Stop a request that has not finished, its children, and all that can no longer run; tell everyone who watches.

    Its creator may, and the workspace's owners. A worker that runs it is told, and its report will be refused.
    """
    request = await WorkRequest.lock_visible(viewer, id, if_version=if_version)
    own = request.created_by_id == viewer.user_id and viewer.user_id is not None
    if not (own and Scope.WORK in viewer.scopes):
        viewer.require(Capability.ABORT_WORK, request.workspace_id)
    if len(reason) > MAX_REASON:
        raise Invalid.field("reason", f"A reason has at most {MAX_REASON} characters.")
    if request.finished:
        raise InvalidState(
            f"The work request is {request.status.name} already.", current_state=request.status.name
        )
    await _abort(request, viewer.user_id, reason)
    await _abort_all_below(request, viewer.user_id)
    return request


async def _abort(request: WorkRequest, by: int | None, reason: str) -> None:
    if request.status in (BLOCKED, PENDING) and not request.pinned:
        request.worker_id = None
    request.abort(by, reason)
    await request.save_changes(
        "status", "completed_at", "lease_expires_at", "slot", "needs_input", "aborted_by_id", "abort_reason"
    )
    await record(events.WorkRequestAborted, request.id)
    await notify_of_end(request)


async def _abort_all_below(request: WorkRequest, by: int | None) -> None:
    """Abort the live children of an aborted request, and what waits for any of them, level by level."""
    level = [request]
    while level:
        below: list[WorkRequest] = []
        for above in level:
            below += await _abort_children(above, by)
            below += await _release_dependants(above, by)
        level = below


async def _abort_children(parent: WorkRequest, by: int | None) -> list[WorkRequest]:
    """Abort those that have not ended, until there are none: one that failed just now has left a retry in its place."""
    aborted: list[WorkRequest] = []
    while live := await fetch(_LIVE_CHILDREN, parent.id):
        for child in await _locked(_STILL_LIVE, [row["id"] for row in live]):
            await _abort(child, by, f"Its parent #{parent.id} was aborted.")
            aborted.append(child)
    return aborted


async def _locked(statement: str, key: object) -> list[WorkRequest]:
    """The rows that a locking statement finds, by id."""
    ids = [row["id"] for row in await fetch(statement, key)]
    return await WorkRequest.filter(id__in=ids).order_by("id") if ids else []


_LIVE_CHILDREN = """SELECT id FROM work_request WHERE parent_id = $1
                    AND status IN ('blocked', 'pending', 'running')"""
_STILL_LIVE = """SELECT id FROM work_request WHERE id = ANY($1::bigint[])
                 AND status IN ('blocked', 'pending', 'running') ORDER BY id FOR NO KEY UPDATE"""


async def settle_dependants(request: WorkRequest) -> None:
    """After a request has ended: let go those that waited only for it, or abort those that can no longer run."""
    if request.has_dependants:
        for aborted in await _release_dependants(request, None):
            await _abort_all_below(aborted, None)


async def _release_dependants(request: WorkRequest, by: int | None) -> list[WorkRequest]:
    """Unblock or abort what directly waits for an ended request; returns the aborted ones."""
    waiting = await _locked(_WAITING, request.id)
    if request.result in GOOD_RESULTS or request.allow_failure:
        free = {row["id"] for row in await fetch(_FREE, [dependant.id for dependant in waiting])}
        for dependant in waiting:
            if dependant.id in free:
                dependant.unblock()
                await dependant.save_changes("status")
                await record(events.WorkRequestUnblocked, dependant.id)
        return []
    for dependant in waiting:
        await _abort(dependant, by, f"It depends on #{request.id}, which did not succeed.")
    return waiting


_WAITING = """SELECT work_request.id FROM work_request JOIN work_request_dependency ON dependant_id = work_request.id
              WHERE dependency_id = $1 AND status = 'blocked' ORDER BY work_request.id FOR NO KEY UPDATE OF work_request"""

_FREE = """SELECT id FROM unnest($1::bigint[]) AS waiting(id) WHERE NOT EXISTS (
               SELECT FROM work_request_dependency JOIN work_request AS needed ON needed.id = dependency_id
               WHERE dependant_id = waiting.id AND NOT (
                   (needed.status = 'completed' AND (needed.result IN ('success', 'skipped') OR needed.allow_failure))
                   OR (needed.status = 'aborted' AND needed.allow_failure)))"""


@atomic()
async def retry_work_request(viewer: Viewer, id: int) -> WorkRequest:
    """Make a new request in the place of one that was aborted or did not succeed. What waited for it waits for the new one."""
    request = await WorkRequest.lock_visible(viewer, id)
    viewer.require(Capability.RETRY_WORK, request.workspace_id)
    if not request.retryable:
        raise InvalidState(
            f"Only what was aborted or failed can be retried; this one is {request.status.name}"
            f"{' with ' + request.result.name if request.status is COMPLETED else ''}.",
            current_state=request.status.name,
        )
    successor = await WorkRequest.get_or_none(supersedes_id=request.id)
    if successor is not None:
        raise Conflict(
            "It was retried already: look at its successor.",
            existing=successor,
            current_version=successor.version,
        )
    await require_inputs(request)
    return await supersede(request, created_by_id=viewer.user_id or request.created_by_id)


async def supersede(request: WorkRequest, *, created_by_id: int, automatic: bool = False) -> WorkRequest:
    """The new request that takes the place of an ended one, in the caller's transaction."""
    delay, *delays_left = request.retry_delays if automatic else (None, *request.retry_delays)
    dependencies = await _locked(_LATEST_DEPENDENCIES, request.id)
    if any(needed.finished and not ended_well(needed) for needed in dependencies):
        raise InvalidState(
            "Something that it depends on has not succeeded: retry that first.", current_state="BLOCKED"
        )
    new = WorkRequest(
        workspace_id=request.workspace_id,
        created_by_id=created_by_id,
        task_name=request.task_name,
        task_data=request.task_data,
        required_tags=request.required_tags,
        tag_set_id=request.tag_set_id,
        pinned=request.pinned,
        worker_id=request.worker_id if request.pinned else None,
        priority_base=request.priority_base,
        priority_adjustment=request.priority_adjustment,
        parent_id=request.parent_id,
        allow_failure=request.allow_failure,
        max_attempts=request.max_attempts,
        retry_delays=delays_left,
        notifications=request.notifications,
        supersedes_id=request.id,
        has_dependants=request.has_dependants,
        available_at=now() + delay if delay else now(),
        status=PENDING if all(ended_well(needed) for needed in dependencies) else BLOCKED,
    )
    await new.save()
    await depend_on(new, dependencies)
    await hold_inputs_of(new, request)
    await fetch(_POINT_TO_SUCCESSOR, new.id, request.id)
    await record(events.WorkRequestCreated, new.id, extra={"supersedes_id": request.id})
    return new


_LATEST_DEPENDENCIES = """
WITH RECURSIVE latest(id) AS (
    SELECT dependency_id FROM work_request_dependency WHERE dependant_id = $1
    UNION
    SELECT successor.id FROM latest JOIN work_request AS successor ON successor.supersedes_id = latest.id)
SELECT id FROM work_request WHERE id IN (SELECT id FROM latest)
    AND NOT EXISTS (SELECT FROM work_request AS successor WHERE successor.supersedes_id = work_request.id)
ORDER BY id FOR NO KEY UPDATE OF work_request
"""
_POINT_TO_SUCCESSOR = """UPDATE work_request_dependency SET dependency_id = $1 FROM work_request AS dependant
                         WHERE dependency_id = $2 AND dependant.id = dependant_id AND dependant.status = 'blocked'"""
