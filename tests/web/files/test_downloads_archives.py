"""A whole artifact in one download."""

import asyncio
import hashlib
import io
import os
import shutil
import subprocess
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import httpx
import psutil
import pytest

from app.models import FileInStore, FileStore
from app.web.files import streaming
from tests.web.files.shelf import AT, Shelf, url
from tests.web.files.test_downloads import MORE, TEXT, problem

FORMATS = ("tar.gz", "zip")
NAMES = {
    "b.txt": TEXT,
    "a/deep/more.bin": MORE,
    "a.txt": TEXT,
    "empty": b"",
    "grüße/☃ " + "x" * 200: b"long names",
    "lines\n": b"\n" * 1_000_000,
}


def tar_of(content: bytes) -> dict[str, bytes]:
    with tarfile.open(fileobj=io.BytesIO(content), mode="r:gz") as archive:
        return {member.name: archive.extractfile(member).read() for member in archive}  # type: ignore[union-attr]


def zip_of(content: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name) for name in archive.namelist()}


async def wait_until(condition: Callable[[], bool], limit: float = 60) -> None:
    """Wait for something to become true."""
    async with asyncio.timeout(limit):
        while not condition():
            await asyncio.sleep(0.01)


async def test_a_tar_gz_has_all_files_in_order_with_the_time_of_the_artifact(shelf: Shelf) -> None:
    artifact = await shelf.artifact(NAMES)

    response = await shelf.get(f"/artifacts/{artifact.id}/archive.tar.gz", shelf.cast.vic)

    assert response.status_code == 200
    assert response.headers["content-type"] == "application/gzip"
    assert response.headers["content-disposition"] == f'attachment; filename="artifact-{artifact.id}.tar.gz"'
    assert response.headers["accept-ranges"] == "none"
    found = tar_of(response.content)
    assert found == NAMES
    assert list(found) == sorted(NAMES, key=str.encode)
    with tarfile.open(fileobj=io.BytesIO(response.content)) as archive:
        assert {(each.mtime, each.mode, each.uid, each.uname, each.type) for each in archive} == {
            (int(AT.timestamp()), 0o644, 0, "", tarfile.REGTYPE)
        }


async def test_a_zip_has_all_files_in_order_with_the_time_of_the_artifact(shelf: Shelf) -> None:
    artifact = await shelf.artifact(NAMES)

    response = await shelf.get(f"/artifacts/{artifact.id}/archive.zip", shelf.cast.vic)

    assert response.status_code == 200
    assert response.headers["content-type"] == "application/zip"
    found = zip_of(response.content)
    assert found == NAMES
    assert list(found) == sorted(NAMES, key=str.encode)
    with zipfile.ZipFile(io.BytesIO(response.content)) as archive:
        entries = {entry.filename: entry for entry in archive.infolist()}
    assert {(entry.date_time, entry.external_attr >> 16) for entry in entries.values()} == {
        ((2026, 3, 4, 5, 6, 6), 0o644)  # zip counts in twos
    }
    assert entries["a/deep/more.bin"].compress_type == zipfile.ZIP_STORED
    assert entries["lines\n"].compress_type == zipfile.ZIP_DEFLATED


@pytest.mark.parametrize("program", ["tar", "unzip", "gzip"])
async def test_the_usual_programs_take_them(shelf: Shelf, tmp_path: Path, program: str) -> None:
    if shutil.which(program) is None:
        pytest.skip(f"no {program} on this machine")
    artifact = await shelf.artifact({"a/b.txt": TEXT, "more.bin": MORE})
    kind = "zip" if program == "unzip" else "tar.gz"
    response = await shelf.get(f"/artifacts/{artifact.id}/archive.{kind}", shelf.cast.vic)
    archive, into = tmp_path / f"it.{kind}", tmp_path / "into"
    archive.write_bytes(response.content)
    into.mkdir()
    command = {
        "tar": ["tar", "-xzf", str(archive), "-C", str(into)],
        "unzip": ["unzip", "-q", str(archive), "-d", str(into)],
        "gzip": ["gzip", "--test", str(archive)],
    }[program]

    done = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True)

    assert (done.returncode, done.stderr) == (0, "")
    if program != "gzip":
        assert (into / "a/b.txt").read_bytes() == TEXT
        assert (into / "more.bin").read_bytes() == MORE
        assert (into / "more.bin").stat().st_mode & 0o777 == 0o644
        assert int((into / "more.bin").stat().st_mtime) == int(AT.timestamp())


