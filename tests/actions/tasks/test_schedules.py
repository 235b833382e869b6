"""Schedules: declared, changed, sent when due, once over all that look."""

import asyncio
import re
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import orjson
import pytest

from app.access import Viewer
from app.actions.accounts import default_tenant_id
from app.actions.tasks import schedules
from app.actions.tasks.promoting import Seen, look_for_tasks
from app.actions.tasks.schedules import (
    Declared,
    Due,
    declare_schedules,
    declare_schedules_of,
    send_due_schedules,
    send_schedule,
    update_schedule,
)
from app.clock import now
from app.daemons.runner import scheduling
from app.daemons.runner.scheduling import Scheduler
from app.database import Database, fetch
from app.errors import Conflict, Forbidden, InvalidCrontab, NotFound, UnknownActor
from app.models import LogEntry, OutboxEvent, Schedule, Task, Workspace
from app.tasks.schedules import ScheduleSpec
from tests import task_actors as actors
from tests.cast import Cast
from tests.statements import statements
from tests.tasks_yard import start_runner

LIMIT = 10


def spec(crontab: str = "0 4 * * *", **changes: Any) -> ScheduleSpec:
    return ScheduleSpec(actors.noop, crontab, **{"identifier": "one", **changes})


async def declared(*specs: ScheduleSpec) -> Schedule:
    """The schedule, of these one, declared and not due."""
    await declare_schedules(specs or [spec()])
    await fetch("UPDATE schedule SET next_run = now() + interval '1 day'")
    return await Schedule.all().order_by("id").first()  # type: ignore[return-value]


async def due(schedule: Schedule, since: str = "1 hour") -> None:
    await fetch("UPDATE schedule SET next_run = now() - $2::text::interval WHERE id = $1", schedule.id, since)


async def end_tasks() -> None:
    await fetch("UPDATE task SET state = 'done', ready = false, expires_at = now() + interval '1 day'")


async def types() -> list[str]:
    """The events of schedules."""
    found = await OutboxEvent.filter(event_type__startswith="schedule.").order_by("xid", "seq")
    return [event.event_type for event in found]


@pytest.fixture
async def operator(db: Database) -> Viewer:
    return Viewer.operator(await default_tenant_id())


# Declared ----------------------------------------------------------------------------------------------------------------


async def test_a_declared_schedule_is_a_row_that_is_due_at_once(db: Database) -> None:
    before = now()

    done = await declare_schedules([spec(args=[1], kwargs={"a": [2]}, options={"max_retries": 1}, uid="x")])

    row = await Schedule.get()
    assert done == Declared(created=1)
    assert (row.actor_name, row.identifier, row.uid) == (
        "tests.task_actors.noop",
        "one",
        "tests.task_actors.noop:x",
    )
    assert (row.crontab, row.declared_crontab, row.paused) == ("0 4 * * *", "0 4 * * *", False)
    assert (row.args, row.kwargs, row.options) == ([1], {"a": [2]}, {"max_retries": 1})
    assert before - timedelta(seconds=1) < row.next_run <= now()
    assert await types() == ["schedule.created"]


async def test_many_runners_that_start_at_once_declare_once(db: Database) -> None:
    specs = [spec(identifier=None), spec(identifier="two")]

    done = await asyncio.gather(*(declare_schedules(specs) for _ in range(5)))

    assert sorted(each.created for each in done) == [0, 0, 0, 0, 2]
    assert await Schedule.all().count() == 2
    assert await types() == ["schedule.created"] * 2


async def test_a_runner_that_finds_all_declared_waits_for_nobody(db: Database) -> None:
    """Another may have been stopped while it was sending schedules, and holds their rows."""
    row = await declared()
    other = await db.connect()
    held = other.transaction()
    await held.start()
    await other.execute("SELECT FROM schedule WHERE id = $1 FOR UPDATE", row.id)

    assert await asyncio.wait_for(declare_schedules([spec()]), 5) == Declared()

    await held.rollback()
    await other.close()


