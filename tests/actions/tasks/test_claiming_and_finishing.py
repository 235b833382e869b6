"""Taking tasks and reporting on them: whose they are, in which order, what a late report may do, and how they are looked up."""

import asyncio
import re
from collections.abc import AsyncIterator, Sequence
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import orjson
import pytest

from app import events
from app.actions.tasks import NewTask, claiming, enqueue, finishing
from app.actions.tasks.claiming import Claimed, await_tasks, claim, filled_queues
from app.actions.tasks.finishing import End, Progress, flush
from app.actions.tasks.promoting import look_for_tasks
from app.clock import now
from app.database import Database, fetch
from app.models import Task, TaskState, TaskStatus
from app.models.tasks import LogEvent, LogLevel
from app.tasks import Outcome
from app.tasks.running import CANCELLED_LINE
from tests.tasks_yard import assert_consistent, lines_of, path_of

ME, OTHER = UUID(int=1), UUID(int=2)
MANY = 100_000
DONE, REJECTED, QUEUED, RUNNING = TaskState.DONE, TaskState.REJECTED, TaskState.QUEUED, TaskState.RUNNING

Connection = Any


@pytest.fixture
async def connection(db: Database) -> AsyncIterator[Connection]:
    connection = await db.connect()
    yield connection
    await connection.close()


def new(queue: str = "default", **changes: Any) -> NewTask:
    return NewTask(uuid4(), queue, "tests.any", b"{}", **changes)


def line(event: str, level: LogLevel = LogLevel.INFO) -> LogEvent:
    return LogEvent(event, level, "tests")


def ended(task: Claimed, state: TaskState = DONE, *lines: LogEvent, **changes: Any) -> End:
    """An end with all states on the way."""
    path = ["consumed", "preprocess", "running", "postprocess", state.value]
    outcome = Outcome(
        state, logs=list(lines), transitions=[(TaskState(each), now()) for each in path], **changes
    )
    worst = finishing.worse(task.worst_level, lines)
    return End(task, outcome, task.log_count + 1, worst, 60.0, rotate=state is QUEUED)


async def sent(*tasks: NewTask) -> list[int]:
    return [each.id for each in await enqueue(tasks)]


# Claims ---------------------------------------------------------------------------------------------------------------


async def test_tasks_are_taken_by_priority_then_in_the_order_of_coming(
    db: Database, connection: Connection
) -> None:
    ids = await sent(new(priority=5), new(priority=1), new(priority=5), new(priority=-1), new("other"))

    first = await claim(connection, ME, "default", 3)
    rest = await claim(connection, ME, "default", 3)

    assert [task.id for task in first] == [ids[3], ids[1], ids[0]]
    assert [task.id for task in rest] == [ids[2]]
    assert {(task.attempt, task.log_count, task.message) for task in [*first, *rest]} == {(1, 1, b"{}")}


async def test_a_claim_tells_nobody(db: Database, connection: Connection) -> None:
    [id] = await sent(new())

    await claim(connection, ME, "default", 1)

    assert await path_of(await Task.get(id=id)) == ["queued"]


async def test_of_many_who_claim_at_once_each_task_has_one(db: Database) -> None:
    ids = await sent(*(new() for _ in range(200)))
    connections = [await db.connect() for _ in range(8)]

    async def take(connection: Connection) -> list[int]:
        taken: list[int] = []
        while claimed := await claim(connection, uuid4(), "default", 7):
            taken += [task.id for task in claimed]
        return taken

    taken = [id for each in await asyncio.gather(*map(take, connections)) for id in each]
    for connection in connections:
        await connection.close()

    assert sorted(taken) == ids


async def test_the_queues_that_have_tasks_are_found(db: Database, connection: Connection) -> None:
    await sent(new("b"), new("a"), new("b"), new("taken"))
    await claim(connection, ME, "taken", 1)

    assert await filled_queues(connection) == ["a", "b"]


