"""What is done only so often, or by so many at once: by dramatiq's limiters on our backend, and by ours, awaited."""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from typing import Any

import pytest
from dramatiq import rate_limits
from dramatiq.rate_limits.backends import StubBackend

from app.actions.tasks import limits
from app.database import Database, fetch, transaction
from app.tasks import (
    Barrier,
    BucketRateLimiter,
    ConcurrentRateLimiter,
    PostgresBackend,
    RateLimitExceeded,
    WindowRateLimiter,
)
from tests.tasks_yard import LIMIT, until

backend = PostgresBackend()

HOUR = 3_600_000
DRAMATIQS = {
    "concurrent": lambda: rate_limits.ConcurrentRateLimiter(backend, "x", limit=3),  # type: ignore[no-untyped-call]
    "window": lambda: rate_limits.WindowRateLimiter(backend, "x", limit=3, window=60),  # type: ignore[no-untyped-call]
    "bucket": lambda: rate_limits.BucketRateLimiter(backend, "x", limit=3, bucket=HOUR),  # type: ignore[no-untyped-call]
}
OURS: dict[str, Callable[[], Any]] = {
    "concurrent": lambda: ConcurrentRateLimiter(backend, "x", limit=3),
    "window": lambda: WindowRateLimiter(backend, "x", limit=3, window=60),
    "bucket": lambda: BucketRateLimiter(backend, "x", limit=3, bucket=HOUR),
}
EITHER = [
    *(pytest.param(each, id=f"dramatiq's {name}") for name, each in DRAMATIQS.items()),
    *(pytest.param(each, id=f"our {name}") for name, each in OURS.items()),
]


async def time_passes(seconds: float) -> None:
    """All that is held, and all that counts, is so much older."""
    await fetch(
        "UPDATE rate_limit SET expires_at = expires_at - make_interval(secs => $1), "
        "holds = ARRAY(SELECT hold - make_interval(secs => $1) FROM unnest(holds) AS hold)",
        seconds,
    )


def stay(limiter: Any, got: list[bool], leave: threading.Event) -> None:
    """In a thread: take a place, say whether there was one, and stay there."""
    with limiter.acquire(raise_on_failure=False) as acquired:
        got.append(acquired)
        assert not acquired or leave.wait(LIMIT)


async def tried(limiter: Any) -> bool:
    """Whether there is a place now; it is given back at once, if it can be."""
    async with limiter.acquire_async(raise_on_failure=False) as acquired:
        return bool(acquired)


@pytest.mark.parametrize("make", EITHER)
async def test_of_many_threads_at_once_so_many_get_a_place_as_there_are(
    db: Database, make: Callable[[], Any]
) -> None:
    got: list[bool] = []
    leave = threading.Event()
    with ThreadPoolExecutor(16) as threads:
        staying = [threads.submit(stay, make(), got, leave) for _ in range(16)]
        await until(lambda: len(got) == 16)
        leave.set()
        await asyncio.gather(*map(asyncio.wrap_future, staying))

    assert sum(got) == 3


@pytest.mark.parametrize("make", [pytest.param(each, id=name) for name, each in OURS.items()])
async def test_of_many_coroutines_at_once_so_many_get_a_place_as_there_are(
    db: Database, make: Callable[[], Any]
) -> None:
    async with AsyncExitStack() as stack:
        got = await asyncio.gather(
            *(stack.enter_async_context(make().acquire_async(raise_on_failure=False)) for _ in range(16))
        )
        assert sum(got) == 3
        with pytest.raises(RateLimitExceeded, match="x"):
            async with make().acquire_async():
                raise AssertionError
        got = []
        await asyncio.to_thread(stay, make(), got, threading.Event())
        assert got == [False]


async def test_a_place_is_free_again_when_its_holder_leaves_it_even_by_an_error(db: Database) -> None:
    limiter = ConcurrentRateLimiter(backend, "x")

    def leave() -> None:
        with limiter.acquire():
            raise KeyError

    with pytest.raises(KeyError):
        async with limiter.acquire_async():
            assert not await tried(limiter)
            raise KeyError
    with pytest.raises(KeyError):
        await asyncio.to_thread(leave)

    assert await tried(limiter)


async def test_a_place_that_nobody_gave_back_is_free_when_its_time_is_over_though_others_come_and_go(
    db: Database,
) -> None:
    limiter = ConcurrentRateLimiter(backend, "x", limit=2, ttl=60_000)
    assert await limits.hold("concurrent:x", 2, 60)  # and is killed

    for _ in range(3):
        await time_passes(19)
        async with limiter.acquire_async():
            assert not await tried(limiter)
    await time_passes(4)

    async with limiter.acquire_async(), limiter.acquire_async():
        assert not await tried(limiter)


async def test_who_comes_late_gives_back_nobody_elses_place(db: Database) -> None:
    limiter = ConcurrentRateLimiter(backend, "x", ttl=60_000)
    async with AsyncExitStack() as late:
        await late.enter_async_context(limiter.acquire_async())
        await time_passes(61)
        async with limiter.acquire_async():
            await late.aclose()
            assert not await tried(limiter)