async def test_what_a_person_changed_survives_a_restart_and_a_new_release(
    db: Database, operator: Viewer
) -> None:
    row = await declared()
    await update_schedule(operator, row.id, crontab="*/7 * * * *", paused=True)

    same = await declare_schedules([spec()])
    released = await declare_schedules([spec("0 5 * * *", args=[3])])

    row = await Schedule.get()
    assert (same, released) == (Declared(), Declared(changed=1))
    assert (row.crontab, row.paused) == ("*/7 * * * *", True)
    assert (row.declared_crontab, row.args) == ("0 5 * * *", [3])


async def test_what_nobody_changed_follows_the_code(db: Database) -> None:
    row = await declared()

    await declare_schedules([spec("0 5 * * *")])

    row = await Schedule.get()
    assert (row.crontab, row.declared_crontab, row.version) == ("0 5 * * *", "0 5 * * *", 2)
    assert row.next_run > now() and row.next_run.hour == 5
    assert await types() == ["schedule.created", "schedule.changed"]


async def test_a_pause_in_the_code_counts_at_first_only(db: Database, operator: Viewer) -> None:
    row = await declared(spec(paused=True))
    assert row.paused

    await update_schedule(operator, row.id, paused=False)
    await declare_schedules([spec(paused=True)])

    assert not (await Schedule.get()).paused


async def test_one_that_is_declared_no_longer_goes_with_its_tasks(db: Database, operator: Viewer) -> None:
    row = await declared(spec(), spec(identifier="two"))
    await send_schedule(operator, row.id)

    done = await declare_schedules([spec(identifier="two")])

    assert done == Declared(deleted=1)
    assert [each.identifier for each in await Schedule.all()] == ["two"]
    assert await Task.all().count() == 0
    assert await types() == ["schedule.created"] * 2 + ["schedule.deleted"]


async def test_one_that_no_code_declared_is_left_alone(db: Database, operator: Viewer) -> None:
    own = await Schedule.create(tenant_id=operator.tenant_id, actor_name="x.y", crontab="@daily")

    await declare_schedules([])

    assert await Schedule.exists(id=own.id)


async def test_runners_that_start_together_send_once_what_is_sent_on_startup(db: Database) -> None:
    given = [spec(send_on_startup=True), spec(identifier="paused", paused=True, send_on_startup=True)]

    done = await asyncio.gather(*(declare_schedules(given) for _ in range(3)))
    await end_tasks()
    again = await declare_schedules(given)
    await fetch("UPDATE task SET created_at = now() - interval '2 minutes'")
    later = await declare_schedules(given)

    assert sorted(each.sent for each in done) == [0, 0, 1]
    assert (again.sent, later.sent) == (0, 1)
    assert await send_due_schedules() == Due()  # it was not sent twice for being new


async def test_the_schedules_of_an_object_are_what_is_declared_of_it_and_go_with_it(cast: Cast) -> None:
    wanted = [spec(send_on_save=True), ScheduleSpec(actors.answer, "@daily")]
    await declare_schedules_of(cast.lab, wanted)
    await declare_schedules_of(cast.theirs, wanted)

    again = await declare_schedules_of(cast.lab, wanted[:1])
    await declare_schedules([])
    rows = await Schedule.all().order_by("id").prefetch_related("rel_obj_content_type")

    assert again == Declared(deleted=1, sent=1)  # each time that the object is saved
    assert [(row.actor_name, row.rel_obj_id, row.tenant_id) for row in rows] == [
        ("tests.task_actors.noop", str(cast.lab.id), cast.tenant.id),
        ("tests.task_actors.noop", str(cast.theirs.id), cast.theirs.tenant_id),
        ("tests.task_actors.answer", str(cast.theirs.id), cast.theirs.tenant_id),
    ]
    assert rows[0].rel_obj_content_type is not None and rows[0].rel_obj_content_type.model == "workspace"
    assert {task.tenant_id for task in await Task.all()} == {cast.tenant.id, cast.theirs.tenant_id}

    await Workspace.filter(id=cast.theirs.id).delete()
    assert [row.id for row in await Schedule.all()] == [rows[0].id]