async def test_who_waits_for_a_queue_is_told_once_per_statement_and_nobody_else_is(
    db: Database, connection: Connection
) -> None:
    heard: list[str] = []
    await connection.add_listener("workyard_tasks", lambda *said: heard.append(str(said[3])))
    await sent(new(), new("mail"))
    await await_tasks(connection, ME, ["mail"])
    await sent(new(), new("mail"), new("mail"))
    await fetch("SELECT pg_notify('workyard_tasks', 'last')")
    while "last" not in heard:
        await asyncio.sleep(0.01)

    assert heard == ["mail", "last"]


# Reports --------------------------------------------------------------------------------------------------------------


async def test_an_end_is_stored_with_its_lines_and_one_event(db: Database, connection: Connection) -> None:
    [id] = await sent(new(dedupe_key="key"))
    [task] = await claim(connection, ME, "default", 1)

    await flush(connection, ME, [ended(task, DONE, line("one"), line("two", LogLevel.WARNING))])

    row = await Task.get(id=id)
    assert (row.state, row.aggregated_status) == (DONE, TaskStatus.WARNING)
    assert row.message == b"" and not row.dedupe_key
    assert [(each.number, each.event, each.attempt) for each in await lines_of(row)] == [
        (1, "Task has been queued", 0),
        (2, "one", 1),
        (3, "two", 1),
    ]
    assert await path_of(row) == ["queued", "consumed", "preprocess", "running", "postprocess", "done"]
    await assert_consistent()


@pytest.mark.parametrize(
    ("state", "event"),
    [(DONE, events.TaskDone), (REJECTED, events.TaskRejected), (QUEUED, events.TaskRequeued)],
)
async def test_an_event_says_what_the_catalogue_says(
    db: Database, connection: Connection, state: TaskState, event: events.EventType
) -> None:
    [id] = await sent(new(uid="label", retries=2))
    [task] = await claim(connection, ME, "default", 1)

    again = {"reason": "retry", "requeued": line("again")} if state is QUEUED else {}
    await flush(connection, ME, [ended(task, state, retries=3, **again)])

    [row] = await fetch(
        "SELECT outbox_event.data, to_jsonb(task) AS now FROM outbox_event JOIN task ON task.id = $1"
        " WHERE subject = 'task/' || $1::bigint AND event_type = $2",
        id,
        event.name,
    )
    data, columns = orjson.loads(row["data"]), orjson.loads(row["now"])
    reason = {"reason"} if state is QUEUED else set()
    assert data.keys() == {*event.data, "transitions", *reason}
    told = {
        name: columns[name] for name in event.data if name not in ("eta", "retries" if state is DONE else "")
    }
    assert {name: data[name] for name in told} == told


async def test_progress_is_stored_with_an_event_and_an_end_may_follow_at_once(
    db: Database, connection: Connection
) -> None:
    [id] = await sent(new())
    [task] = await claim(connection, ME, "default", 1)
    began = [(TaskState.CONSUMED, now()), (TaskState.PREPROCESS, now()), (RUNNING, now())]
    reports = [
        Progress(task, RUNNING, began, [line("one")], 2, "info"),
        Progress(task, RUNNING, [], [line("two", LogLevel.ERROR)], 3, "error"),
    ]
    outcome = Outcome(DONE, logs=[line("three")], transitions=[(TaskState.POSTPROCESS, now()), (DONE, now())])

    await flush(connection, ME, [*reports, End(task, outcome, 4, "error", 60.0)])

    row = await Task.get(id=id)
    assert [each.event for each in await lines_of(row)] == ["Task has been queued", "one", "two", "three"]
    assert await path_of(row) == ["queued", "consumed", "preprocess", "running", "postprocess", "done"]
    assert row.aggregated_status == "error"
    await assert_consistent()


