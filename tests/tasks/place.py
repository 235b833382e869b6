"""A broker of a test's own, and runs of its actors without a runner or a database."""

import asyncio
from collections.abc import Callable
from typing import Any

import dramatiq
import pytest

from app.models.tasks import LogLevel, TaskState
from app.tasks import Actor, Outcome, RunningTask, TaskBroker, new_task, process
from app.tasks.messages import Message

TENANT = 7
LIMIT = 10.0


class Place:
    """Where actors are declared and tasks are run, one at a time."""

    def __init__(self) -> None:
        self.broker = TaskBroker()
        self.limits: list[float | None] = []
        """The time limits of the plain functions that were run."""

    def actor(self, fn: Callable[..., Any], **options: Any) -> Actor[..., Any]:
        """Declare an actor of ours."""
        declare = dramatiq.actor(actor_class=Actor, broker=self.broker, **options)
        declared = declare(fn)
        assert isinstance(declared, Actor)
        return declared

    def unchanged(self, fn: Callable[..., Any], **options: Any) -> dramatiq.Actor[..., Any]:
        """Declare an actor as dramatiq does."""
        return dramatiq.actor(broker=self.broker, **options)(fn)

    def task(self, message: Message, **fields: Any) -> RunningTask:
        """The task of a message, as if it had been stored and taken."""
        new = new_task(message, tenant_id=TENANT, broker=self.broker)
        return RunningTask(
            1,
            new.message_id,
            new.queue_name,
            new.actor_name,
            fields.pop("body", new.message),
            **{"tenant_id": TENANT, "label": new.uid, **fields},
        )

    async def run(self, message: Message, **fields: Any) -> Outcome:
        """Run a message to its end."""
        return await self.process(self.task(message, **fields))

    async def process(self, task: RunningTask) -> Outcome:
        """Run a task to its end. A run that never ends fails the test."""
        async with asyncio.timeout(LIMIT):
            return await process(task, self._in_thread, self.broker)

    async def again(self, outcome: Outcome, **fields: Any) -> Outcome:
        """Run what wants to be run again."""
        assert outcome.state is TaskState.QUEUED and outcome.message is not None
        message = dramatiq.Message.decode(outcome.message)
        return await self.run(message, attempt=outcome.retries + 1, **fields)

    async def _in_thread(
        self, actor: "dramatiq.Actor[..., Any]", message: Message, limit: float | None
    ) -> Any:
        self.limits.append(limit)
        return await asyncio.to_thread(actor.fn, *message.args, **message.kwargs)


@pytest.fixture
def place() -> Place:
    return Place()


def states(outcome: Outcome) -> list[TaskState]:
    return [state for state, _ in outcome.transitions]


def said(outcome: Outcome) -> list[tuple[LogLevel, str]]:
    """Level and text of the lines, in their order."""
    return [(line.log_level, line.event) for line in outcome.logs]
