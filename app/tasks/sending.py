"""How messages become tasks: awaited, or from plain code, wherever that runs."""

import asyncio
import importlib
import threading
from collections.abc import Coroutine, Iterable, Sequence
from contextlib import AsyncExitStack
from datetime import datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, cast, overload
from uuid import UUID

import dramatiq

from app.database import models_loop, open_database
from app.models import Tenant, Workspace
from app.settings import Settings
from app.tasks.groups import due_with, members
from app.tasks.making import new_task, new_tasks
from app.tasks.messages import Enqueued, Message, NewGroup, NewTask, RelObj, Unique
from app.tasks.running import RunningTask, current, on_event_loop

if TYPE_CHECKING:
    from app.tasks.broker import TaskBroker

T = TypeVar("T")
Sendable = dramatiq.Message[Any] | dramatiq.pipeline | dramatiq.group

PATIENCE_SECONDS = 30
"""How long plain code waits for its task to be stored."""

STORING = "app.actions.tasks"
"""The one upward reference: the vocabulary says `enqueue`, and the actions know how. By name, so that users of the
vocabulary import no SQL."""


class EnqueueOnLoop(RuntimeError):
    """`send()` was called where it would have to wait and must not: in a coroutine. Nothing was sent."""


class _Storing(Protocol):
    async def enqueue(self, tasks: Sequence[NewTask], groups: Sequence[NewGroup] = ()) -> list[Enqueued]: ...


@overload
async def enqueue(
    messages: Message,
    *,
    delay: timedelta | float | None = None,
    eta: datetime | None = None,
    uid: str | UUID | None = None,
    unique: Unique | None = None,
    rel_obj: RelObj | None = None,
    workspace: Workspace | int | None = None,
    tenant: Tenant | int | None = None,
    priority: int | None = None,
) -> Enqueued: ...
@overload
async def enqueue(
    messages: dramatiq.pipeline | dramatiq.group | Iterable[Sendable],
    *,
    delay: timedelta | float | None = None,
    eta: datetime | None = None,
    uid: str | UUID | None = None,
    unique: Unique | None = None,
    rel_obj: RelObj | None = None,
    workspace: Workspace | int | None = None,
    tenant: Tenant | int | None = None,
    priority: int | None = None,
) -> list[Enqueued]: ...
async def enqueue(
    messages: Sendable | Iterable[Sendable],
    *,
    delay: timedelta | float | None = None,
    eta: datetime | None = None,
    uid: str | UUID | None = None,
    unique: Unique | None = None,
    rel_obj: RelObj | None = None,
    workspace: Workspace | int | None = None,
    tenant: Tenant | int | None = None,
    priority: int | None = None,
) -> Enqueued | list[Enqueued]:
    """Store tasks in the caller's transaction, or in one of their own: all or none. They run after the commit, or never.

    `messages` is one or many; of a pipeline, the first message is sent, of a group, each. A group's completion callbacks are
    sent by the end of whichever of its members is the last to be done. `delay` is a timedelta or
    milliseconds. Raises what `new_task` raises.
    """
    groups: list[NewGroup] = []
    sent = [messages] if isinstance(messages, dramatiq.Message) else list(_flatten(messages, groups, unique))
    broker = _broker()
    waits = _waits(sent, _milliseconds(delay))
    for message, wait in zip(sent, waits, strict=True):
        broker.before_enqueue(message, wait)
    tasks = new_tasks(
        sent,
        waits,
        eta=eta,
        uid=uid,
        unique=unique,
        rel_obj=rel_obj,
        workspace_id=workspace.id if isinstance(workspace, Workspace) else workspace,
        tenant_id=tenant.id if isinstance(tenant, Tenant) else tenant,
        priority=priority,
        broker=broker,
    )
    stored = await store(tasks, due_with(tasks, groups) if groups else ())
    for message, wait in zip(sent, waits, strict=True):
        broker.after_enqueue(message, wait)
    return stored[0] if isinstance(messages, dramatiq.Message) else stored


async def store(tasks: Sequence[NewTask], groups: Sequence[NewGroup] = ()) -> list[Enqueued]:
    """Store tasks that are made up already, and the groups among them that call back."""
    if not tasks and not groups:
        return []
    return await _storing().enqueue(tasks, groups)