async def test_progress_that_was_stored_already_changes_nothing(db: Database, connection: Connection) -> None:
    """Its commit may not have been heard of."""
    [id] = await sent(new())
    [task] = await claim(connection, ME, "default", 1)
    reports = [
        Progress(task, RUNNING, [(RUNNING, now())], [], 2, "info"),
        Progress(task, RUNNING, [], [line("one")], 2, "info"),
    ]
    await flush(connection, ME, reports)

    again = [Progress(task, each.state, each.transitions, each.lines, 2, "info") for each in reports]
    await flush(connection, ME, again)

    row = await Task.get(id=id)
    assert [each.refused for each in again] == [True, True]
    assert (row.log_count, await path_of(row)) == (2, ["queued", "running"])
    await assert_consistent_but_in_work()


async def assert_consistent_but_in_work() -> None:
    assert (await fetch("SELECT count(*) FROM task_log"))[0]["count"] == 2


@pytest.mark.parametrize("written", [False, True])
@pytest.mark.parametrize("whose", ["another's", "a later attempt", "an earlier attempt", "ended"])
async def test_a_late_report_changes_nothing_and_what_it_sent_is_not_sent(
    db: Database, connection: Connection, whose: str, written: bool
) -> None:
    late, mine = await sent(new(), new())
    await fetch("UPDATE task SET attempt = 1")
    tasks = await claim(connection, ME, "default", 2)
    if written:
        await fetch("SELECT write_claims($1)", [late])
    change = {
        "another's": "state = 'consumed', ready = false, worker_id = gen_random_uuid(), attempt = 2",
        "a later attempt": "attempt = attempt + 1",
        "an earlier attempt": "attempt = attempt - 1",
        "ended": "state = 'rejected', ready = false, worker_id = NULL, expires_at = now()",
    }[whose]
    await fetch(f"UPDATE task SET {change} WHERE id = $1", late)
    [before] = await fetch("SELECT * FROM task WHERE id = $1", late)
    reports: list[finishing.Report] = [
        Progress(tasks[0], RUNNING, [(RUNNING, now())], [line("late")], 2, "info"),
        ended(tasks[0], DONE, line("late"), effects=[new()]),
        ended(tasks[1], DONE, line("mine"), effects=[new("effect")]),
    ]

    await flush(connection, ME, reports)

    assert [report.refused for report in reports] == [True, True, False]
    assert await fetch("SELECT * FROM task WHERE id = $1", late) == [before]
    assert await path_of(await Task.get(id=late)) == ["queued"]
    assert len(await lines_of(await Task.get(id=late))) == 1
    assert (await Task.get(id=mine)).state is DONE
    assert [task.queue_name for task in await Task.exclude(id__in=[late, mine])] == ["effect"]


async def test_what_is_queued_again_has_a_new_log_and_its_runners_are_told(
    db: Database, connection: Connection
) -> None:
    heard: list[str] = []
    await connection.add_listener("workyard_tasks", lambda *said: heard.append(str(said[3])))
    [id] = await sent(new())
    [task] = await claim(connection, ME, "default", 1)
    await await_tasks(connection, OTHER, ["default"])

    report = ended(
        task, QUEUED, line("bad", LogLevel.ERROR), retries=1, reason="retry", requeued=line("again")
    )
    await flush(connection, ME, [report])

    row = await Task.get(id=id)
    assert (row.ready, row.retries, row.worst_level, row.worker_id) == (True, 1, "info", None)
    assert [(each.event, each.previous) for each in await lines_of(row)] == [
        ("Task has been queued", True),
        ("bad", True),
        ("again", False),
    ]
    while not heard:
        await asyncio.sleep(0.01)
    assert heard == ["default"]
    await assert_consistent()


async def test_what_was_cancelled_meanwhile_is_not_queued_again(db: Database, connection: Connection) -> None:
    cancelled, other = await sent(new(), new())
    tasks = await claim(connection, ME, "default", 2)
    await fetch("UPDATE task SET cancel_requested_at = now() WHERE id = $1", cancelled)
    reports = [ended(task, QUEUED, line("bad"), reason="retry", requeued=line("again")) for task in tasks]

    await flush(connection, ME, reports)

    row = await Task.get(id=cancelled)
    assert (row.state, row.worst_level, row.expires_at is not None) == (REJECTED, "warning", True)
    assert [each.event for each in await lines_of(row, previous=False)][-2:] == ["bad", CANCELLED_LINE]
    assert (await path_of(row))[-2:] == ["postprocess", "rejected"]
    assert (await Task.get(id=other)).state is QUEUED
    await assert_consistent()


