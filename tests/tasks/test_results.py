"""What an actor returned reaches whoever asks for it."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from dramatiq.results import ResultFailure, ResultMissing, ResultTimeout

from app.clock import now
from app.database import Database, fetch
from app.models import Task
from app.tasks import pipeline, result_of
from tests.task_actors import answer, fails, noop


async def end(message_id: object, state: str, result: bytes | None = None) -> Task:
    """Have the task ended, as a runner would."""
    task = await Task.get(message_id=UUID(str(message_id)))
    later = now() + timedelta(days=1)
    await Task.filter(id=task.id).update(
        state=state,
        ready=False,
        result=result,
        result_expiry=later if result else None,
        expires_at=later,
    )
    return task


async def test_a_result_is_waited_for(db: Database) -> None:
    sent = await answer.send_async()

    waiting = asyncio.create_task(result_of(sent))
    await asyncio.sleep(0)
    await end(sent.message_id, "done", b'{"a": [42]}')

    assert await waiting == {"a": [42]}
    assert await result_of(sent.message_id) == {"a": [42]}


async def test_a_task_that_has_not_ended_has_no_result_yet(db: Database) -> None:
    sent = await answer.send_async()

    with pytest.raises(ResultTimeout):
        await result_of(sent, timeout=0)


async def test_a_rejected_task_tells_what_its_actor_raised(db: Database) -> None:
    sent = await fails.send_async()
    task = await end(sent.message_id, "rejected")
    await fetch(
        """INSERT INTO task_log (id, task_id, event, log_level, logger, timestamp, attributes, number)
        VALUES ($1, $2, 'it cannot be done', 'error', 'x', now(), '{"exception": [{"exc_type": "RuntimeError"}]}', 2)""",
        uuid4(),
        task.id,
    )

    with pytest.raises(ResultFailure, match="actor raised RuntimeError: it cannot be done") as raised:
        await result_of(sent)
    assert raised.value.orig_exc_type == "RuntimeError"


async def test_where_there_will_be_no_result_nobody_waits(db: Database) -> None:
    sent = await noop.send_async()
    await end(sent.message_id, "done")

    with pytest.raises(ResultMissing):
        await result_of(sent)
    with pytest.raises(ResultMissing):
        await result_of(uuid4())


async def test_a_result_whose_time_is_over_is_none(db: Database) -> None:
    sent = await answer.send_async()
    task = await end(sent.message_id, "done", b"42")
    await Task.filter(id=task.id).update(result_expiry=now() - timedelta(seconds=1))

    with pytest.raises(ResultMissing):
        await result_of(sent)


async def test_dramatiqs_own_words_work_in_plain_code(db: Database) -> None:
    message, last = answer.message(), noop.message()
    line = pipeline([message, last])
    await asyncio.to_thread(line.run)

    def ask(**options: Any) -> Callable[[], Any]:
        return lambda: message.get_result(**options)

    with pytest.raises(ResultMissing):
        await asyncio.to_thread(ask())
    with pytest.raises(ResultTimeout):
        await asyncio.to_thread(ask(block=True, timeout=10))
    await end(message.message_id, "done", b"42")

    assert await asyncio.to_thread(ask(block=True)) == 42
    assert await asyncio.to_thread(lambda: line.completed_count) == 1
    with pytest.raises(RuntimeError, match=r"await result_of"):
        message.get_result()
