"""Limiters in actors: what is exceeded is tried again later, and nobody blocks the event loop for it."""

import asyncio
import threading
from typing import Any

import pytest

from app.database import Database
from app.models import Task
from app.tasks import BucketRateLimiter, ConcurrentRateLimiter, PostgresBackend, actor, enqueue
from tests.tasks_yard import DONE, QUEUED, lines_of, start_runner, until_count, until_state

backend = PostgresBackend()
LIMIT = 2

at_once: list[int] = []
lock = threading.Lock()
now_at_once = 0


@pytest.fixture(autouse=True)
def _anew() -> None:
    at_once.clear()


def step(by: int) -> None:
    global now_at_once
    with lock:
        now_at_once += by
        at_once.append(now_at_once)


@actor(max_retries=1000, min_backoff=5, max_backoff=20)
async def gentle() -> None:
    """Does something that at most two may do at once."""
    async with ConcurrentRateLimiter(backend, "gentle", limit=LIMIT).acquire_async():
        step(+1)
        await asyncio.sleep(0.02)
        step(-1)


@actor(max_retries=1000, min_backoff=5, max_backoff=20)
def gentle_in_thread() -> None:
    """Does the same in a thread."""
    with ConcurrentRateLimiter(backend, "gentle", limit=LIMIT).acquire():
        step(+1)
        threading.Event().wait(0.02)
        step(-1)


@actor(max_retries=1, min_backoff=60_000)
async def seldom() -> None:
    """Does something once an hour."""
    async with BucketRateLimiter(backend, "seldom", bucket=3_600_000).acquire_async():
        pass


async def test_no_more_do_it_at_once_than_may_on_all_runners_together(db: Database) -> None:
    messages: list[Any] = [gentle.message() for _ in range(6)] + [
        gentle_in_thread.message() for _ in range(6)
    ]
    await enqueue(messages)

    async with start_runner(db), start_runner(db):
        await until_count(12, state=DONE, limit=30)

    assert max(at_once) == LIMIT
    assert await Task.filter(retries__gt=0).exists()


async def test_what_is_exceeded_is_tried_again_later(db: Database) -> None:
    async with start_runner(db):
        await until_state((await seldom.send_async()).id, DONE)
        second = await seldom.send_async()
        await until_count(1, retries=1)
        task = await until_state(second.id, QUEUED)

    assert task.eta is not None and not task.ready
    said = [(line.log_level.value, line.event) for line in await lines_of(task)]
    assert ("info", "The rate limit 'seldom' is exceeded") in said
    assert "error" not in {level for level, _ in said}
