"""The artifacts that a work request takes: named in `inputs` of its taskData, and kept from expiring until it has ended."""

from collections.abc import Mapping
from typing import Any

from app.access import Viewer
from app.database import fetch
from app.errors import BadInput, FieldError, Invalid, InvalidState
from app.models import Artifact, TaskType, WorkRequest
from app.models.global_ids import decode_id

MAX_INPUTS = 100
INPUTS = "inputs"
"""The property of taskData whose values are ids of artifacts, for task types whose schema declares it."""


async def hold_inputs(viewer: Viewer, request: WorkRequest, task_data: Mapping[str, Any]) -> None:
    """Note what a saved request takes, in the transaction that makes it. Raises as `check_inputs` does."""
    ids = await check_inputs(viewer, request, task_data)
    if ids:
        await fetch(_HOLD, request.id, ids)


_HOLD = "INSERT INTO work_request_input (work_request_id, artifact_id) SELECT $1, unnest($2::bigint[])"


async def check_inputs(viewer: Viewer, request: WorkRequest, task_data: Mapping[str, Any]) -> list[int]:
    """The artifacts that the request would take; in a transaction, they are held until its end.

    `Invalid` on each that the viewer does not see, that is not complete, or that is in another workspace.
    """
    named = await _named(request.task_name, task_data)
    numbers = {name: _number(value) for name, value in named.items()}
    ids = sorted({id for id in numbers.values() if id is not None})
    if not named:
        return []
    await fetch("SELECT FROM artifact WHERE id = ANY($1::bigint[]) ORDER BY id FOR KEY SHARE", ids)
    found = {row.id: row for row in await Artifact.visible_to(viewer).filter(id__in=ids)}
    problems = [
        FieldError(("input", "taskData", INPUTS, name), *problem)
        for name, id in numbers.items()
        if (problem := _problem(found.get(id or 0), request))
    ]
    if problems:
        raise Invalid(*problems[:10])
    return ids


async def hold_inputs_of(request: WorkRequest, predecessor: WorkRequest) -> None:
    """Let a request take what the one takes whose place it took, as far as that is still there."""
    await fetch(_HOLD_SAME, request.id, predecessor.id)


async def require_inputs(request: WorkRequest) -> None:
    """Raise `InvalidState` when something is gone that an ended request took."""
    named = await _named(request.task_name, request.task_data)
    held = {row["artifact_id"] for row in await fetch(_HELD, request.id)} if named else set()
    if not {_number(value) for value in named.values()} <= held:
        raise InvalidState(
            "An artifact that it takes has expired: submit new work with another one.",
            current_state="EXPIRED",
        )


_HELD = "SELECT artifact_id FROM work_request_input WHERE work_request_id = $1"
_HOLD_SAME = """
INSERT INTO work_request_input (work_request_id, artifact_id)
SELECT $1, artifact_id FROM work_request_input WHERE work_request_id = $2
"""


async def _named(task_name: str, task_data: Mapping[str, Any]) -> dict[str, Any]:
    """What taskData names as inputs; nothing, when the task type does not declare them."""
    named = task_data.get(INPUTS)
    if not isinstance(named, dict) or not named:
        return {}
    task_type = await TaskType.get(name=task_name)
    declared = task_type.data_schema.get("properties")
    if not isinstance(declared, dict) or INPUTS not in declared:
        return {}
    if len(named) > MAX_INPUTS:
        raise Invalid.field(f"taskData.{INPUTS}", f"There may be at most {MAX_INPUTS} inputs.", "TOO_LARGE")
    return named


def _number(value: Any) -> int | None:
    """The number of the artifact with that global id; None when it is none."""
    try:
        name, key = decode_id(value) if isinstance(value, str) else ("", None)
    except BadInput:
        return None
    return key if name == Artifact.__name__ and isinstance(key, int) else None


def _problem(artifact: Artifact | None, request: WorkRequest) -> tuple[str, str] | None:
    if artifact is None:
        return "There is no such artifact, or you may not see it.", "UNKNOWN"
    if not artifact.complete:
        return "This artifact still lacks files.", "INCOMPLETE"
    if artifact.workspace_id != request.workspace_id:
        return "This artifact is in another workspace.", "ELSEWHERE"
    return None