async def test_one_bad_report_stores_nothing_of_the_others(db: Database, connection: Connection) -> None:
    await sent(new(), new())
    tasks = await claim(connection, ME, "default", 2)

    with pytest.raises(asyncpg.PostgresError):
        await flush(connection, ME, [ended(tasks[0]), ended(tasks[1], result=b"x" * 2_000_000)])

    assert await Task.filter(state=QUEUED).count() == 2
    assert not connection.is_in_transaction()


async def test_a_flush_leaves_no_settings_behind(db: Database, connection: Connection) -> None:
    settings = "SELECT name, setting FROM pg_settings WHERE name LIKE 'enable%' ORDER BY name"
    before = await connection.fetch(settings)
    await sent(new())
    [task] = await claim(connection, ME, "default", 1)

    await flush(connection, ME, [ended(task)])

    assert await connection.fetch(settings) == before


async def test_the_end_of_a_task_is_entered_in_no_index(owndb: Database) -> None:
    """PostgreSQL calls that a HOT update; `other` is kept for so short a time that an index has to tell of it."""
    connection = await owndb.connect()
    await sent(
        *(NewTask(uuid4(), "default", "tests.any", b"as long as messages are: " * 10) for _ in range(50))
    )
    *usual, other = await claim(connection, ME, "default", 50)
    for each in usual:
        assert (await Task.get(id=each.id)).held_on is None
    counted = "SELECT pg_stat_get_tuples_hot_updated('task'::regclass) AS hot, pg_stat_get_tuples_updated('task'::regclass)"
    force = "SELECT pg_stat_force_next_flush()"
    await connection.execute(force)
    before = await connection.fetchrow(counted)

    ends = [ended(each) for each in usual]
    for end in ends:
        end.keep = 30 * 86_400.0
    await flush(connection, ME, [*ends, ended(other)])

    await connection.execute(force)
    after = await connection.fetchrow(counted)
    assert (after[0] - before[0], after[1] - before[1]) == (49, 50)
    await connection.close()


async def test_what_a_runner_has_taken_is_noted_until_all_of_it_has_begun(
    db: Database, connection: Connection
) -> None:
    await sent(new(), new(), new())
    first, second = await claim(connection, ME, "default", 2)
    [other] = await claim(connection, OTHER, "default", 1)

    await flush(connection, ME, [ended(first)])
    await look_for_tasks(ME)
    noted = await fetch("SELECT worker_id, task_ids FROM task_claim ORDER BY worker_id")
    begun = Progress(second, RUNNING, [], [], second.log_count + 1, "done")
    await flush(connection, ME, [begun])
    await look_for_tasks(ME)

    assert [dict(row) for row in noted] == [
        {"worker_id": ME, "task_ids": [first.id, second.id]},
        {"worker_id": OTHER, "task_ids": [other.id]},
    ]
    assert [row["worker_id"] for row in await fetch("SELECT worker_id FROM task_claim")] == [OTHER]
    assert (await Task.get(id=second.id)).held_on == ME
    assert {task.id for task in await Task.filter(Task.in_work())} == {second.id}
    await fetch("SELECT write_claims($1)", [other.id])
    assert {task.id for task in await Task.filter(Task.in_work())} == {second.id, other.id}


