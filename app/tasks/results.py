"""What actors returned, for whoever sent them: awaited, or by dramatiq's `message.get_result()` in plain code."""

import asyncio
from typing import Any
from uuid import UUID

import dramatiq
import orjson
from dramatiq.results import ResultBackend, ResultFailure, ResultMissing, ResultTimeout
from dramatiq.results.backend import DEFAULT_TIMEOUT

from app.clock import now
from app.models.tasks import LogLevel, Task, TaskLog, TaskState
from app.tasks.messages import Enqueued, Message
from app.tasks.running import on_event_loop
from app.tasks.sending import PATIENCE_SECONDS, wait_for

FIRST_PAUSE, LONGEST_PAUSE = 0.005, 0.25


async def result_of(sent: Enqueued | Message | UUID, *, timeout: float = DEFAULT_TIMEOUT / 1000) -> Any:
    """What the actor returned, once it has; waits up to so many seconds, 0: not at all.

    Raises dramatiq's `ResultTimeout`, `ResultFailure` when the task was rejected, and `ResultMissing` when there is no
    result and will be none: because the actor does not store any, or because its time is over.
    """
    message_id = sent if isinstance(sent, UUID) else UUID(str(sent.message_id))
    pause = FIRST_PAUSE
    end = asyncio.get_running_loop().time() + timeout
    while True:
        found, result = await _look(message_id)
        if found:
            return result
        left = end - asyncio.get_running_loop().time()
        if left <= 0:
            raise ResultTimeout(f"The task {message_id} has not ended yet")  # type: ignore[no-untyped-call]
        await asyncio.sleep(min(pause, left))
        pause = min(2 * pause, LONGEST_PAUSE)


class TaskResults(ResultBackend):
    """Reads what the engine has stored in the tasks' rows."""

    def get_result(
        self, message: dramatiq.Message[Any], *, block: bool = False, timeout: int | None = None
    ) -> Any:
        """As dramatiq's, timeouts in milliseconds. Not for coroutines, which await `result_of()`."""
        if on_event_loop():
            raise RuntimeError(
                "get_result() waits, which a coroutine must not: write `await result_of(message)`."
            )
        seconds = (DEFAULT_TIMEOUT if timeout is None else timeout) / 1000 if block else 0.0
        try:
            return wait_for(result_of(message, timeout=seconds), seconds + PATIENCE_SECONDS)
        except ResultTimeout:
            if block:
                raise
            raise ResultMissing(message) from None  # type: ignore[no-untyped-call]


async def _look(message_id: UUID) -> tuple[bool, Any]:
    """Whether there is a result, and which."""
    rows = await Task.filter(message_id=message_id).values("id", "state", "result", "result_expiry")
    if not rows:
        raise ResultMissing(f"There is no task {message_id}")  # type: ignore[no-untyped-call]
    (row,) = rows
    if row["state"] == TaskState.REJECTED:
        raise await _failure(row["id"])
    if row["state"] != TaskState.DONE:
        return False, None
    if row["result"] is None or (row["result_expiry"] is not None and row["result_expiry"] < now()):
        raise ResultMissing(f"The task {message_id} has no result, or none any more")  # type: ignore[no-untyped-call]
    return True, orjson.loads(row["result"])


async def _failure(task_id: int) -> ResultFailure:
    """The error that the last attempt ended with."""
    line = await TaskLog.filter(task_id=task_id, previous=False).order_by("-number").first()
    if line is None:
        return ResultFailure("The task was rejected")  # type: ignore[no-untyped-call]
    kind = "Rejected"
    if line.log_level is LogLevel.ERROR and line.attributes.get("exception"):
        kind = str(line.attributes["exception"][0]["exc_type"])
    return ResultFailure(f"actor raised {kind}: {line.event}", kind, line.event)  # type: ignore[no-untyped-call]