@pytest.mark.parametrize("kind", FORMATS)
async def test_the_same_artifact_gives_the_same_bytes_from_whatever_store(shelf: Shelf, kind: str) -> None:
    one = await shelf.artifact(NAMES)
    other = await shelf.artifact(dict(reversed(NAMES.items())))
    changed = await shelf.artifact(NAMES | {"b.txt": b"changed"})

    answers = [
        await shelf.get(f"/artifacts/{each.id}/archive.{kind}", shelf.cast.vic)
        for each in (one, other, changed)
    ]

    assert answers[0].content == answers[1].content
    assert answers[0].headers["etag"] == answers[1].headers["etag"] != answers[2].headers["etag"]
    known = await shelf.get(
        f"/artifacts/{one.id}/archive.{kind}", shelf.cast.vic, if_none_match=answers[0].headers["etag"]
    )
    assert (known.status_code, known.content) == (304, b"")
    head = await shelf.ask("HEAD", f"/artifacts/{one.id}/archive.{kind}", shelf.cast.vic)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["etag"] == answers[0].headers["etag"]


@pytest.mark.parametrize("kind", FORMATS)
async def test_an_artifact_without_files_is_an_empty_archive(shelf: Shelf, kind: str) -> None:
    artifact = await shelf.artifact({})

    response = await shelf.get(f"/artifacts/{artifact.id}/archive.{kind}", shelf.cast.vic)

    assert {"tar.gz": tar_of, "zip": zip_of}[kind](response.content) == {}


@pytest.mark.parametrize("kind", FORMATS)
async def test_what_is_not_complete_is_no_archive(shelf: Shelf, kind: str) -> None:
    artifact = await shelf.artifact({"a": TEXT}, missing={"b": MORE})

    for method in ("GET", "HEAD"):
        response = await shelf.ask(method, f"/artifacts/{artifact.id}/archive.{kind}", shelf.cast.vic)
        assert response.status_code == 409
    assert problem(await shelf.get(f"/artifacts/{artifact.id}/archive.{kind}", shelf.cast.vic)) == (
        409,
        "INVALID_STATE",
    )


async def test_there_is_no_other_format_and_no_other_method(shelf: Shelf) -> None:
    artifact = await shelf.artifact({"a": TEXT})

    rar = await shelf.get(f"/artifacts/{artifact.id}/archive.rar", shelf.cast.vic)
    posted = await shelf.ask("POST", f"/artifacts/{artifact.id}/archive.zip", shelf.cast.vic)

    assert problem(rar) == (404, "NOT_FOUND")
    assert (posted.status_code, posted.headers["allow"]) == (405, "HEAD, GET")


@pytest.mark.parametrize("kind", FORMATS)
async def test_an_archive_breaks_off_where_bytes_are_lost_and_never_looks_whole(
    shelf: Shelf, kind: str
) -> None:
    artifact = await shelf.artifact({"a": os.urandom(9 << 20), "b": TEXT, "c": MORE})
    shelf.place(TEXT).unlink()

    with pytest.raises(httpx.RemoteProtocolError):
        await shelf.get(f"/artifacts/{artifact.id}/archive.{kind}", shelf.cast.vic)


@pytest.mark.parametrize("kind", FORMATS)
async def test_an_archive_that_cannot_be_begun_or_ended_is_an_error(shelf: Shelf, kind: str) -> None:
    first_lost = await shelf.artifact({"a": b"first", "b": os.urandom(9 << 20)})
    shelf.place(b"first").unlink()
    known_lost = await shelf.artifact({"a": os.urandom(9 << 20), "b": b"known"})
    await FileInStore.filter(file__sha256=hashlib.sha256(b"known").digest()).delete()

    for artifact in (first_lost, known_lost):
        response = await shelf.get(f"/artifacts/{artifact.id}/archive.{kind}", shelf.cast.vic)
        assert problem(response) == (500, "CONTENT_LOST")