async def test_a_window_slides(db: Database) -> None:
    limiter = WindowRateLimiter(backend, "x", limit=2, window=10)

    assert await tried(limiter)
    await time_passes(6)
    assert await tried(limiter)
    assert not await tried(limiter)
    await time_passes(5)
    assert [await tried(limiter) for _ in range(2)] == [True, False]


async def test_a_bucket_is_empty_again_at_its_end(db: Database) -> None:
    limiter = BucketRateLimiter(backend, "x", limit=2, bucket=HOUR)

    assert [await tried(limiter) for _ in range(3)] == [True, True, False]
    [row] = await fetch("SELECT expires_at FROM rate_limit")
    assert row["expires_at"].timestamp() % 3600 == 0
    await time_passes(3600)
    assert [await tried(limiter) for _ in range(3)] == [True, True, False]


async def test_keys_and_kinds_do_not_mix(db: Database) -> None:
    limiters = [
        ConcurrentRateLimiter(backend, "x"),
        ConcurrentRateLimiter(backend, "y"),
        WindowRateLimiter(backend, "x"),
        BucketRateLimiter(backend, "x", bucket=HOUR),
    ]
    async with AsyncExitStack() as stack:
        for limiter in limiters:
            await stack.enter_async_context(limiter.acquire_async())


async def test_what_is_taken_in_a_transaction_is_taken_at_once_and_whatever_becomes_of_it(
    db: Database,
) -> None:
    limiter = WindowRateLimiter(backend, "x", window=60)

    with pytest.raises(RuntimeError, match="undone"):
        async with transaction():
            assert await tried(limiter)
            async with asyncio.timeout(5):
                assert not await asyncio.create_task(tried(limiter))
            raise RuntimeError("undone")

    assert not await tried(limiter)


async def test_who_is_cancelled_while_taking_a_place_does_not_keep_it(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    limiter = ConcurrentRateLimiter(backend, "x")
    taken, go_on = asyncio.Event(), asyncio.Event()
    hold = limits.hold

    async def slow(*args: Any) -> Any:
        until = await hold(*args)
        taken.set()
        await go_on.wait()
        return until

    monkeypatch.setattr(limits, "hold", slow)
    taking = asyncio.create_task(tried(limiter))
    await taken.wait()
    taking.cancel()
    go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await taking

    monkeypatch.setattr(limits, "hold", hold)
    assert await tried(limiter)


async def test_a_coroutine_must_not_wait_and_is_told_what_to_write(db: Database) -> None:
    for make in (*DRAMATIQS.values(), *OURS.values()):
        with pytest.raises(RuntimeError, match="acquire_async"), make().acquire():
            raise AssertionError


def test_our_limiters_count_in_our_database_only() -> None:
    with pytest.raises(TypeError, match="StubBackend"):
        ConcurrentRateLimiter(StubBackend(), "x")  # type: ignore[arg-type, no-untyped-call]
    assert isinstance(ConcurrentRateLimiter(backend, "x"), rate_limits.ConcurrentRateLimiter)


async def test_who_waits_at_a_barrier_goes_on_when_the_last_arrives(db: Database) -> None:
    def barrier() -> Any:
        return Barrier(backend, "b", ttl=60_000)  # type: ignore[no-untyped-call]

    assert await asyncio.to_thread(barrier().create, 3)
    assert not await asyncio.to_thread(barrier().create, 3)
    assert not await asyncio.to_thread(barrier().wait, block=False)
    waiting = asyncio.create_task(asyncio.to_thread(barrier().wait))
    await until(_two_arrived)
    assert not waiting.done()

    assert await asyncio.to_thread(barrier().wait, block=False)
    assert await waiting
    assert not await asyncio.to_thread(backend.wait, "nobody", 20)


async def _two_arrived() -> bool:
    return bool(await fetch("SELECT FROM rate_limit WHERE key = 'b' AND value = 1"))


async def test_numbers_stay_within_their_bounds_and_pass(db: Database) -> None:
    def work() -> list[bool]:
        return [
            backend.incr("n", 2, 3, 60_000),
            backend.incr("n", 2, 3, 60_000),
            backend.incr("n", 1, 3, 60_000),
            backend.incr("large", 4, 3, 60_000),
            backend.decr("n", 3, 1, 60_000),
            backend.decr("n", 3, 0, 60_000),
            backend.decr("nothing", 1, 0, 60_000),
            backend.add("n", 7, 60_000),
        ]

    assert await asyncio.to_thread(work) == [True, False, True, False, False, True, False, False]
    await time_passes(61)
    assert await asyncio.to_thread(backend.add, "n", 7, 60_000)
    assert await fetch("SELECT key, value FROM rate_limit") == [{"key": "n", "value": 7}]


async def test_what_counts_no_more_is_forgotten(db: Database) -> None:
    await tried(BucketRateLimiter(backend, "x", bucket=HOUR))
    assert await limits.forget_limits() == 0
    await time_passes(3601)

    assert [await limits.forget_limits() for _ in range(2)] == [1, 0]
    assert await fetch("SELECT FROM rate_limit") == []
