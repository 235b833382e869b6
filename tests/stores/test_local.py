"""What is true of a directory, beside what is true of every store."""

import os
import resource
import signal
import stat
import subprocess
import sys
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from app.stores import (
    Corrupt,
    Missing,
    Store,
    StoreFull,
    StoreRefuses,
    StoreSettings,
    StoreUnavailable,
    open_store,
    verify,
)
from tests.stores.content import MIB, chunks, key_of, paths, put, read, some_content


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    (tmp_path / "store").mkdir()
    return tmp_path / "store"


@pytest.fixture
async def local(directory: Path) -> AsyncIterator[Store]:
    opened = open_store("local", "disk", {"base_directory": str(directory)}, StoreSettings(directory / "no"))
    yield opened
    await opened.close()


def files(directory: Path) -> set[str]:
    return {str(path.relative_to(directory)) for path in directory.rglob("*") if not path.is_dir()}


async def test_content_is_a_file_that_our_user_alone_may_read(local: Store, directory: Path) -> None:
    key = await put(local, b"content")

    assert files(directory) == {key.path}
    place = directory / key.path
    assert place.read_bytes() == b"content"
    assert stat.S_IMODE(place.stat().st_mode) == 0o600
    assert stat.S_IMODE(place.parent.stat().st_mode) == 0o700


async def test_a_file_that_is_moved_is_the_very_file(local: Store, directory: Path, tmp_path: Path) -> None:
    source = tmp_path / "upload"
    source.write_bytes(b"content")
    source.chmod(0o644)
    inode = source.stat().st_ino

    await local.put(key_of(b"content"), source, move=True)

    place = directory / key_of(b"content").path
    assert place.stat().st_ino == inode
    assert stat.S_IMODE(place.stat().st_mode) == 0o600


async def test_a_file_that_somebody_has_under_another_name_is_copied(
    local: Store, directory: Path, tmp_path: Path
) -> None:
    source = tmp_path / "upload"
    source.write_bytes(b"content")
    os.link(source, tmp_path / "another name")

    await local.put(key_of(b"content"), source, move=True)

    (tmp_path / "another name").write_bytes(b"changed")
    assert await read(local, key_of(b"content")) == b"content"
    assert not source.exists()


@pytest.mark.parametrize("there", [b"another", b"conten", b"content!"])
async def test_what_is_there_is_never_overwritten_and_its_corruption_is_told(
    local: Store, directory: Path, there: bytes
) -> None:
    key = await put(local, b"content")
    (directory / key.path).write_bytes(there)

    with pytest.raises(Corrupt):
        await local.put(key, chunks(b"content"))
    with pytest.raises(Corrupt):
        await verify(local, key)

    assert (directory / key.path).read_bytes() == there
    assert files(directory) == {key.path}
    await local.delete(key)
    assert await local.put(key, chunks(b"content")) is True


@pytest.mark.parametrize("there", [b"conten", b"content!"])
async def test_bytes_of_another_size_are_not_handed_out(local: Store, directory: Path, there: bytes) -> None:
    key = await put(local, b"content")
    (directory / key.path).write_bytes(there)

    with pytest.raises(Corrupt):
        await read(local, key, 0, 2)


async def test_a_file_that_is_cut_while_it_is_read_is_told(local: Store, directory: Path) -> None:
    content = some_content(3 * MIB)
    key = await put(local, content)

    with pytest.raises(Corrupt, match="ends early"):
        async with local.get(key) as blocks:
            async for _ in blocks:
                os.truncate(directory / key.path, MIB)


async def test_links_and_pipes_at_the_place_of_content_are_not_followed(
    local: Store, directory: Path, tmp_path: Path
) -> None:
    key = await put(local, b"content")
    place = directory / key.path
    (tmp_path / "outside").write_bytes(b"content")

    place.unlink()
    place.symlink_to(tmp_path / "outside")
    with pytest.raises(Corrupt):
        await read(local, key)
    with pytest.raises(Corrupt):
        await local.put(key, chunks(b"content"))

    place.unlink()
    os.mkfifo(place)
    with pytest.raises(Corrupt):
        await read(local, key)


