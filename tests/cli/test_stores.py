"""The commands for stores and expiry, as an operator types them."""

from pathlib import Path

import pytest

from app.actions.files.places import Stores
from app.clock import now
from app.database import Database
from app.models import Artifact, FileStore, FileToRemove, OutboxEvent, Task
from app.settings import Settings
from tests.actions.files.rows import FUTURE, PAST, Yard, there
from tests.cast import make_cast
from tests.cli.operator import workyard


@pytest.fixture
async def yard(owndb: Database, tmp_path: Path) -> Yard:
    """The lab in a database of this test, with files below its directory."""
    settings = Settings(files_dir=tmp_path / "files")
    return Yard(await make_cast(), settings, Stores(settings), await FileStore.get(name="Default"))


async def stores(database: Database, files: Path, *arguments: str) -> tuple[int, str]:
    """Run a command where files are; its exit code and all that it printed."""
    return await workyard(database, *arguments, FILES_DIR=str(files), COLUMNS="300")


async def test_a_store_is_added_changed_listed_and_forgotten(
    owndb: Database, yard: Yard, tmp_path: Path
) -> None:
    directory = tmp_path / "disk"
    directory.mkdir()
    files = yard.settings.files_directory

    added = await stores(
        owndb,
        files,
        "stores",
        "add",
        "disk",
        "local",
        "--set",
        f"base_directory={directory}",
        "--max-size",
        "1K",
    )
    listed = await stores(owndb, files, "stores", "ls")
    changed = await stores(owndb, files, "stores", "change", "disk", "--max-size", "none", "--read-only")
    row = await FileStore.get(name="disk")
    forgotten = await stores(owndb, files, "stores", "rm", "disk")

    assert added == (0, "the store 'disk' works and was added\n")
    assert str(directory) in listed[1] and "hard 1,024" in listed[1] and "Default" in listed[1]
    assert (changed[0], row.max_size, row.read_only) == (0, None, True)
    assert forgotten[0] == 0
    assert not await FileStore.exists(name="disk")
    assert await OutboxEvent.filter(event_type__startswith="file_store.").count() == 3 * 2


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("add", "disk", "local", "--set", "base_directory=/nowhere/at/all"), "No such file or directory"),
        (("add", "s", "s3", "--set", "bucket=files", "--set", "secret_access_key=x"), "WORKYARD_STORE_S_SECRET_ACCESS_KEY"),
        (("add", "disk", "local", "--max-size", "much"), "expected bytes"),
        (("change", "missing", "--read-only"), "no file store called 'missing'"),
        (("copy", "Default", "missing"), "no file store called 'missing'"),
    ],
)  # fmt: skip
async def test_what_cannot_be_is_refused_in_a_sentence(
    owndb: Database, yard: Yard, arguments: tuple[str, ...], said: str
) -> None:
    code, printed = await stores(owndb, yard.settings.files_directory, "stores", *arguments)

    assert code != 0
    assert said in printed
    assert "Traceback" not in printed
    assert [row.name async for row in FileStore.all()] == ["Default"]


async def test_a_check_tells_of_what_is_lost_by_its_exit_code(owndb: Database, yard: Yard) -> None:
    await yard.artifact(files=[b"content", b"other"])
    files = yard.settings.files_directory

    well = await stores(owndb, files, "stores", "check", "--read-all")
    for path in (files / "store").rglob("*-7"):
        path.write_bytes(b"CONTENT")
    quick = await stores(owndb, files, "stores", "check")
    wrong = await stores(owndb, files, "stores", "check", "Default", "--read-all", "--remove")

    assert well == (0, "Default: 2 files, 12 bytes; well\n")
    assert quick[0] == 0
    assert wrong[0] == 1
    assert "NOT well" in wrong[1] and "1 wrong" in wrong[1] and "the hash differs" in wrong[1]


async def test_files_are_moved_and_a_task_may_do_it(owndb: Database, yard: Yard, tmp_path: Path) -> None:
    await yard.store("other", tmp_path / "other")
    await yard.artifact(files=[b"one", b"two"])
    files = yard.settings.files_directory

    moved = await stores(owndb, files, "stores", "copy", "Default", "other", "--workspace", "lab", "--move")
    sent = await stores(owndb, files, "stores", "copy", "other", "Default", "--background")

    assert moved[0] == 0
    assert "Copied 2 files with 6 bytes; 0 were there. The source let go of 2." in moved[1]
    assert (await FileStore.get(name="other")).total_size == 6
    assert await FileToRemove.all().count() == 2
    task = await Task.get(actor_name="app.chores.files.copy_files")
    assert sent == (
        0,
        f"task {task.id} does it; python -m app tasks show {task.id} tells how far it is\n",
    )


async def test_artifacts_expire_or_are_only_told(owndb: Database, yard: Yard) -> None:
    target = await yard.artifact(PAST, files=[b"content"])
    source = await yard.artifact(FUTURE, to=[target])
    files = yard.settings.files_directory

    told = await stores(owndb, files, "artifacts", "expire", "--dry-run", "--at", "2100-01-01T00:00Z")
    stayed = await there(target, source)
    first = await stores(owndb, files, "artifacts", "expire")
    await Artifact.filter(id=source.id).update(expire_at=now())
    second = await stores(owndb, files, "artifacts", "expire")
    wrong = await stores(owndb, files, "artifacts", "expire", "--at", "tomorrow")

    counts = "2 artifacts, 1 relations, 0 unfinished uploads, 1 files.\n  Default: 1 files, 7 bytes\n"
    assert told == (0, f"Would remove {counts}")
    assert stayed == [True, True]
    assert first[1].endswith("Spared 1: something that is kept leads to them.\n")
    assert second == (0, f"Removed {counts}Their bytes go in an hour.\n")
    assert await there(target, source) == [False, False]
    assert wrong[0] == 2 and "expected a time" in wrong[1]
