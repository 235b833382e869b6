"""Files to a real server and back, over connections that are cut, and into directories that are not empty."""

import asyncio
import hashlib
import itertools
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from app.client import (
    BadPath,
    Client,
    Corrupted,
    Patience,
    TransferError,
    Unavailable,
    UserErrors,
    create_artifact,
    download_artifact,
    download_file,
    files_of,
    upload_artifact,
    upload_files,
)
from app.client.content import content_of
from tests.client.conftest import QUICK, Wire
from tests.live import LiveServer

pytestmark = pytest.mark.timeout(180)

MEBIBYTE = 1024 * 1024
HASTY = Patience(failures=20, backoff=QUICK)


@pytest.fixture
async def wire(live_server: LiveServer) -> AsyncIterator[Wire]:
    async with Wire(live_server.url) as wire:
        yield wire


@pytest.fixture
async def client(live_server: LiveServer, wire: Wire) -> AsyncIterator[Client]:
    """The administrator, through a wire that can be cut."""
    async with Client(wire.url, await live_server.sign_in(), backoff=QUICK) as client:
        yield client


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """A directory with a large file, small ones, and an empty one. No test has the same bytes as another."""
    directory = tmp_path / "corpus"
    (directory / "poems").mkdir(parents=True)
    (directory / "large.bin").write_bytes(os.urandom(8 * MEBIBYTE))
    (directory / "poems" / "tyger.txt").write_bytes(b"burning bright " + os.urandom(8))
    (directory / "poems" / "lämb.txt").write_bytes(b"little " + os.urandom(8))
    (directory / "empty").write_bytes(b"")
    return directory


def same(one: Path, other: Path) -> bool:
    names = [sorted(file.relative_to(each) for file in each.rglob("*")) for each in (one, other)]
    return names[0] == names[1] and all(
        content_of(one / name) == content_of(other / name) for name in names[0] if (one / name).is_file()
    )


async def test_a_directory_comes_back_as_it_went(client: Client, corpus: Path, tmp_path: Path) -> None:
    artifact = await upload_artifact(client, corpus, category="workyard:files", data={"language": "en"})
    fetched = await download_artifact(client, artifact.id, tmp_path / "copy")

    assert (artifact.category, artifact.data, artifact.complete) == (
        "workyard:files",
        {"language": "en"},
        True,
    )
    assert same(corpus, tmp_path / "copy")
    assert sorted(fetched) == sorted(file for file in (tmp_path / "copy").rglob("*") if file.is_file())


async def test_progress_ends_with_all_bytes_of_each_file(
    client: Client, corpus: Path, tmp_path: Path
) -> None:
    sent: dict[str, tuple[int, int]] = {}
    fetched: dict[str, tuple[int, int]] = {}

    artifact = await upload_artifact(
        client, corpus, category="workyard:files",
        progress=lambda path, done, size: sent.update({path: (done, size)}),
    )  # fmt: skip
    await download_artifact(
        client, artifact.id, tmp_path / "copy",
        progress=lambda path, done, size: fetched.update({path: (done, size)}),
    )  # fmt: skip

    sizes = {path: (size, size) for path, size in (("large.bin", 8 * MEBIBYTE), ("empty", 0))}
    assert sizes.items() <= sent.items()
    assert sizes.items() <= fetched.items()
    assert sent.keys() == fetched.keys() == {"large.bin", "empty", "poems/tyger.txt", "poems/lämb.txt"}


async def test_an_upload_that_is_cut_again_and_again_goes_on_from_what_has_come(
    client: Client, wire: Wire, corpus: Path, tmp_path: Path
) -> None:
    steps: list[int] = []

    def cut_now_and_then(path: str, done: int, size: int) -> None:
        if path == "large.bin":
            steps.append(done)
            if len(steps) in (4, 8):
                wire.cut()

    artifact = await create_artifact(client, {"large.bin": corpus / "large.bin"}, category="workyard:files")
    done = await upload_files(client, artifact.id, corpus, progress=cut_now_and_then, patience=HASTY)

    assert done.complete
    backward = [after for before, after in itertools.pairwise(steps) if after < before]
    assert len(backward) == 2
    assert any(backward), "it began anew each time"
    await download_artifact(client, artifact.id, tmp_path / "copy")
    assert content_of(tmp_path / "copy" / "large.bin") == content_of(corpus / "large.bin")


