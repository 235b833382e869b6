"""A process that runs actors which keep a processor busy: what it is given and what it returns is JSON."""

import asyncio
import signal
import sys
import traceback
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from dramatiq.errors import Retry

from app.models.tasks import LogEvent, LogLevel
from app.tasks.actors import coroutine_function
from app.tasks.broker import broker
from app.tasks.loading import load_modules
from app.tasks.messages import NewGroup, NewTask, to_json
from app.tasks.running import RunningTask, current


def begin(modules: Sequence[str]) -> None:
    """Make the actors known. What a terminal sends to stop the runner is for the runner, who then stops this process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    load_modules(modules)


def order(task: RunningTask) -> bytes:
    """What the process needs to know of a task."""
    return orjson.dumps(
        {
            "id": task.id,
            "message_id": str(task.message_id),
            "queue_name": task.queue_name,
            "actor_name": task.actor_name,
            "body": task.body.decode(),
            "tenant_id": task.tenant_id,
            "workspace_id": task.workspace_id,
            "label": task.uid.removeprefix(task.actor_name).removeprefix(":"),
            "rel_obj": task.rel_obj,
            "attempt": task.attempt,
            "retries": task.retries,
            "crashes": task.crashes,
        }
    )


def run(ordered: bytes) -> bytes:
    """In the process: run the task's actor. Returns what became of it, what it logged, and what it sent."""
    task = _task(orjson.loads(ordered))
    token = current.set(task)
    try:
        outcome = _call(task)
    finally:
        current.reset(token)
    return orjson.dumps(
        {
            **outcome,
            "lines": [
                [line.event, line.log_level.value, line.logger, line.timestamp, line.attributes]
                for line in task.take_lines()
            ],
            "effects": [_effect(effect) for effect in task.effects],
            "groups": [(str(group.id), group.pending) for group in task.groups],
            "retry": task.retry,
            "label": task.new_label,
        }
    )


def returned(task: RunningTask, answer: bytes) -> Any:
    """In the runner: take over what the actor logged and sent, and return what it returned, or raise what it raised."""
    outcome = orjson.loads(answer)
    for event, level, logger, timestamp, attributes in outcome["lines"]:
        task.lines.append(
            LogEvent(event, LogLevel(level), logger, datetime.fromisoformat(timestamp), attributes)
        )
    task.effects.extend(_new_task(effect) for effect in outcome["effects"])
    task.groups += tuple(NewGroup(UUID(id), pending) for id, pending in outcome["groups"])
    if outcome["label"] is not None:
        task.set_uid(outcome["label"])
    if outcome["retry"] is not None:
        eta, delay = outcome["retry"]
        task.retry = (datetime.fromisoformat(eta) if eta else None, delay)
    if "error" in outcome:
        raise _error(outcome["error"])
    if "no_json" in outcome:
        return type(outcome["no_json"], (), {})()  # of a type of this name, which is all that is said of it
    return outcome["value"]


class FailedElsewhere(Exception):
    """What an actor raised in its process, if it cannot be made again here; the text begins with the type's name."""


class TracebackElsewhere(Exception):
    """Where in its process an actor failed."""

    def __str__(self) -> str:
        return f"\n{self.args[0]}"


def _task(facts: dict[str, Any]) -> RunningTask:
    rel_obj = facts.pop("rel_obj")
    return RunningTask(
        facts.pop("id"),
        UUID(facts.pop("message_id")),
        facts.pop("queue_name"),
        facts.pop("actor_name"),
        facts.pop("body").encode(),
        rel_obj=tuple(rel_obj) if rel_obj else None,
        **facts,
    )


def _call(task: RunningTask) -> dict[str, Any]:
    try:
        message = task.message
        actor = broker.get_actor(message.actor_name)
        function = coroutine_function(actor)
        if function is not None:
            value = asyncio.run(function(*message.args, **message.kwargs))
        else:
            value = actor(*message.args, **message.kwargs)
    except BaseException as error:
        return {"error": _describe(error)}
    encoded = to_json(value)
    if encoded is None:
        return {"no_json": type(value).__name__}
    return {"value": orjson.Fragment(encoded)}


def _describe(error: BaseException) -> dict[str, Any]:
    kind = type(error)
    return {
        "module": kind.__module__,
        "name": kind.__qualname__,
        "text": str(error),
        "args": orjson.Fragment(to_json(error.args) or b"null"),
        "delay": error.delay if isinstance(error, Retry) else None,
        "traceback": "".join(traceback.format_exception(error)),
    }


def _error(described: dict[str, Any]) -> BaseException:
    """The error, made again: of its own class if that is known here, so that retries and `throws` can tell it."""
    error = _again(described) or FailedElsewhere(f"{described['name']}: {described['text']}")
    if isinstance(error, Retry):
        error.delay = described["delay"]
    error.__cause__ = TracebackElsewhere(described["traceback"])
    return error


def _again(described: dict[str, Any]) -> BaseException | None:
    kind: Any = sys.modules.get(described["module"])
    for name in described["name"].split("."):
        kind = getattr(kind, name, None)
    if not isinstance(kind, type) or not issubclass(kind, Exception) or described["args"] is None:
        return None
    try:
        return kind(*described["args"])
    except Exception:
        return None


def _effect(task: NewTask) -> dict[str, Any]:
    return {name: getattr(task, name) for name in NewTask.__slots__} | {
        "message_id": str(task.message_id),  # of asyncpg's kind, which orjson does not know
        "message": task.message.decode(),
    }


def _new_task(fields: dict[str, Any]) -> NewTask:
    eta, rel_obj = fields["eta"], fields["rel_obj"]
    return NewTask(
        **{
            **fields,
            "message_id": UUID(fields["message_id"]),
            "message": fields["message"].encode(),
            "eta": datetime.fromisoformat(eta) if eta else None,
            "rel_obj": tuple(rel_obj) if rel_obj else None,
        }
    )