async def test_to_take_a_task_changes_nothing_of_its_row_until_somebody_has_to_know(
    db: Database, connection: Connection
) -> None:
    ids = await sent(new(), new())
    before = await fetch("SELECT * FROM task ORDER BY id")

    taken = await claim(connection, ME, "default", 2)
    after = await fetch("SELECT * FROM task ORDER BY id")
    written = await fetch("SELECT write_claims($1) AS id", [ids[0], 10**12])
    again = await fetch("SELECT write_claims($1) AS id", ids[:1])

    row, other = await Task.filter(id__in=ids).order_by("id")
    assert ([task.id for task in taken], after) == (ids, before)
    assert ([each["id"] for each in written], again) == (ids[:1], [])
    assert (row.state, row.worker_id, row.attempt, row.ready) == (TaskState.CONSUMED, ME, 1, False)
    assert (other.state, other.worker_id, other.attempt) == (QUEUED, None, 0)
    await flush(connection, ME, [ended(each) for each in taken])
    assert await Task.filter(state=DONE, attempt=1).count() == 2


async def test_what_was_given_back_may_be_taken_again_and_its_first_claim_counts_for_nothing(
    db: Database, connection: Connection
) -> None:
    await sent(new())
    [first] = await claim(connection, ME, "default", 1)
    await flush(connection, ME, [ended(first, QUEUED, reason="given_back")])

    [second] = await claim(connection, OTHER, "default", 1)
    late = ended(first)
    await flush(connection, ME, [late])
    await look_for_tasks(ME)
    written = await fetch("SELECT write_claims($1) AS id", [first.id])

    assert (second.id, second.attempt, late.refused) == (first.id, 2, True)
    assert [row["worker_id"] for row in await fetch("SELECT worker_id FROM task_claim")] == [OTHER]
    assert ([row["id"] for row in written], (await Task.get(id=first.id)).worker_id) == ([first.id], OTHER)


async def test_what_waits_by_mistake_is_dropped(db: Database, connection: Connection) -> None:
    ended_task, waiting = await sent(new(), new())
    await fetch(
        "UPDATE task SET state = 'rejected', ready = false, expires_at = now() WHERE id = $1", ended_task
    )

    taken = await claim(connection, ME, "default", 5)

    assert [task.id for task in taken] == [waiting]
    assert await fetch("SELECT * FROM task_waiting") == []


async def test_what_is_deleted_waits_no_more(db: Database) -> None:
    gone, left = await sent(new(), new())

    await Task.filter(id=gone).delete()

    assert [row["task_id"] for row in await fetch("SELECT task_id FROM task_waiting")] == [left]


async def test_a_runner_of_before_takes_the_same_tasks_and_its_rows_say_so(
    db: Database, connection: Connection
) -> None:
    await sent(new(), new())
    [mine] = await claim(connection, ME, "default", 1)

    [theirs] = await connection.fetch("SELECT * FROM claim_tasks($1, 'default', 5)", OTHER)

    row = await Task.get(id=theirs["id"])
    assert theirs["id"] != mine.id
    assert (row.state, row.worker_id, row.attempt, theirs["attempt"]) == (TaskState.CONSUMED, OTHER, 1, 1)
    await look_for_tasks(OTHER)
    assert len(await fetch("SELECT FROM task_claim")) == 2


# Plans ----------------------------------------------------------------------------------------------------------------

FILL = """
INSERT INTO task (message_id, actor_name, message, tenant_id, priority, queue_name, purge_at)
SELECT gen_random_uuid(), 'tests.any', '{}', (SELECT min(id) FROM tenant), number % 3, 'queue' || number % 2, NULL
FROM generate_series(1, $1) AS number
"""
STATEMENTS = {
    "unheard": (claiming._UNHEARD, "'{me}', '{{1,2,3}}'"),
    "done": (finishing._DONE, "'{me}', 60, {ids}, {ones}, {ones}, {words}"),
    "ended": (
        finishing._END,
        "'{me}', {ids}, {ones}, {states}, {ones}, {words}, {nulls}, {ones}, {nulls}, {nulls}, {ones}, {nulls}, {nulls}",
    ),
    "go_on": (finishing._GO_ON, "'{me}', {ids}, {ones}, {states}, {ones}, {ones}, {words}"),
    "rotate": (finishing._ROTATE, "{ids}"),
}