# Sent when due -----------------------------------------------------------------------------------------------------------


async def test_a_missed_hour_is_made_up_once_by_one_of_those_who_look(db: Database) -> None:
    row = await declared(spec("* * * * *", args=[7], uid="label"))
    await due(row)

    found = await asyncio.gather(*(send_due_schedules() for _ in range(4)))

    task = await Task.get().prefetch_related("rel_obj_content_type")
    assert sum(each.sent for each in found) == 1
    assert task.rel_obj_content_type is not None
    assert (task.rel_obj_content_type.app_label, task.rel_obj_content_type.model) == ("tasks", "schedule")
    assert (task.rel_obj_id, task.uid, task.workspace_id) == (
        str(row.id),
        "tests.task_actors.noop:label",
        None,
    )
    assert orjson.loads(task.message or b"")["args"] == [7]
    after = await Schedule.get()
    assert now() < after.next_run <= now() + timedelta(minutes=1)
    assert after.version == row.version  # a run is nobody's change
    assert await types() == ["schedule.created", "schedule.changed"]


async def test_nothing_is_sent_while_the_last_one_is_unfinished(db: Database) -> None:
    row = await declared(spec("* * * * *"))

    outcomes = []
    for _ in range(2):
        await due(row)
        outcomes.append(await send_due_schedules())
    await end_tasks()
    await due(row)
    outcomes.append(await send_due_schedules())

    assert outcomes == [Due(sent=1), Due(unfinished=1), Due(sent=1)]
    assert (await Schedule.get()).next_run > now()


async def test_one_that_cannot_be_sent_does_not_stop_the_others(db: Database) -> None:
    bad = await declared(*(spec(identifier=str(number)) for number in range(5)))
    rows = await Schedule.all().order_by("id")
    for number, change in enumerate(
        (
            "actor_name = 'gone.away'",
            "crontab = 'never'",
            "args = '[\"" + "x" * 300_000 + "\"]'",
            "options = '{\"args\": 1}'",
        )
    ):
        await fetch(f"UPDATE schedule SET {change} WHERE id = $1", rows[number].id)
    await fetch("UPDATE schedule SET next_run = now() - interval '1 hour'")

    found = await send_due_schedules()

    assert found == Due(sent=1, broken=4)
    assert (await Task.get()).rel_obj_id == str(rows[4].id)
    assert all(row.next_run > now() for row in await Schedule.all())
    assert bad.id == rows[0].id


