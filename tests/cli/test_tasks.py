"""The commands for tasks and schedules, as an operator types them."""

import asyncio
import os
import sys
import termios
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import orjson
import pytest
import typer

from app.access import Viewer
from app.actions.tasks.schedules import declare_schedules
from app.cli.tasks.selecting import Selection, duration
from app.cli.tasks.showing import span
from app.clock import now
from app.database import Database, fetch
from app.models import Schedule, Task, TaskLog, TaskState, Workspace
from app.tasks import enqueue
from app.tasks.schedules import ScheduleSpec
from tests import task_actors
from tests.cli.operator import workyard
from tests.live import url_of

MODULE = "tests.task_actors"


async def tasks(database: Database, *arguments: str) -> tuple[int, str]:
    """Run a command of `tasks` against a database; its exit code and all that it printed."""
    return await workyard(database, "tasks", *arguments, TASK_MODULES=MODULE)


@dataclass
class Screen:
    """A terminal in which a command runs."""

    process: asyncio.subprocess.Process
    keyboard: int
    seen: str = ""
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def press(self, key: bytes) -> None:
        os.write(self.keyboard, key)

    async def shows(self, text: str) -> None:
        """Wait until it has shown that."""
        async with asyncio.timeout(30):
            while text not in self.seen:
                self.changed.clear()
                await self.changed.wait()

    def read(self) -> None:
        try:
            self.seen += os.read(self.keyboard, 65536).decode(errors="replace")
        except OSError:  # the other end is closed
            asyncio.get_running_loop().remove_reader(self.keyboard)
        self.changed.set()


@asynccontextmanager
async def terminal(database: Database, *arguments: str) -> AsyncIterator[Screen]:
    """Run a command in a terminal of 30 lines of 120 characters."""
    keyboard, inside = os.openpty()
    termios.tcsetwinsize(inside, (30, 120))
    process = await asyncio.create_subprocess_exec(
        *("setsid", "--ctty", "--wait", sys.executable, "-m", "app", "tasks", *arguments),
        env={**os.environ, "DATABASE_URL": url_of(database.credentials), "TERM": "xterm"},
        stdin=inside, stdout=inside, stderr=inside,
    )  # fmt: skip
    os.close(inside)
    screen = Screen(process, keyboard)
    asyncio.get_running_loop().add_reader(keyboard, screen.read)
    try:
        async with asyncio.timeout(60):
            yield screen
    finally:
        asyncio.get_running_loop().remove_reader(keyboard)
        if process.returncode is None:
            process.kill()
            await process.wait()
        os.close(keyboard)


async def listed(database: Database, *arguments: str) -> list[Any]:
    """What `ls --json` says."""
    code, printed = await tasks(database, "ls", "--json", *arguments)
    assert code == 0, printed
    found: list[Any] = orjson.loads(printed)
    return found


async def test_top_prints_once_where_there_is_no_terminal(owndb: Database) -> None:
    await enqueue([task_actors.noop.message(1).copy(queue_name="parcels") for _ in range(3)])
    failed = await task_actors.fails.send_async(1)
    await reject(failed.id)
    await fetch("UPDATE task_log SET log_level = 'error', event = 'it broke' WHERE task_id = $1", failed.id)
    await fetch(
        "INSERT INTO worker_status (hostname, version, pid, last_seen) VALUES ('here.test', '1', 77, now()),"
        " ('gone.test', '1', 78, now() - interval '1 minute')"
    )

    code, printed = await tasks(owndb, "top")

    lines = {line.split()[0]: line.split() for line in printed.splitlines() if line.strip()}
    assert code == 0
    assert lines["parcels"][1:2] == ["3"]
    assert (lines["here.test"][1], lines["here.test"][-1]) == ("77", "alive")
    assert lines["gone.test"][-1] == "lost"
    assert lines[str(failed.id)][-2:] == ["it", "broke"]


@pytest.mark.parametrize("key", [b"q", b"\x03"], ids=["q", "Ctrl-C"])
async def test_top_is_drawn_anew_until_a_key_ends_it(owndb: Database, key: bytes) -> None:
    async with terminal(owndb, "top", "--every", "0.2") as screen:
        await screen.shows("waiting")
        await enqueue(task_actors.noop.message(1).copy(queue_name="parcels"))
        await screen.shows("parcels")

        screen.press(key)

        assert await screen.process.wait() == 0
    assert "Traceback" not in screen.seen


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0.4, "0s"),
        (-0.6, "0s"),
        (59, "59s"),
        (59.7, "1m00s"),
        (185, "3m05s"),
        (7800, "2h10m"),
        (356_400, "4d03h"),
    ],
)
def test_a_span_has_its_two_greatest_units(seconds: float, said: str) -> None:
    assert span(seconds) == said