@cache
def _storing() -> "_Storing":
    return cast(_Storing, importlib.import_module(STORING))


def send(broker: "TaskBroker", message: Message, delay: float | None) -> Message:
    """Send from plain code. Inside a task: stored together with its end. In a thread: stored when this returns."""
    task = current.get()
    if task is not None:
        _send_from_task(broker, task, message, delay)
        return message
    if on_event_loop():
        raise EnqueueOnLoop(
            f"send() waits, which a coroutine must not: write `await {message.actor_name}.send_async(…)`, "
            "or `await enqueue(message)`."
        )
    stored = wait_for(store([new_task(message, delay_ms=delay, broker=broker)]))[0]
    if stored.absorbed:
        return message.copy(message_id=str(stored.message_id))
    return message


def _send_from_task(broker: "TaskBroker", task: RunningTask, message: Message, delay: float | None) -> None:
    if task.closed:
        raise RuntimeError(
            f"The task {task.uid} has ended, and what it sends now would be lost: await what it starts, "
            "or use `await send_async(…)`."
        )
    if message.message_id == task.message.message_id:
        task.retry_in(delay)
    else:
        task.effects.append(new_task(message, delay_ms=delay, broker=broker))


def wait_for(coroutine: Coroutine[Any, Any, T], patience: float = PATIENCE_SECONDS) -> T:
    """Run it on the loop that has the database, or on one that is made for this, and wait. For plain code in threads."""
    try:
        loop = _loop()
    except BaseException:
        coroutine.close()
        raise
    future = asyncio.run_coroutine_threadsafe(coroutine, loop)
    try:
        return future.result(patience)
    except TimeoutError:
        if future.done():
            raise
        future.cancel()
        raise TimeoutError(
            f"The database did not answer within {patience:g} seconds. What was to be stored may be, or may not."
        ) from None


def _loop() -> asyncio.AbstractEventLoop:
    with _opening:
        loop = models_loop()
        return loop if loop is not None and loop.is_running() else _OwnLoop().open()


_opening = threading.Lock()


class _OwnLoop(threading.Thread):
    """A loop with a database of its own, for scripts: opened at the first send, ended with the process."""

    def __init__(self) -> None:
        super().__init__(name="workyard-tasks", daemon=True)
        self.loop = asyncio.new_event_loop()
        self.stack = AsyncExitStack()

    def run(self) -> None:
        self.loop.run_forever()

    def open(self) -> asyncio.AbstractEventLoop:
        """Start it, and open the database that the settings name. Raises what opening raises."""
        self.start()
        try:
            asyncio.run_coroutine_threadsafe(self._enter(), self.loop).result(PATIENCE_SECONDS)
        except BaseException:
            self.loop.call_soon_threadsafe(self.loop.stop)
            raise
        return self.loop

    async def _enter(self) -> None:
        await self.stack.enter_async_context(open_database(Settings(), migrate=False))


def _flatten(
    messages: Sendable | Iterable[Sendable], groups: list[NewGroup], unique: object
) -> Iterable[Message]:
    """What is to be sent now: of pipelines the first message, which knows the others. Adds the groups that call back."""
    if isinstance(messages, dramatiq.Message):
        yield messages
    elif isinstance(messages, dramatiq.pipeline):
        yield messages.messages[0]
    else:
        children = members(messages, groups, unique) if isinstance(messages, dramatiq.group) else messages
        for child in children:
            if isinstance(child, dramatiq.Message):  # not asked of a generator for each: most of them are
                yield child
            else:
                yield from _flatten(child, groups, unique)


def _waits(messages: Sequence[Message], delay: float | None) -> list[float | None]:
    """How long each waits: the delay that is given for all, or its own if that is longer."""
    return [
        max(delay or 0, _milliseconds(message.options["delay"]) or 0) or None
        if "delay" in message.options
        else delay
        for message in messages
    ]


def _milliseconds(delay: timedelta | float | None) -> float | None:
    return delay.total_seconds() * 1000 if isinstance(delay, timedelta) else delay


def _broker() -> "TaskBroker":
    from app.tasks.broker import broker  # which sends through this module

    return broker
