"""Groups that call back: once, by whoever is the last, and not for what was never done."""

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from dramatiq.errors import Retry
from dramatiq.middleware import GroupCallbacks, SkipMessage
from dramatiq.rate_limits.backends import StubBackend

from app.access import Viewer
from app.actions.tasks import finishing, verbs
from app.actions.tasks.groups import forget_groups
from app.daemons.runner import flushing
from app.daemons.runner.child import order, returned, run
from app.database import Database, fetch, transaction
from app.errors import UnknownActor
from app.models import Task, TaskState
from app.tasks import (
    EnqueueOnLoop,
    RunningTask,
    actor,
    broker,
    decode,
    enqueue,
    group,
    new_task,
    pipeline,
    result_of,
)
from app.tasks.groups import GROUP
from tests.cast import Cast
from tests.task_actors import held_at_first, marked, marks
from tests.tasks_yard import DONE, REJECTED, lose, run_runner, start_runner, until, until_count, until_state

told: list[Any] = []
rights: set[int] = set()
gates: dict[int, asyncio.Event] = {}


@pytest.fixture(autouse=True)
def _anew() -> None:
    told.clear()
    rights.clear()
    gates.clear()


@actor(max_retries=0)
async def member(number: int) -> int:
    """Returns, unless its number is not right."""
    if number < 0 and number not in rights:
        raise ValueError(number)
    if gate := gates.get(number):
        await gate.wait()
    return number


@actor(max_retries=2, min_backoff=1, max_backoff=1)
async def stubborn(number: int) -> None:
    """Returns the second time."""
    if number not in rights:
        rights.add(number)
        raise Retry("again", delay=1)


@actor
async def skipped() -> None:
    """Is skipped."""
    raise SkipMessage("not today")


@actor(unique=True)
async def lonely() -> None:
    """One at a time."""


@actor(store_results=True)
async def tell(what: Any) -> Any:
    """Tells."""
    told.append(what)
    return what


@actor(store_results=True, max_retries=0)
async def sends(what: Any) -> None:
    """Sends a group, as dramatiq does."""
    calling([member.message(1), member.message(2)], what).run()


@actor(max_retries=0)
def sends_from_thread(what: Any) -> None:
    """Sends a group from a thread."""
    calling([member.message(1), member.message(2)], what).run()


def calling(children: Any, *what: Any) -> Any:
    several = group(children)  # type: ignore[no-untyped-call]
    for each in what:
        several.add_completion_callback(tell.message(each))  # type: ignore[no-untyped-call]
    return several


async def groups() -> list[int]:
    """How many are left of each group."""
    return [row["pending"] for row in await fetch("SELECT pending FROM task_group ORDER BY id")]


async def test_a_group_calls_back_once_when_all_its_members_have_been_done(db: Database) -> None:
    gates[2] = asyncio.Event()
    await enqueue(calling([member.message(number) for number in range(4)], "a", "b"))
    assert await groups() == [4]

    async with start_runner(db):
        await until_count(3, actor_name=member.actor_name, state=DONE)
        assert (await groups(), told) == ([1], [])
        gates[2].set()
        await until(lambda: len(told) == 2)
        await until_count(0, state__not_in=(DONE,))

    assert (sorted(told), await groups()) == (["a", "b"], [])
    assert await Task.filter(actor_name=tell.actor_name).count() == 2


async def test_many_groups_end_once_each_with_several_runners(db: Database) -> None:
    for number in range(20):
        await enqueue(calling([member.message(each) for each in range(25)], number))

    async with start_runner(db), start_runner(db), start_runner(db):
        await until_count(520, state=DONE)

    assert (sorted(told), await groups()) == (list(range(20)), [])


async def test_a_pipeline_counts_by_its_last_and_a_retry_counts_once(db: Database) -> None:
    gates[2] = asyncio.Event()
    chain = pipeline([member.message(1), member.message_with_options(args=(2,), pipe_ignore=True)])
    await enqueue(calling([chain, stubborn.message(7)], "all"))

    async with start_runner(db):
        await until_count(2, state=DONE)
        assert (await groups(), told) == ([1], [])
        gates[2].set()
        await until(lambda: told == ["all"])
        await until_count(0, state__not_in=(DONE,))
    assert await groups() == []