async def reject(id: int, *, ended: timedelta = timedelta()) -> None:
    """Have a task as it is when its actor failed for the last time, so long ago."""
    await fetch(
        "UPDATE task SET state = 'rejected', ready = false, expires_at = now() + interval '30 days',"
        " mtime = now() - $2::interval WHERE id = $1",
        id,
        ended,
    )


async def test_tasks_are_listed_the_newest_first_and_chosen_by_queue_actor_state_and_workspace(
    owndb: Database,
) -> None:
    workspace = await Workspace.get(name="System")
    operator = Viewer.operator(workspace.tenant_id)
    plain = await task_actors.noop.send_async(1)
    other = await enqueue(task_actors.noop.message(2).copy(queue_name="other"))
    shared = await enqueue(task_actors.fails.message(3), workspace=workspace)
    await reject(shared.id)

    everything = await listed(owndb)
    chosen = await listed(
        owndb, "--queue", "other", "--queue", "default", "--state", "queued", "--limit", "1"
    )

    assert [task["id"] for task in everything] == [shared.id, other.id, plain.id]
    assert [task["id"] for task in chosen] == [other.id]
    assert everything[2]["actor_name"] == f"{MODULE}.noop"
    assert UUID(everything[2]["message_id"]) == plain.message_id
    assert (everything[0]["aggregated_status"], everything[0]["workspace"]) == ("rejected", "System")
    for selection, found in (
        (Selection(queues=["other"]), {other.id}),
        (Selection(actors=[f"{MODULE}.fails"]), {shared.id}),
        (Selection(states=["queued"]), {other.id, plain.id}),
        (Selection(statuses=["REJECTED"]), {shared.id}),
        (Selection(workspace="System"), {shared.id}),
        (Selection(workspace="System", states=["queued"]), set()),
    ):
        assert {task.id for task in await Task.filter(await selection.condition(operator))} == found


async def test_workyards_own_chores_are_listed_when_they_are_asked_for(owndb: Database) -> None:
    chore = await enqueue(task_actors.noop.message(1).copy(queue_name="chores"))

    assert await listed(owndb) == []
    assert [task["id"] for task in await listed(owndb, "--chores")] == [chore.id]
    assert [task["id"] for task in await listed(owndb, "--queue", "chores")] == [chore.id]


async def test_the_list_for_people_has_a_line_for_each_task(owndb: Database) -> None:
    await enqueue(task_actors.noop.message(1), uid="red", delay=timedelta(hours=1))

    code, printed = await tasks(owndb, "ls")

    assert code == 0
    assert f"{MODULE}.noop:red" in printed
    assert "queued until" in printed


@pytest.mark.parametrize("by", ["number", "message id"])
async def test_a_task_is_shown_with_its_message_and_its_log(owndb: Database, by: str) -> None:
    sent = await task_actors.noop.send_async(42)

    name = str(sent.id) if by == "number" else str(sent.message_id)
    code, printed = await tasks(owndb, "show", name)
    _, as_json = await tasks(owndb, "show", name, "--json")

    assert code == 0
    assert "queued" in printed
    assert "[42]" in printed
    shown = orjson.loads(as_json)
    assert (shown["id"], shown["args"], shown["runner"]) == (sent.id, [42], None)
    assert [(line["number"], line["log_level"]) for line in shown["log"]] == [(1, "info")]


async def test_a_task_whose_message_nobody_can_read_is_shown_all_the_same(owndb: Database) -> None:
    sent = await task_actors.noop.send_async(1)
    await fetch("UPDATE task SET message = 'no json' WHERE id = $1", sent.id)

    code, printed = await tasks(owndb, "show", str(sent.id), "--json")

    assert code == 0
    assert orjson.loads(printed)["args"] is None


async def test_a_rejected_task_is_retried_and_one_that_waits_is_not(owndb: Database) -> None:
    rejected, waiting = await task_actors.fails.send_async(1), await task_actors.noop.send_async(2)
    await reject(rejected.id)

    code, said = await tasks(owndb, "retry", str(rejected.message_id))
    refused, why = await tasks(owndb, "retry", str(waiting.id))

    assert (code, said) == (0, "1 task will be tried again\n")
    assert (await Task.get(id=rejected.id)).state is TaskState.QUEUED
    assert await TaskLog.filter(task_id=rejected.id, previous=True).count() == 1
    assert refused == 2
    assert "QUEUED" in why
    assert "Traceback" not in why