async def test_a_download_that_is_cut_goes_on_and_so_does_the_next_program(
    client: Client, wire: Wire, corpus: Path, tmp_path: Path
) -> None:
    # More than what may be on its way, in buffers that a cut does not reach.
    (corpus / "large.bin").write_bytes(os.urandom(64 * MEBIBYTE))
    artifact = await upload_artifact(client, corpus / "large.bin", category="workyard:files")
    seen: list[int] = []

    def cut(path: str, done: int, size: int) -> None:
        seen.append(done)
        if done >= 3 * MEBIBYTE:
            wire.cut()

    with pytest.raises(Unavailable):
        await download_file(
            client, artifact.id, "large.bin", tmp_path / "copy",
            progress=cut, patience=Patience(failures=0, backoff=QUICK),
        )  # fmt: skip
    assert not (tmp_path / "copy").exists()
    again: list[int] = []
    await download_file(
        client, artifact.id, "large.bin", tmp_path / "copy",
        progress=lambda path, done, size: again.append(done),
    )  # fmt: skip

    assert again[0] >= 3 * MEBIBYTE
    assert content_of(tmp_path / "copy") == content_of(corpus / "large.bin")
    assert [file.name for file in tmp_path.iterdir() if file.is_file()] == ["copy"]


async def test_an_upload_waits_while_somebody_else_sends_the_same_file(
    client: Client, corpus: Path, wire: Wire
) -> None:
    artifact = await create_artifact(client, {"large.bin": corpus / "large.bin"}, category="workyard:files")
    (file,) = [file async for file in files_of(client, artifact.id)]
    assert file.upload_url
    begun, may_end = asyncio.Event(), asyncio.Event()

    async def slowly() -> AsyncIterator[bytes]:
        data = (corpus / "large.bin").read_bytes()
        yield data[:MEBIBYTE]
        begun.set()
        await may_end.wait()
        yield data[MEBIBYTE:]

    path = file.upload_url[file.upload_url.index("/artifacts/") :]
    headers = {"content-length": str(8 * MEBIBYTE)}
    first = asyncio.create_task(client._http.pool.put(wire.url + path, content=slowly(), headers=headers))
    await begun.wait()
    second = asyncio.create_task(upload_files(client, artifact.id, corpus, patience=HASTY))
    done, _ = await asyncio.wait({second}, timeout=1)
    may_end.set()

    assert not done
    assert (await first).status_code == 201
    assert (await second).complete


class Damaging(Wire):
    """Changes a word on its way: to the server, or from it, so many times."""

    times = 0
    to_server = False

    async def _copy(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, to_server: bool = False
    ) -> None:
        while chunk := await reader.read(65536):
            if self.times and to_server is self.to_server and b"burning" in chunk:
                self.times -= 1
                chunk = chunk.replace(b"burning", b"turning")
            writer.write(chunk)
            await writer.drain()
        writer.close()


@pytest.fixture
async def damaging(live_server: LiveServer) -> AsyncIterator[Damaging]:
    async with Damaging(live_server.url) as wire:
        yield wire


async def test_bytes_that_were_damaged_on_their_way_are_carried_again(
    damaging: Damaging, live_server: LiveServer, corpus: Path, tmp_path: Path
) -> None:
    async with Client(damaging.url, await live_server.sign_in()) as client:
        damaging.times, damaging.to_server = 1, True
        artifact = await upload_artifact(client, corpus / "poems", category="workyard:files")
        assert (artifact.complete, damaging.times) == (True, 0)

        damaging.times, damaging.to_server = 1, False
        await download_artifact(client, artifact.id, tmp_path / "copy")
        assert damaging.times == 0

    assert same(corpus / "poems", tmp_path / "copy")


async def test_bytes_that_are_damaged_each_time_never_become_a_file(
    damaging: Damaging, live_server: LiveServer, corpus: Path, tmp_path: Path
) -> None:
    async with Client(damaging.url, await live_server.sign_in()) as client:
        artifact = await upload_artifact(client, corpus / "poems", category="workyard:files")
        damaging.times = 1000

        with pytest.raises(Corrupted, match="other bytes"):
            await download_artifact(client, artifact.id, tmp_path / "copy", paths=["tyger.txt"])

    assert list((tmp_path / "copy").iterdir()) == []


