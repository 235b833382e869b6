"""What is true of object stores, beside what is true of every store: what their servers do to us."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from obstore.store import S3Store

from app.stores import Corrupt, Store, StoreFull, StoreRefuses, StoreUnavailable, verify
from tests.stores.conftest import open_s3
from tests.stores.content import MIB, chunks, key_of, paths, put, read, some_content
from tests.stores.servers import ACCESS_KEY, BUCKET, SECRET, S3Server, run_rclone

PARTS = 20 * MIB
KEY = key_of(b"content")

OPERATIONS: dict[str, Callable[[Store], Awaitable[object]]] = {
    "put": lambda store: store.put(KEY, chunks(b"content")),
    "put in parts": lambda store: put(store, some_content(PARTS)),
    "get": lambda store: read(store, KEY),
    "get a range": lambda store: read(store, KEY, 1, 3),
    "stat": lambda store: store.stat(KEY),
    "exists": lambda store: store.exists(KEY),
    "delete": lambda store: store.delete(KEY),
    "list": paths,
}


@asynccontextmanager
async def server_that(answers: bytes, *, closes: bool) -> AsyncIterator[tuple[str, list[bytes]]]:
    """A server that answers every request with the same bytes, and then closes, or says nothing more."""
    requests: list[bytes] = []
    hanging: set[asyncio.Task[None]] = set()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            requests.append((await reader.readuntil(b"\r\n\r\n")).partition(b"\r\n")[0])
            writer.write(answers)
            await writer.drain()
            if not closes:
                await reader.read()
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(handle(reader, writer))
        hanging.add(task)
        task.add_done_callback(hanging.discard)

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", requests
    finally:
        server.close()
        for task in hanging:
            task.cancel()
        await asyncio.gather(*hanging, return_exceptions=True)


def http(status: str, body: bytes = b"", length: int | None = None) -> bytes:
    head = f"HTTP/1.1 {status}\r\nContent-Length: {len(body) if length is None else length}\r\n"
    head += 'Last-Modified: Sat, 21 Nov 2026 12:00:00 GMT\r\nETag: "e"\r\nConnection: close\r\n\r\n'
    return head.encode() + body


@pytest.mark.parametrize("operation", OPERATIONS)
async def test_a_wrong_secret_is_refused_at_once(rclone_server: S3Server, operation: str) -> None:
    store = open_s3(rclone_server.endpoint, secret="wrong")

    with pytest.raises(StoreRefuses) as refused:
        await OPERATIONS[operation](store)

    assert "wrong" not in str(refused.value)


@pytest.mark.parametrize("operation", OPERATIONS)
async def test_a_bucket_that_does_not_exist_is_no_empty_store(
    rclone_server: S3Server, operation: str
) -> None:
    store = open_s3(rclone_server.endpoint, bucket="nobodys")

    with pytest.raises(StoreRefuses, match="its bucket does not exist"):
        await OPERATIONS[operation](store)


@pytest.mark.parametrize("operation", OPERATIONS)
async def test_a_server_that_says_nothing_is_given_up_in_time(operation: str) -> None:
    async with server_that(b"", closes=False) as (endpoint, requests):
        store = open_s3(endpoint, timeout=0.2, retries=1)
        begin = time.monotonic()

        with pytest.raises(StoreUnavailable):
            await OPERATIONS[operation](store)

        assert time.monotonic() - begin < 10
        assert len(requests) <= 2


async def test_a_server_that_stops_amid_content_is_given_up_in_time() -> None:
    async with server_that(http("200 OK", b"con", 7), closes=False) as (endpoint, _):
        begin = time.monotonic()

        with pytest.raises((StoreUnavailable, Corrupt)):
            await read(open_s3(endpoint, timeout=0.2, retries=1), KEY)

        assert time.monotonic() - begin < 10


@pytest.mark.parametrize("operation", OPERATIONS)
async def test_nobody_at_the_address_is_told_soon(operation: str) -> None:
    with pytest.raises(StoreUnavailable):
        await asyncio.wait_for(OPERATIONS[operation](open_s3("http://127.0.0.1:1")), 30)


async def test_a_failing_server_is_tried_as_often_as_was_said() -> None:
    async with server_that(http("503 Slow Down"), closes=True) as (endpoint, requests):
        with pytest.raises(StoreUnavailable):
            await open_s3(endpoint, retries=2).exists(KEY)

        assert len(requests) == 3


async def test_a_server_without_room_is_full() -> None:
    full = http("507 Insufficient Storage", b"<Error><Code>XMinioStorageFull</Code></Error>")
    async with server_that(full, closes=True) as (endpoint, _):
        with pytest.raises(StoreFull):
            await paths(open_s3(endpoint, retries=0))


@pytest.mark.parametrize("size", [3 * MIB, PARTS])
async def test_a_server_whose_disk_is_full_fails_the_put_and_keeps_nothing(tmp_path: Path, size: int) -> None:
    with run_rclone(tmp_path, largest_file=2 * MIB) as server:
        store = open_s3(server.endpoint)

        with pytest.raises(StoreUnavailable):
            await put(store, some_content(size))

        assert not await store.exists(key_of(some_content(size)))
        assert await read(store, await put(store, b"small")) == b"small"


async def test_a_signed_url_serves_the_content_until_it_is_changed(rclone_server: S3Server) -> None:
    store = open_s3(rclone_server.endpoint, prefix="signed")
    key = await put(store, b"content")
    url = await store.url(key, timedelta(minutes=1))
    assert url

    async with httpx.AsyncClient(verify=False) as client:
        assert (await client.get(url)).content == b"content"
        assert (await client.get(url.replace("Expires=60", "Expires=61"))).status_code == 403
        assert (await client.put(url, content=b"other")).status_code == 403
    assert await read(store, key) == b"content"
    for expires in (timedelta(0), timedelta(days=8)):
        with pytest.raises(ValueError, match="7 days"):
            await store.url(key, expires)


@pytest.mark.parametrize("there", [b"another", b"conten", b"content!"])
async def test_corruption_is_told_and_never_overwritten(rclone_server: S3Server, there: bytes) -> None:
    prefix = f"corrupt-{there.decode()}"
    store = open_s3(rclone_server.endpoint, prefix=prefix)
    bucket = _bucket(rclone_server, prefix)
    bucket.put(KEY.path, there)

    with pytest.raises(Corrupt):
        await store.put(KEY, chunks(b"content"))
    with pytest.raises(Corrupt):
        await verify(store, KEY)
    assert bytes(bucket.get(KEY.path).bytes()) == there
    await store.delete(KEY)
    assert await store.put(KEY, chunks(b"content")) is True


async def test_what_is_not_ours_is_listed_as_unknown(rclone_server: S3Server) -> None:
    store = open_s3(rclone_server.endpoint, prefix="foreign")
    key = await put(store, b"content")
    _bucket(rclone_server, "foreign").put("notes.txt", b"mine")
    _bucket(rclone_server, "foreign-to-it").put("notes.txt", b"mine")

    assert {one.path: one.key async for one in store.list()} == {key.path: key, "notes.txt": None}


def _bucket(server: S3Server, prefix: str) -> S3Store:
    """The bucket as somebody else sees it."""
    return S3Store(
        BUCKET,
        prefix=prefix,
        config={"endpoint": server.endpoint, "access_key_id": ACCESS_KEY, "secret_access_key": SECRET},
        client_options={"allow_http": True},
    )
