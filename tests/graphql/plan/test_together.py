"""Requests that ask for rows alike in the same turn of the loop: one statement for all, and each gets its own."""

import asyncio
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any, cast

import pytest

from app.database import transaction
from app.graphql.plan.running import Asked, Record
from app.graphql.plan.together import MOST, Together
from tests.access.world import World
from tests.api import Api, gid
from tests.statements import statements

LIMIT = 30.0
ONE = "query($id: ID!) { workRequest(id: $id) { id taskName artifacts(first: 2) { nodes { id } } } }"


def who(rights: str) -> Asked:
    return cast("Asked", SimpleNamespace(rights=rights))


class Rows:
    """Finds even numbers, when it is told to."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, list[int]]] = []
        self.go_on = asyncio.Event()
        self.fault: Exception | None = None

    async def find(self, asked: Asked, ids: Sequence[int]) -> dict[Any, Record]:
        self.asked.append((str(asked.rights), list(ids)))
        await self.go_on.wait()
        if self.fault is not None:
            raise self.fault
        return {id: (id,) for id in ids if id % 2 == 0}


async def turns() -> None:
    """Until all that could run has run."""
    for _ in range(5):
        await asyncio.sleep(0)


async def test_those_of_one_turn_are_read_together_and_each_gets_its_own() -> None:
    rows = Rows()
    together = Together(rows.find)
    rows.go_on.set()

    found = await asyncio.gather(
        *(together.row(who("ann"), id) for id in (2, 3, 4, 2)), together.row(who("bob"), 2)
    )

    assert found == [(2,), None, (4,), (2,), (2,)]
    assert rows.asked == [("ann", [2, 3, 4]), ("bob", [2])]


async def test_who_comes_while_others_are_read_for_does_not_wait_for_them() -> None:
    rows = Rows()
    together = Together(rows.find)
    first = asyncio.create_task(together.row(who("ann"), 2))
    await turns()
    second = asyncio.create_task(together.row(who("ann"), 4))
    await turns()

    assert rows.asked == [("ann", [2]), ("ann", [4])]
    rows.go_on.set()
    assert list(await asyncio.wait_for(asyncio.gather(first, second), LIMIT)) == [(2,), (4,)]


async def test_no_more_than_so_many_are_read_together() -> None:
    rows = Rows()
    together = Together(rows.find)
    rows.go_on.set()

    await asyncio.gather(*(together.row(who("ann"), id) for id in range(MOST + 10)))

    assert [len(ids) for _, ids in rows.asked] == [MOST, 10]


@pytest.mark.parametrize("when", ["while it waits for others", "while it reads"])
async def test_who_leaves_takes_nobody_along(when: str) -> None:
    rows = Rows()
    together = Together(rows.find)
    tasks = [asyncio.create_task(together.row(who("ann"), id)) for id in (2, 4, 6)]
    await asyncio.sleep(0)
    if when == "while it reads":
        await turns()

    tasks[0].cancel()
    tasks[2].cancel()
    await turns()
    rows.go_on.set()

    assert await asyncio.wait_for(tasks[1], LIMIT) == (4,)
    assert [each.cancelled() for each in tasks] == [True, False, True]


async def test_a_fault_is_told_to_all() -> None:
    rows = Rows()
    together = Together(rows.find)
    rows.fault = fault = ValueError("broken")
    rows.go_on.set()

    found = await asyncio.gather(*(together.row(who("ann"), id) for id in (2, 4)), return_exceptions=True)

    assert found == [fault, fault]
    rows.fault = None
    assert await together.row(who("ann"), 2) == (2,)


async def test_nobody_is_shown_more_because_others_ask_at_the_same_time(
    api: Api, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    people = [world.cast.root, world.cast.eve, world.cast.vic, world.cast.bob, None]
    ids = [gid(row) for row in world.rows.values() if type(row).__name__ == "WorkRequest"]
    alone = [[await api.execute(person, ONE, id=id) for id in ids] for person in people]

    with statements(monkeypatch) as noted:
        at_once = await asyncio.gather(*(api.execute(person, ONE, id=id) for person in people for id in ids))

    assert [each.data for each in at_once] == [each.data for row in alone for each in row]
    assert {each.data["workRequest"] is None for each in at_once} == {True, False}
    reads = [each for each in noted if 'FROM "work_request"' in each and '"$base"' in each]
    assert len(reads) < len(at_once) / 2


async def test_who_reads_in_a_transaction_reads_alone(
    api: Api, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = await world.cast.request()
    document = f'{{ workRequest(id: "{gid(request)}") {{ priorityBase }} }}'

    async def read_what_was_changed() -> Any:
        async with transaction():
            await type(request).filter(id=request.id).update(priority_base=77)
            inside.set()
            await asyncio.wait_for(outside.wait(), LIMIT)
            found = await asyncio.gather(*(api.execute(world.cast.root, document) for _ in range(2)))
            assert len(sent()) == before + 2
            return found[0]["workRequest"], found[1]["workRequest"]

    def sent() -> list[str]:
        return [each for each in noted if '"$base"' in each]

    inside, outside = asyncio.Event(), asyncio.Event()
    with statements(monkeypatch) as noted:
        changing = asyncio.create_task(read_what_was_changed())
        await asyncio.wait_for(inside.wait(), LIMIT)
        seen = await api.execute(world.cast.root, document)
        before = len(sent())
        outside.set()
        changed = await changing

    assert seen["workRequest"] == {"priorityBase": request.priority_base}
    assert changed == ({"priorityBase": 77}, {"priorityBase": 77})