async def test_rejected_tasks_are_retried_by_choice(owndb: Database) -> None:
    sent = await enqueue([task_actors.fails.message(number) for number in range(3)])
    other = await task_actors.noop.send_async(1)
    for task in (*sent, other):
        await reject(task.id)

    code, said = await tasks(owndb, "retry", "--actor", f"{MODULE}.fails")

    assert (code, said) == (0, "3 tasks will be tried again\n")
    assert [task.id for task in await Task.filter(state=TaskState.REJECTED)] == [other.id]


async def test_retrying_wants_names_or_a_choice_and_not_both(owndb: Database) -> None:
    for arguments in ((), ("1", "--queue", "default")):
        code, said = await tasks(owndb, "retry", *arguments)

        assert code == 2
        assert "name tasks, or choose some" in said


async def test_a_task_that_waits_is_cancelled(owndb: Database) -> None:
    sent = await task_actors.noop.send_async(1)

    code, said = await tasks(owndb, "cancel", str(sent.id))

    assert (code, said) == (0, f"task {sent.id} is cancelled\n")
    assert (await Task.get(id=sent.id)).state is TaskState.REJECTED


async def test_what_ended_long_enough_ago_is_purged_with_its_log(owndb: Database) -> None:
    old, new, waiting = [await task_actors.noop.send_async(number) for number in range(3)]
    await reject(old.id, ended=timedelta(days=8))
    await reject(new.id, ended=timedelta(days=6))

    code, said = await tasks(owndb, "purge", "--older-than", "7d")

    assert (code, said) == (0, "1 task removed\n")
    assert [task.id for task in await Task.all().order_by("id")] == [new.id, waiting.id]
    assert not await TaskLog.exists(task_id=old.id)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("show", "12345"), "There is no task '12345'."),
        (("ls", "--workspace", "nowhere"), "There is no workspace called 'nowhere'."),
        (("ls", "--state", "asleep"), "none of queued, consumed"),
        (("schedules", "pause", "nothing"), "There is no schedule 'nothing'."),
    ],
)
async def test_a_mistake_is_answered_in_words(owndb: Database, arguments: tuple[str, ...], said: str) -> None:
    code, printed = await tasks(owndb, *arguments)

    assert code == 2
    assert said in " ".join(printed.replace("│", " ").split())
    assert "Traceback" not in printed


@pytest.mark.parametrize(
    ("text", "time"), [("90s", timedelta(seconds=90)), ("12h", timedelta(hours=12)), ("2w", timedelta(14))]
)
def test_a_duration_is_a_number_and_a_unit(text: str, time: timedelta) -> None:
    assert duration(text) == time


@pytest.mark.parametrize("text", ["", "7", "d", "a week", "-1d", "1.5h", "99999w", "1d2h"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(typer.BadParameter):
        duration(text)


async def test_a_module_that_cannot_be_imported_is_named(owndb: Database, tmp_path: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "app", "tasks", "cancel", "1",
        env={**os.environ, "DATABASE_URL": url_of(owndb.credentials), "TASK_MODULES": "no_such_module"},
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    async with asyncio.timeout(60):
        printed, _ = await process.communicate()

    assert process.returncode == 2
    assert b"cannot import 'no_such_module' of TASK_MODULES" in printed
    assert b"Traceback" not in printed


async def test_a_schedule_is_paused_changed_sent_and_unpaused(owndb: Database) -> None:
    await declare_schedules([ScheduleSpec(task_actors.noop, "0 6 * * *", identifier="mornings", args=[7])])
    schedule = await Schedule.get(identifier="mornings")

    paused, _ = await tasks(owndb, "schedules", "pause", f"{MODULE}.noop")
    changed, _ = await tasks(owndb, "schedules", "set-crontab", str(schedule.id), "30 7 * * *")
    sent, said = await tasks(owndb, "schedules", "send", str(schedule.id))
    (shown,) = orjson.loads((await tasks(owndb, "schedules", "ls", "--json"))[1])
    wrong, why = await tasks(owndb, "schedules", "set-crontab", str(schedule.id), "now and then")

    assert (paused, changed, sent) == (0, 0, 0)
    task = await Task.get()
    assert said == f"task {task.id} was sent for schedule {schedule.id}\n"
    assert (task.rel_obj_id, task.actor_name) == (str(schedule.id), f"{MODULE}.noop")
    assert (shown["paused"], shown["crontab"], shown["args"]) == (True, "30 7 * * *", [7])
    assert wrong == 2
    assert "A crontab has five fields" in why

    await tasks(owndb, "schedules", "unpause", str(schedule.id))
    schedule = await Schedule.get(id=schedule.id)
    assert not schedule.paused
    assert schedule.next_run <= now()
    _, table = await tasks(owndb, "schedules", "ls")
    assert "mornings" in table