async def test_a_link_to_another_directory_leads_nowhere(
    local: Store, directory: Path, tmp_path: Path
) -> None:
    key = key_of(b"content")
    (tmp_path / "outside").mkdir()
    (directory / key.path[:2]).symlink_to(tmp_path / "outside")

    with pytest.raises(StoreRefuses):
        await local.put(key, chunks(b"content"))
    with pytest.raises(StoreRefuses):
        await read(local, key)
    with pytest.raises(StoreRefuses):
        await local.delete(key)

    assert files(tmp_path / "outside") == set()


async def test_a_directory_that_is_not_there_is_no_empty_store(local: Store, directory: Path) -> None:
    key = await put(local, b"content")
    directory.rename(directory.with_name("unmounted"))

    with pytest.raises(StoreUnavailable):
        await read(local, key)
    with pytest.raises(StoreUnavailable):
        await local.exists(key)
    with pytest.raises(StoreUnavailable):
        await paths(local)
    with pytest.raises(StoreUnavailable):
        await local.put(key, chunks(b"content"))

    assert not directory.exists()


async def test_the_default_store_makes_its_directory(tmp_path: Path) -> None:
    default = open_store("local", "Default", {}, StoreSettings(tmp_path / "data" / "files"))
    assert await paths(default) == set()
    with pytest.raises(Missing):
        await read(default, key_of(b"content"))

    key = await put(default, b"content")

    assert (tmp_path / "data" / "files" / key.path).read_bytes() == b"content"
    await default.close()


async def test_what_is_not_ours_is_listed_as_unknown(local: Store, directory: Path) -> None:
    key = await put(local, b"content")
    (directory / "notes.txt").write_text("mine")
    (directory / "aa").mkdir(exist_ok=True)
    (directory / "aa" / "b").write_text("!")

    listed = {one.path: (one.key, one.size) async for one in local.list()}

    assert listed == {key.path: (key, 7), "notes.txt": (None, 4), "aa/b": (None, 1)}


async def test_what_killed_puts_left_is_swept_once_it_is_old(local: Store, directory: Path) -> None:
    key = await put(local, b"content")
    left = directory / ".incoming" / "left"
    left.write_bytes(b"half")
    os.utime(left, (0, 0))
    (directory / ".incoming" / "fresh").write_bytes(b"half")

    assert await local.sweep(timedelta(hours=1)) == 1

    assert files(directory) == {key.path, ".incoming/fresh"}
    assert await paths(local) == {key.path}


@pytest.mark.parametrize("size", [MIB, 5 * MIB])
async def test_a_full_disk_is_told_and_nothing_is_left(local: Store, directory: Path, size: int) -> None:
    """The limit of the process stands for the disk's: the write fails in the same way, part of it done."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (MIB // 2, before[1]))
    try:
        with pytest.raises(StoreFull):
            await put(local, some_content(size))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)

    assert files(directory) == set()
    assert await read(local, await put(local, b"small")) == b"small"


KILLED = """
import asyncio, os, signal, sys
from pathlib import Path
from app.stores import Key, StoreSettings, open_store
from app.stores import local

place = sys.argv[3]
if place == "before rename":
    os.rename = lambda *paths: os.kill(os.getpid(), signal.SIGKILL)
else:
    rename = os.rename
    def killing(*paths):
        rename(*paths)
        os.kill(os.getpid(), signal.SIGKILL)
    os.rename = killing

async def source():
    yield b"content"

store = open_store("local", "disk", {"base_directory": sys.argv[1]}, StoreSettings(Path("/nowhere")))
asyncio.run(store.put(Key(sys.argv[2], 7), source()))
"""


@pytest.mark.parametrize(("place", "there"), [("before rename", False), ("after rename", True)])
async def test_a_process_that_is_killed_leaves_all_or_nothing(
    local: Store, directory: Path, place: str, there: bool
) -> None:
    key = key_of(b"content")
    command = [sys.executable, "-c", KILLED, str(directory), key.sha256, place]

    ended = subprocess.run(command, cwd=Path(__file__).parents[2], timeout=60, check=False)

    assert ended.returncode == -signal.SIGKILL
    assert await local.exists(key) is there
    assert await local.put(key, chunks(b"content")) is not there
    assert await read(local, key) == b"content"
    assert await local.sweep(timedelta(0)) == (0 if there else 1)
