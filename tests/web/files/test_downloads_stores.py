"""Downloads of what lies in a bucket, by real programs where there are some."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from app.actions.files.signing import download_url, file_path
from app.models import FileInStore, FileStore
from app.stores.opening import credential_variable
from tests.stores.servers import ACCESS_KEY, BUCKET, SECRET, S3Server, run_rclone
from tests.web.files.shelf import Shelf, url
from tests.web.files.test_downloads import MORE, TEXT, problem, tag
from tests.web.files.test_downloads_archives import tar_of, zip_of


@pytest.fixture
def bucket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[S3Server]:
    """A server that speaks S3, and the environment with its keys."""
    for name, value in (("access_key_id", ACCESS_KEY), ("secret_access_key", SECRET)):
        monkeypatch.setenv(credential_variable("bucket", name), value)
    with run_rclone(tmp_path / "rclone") as server:
        yield server


async def store(shelf: Shelf, server: S3Server, *contents: bytes, **configuration: bool) -> FileStore:
    """Let the lab have a bucket, and nothing but it these contents."""
    row = await FileStore.create(
        name="bucket",
        backend="s3",
        configuration={"bucket": BUCKET, "endpoint": server.endpoint, "prefix": "files", **configuration},
    )
    await shelf.cast.lab.other_file_stores.add(row)
    for content in contents:
        await shelf.put(row, content)
    await FileInStore.exclude(store_id=row.id).delete()
    return row


async def test_what_lies_in_a_bucket_is_sent_whole_in_parts_and_in_archives(
    shelf: Shelf, bucket: S3Server
) -> None:
    artifact = await shelf.artifact({"fox.txt": TEXT, "more.bin": MORE})
    await store(shelf, bucket, TEXT, MORE)
    vic = shelf.cast.vic

    whole = await shelf.get(url(artifact, "more.bin"), vic)
    part = await shelf.get(url(artifact, "more.bin"), vic, range="bytes=1500000-2999999")
    tar = await shelf.get(f"/artifacts/{artifact.id}/archive.tar.gz", vic)
    zipped = await shelf.get(f"/artifacts/{artifact.id}/archive.zip", vic)

    assert (whole.status_code, whole.content, whole.headers["etag"]) == (200, MORE, tag(MORE))
    assert (part.status_code, part.content) == (206, MORE[1500000:3000000])
    assert tar_of(tar.content) == zip_of(zipped.content) == {"fox.txt": TEXT, "more.bin": MORE}


async def test_a_bucket_that_does_not_answer_is_no_loss(shelf: Shelf, bucket: S3Server) -> None:
    artifact = await shelf.artifact({"fox.txt": TEXT})
    row = await store(shelf, bucket, TEXT)
    row.configuration = {**row.configuration, "endpoint": "http://127.0.0.1:1"}
    await row.save_changes("configuration")

    response = await shelf.get(url(artifact, "fox.txt"), shelf.cast.vic)

    assert problem(response) == (503, "UNAVAILABLE")
    assert "127.0.0.1:1" not in response.text


async def test_a_signed_address_leads_on_to_a_bucket_that_clients_can_reach(
    shelf: Shelf, bucket: S3Server
) -> None:
    artifact = await shelf.artifact({"more.bin": MORE})
    await store(shelf, bucket, MORE, direct=True)
    path = urlsplit(download_url(shelf.settings, file_path(artifact.id, "more.bin"), timedelta(hours=1)))
    signed = f"{path.path}?{path.query}"

    led_on = await shelf.get(signed)
    async with httpx.AsyncClient(verify=False) as stranger:
        content = (await stranger.get(led_on.headers["location"])).content
    known = await shelf.get(signed, if_none_match=tag(MORE))
    resumed = await shelf.get(signed, range="bytes=3000000-", if_range=tag(MORE))
    by_token = await shelf.get(url(artifact, "more.bin"), shelf.cast.vic)

    assert (led_on.status_code, led_on.headers["cache-control"]) == (307, "no-store")
    assert led_on.headers["location"].startswith(bucket.endpoint)
    assert content == MORE
    assert known.status_code == 304
    assert (resumed.status_code, resumed.content) == (206, MORE[3000000:])
    assert (by_token.status_code, by_token.content) == (200, MORE)


async def test_a_signed_address_does_not_lead_on_to_what_is_gone(shelf: Shelf, bucket: S3Server) -> None:
    artifact = await shelf.artifact({"fox.txt": TEXT})
    row = await store(shelf, bucket, TEXT, direct=True)
    opened = await shelf.stores.of(row)
    async for listed in opened.list():
        assert listed.key is not None
        await opened.delete(listed.key)
    path = urlsplit(download_url(shelf.settings, file_path(artifact.id, "fox.txt"), timedelta(hours=1)))

    response = await shelf.get(f"{path.path}?{path.query}")

    assert problem(response) == (500, "CONTENT_LOST")


@pytest.fixture
async def cut_after(shelf: Shelf) -> AsyncIterator[int]:
    """A port where the server answers, until it has sent so many bytes; then it is as if the line had been cut."""
    served = 0

    async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal served
        served += 1
        inner, outer = await asyncio.open_connection("127.0.0.1", shelf.settings.port)
        asking = asyncio.create_task(_copy(reader, outer, None))
        await _copy(inner, writer, 1_000_000 if served == 1 else None)
        asking.cancel()
        for each in (outer, writer):
            each.close()

    server = await asyncio.start_server(carry, "127.0.0.1", 0)
    yield int(server.sockets[0].getsockname()[1])
    server.close()
    await server.wait_closed()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, left: int | None) -> None:
    while block := await reader.read(1 << 16 if left is None else min(left, 1 << 16)):
        writer.write(block)
        await writer.drain()
        if left is not None:
            left -= len(block)
            if not left:
                return


async def test_curl_goes_on_where_it_was_cut_off(shelf: Shelf, tmp_path: Path, cut_after: int) -> None:
    if shutil.which("curl") is None:
        pytest.skip("no curl on this machine")
    artifact = await shelf.artifact({"more.bin": MORE})
    target = tmp_path / "more.bin"

    async def curl(*options: str) -> int:
        process = await asyncio.create_subprocess_exec(
            *("curl", "-sS", "--fail", "-H", f"Token: {shelf.cast.vic.key}", "-o", str(target), *options),
            f"http://127.0.0.1:{cut_after}{url(artifact, 'more.bin')}",
            stderr=asyncio.subprocess.DEVNULL,
        )
        return await process.wait()

    assert await curl() == 18  # a part of the file
    assert 0 < target.stat().st_size < 1_000_000
    assert MORE.startswith(target.read_bytes())

    assert await curl("-C", "-") == 0
    assert target.read_bytes() == MORE


async def test_bytes_that_vanish_while_they_are_sent_break_off_the_download(
    shelf: Shelf,
) -> None:
    big = MORE * 12
    artifact = await shelf.artifact({"big": big})
    headers = {"Authorization": f"Bearer {shelf.cast.vic.key}"}
    received = 0

    with pytest.raises(httpx.RemoteProtocolError):
        async with shelf.http.stream("GET", url(artifact, "big"), headers=headers) as response:
            async for piece in response.aiter_raw(1 << 16):
                if not received:
                    with shelf.place(big).open("r+b") as file:
                        file.truncate(1 << 20)
                received += len(piece)

    assert 0 < received < len(big)


async def test_where_one_store_breaks_off_another_goes_on(shelf: Shelf) -> None:
    big = MORE * 12
    artifact = await shelf.artifact({"big": big})
    other = await FileStore.create(name="other", backend="memory", configuration={})
    await shelf.cast.lab.other_file_stores.add(other)
    await shelf.put(other, big)
    headers = {"Authorization": f"Bearer {shelf.cast.vic.key}"}
    received = bytearray()

    async with shelf.http.stream("GET", url(artifact, "big"), headers=headers) as response:
        async for piece in response.aiter_raw(1 << 16):
            if not received:
                with shelf.place(big).open("r+b") as file:
                    file.truncate(1 << 20)
            received += piece

    assert received == big