async def test_what_failed_or_was_skipped_does_not_count_until_it_is_retried_and_returns(
    db: Database, cast: Cast
) -> None:
    staff = Viewer(cast.tenant.id, user_id=cast.sam.user.id, is_staff=True)
    _, failing = await enqueue(calling([member.message(1), member.message(-1)], "all"))
    await enqueue(calling([skipped.message()], "never"))

    async with start_runner(db):
        await until_state(failing.id, REJECTED)
        await until_count(2, state=DONE)
        assert (await groups(), told) == ([1, 1], [])
        rights.add(-1)
        await verbs.retry_task(staff, failing.id)
        await until(lambda: told == ["all"])
        await until_count(0, state__not_in=(DONE,))
    assert await groups() == [1]


async def test_a_late_end_of_a_member_that_is_no_longer_the_runners_counts_nothing(db: Database) -> None:
    gates[1] = asyncio.Event()
    [sent] = await enqueue(calling([member.message(1)], "all"))

    async with start_runner(db) as runner:
        await until_state(sent.id, TaskState.RUNNING)
        await fetch(  # as another would who took it back and gave it to a third
            "UPDATE task SET attempt = attempt + 1, worker_id = gen_random_uuid() WHERE id = $1", sent.id
        )
        gates[1].set()
        await until(lambda: not runner.known_ids)
        assert (await groups(), told) == ([1], [])
        assert await Task.all().count() == 1