@pytest.mark.parametrize(
    ("many", "knows"),
    [(20_000, "nothing"), (20_000, "all"), (MANY, "that there was nothing"), (8_000, "all")],
)
async def test_rows_are_looked_up_however_many_there_are_and_whatever_postgresql_knows(
    owndb: Database, many: int, knows: str
) -> None:
    if knows == "that there was nothing":
        await fetch("VACUUM ANALYZE task")
    await _fill(many)
    if knows == "all":
        await fetch("VACUUM ANALYZE task")

    for mode in ("force_generic_plan", "force_custom_plan"):
        connection = await owndb.connect(server_settings={"plan_cache_mode": mode})
        for name, (sql, values) in STATEMENTS.items():
            await connection.execute(f"PREPARE {name} AS {sql}")
            if name == "unheard":
                plan = await _plan(connection, name, values)
            else:
                await connection.execute(finishing._BEGIN)
                plan = await _plan(connection, name, values)
                await connection.execute("ROLLBACK")
            assert _reads_whole(plan) == [], (name, mode, plan)
            if name in ("done", "ended", "go_on"):  # from the reports to the rows, not the other way round
                sources = _sources(plan)
                assert sources[:2] == ["Function Scan on", "Index Scan using task_pkey on"], (
                    name,
                    mode,
                    plan,
                )
                assert sources[2:] == [] or (
                    name == "go_on" and any("task_claim_worker" in line for line in plan)
                )
        await connection.close()


@pytest.mark.parametrize("knows", ["nothing", "all", "that there was nothing"])
async def test_a_claim_reads_as_much_whatever_waits_and_whatever_postgresql_knows(
    owndb: Database, knows: str
) -> None:
    if knows == "that there was nothing":
        await fetch("VACUUM ANALYZE task")
    await _fill()
    if knows == "all":
        await fetch("ANALYZE task")

    for mode in ("force_generic_plan", "force_custom_plan"):
        connection = await owndb.connect(server_settings={"plan_cache_mode": mode})
        assert await _blocks(connection, "SELECT * FROM take_tasks($1, 'queue0', 100)", 100) < 2500
        assert await _blocks(connection, claiming._FILLED, 2) < 500
        await connection.close()


async def _fill(many: int = MANY) -> None:
    for _ in range(10):
        await fetch(FILL, many // 10)


async def _blocks(connection: Connection, sql: str, rows: int) -> int:
    """How many blocks a statement reads."""
    explain = "EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) "
    [row] = await connection.fetch(explain + sql.replace("$1", f"'{ME}'::uuid"))
    plan = orjson.loads(row[0])[0]["Plan"]
    assert plan["Actual Rows"] == rows
    return int(plan["Shared Hit Blocks"] + plan["Shared Read Blocks"])


async def _plan(connection: Connection, name: str, values: str) -> list[str]:
    ids = "'{" + ",".join(map(str, range(1, 1001))) + "}'"
    filled = values.format(
        me=ME,
        ids=ids,
        ones=_array("1"),
        nulls=_array("NULL"),
        words=_array("info"),
        states=_array("running"),
    )
    call = f"({filled})" if filled else ""
    return [row[0] for row in await connection.fetch(f"EXPLAIN EXECUTE {name}{call}")]


def _array(value: str) -> str:
    return "'{" + ",".join([value] * 1000) + "}'"


def _sources(plan: Sequence[str]) -> list[str]:
    """What a join takes its rows from, the outer one first."""
    return [
        found[0]
        for node in plan
        if (found := re.search(r"(\w+ Scan using \w+|Bitmap \w+ Scan|Function Scan) on", node))
    ]


def _reads_whole(plan: Sequence[str]) -> list[str]:
    """The nodes that read all tasks, or all lines."""
    return [node for node in plan if re.search(r"Seq Scan on task(_log)?\b", node)]