async def test_a_file_that_has_changed_since_it_was_declared_is_not_sent_for_ever(
    client: Client, corpus: Path
) -> None:
    artifact = await create_artifact(client, {"large.bin": corpus / "large.bin"}, category="workyard:files")
    (corpus / "large.bin").write_bytes(os.urandom(8 * MEBIBYTE))

    with pytest.raises(Corrupted, match="not what was declared"):
        await upload_files(client, artifact.id, corpus)

    assert [file.complete async for file in files_of(client, artifact.id)] == [False]


async def test_a_file_that_became_shorter_is_not_sent(client: Client, corpus: Path) -> None:
    artifact = await create_artifact(client, {"large.bin": corpus / "large.bin"}, category="workyard:files")
    (corpus / "large.bin").write_bytes(b"short")

    with pytest.raises(Corrupted, match="became shorter"):
        await upload_files(client, artifact.id, corpus)


async def test_a_file_that_is_not_among_the_sources_is_named(client: Client, corpus: Path) -> None:
    artifact = await create_artifact(client, {"large.bin": corpus / "large.bin"}, category="workyard:files")

    with pytest.raises(BadPath, match=r"large\.bin"):
        await upload_files(client, artifact.id, corpus / "poems")


async def test_files_that_are_there_already_are_kept_or_replaced_as_asked(
    client: Client, corpus: Path, tmp_path: Path
) -> None:
    artifact = await upload_artifact(client, corpus / "poems", category="workyard:files")
    await download_artifact(client, artifact.id, tmp_path / "copy")
    before = (tmp_path / "copy" / "tyger.txt").stat()

    await download_artifact(client, artifact.id, tmp_path / "copy")
    assert (tmp_path / "copy" / "tyger.txt").stat().st_ino == before.st_ino

    (tmp_path / "copy" / "tyger.txt").write_text("mine")
    with pytest.raises(TransferError, match="is there already"):
        await download_artifact(client, artifact.id, tmp_path / "copy")
    assert (tmp_path / "copy" / "tyger.txt").read_text() == "mine"

    await download_artifact(client, artifact.id, tmp_path / "copy", overwrite=True)
    assert same(corpus / "poems", tmp_path / "copy")


async def test_what_is_not_complete_cannot_be_downloaded(
    client: Client, corpus: Path, tmp_path: Path
) -> None:
    artifact = await create_artifact(client, {"large.bin": corpus / "large.bin"}, category="workyard:files")

    with pytest.raises(TransferError, match="not been uploaded"):
        await download_artifact(client, artifact.id, tmp_path / "copy")


async def test_what_is_not_there_is_named(client: Client, corpus: Path, tmp_path: Path) -> None:
    artifact = await upload_artifact(client, corpus / "poems", category="workyard:files")

    with pytest.raises(TransferError, match="no file 'none'"):
        await download_artifact(client, artifact.id, tmp_path / "copy", paths=["none"])
    with pytest.raises(TransferError, match="no file 'none'"):
        await download_file(client, artifact.id, "none", tmp_path / "none")

    assert not (tmp_path / "none").exists()


async def test_a_category_that_nobody_knows_is_refused(client: Client, corpus: Path) -> None:
    with pytest.raises(UserErrors, match="no category"):
        await upload_artifact(client, corpus / "poems", category="no:such")


async def test_the_token_goes_to_the_server_that_we_know_wherever_it_says_that_files_are(
    client: Client, wire: Wire
) -> None:
    rebased = client.transfers._here("https://elsewhere.example/prefix/artifacts/1/files/a%20b?x=1")

    assert rebased == f"{wire.url}/artifacts/1/files/a%20b?x=1"


def test_the_digest_is_the_one_that_everybody_computes(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x" * (3 * MEBIBYTE + 1))

    assert content_of(tmp_path / "file").sha256 == hashlib.sha256(b"x" * (3 * MEBIBYTE + 1)).hexdigest()