async def test_ends_that_were_stored_without_the_runner_hearing_of_it_count_once(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    unheard: list[int] = []

    async def flush(connection: Any, worker_id: Any, reports: Any) -> None:
        await finishing.flush(connection, worker_id, reports)
        if any(isinstance(report, finishing.End) for report in reports) and len(unheard) < 3:
            unheard.append(len(reports))
            raise ConnectionResetError

    monkeypatch.setattr(flushing, "flush", flush)
    await enqueue(calling([member.message(number) for number in range(5)], "all"))

    async with start_runner(db, task_concurrency=2):
        await until_count(6, state=DONE)
        await until(lambda: len(unheard) == 3)
    assert (told, await groups(), await Task.all().count()) == (["all"], [], 6)


async def test_a_member_whose_runner_was_killed_counts_when_another_has_done_it(
    db: Database, tmp_path: Path
) -> None:
    path = tmp_path / "marks"
    several = group([held_at_first.message(str(path)), marked.message(str(path), "other")])  # type: ignore[no-untyped-call]
    several.add_completion_callback(marked.message(str(path), "callback"))  # type: ignore[no-untyped-call]
    async with run_runner(db.credentials) as runner:
        held, _ = await enqueue(several)
        await until_count(1, state=DONE)
        await until(lambda: "began-1" in marks(path))
        await runner.kill()
    await fetch("SELECT write_claims(ARRAY[$1::bigint])", held.id)
    killed = await Task.get(id=held.id)
    assert killed.worker_id is not None and await groups() == [1]
    await lose(killed.worker_id)

    async with run_runner(db.credentials):
        await until_count(3, state=DONE, limit=45)

    assert [word for word in marks(path) if word.endswith(("-2", "callback"))] == [
        *("began-2", "ended-2", "began-callback", "ended-callback")
    ]
    assert await groups() == []


async def test_a_group_belongs_to_the_transaction_of_its_sender(db: Database) -> None:
    with pytest.raises(RuntimeError, match="undone"):
        async with transaction():
            await enqueue(calling([member.message(1)], "all"))
            assert await groups() == [1]
            raise RuntimeError("undone")

    assert (await groups(), await Task.all().count()) == ([], 0)


@pytest.mark.parametrize("sender", [sends, sends_from_thread])
async def test_an_actor_sends_a_group_as_dramatiq_does_and_it_is_stored_with_its_end(
    db: Database, sender: Any
) -> None:
    await sender.send_async("all")

    async with start_runner(db):
        await until(lambda: told == ["all"])
        await until_count(0, state__not_in=(DONE,))
    assert (await groups(), await Task.all().count()) == ([], 4)


def test_a_group_that_a_process_sends_is_stored_with_the_end_of_its_actor() -> None:
    new = new_task(sends_from_thread.message("all"), tenant_id=1)
    task = RunningTask(1, new.message_id, new.queue_name, new.actor_name, new.message, tenant_id=1)

    returned(task, run(order(task)))

    [several] = task.groups
    assert several.pending == 2
    assert [decode(each.message).options[GROUP] for each in task.effects] == [str(several.id)] * 2


async def test_a_thread_sends_a_group_as_dramatiq_does_and_a_coroutine_must_not(db: Database) -> None:
    with pytest.raises(EnqueueOnLoop, match=r"await enqueue\(group\)"):
        calling([member.message(1)], "all").run()
    await asyncio.to_thread(calling([member.message(1)], "all").run)
    assert await groups() == [1]

    async with start_runner(db):
        await until(lambda: told == ["all"])


async def test_a_callback_can_be_waited_for_and_belong_to_two_groups(db: Database) -> None:
    done = tell.message("both")
    for number in (1, 2):
        several = group([member.message(number)])  # type: ignore[no-untyped-call]
        several.add_completion_callback(done)  # type: ignore[no-untyped-call]
        await enqueue(several)

    async with start_runner(db):
        await until_count(4, state=DONE)
        assert await result_of(done) == "both"
    assert told == ["both", "both"]


async def test_what_cannot_call_back_is_refused_before_anything_is_sent(db: Database) -> None:
    unknown = group([member.message(1)])  # type: ignore[no-untyped-call]
    unknown.completion_callbacks.append({**tell.message(1).asdict(), "actor_name": "tests.nobody"})

    with pytest.raises(UnknownActor):
        await enqueue(unknown)
    with pytest.raises(ValueError, match="without members"):
        await enqueue(calling([], "all"))
    with pytest.raises(ValueError, match="unique"):
        await enqueue(calling([pipeline([lonely.message(), member.message(1)])], "all"))
    with pytest.raises(ValueError, match="unique"):
        await enqueue(calling([member.message(1)], "all"), unique=True)
    with pytest.raises(NotImplementedError):
        await enqueue(calling([group([member.message(1)])], "all"))  # type: ignore[no-untyped-call]

    assert (await groups(), await Task.all().count()) == ([], 0)


async def test_groups_of_which_nothing_is_done_any_more_are_forgotten(db: Database) -> None:
    await enqueue(calling([member.message(1)], "all"))
    await enqueue(calling([member.message(1)], "all"), delay=timedelta(days=50))
    await enqueue(calling([member.message(1)], "all"))
    await fetch(
        "UPDATE task_group SET active_at = active_at - interval '31 days' "
        "WHERE id <> (SELECT max(id::text)::uuid FROM task_group)"
    )

    assert [await forget_groups(timedelta(days=1)), await forget_groups()] == [1, 0]
    assert await groups() == [1, 1]


async def test_a_member_of_a_forgotten_group_is_done_all_the_same(db: Database) -> None:
    [sent] = await enqueue(calling([member.message(1)], "all"))
    await fetch("DELETE FROM task_group")

    async with start_runner(db):
        await until_state(sent.id, DONE)
    assert (told, await Task.all().count()) == ([], 1)


async def test_tasks_without_a_group_cost_no_statement_more(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*_: Any) -> None:
        raise AssertionError

    monkeypatch.setattr(finishing, "count_down", never)
    monkeypatch.setattr(finishing, "store_groups", never)
    await enqueue([member.message(number) for number in range(3)])
    async with start_runner(db):
        await until_count(3, state=DONE, limit=45)


def test_dramatiqs_own_middleware_for_it_is_not_needed() -> None:
    before = list(broker.middleware)

    broker.add_middleware(GroupCallbacks(StubBackend()))  # type: ignore[no-untyped-call]

    assert broker.middleware == before
