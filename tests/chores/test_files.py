"""The chores of files do their work, run as a task runner runs them, and say in their logs what they did."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from app import chores
from app.access import Viewer
from app.actions.tasks.schedules import declare_schedules, send_schedule
from app.chores import files
from app.daemons.runner import Runner
from app.database import Database, fetch
from app.models import Artifact, FileStore, FileToRemove, FileUpload, Schedule, Task, TaskLog, TaskState
from app.settings import Settings
from tests.actions.files.rows import PAST, Yard, key_of, long_ago, there, yard
from tests.tasks_yard import start_runner, until, until_state

__all__ = ["yard"]


@pytest.fixture
async def runner(db: Database, yard: Yard, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Runner]:
    """A runner with the files of this test, and our schedules, none of them due."""
    monkeypatch.setenv("FILES_DIR", str(yard.settings.files_directory))
    specs = chores.load_actors(Settings())
    await declare_schedules([spec for spec in specs if spec.actor_name.startswith("app.chores.files.")])
    await fetch("UPDATE schedule SET paused = true")
    async with start_runner(db) as runner:
        yield runner


async def do(name: str, *states: TaskState) -> Task:
    """Have a chore sent by its schedule, and wait until it is done."""
    schedule = await Schedule.get(actor_name__endswith=f".{name}")
    task = await send_schedule(Viewer.operator(schedule.tenant_id), schedule.id)
    return await until_state(task, *(states or (TaskState.DONE,)), limit=60)


async def lines_of(task: Task) -> list[str]:
    return [line.event async for line in TaskLog.filter(task_id=task.id).order_by("number")]


async def test_artifacts_expire_and_their_bytes_go_an_hour_later(yard: Yard, runner: Runner) -> None:
    artifact = await yard.artifact(PAST, files=[b"content"])

    expired = await do("expire_artifacts")
    early = await do("remove_bytes")
    there_still = await yard.has(b"content")
    await FileToRemove.all().update(created_at=long_ago(1.1))
    late = await do("remove_bytes")

    assert await there(artifact) == [False]
    assert "Removed 1 artifacts, 0 relations and 1 files." in await lines_of(expired)
    assert (there_still, await yard.has(b"content")) == (True, False)
    assert not any("Removed" in line for line in await lines_of(early))
    assert "Removed 1 files with 7 bytes." in await lines_of(late)


async def test_the_removal_of_bytes_is_tried_again_while_a_store_is_away(
    yard: Yard, runner: Runner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = await yard.store("other", tmp_path / "other")
    await yard.artifact(PAST, files=[b"content"], store=other)
    await do("expire_artifacts")
    await FileToRemove.all().update(created_at=long_ago(1.1))
    (tmp_path / "other").rename(tmp_path / "away")

    schedule = await Schedule.get(actor_name="app.chores.files.remove_bytes")
    task = await send_schedule(Viewer.operator(schedule.tenant_id), schedule.id)
    await until(lambda: _has_line(task, "1 files could not be removed from other."), 60)
    waiting = await Task.get(id=task.id)
    (tmp_path / "away").rename(tmp_path / "other")
    await fetch("UPDATE task SET eta = now() WHERE id = $1", task.id)
    done = await until_state(await Task.get(id=task.id), TaskState.DONE, limit=60)

    assert (waiting.state, waiting.retries) == (TaskState.QUEUED, 1)
    assert "Removed 1 files with 7 bytes." in await lines_of(done)
    assert not await yard.has(b"content", other)


async def _has_line(task: Any, text: str) -> bool:
    return any(text in line for line in await lines_of(task))


async def test_uploads_are_finished_or_forgotten(yard: Yard, runner: Runner) -> None:
    whole, part = [await yard.artifact(complete=False, completed_at=None) for _ in range(2)]
    verified = await yard.uploading(whole, b"content", 7, str(uuid4()))
    await yard.uploading(part, b"other content", 3, str(uuid4()))
    await FileUpload.all().update(last_activity_at=long_ago())
    await FileUpload.filter(id=verified.id).update(verified=True)
    await Artifact.all().update(created_at=long_ago())

    finished = await do("finish_uploads")
    forgotten = await do("reap_uploads")

    assert await there(whole, part) == [True, False]
    assert (await Artifact.get(id=whole.id)).complete
    assert "Finished 1 uploads." in await lines_of(finished)
    assert (
        "Forgot 1 uploads, 1 artifacts that never became complete, and 0 temporary files."
        in await lines_of(forgotten)
    )


async def test_stores_are_held_to_their_rows(yard: Yard, runner: Runner, tmp_path: Path) -> None:
    await yard.store("away", tmp_path / "away")
    (tmp_path / "away").rmdir()
    await yard.artifact(files=[b"content", b"other"])
    await (await yard.stores.of(yard.default)).delete(key_of(b"content"))

    task = await do("check_stores")

    lines = await lines_of(task)
    assert "The store Default: 1 files with 5 bytes; 1 missing, 0 wrong, 0 unknown, 0 not ours." in lines, (
        lines
    )
    assert any(line.startswith("The store away cannot be checked:") for line in lines)
    assert task.aggregated_status.value == "error"


async def test_files_are_copied_by_a_task(yard: Yard, runner: Runner, tmp_path: Path) -> None:
    other = await yard.store("other", tmp_path / "other")
    await yard.artifact(files=[b"one", b"two"])

    sent = await files.copy_files.send_async("Default", "other", yard.cast.lab.id, True)
    task = await until_state(await Task.get(id=sent.id), TaskState.DONE, limit=60)

    assert "Copied 2 files with 6 bytes; 0 were there. The source let go of 2." in await lines_of(task)
    assert (await FileStore.get(id=other.id)).total_size == 6
