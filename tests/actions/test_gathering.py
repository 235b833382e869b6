"""Many senders at the same time: what they send costs few statements, and none suffers from another."""

import asyncio
from collections.abc import Sequence
from uuid import uuid4

import pytest

from app.actions.gathering import Gathering, Gatherings
from app.actions.tasks import Enqueued, NewTask, enqueue
from app.database import Database, fetch, transaction
from app.errors import Conflict
from app.models import Task
from tests.actions.tasks.test_enqueueing import count, task

MOST = 100


async def statements() -> int:
    """How many transactions made the tasks that there are."""
    [row] = await fetch("SELECT count(DISTINCT xmin::text) AS many FROM task")
    return int(row["many"])


async def test_what_many_send_at_the_same_time_is_stored_together_and_each_hears_of_its_own(
    db: Database,
) -> None:
    tasks = [[task(uid=f"{sender}") for _ in range(3)] for sender in range(40)]

    sent = await asyncio.gather(*map(enqueue, tasks))

    ids = {row.message_id: row.id for row in await Task.all()}
    assert sent == [[Enqueued(ids[each.message_id], each.message_id) for each in part] for part in tasks]
    assert await statements() == 3  # the first waited for nobody, the others for it, one half for the other
    assert await count() == (120, 120, 120)


async def test_what_one_sends_wrongly_fails_for_it_alone(db: Database) -> None:
    twice = uuid4()
    await enqueue([task(message_id=twice)])

    sent = await asyncio.gather(
        enqueue([task()]),
        enqueue([task(), task(message_id=twice)]),
        enqueue([task()]),
        return_exceptions=True,
    )

    assert [type(each) for each in sent] == [list, Conflict, list]
    assert await count() == (3, 3, 3)


async def test_whoever_has_a_transaction_open_sends_in_it_whatever_others_do(db: Database) -> None:
    async def give_up() -> None:
        async with transaction():
            await enqueue([task()])
            await asyncio.gather(*others)
            raise LookupError

    others = [asyncio.create_task(enqueue([task()])) for _ in range(5)]
    with pytest.raises(LookupError):
        await give_up()

    assert await count() == (5, 5, 5)


async def test_a_sender_that_gives_up_while_it_waits_keeps_no_other_from_sending(db: Database) -> None:
    senders = [asyncio.create_task(enqueue([task()])) for _ in range(4)]
    await asyncio.sleep(0)  # the first is at it, the others wait
    senders[2].cancel()

    sent = await asyncio.gather(*senders, return_exceptions=True)

    assert [type(each) for each in sent] == [list, list, asyncio.CancelledError, list]
    assert await count() == (3, 3, 3)


async def test_no_statement_grows_beyond_bounds_but_for_what_one_sends() -> None:
    sizes: list[int] = []

    async def store(tasks: Sequence[NewTask]) -> list[Enqueued]:
        await asyncio.sleep(0)
        sizes.append(len(tasks))
        return [Enqueued(number, each.message_id) for number, each in enumerate(tasks)]

    gathering = Gathering(store, MOST)
    parts = [[task()] * size for size in (1, MOST // 2, MOST // 2, 1, MOST + 1, 1)]

    stored = await asyncio.gather(*map(gathering.store, parts))

    assert sizes == [1, MOST, 1, MOST + 1, 1]
    assert [len(each) for each in stored] == [len(part) for part in parts]
    assert len(await gathering.store([task()])) == 1


@pytest.mark.parametrize(
    ("senders", "expected"), [(7, [1, 7, 7, 6]), (32, [1, 16, 16, 16, 16, 16, 15])], ids=["few", "many"]
)
async def test_senders_that_were_told_send_again_with_those_who_wait(
    senders: int, expected: list[int]
) -> None:
    sizes: list[int] = []

    async def store(tasks: Sequence[NewTask]) -> list[Enqueued]:
        sizes.append(len(tasks))
        await asyncio.sleep(0.001)
        return [Enqueued(number, each.message_id) for number, each in enumerate(tasks)]

    gathering = Gathering(store, MOST)

    async def send(times: int) -> None:
        for _ in range(times):
            await gathering.store([task()])

    await asyncio.gather(*(send(3) for _ in range(senders)))

    assert sizes == expected


async def test_of_many_senders_one_half_goes_on_while_the_other_is_stored() -> None:
    told = 0
    told_meanwhile: list[int] = []

    async def store(tasks: Sequence[NewTask]) -> list[Enqueued]:
        before = told
        for _ in range(10):
            await asyncio.sleep(0)
        told_meanwhile.append(told - before)
        return [Enqueued(number, each.message_id) for number, each in enumerate(tasks)]

    gathering = Gathering(store, MOST)

    async def send() -> None:
        nonlocal told
        for _ in range(2):
            await gathering.store([task()])
            told += 1

    await asyncio.gather(*(send() for _ in range(32)))

    assert told_meanwhile == [0, 0, 16, 16, 16]


async def test_tasks_are_stored_in_the_order_in_which_many_sent_them(db: Database) -> None:
    tasks = [[task(uid=f"{sender}.{turn}") for turn in range(3)] for sender in range(32)]

    async def send(parts: Sequence[NewTask]) -> None:
        for each in parts:
            await enqueue([each])

    await asyncio.gather(*map(send, tasks))

    uids = [row._uid for row in await Task.all().order_by("id")]
    assert sorted(uids) == sorted(each.uid for part in tasks for each in part if each.uid)
    turns = [[uid for uid in uids if uid and uid.startswith(f"{sender}.")] for sender in range(32)]
    assert turns == [[each.uid for each in part] for part in tasks]


async def test_nothing_is_kept_of_those_who_have_stored_what_they_had() -> None:
    async def store(items: Sequence[int]) -> list[int]:
        await asyncio.sleep(0)
        return [-item for item in items]

    together: Gatherings[int, int] = Gatherings(MOST)

    stored = await asyncio.gather(*(together.of(store, item % 2).store([item]) for item in range(6)))

    assert stored == [[-item] for item in range(6)]
    assert not together._busy