@pytest.mark.parametrize("kind", FORMATS)
async def test_when_one_store_has_lost_a_file_the_archive_has_it_from_another(
    shelf: Shelf, kind: str
) -> None:
    artifact = await shelf.artifact({"a": TEXT, "b": MORE})
    other = await FileStore.create(name="other", backend="memory", configuration={})
    await shelf.cast.lab.other_file_stores.add(other)
    await shelf.put(other, MORE)
    shelf.place(MORE).unlink()

    response = await shelf.get(f"/artifacts/{artifact.id}/archive.{kind}", shelf.cast.vic)

    assert {"tar.gz": tar_of, "zip": zip_of}[kind](response.content) == {"a": TEXT, "b": MORE}


@pytest.mark.parametrize("kind", ["archive.tar.gz", "archive.zip", "files/big"])
async def test_a_client_that_goes_away_leaves_nothing_behind(shelf: Shelf, kind: str) -> None:
    big = hashlib.shake_256(kind.encode()).digest(1 << 20) * 64
    artifact = await shelf.artifact({"big": big})
    await shelf.get(url(artifact, "nothing"), shelf.cast.vic)  # so that connections of the database are there
    me = psutil.Process()

    def open_files() -> list[str]:
        return [each.path for each in me.open_files() if str(shelf.settings.data_dir) in each.path]

    before = asyncio.all_tasks()
    reader, writer = await asyncio.open_connection("127.0.0.1", shelf.settings.port)
    writer.write(
        f"GET /artifacts/{artifact.id}/{kind} HTTP/1.1\r\nHost: x\r\nToken: {shelf.cast.vic.key}\r\n\r\n".encode()
    )
    assert (await reader.readline()) == b"HTTP/1.1 200 OK\r\n"
    await reader.readexactly(100_000)
    assert open_files() != []

    writer.transport.abort()

    await wait_until(lambda: open_files() == [])
    await wait_until(lambda: asyncio.all_tasks() <= before)
    assert shelf.server.server_state.tasks == set()


@pytest.mark.parametrize("kind", ["archive.tar.gz", "archive.zip", "files/big"])
async def test_a_client_that_takes_nothing_does_not_keep_a_file_open_for_ever(
    shelf: Shelf, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streaming, "STALLED", 0.5)
    artifact = await shelf.artifact({"big": hashlib.shake_256(kind.encode()).digest(1 << 20) * 64})
    me = psutil.Process()
    reader, writer = await asyncio.open_connection("127.0.0.1", shelf.settings.port, limit=1024)
    writer.write(
        f"GET /artifacts/{artifact.id}/{kind} HTTP/1.1\r\nHost: x\r\nToken: {shelf.cast.vic.key}\r\n\r\n".encode()
    )
    assert (await reader.readline()) == b"HTTP/1.1 200 OK\r\n"

    await wait_until(lambda: not shelf.server.server_state.tasks)

    assert [each for each in me.open_files() if str(shelf.settings.data_dir) in each.path] == []
    writer.transport.abort()


@pytest.mark.parametrize("kind", FORMATS)
async def test_memory_stays_the_same_however_large_the_artifact_is(shelf: Shelf, kind: str) -> None:
    block = hashlib.shake_256(b"block").digest(1 << 20)
    big = block * 192
    artifact = await shelf.artifact({"big": big, "small": TEXT})
    size = len(big)
    del big
    me = psutil.Process()
    before = most = me.memory_info().rss
    count = 0

    headers = {"Authorization": f"Bearer {shelf.cast.vic.key}"}
    async with shelf.http.stream(
        "GET", f"/artifacts/{artifact.id}/archive.{kind}", headers=headers
    ) as response:
        async for piece in response.aiter_raw(1 << 20):
            count += len(piece)
            most = max(most, me.memory_info().rss)

    assert count > size
    assert most - before < 64 << 20


async def test_what_shrinks_is_made_smaller_and_what_does_not_hardly_larger(shelf: Shelf) -> None:
    lines = b"".join(b"line %d of many\n" % number for number in range(200_000))
    text = await shelf.artifact({"text": lines})
    noise = await shelf.artifact({"noise": MORE})

    for kind in FORMATS:
        shrunk = await shelf.get(f"/artifacts/{text.id}/archive.{kind}", shelf.cast.vic)
        stored = await shelf.get(f"/artifacts/{noise.id}/archive.{kind}", shelf.cast.vic)
        assert len(shrunk.content) < len(lines) / 3
        assert len(MORE) < len(stored.content) < len(MORE) + 12_000