async def test_a_task_and_the_next_time_are_written_together(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = await declared(spec("* * * * *"))
    await due(row)
    monkeypatch.setattr(
        schedules, "_SET_NEXT_RUNS", "SELECT 1 / 0 FROM unnest($1::bigint[], $2::timestamptz[])"
    )

    with pytest.raises(Exception, match="division by zero"):
        await send_due_schedules()

    assert await Task.all().count() == 0
    assert (await Schedule.get()).next_run < now()


async def test_a_run_of_an_actor_without_events_is_told_to_nobody(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    await declare_schedules([ScheduleSpec(actors.silent, "@hourly")])
    monkeypatch.setitem(actors.silent.options, "events", False)

    assert (await send_due_schedules()).sent == 1
    assert await types() == ["schedule.created"]


READS_ALL = re.compile(r"Seq Scan on (?:task|schedule)\b")


async def test_what_is_due_is_looked_up_however_many_tasks_there_are(owndb: Database) -> None:
    await declare_schedules([spec(identifier=str(number)) for number in range(500)])
    await fetch("UPDATE schedule SET next_run = now() + interval '1 day' WHERE identifier <> '1'")
    for own in (True, False):
        await fetch(
            "INSERT INTO task (message_id, actor_name, message, tenant_id, state, ready, expires_at, rel_obj_content_type_id,"
            " rel_obj_id) SELECT gen_random_uuid(), 'a.b', '', schedule.tenant_id, 'done', false, now(),"
            " CASE WHEN $2 THEN kind.id END, CASE WHEN $2 THEN schedule.id::text END"
            " FROM generate_series(1, $1), schedule, content_type AS kind"
            " WHERE schedule.identifier = '1' AND kind.model = 'schedule'",
            700 if own else 20_000,
            own,
        )
    connection = await owndb.connect()
    try:
        await connection.execute("SET plan_cache_mode = force_generic_plan")
        await connection.execute(f"PREPARE due (int) AS {schedules._DUE}")
        plans = []
        for _ in range(2):
            rows = await connection.fetch("EXPLAIN EXECUTE due (100)")
            plans.append("\n".join(row[0] for row in rows))
            await connection.execute("ANALYZE")
    finally:
        await connection.close()

    for plan in plans:
        assert READS_ALL.findall(plan) == [], plan
        assert "task_by_rel_obj" in plan


async def test_a_look_says_when_the_next_schedule_is_due(db: Database) -> None:
    nothing = (await look_for_tasks(uuid4())).seconds_to_schedule
    row = await declared()
    await fetch("UPDATE schedule SET next_run = now()")
    due = (await look_for_tasks(uuid4())).seconds_to_schedule
    await fetch("UPDATE schedule SET next_run = now() + interval '30 s'")
    later = (await look_for_tasks(uuid4())).seconds_to_schedule
    await fetch("UPDATE schedule SET paused = true WHERE id = $1", row.id)
    paused = (await look_for_tasks(uuid4())).seconds_to_schedule

    assert nothing is None and paused is None
    assert due is not None and due <= 0
    assert later == pytest.approx(30, abs=5)


async def test_the_scheduler_sends_nothing_that_no_look_has_found(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    scheduler = Scheduler()
    with statements(monkeypatch) as sent:
        working = asyncio.create_task(scheduler.run_forever())
        for seconds in (None, 0.001, 1000.0):
            scheduler.notice(seen(seconds_to_schedule=seconds))
            await asyncio.sleep(0)

    working.cancel()
    await asyncio.wait([working])
    assert sent == []


async def test_a_chore_that_is_needed_is_sent_before_its_time_and_not_again_within_seconds(
    db: Database,
) -> None:
    row = await declared()
    await fetch("UPDATE schedule SET next_run = now() + interval '1 hour'")
    scheduler = Scheduler()

    scheduler.notice(seen(needed=(row.actor_name, "not.declared")))
    first = await scheduler.run_once()
    await Task.all().delete()
    scheduler.notice(seen(needed=(row.actor_name,)))
    again = await scheduler.run_once()

    assert (first, again) == (1, 0)


async def test_a_paused_chore_is_not_sent_when_it_is_needed(db: Database) -> None:
    row = await declared()
    await fetch("UPDATE schedule SET next_run = now() + interval '1 hour', paused = true")
    scheduler = Scheduler()

    scheduler.notice(seen(needed=(row.actor_name,)))

    assert await scheduler.run_once() == 0
    assert (await Schedule.get(id=row.id)).next_run > now() + timedelta(minutes=50)


async def test_the_scheduler_sends_more_than_a_batch(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    await declare_schedules([spec(identifier=str(number)) for number in range(7)])
    monkeypatch.setattr(scheduling, "AT_ONCE", 3)
    monkeypatch.setattr(send_due_schedules.__wrapped__, "__kwdefaults__", {"limit": 3})  # type: ignore[attr-defined]

    assert await Scheduler().run_once() == 7


async def test_a_schedule_is_sent_when_it_is_due_and_not_a_second_later(db: Database) -> None:
    async with start_runner(db):
        row = await declared(spec("* * * * *"))
        await fetch("UPDATE schedule SET next_run = now() + interval '1300 ms'")
        began = now()
        async with asyncio.timeout(LIMIT):
            while not await Task.exists(rel_obj_id=str(row.id)):
                await asyncio.sleep(0.01)

    assert timedelta(milliseconds=1290) < (await Task.get()).created_at - began < timedelta(seconds=2)


def seen(**found: Any) -> Seen:
    """What a look has found: nothing but this."""
    return Seen(**{"promoted": 0, "filled": {}, "cancelled": (), "seconds_to_next": None, **found})


# Changed and sent by people ----------------------------------------------------------------------------------------------


async def test_a_new_crontab_counts_from_now(db: Database, cast: Cast) -> None:
    row = await declared()
    sam = await cast.sam.viewer()

    changed = await update_schedule(sam, row.id, crontab=" 0  0 1 1 * ", if_version=row.version)

    assert (changed.crontab, changed.version) == ("0 0 1 1 *", row.version + 1)
    assert changed.next_run == datetime(now().year + 1, 1, 1, tzinfo=UTC)
    assert await types() == ["schedule.created", "schedule.changed"]
    entry = await LogEntry.get(object_type="Schedule")
    assert (entry.user_id, entry.change_message) == (cast.sam.user.id, {"crontab": "0 0 1 1 *"})


async def test_a_paused_one_is_sent_by_hand_only_and_runs_at_once_afterwards(
    db: Database, operator: Viewer
) -> None:
    row = await declared(spec("0 0 1 1 *"))
    paused = await update_schedule(operator, row.id, paused=True)
    await due(row)

    nothing = await send_due_schedules()
    task = await send_schedule(operator, row.id)
    meanwhile = await Schedule.get()
    await end_tasks()
    await fetch("UPDATE schedule SET next_run = now() + interval '1 day'")
    await update_schedule(operator, row.id, paused=False)
    at_once = await send_due_schedules()

    assert paused.next_run == row.next_run
    assert nothing == Due()
    assert task.rel_obj_id == str(row.id)
    assert meanwhile.next_run < now() - timedelta(minutes=59)
    assert at_once == Due(sent=1)


async def test_a_change_that_changes_nothing_is_none(db: Database, operator: Viewer) -> None:
    row = await declared()

    same = await update_schedule(operator, row.id, crontab=row.crontab, paused=False)

    assert (same.version, same.next_run) == (row.version, row.next_run)
    assert await types() == ["schedule.created"]


async def test_what_cannot_be_is_refused_and_changes_nothing(db: Database, operator: Viewer) -> None:
    row = await declared()

    with pytest.raises(InvalidCrontab):
        await update_schedule(operator, row.id, crontab="0 0 31 2 *", paused=True)
    with pytest.raises(Conflict):
        await update_schedule(operator, row.id, paused=True, if_version=row.version + 1)
    await fetch("UPDATE schedule SET actor_name = 'gone.away'")
    with pytest.raises(UnknownActor):
        await send_schedule(operator, row.id)

    assert [await Schedule.get()] == [row]
    assert not (await Schedule.get()).paused
    assert await Task.all().count() == 0


async def test_only_staff_of_the_tenant_may(db: Database, cast: Cast) -> None:
    row = await declared()

    for person in (cast.ann, cast.zoe):
        with pytest.raises(NotFound):
            await update_schedule(await person.viewer(), row.id, paused=True)
        with pytest.raises(NotFound):
            await send_schedule(await person.viewer(), row.id)
    reader = Viewer(cast.tenant.id, user_id=cast.sam.user.id, is_staff=True, scopes=frozenset())
    with pytest.raises(Forbidden):
        await update_schedule(reader, row.id, paused=True)
    with pytest.raises(Forbidden):
        await send_schedule(reader, row.id)

    assert not (await Schedule.get()).paused
    assert await Task.all().count() == 0
