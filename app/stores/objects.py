"""Bytes in a bucket of an object store: S3 and what speaks like it, Google Cloud Storage, Azure."""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import obstore
from obstore.exceptions import BaseError, NotSupportedError, PermissionDeniedError, UnauthenticatedError

from app.stores.checking import Verifier
from app.stores.errors import Corrupt, Missing, StoreError, StoreFull, StoreRefuses, StoreUnavailable
from app.stores.keys import Key
from app.stores.store import BLOCK, Listed, Source, blocks_of, bounds, verify

if TYPE_CHECKING:
    from obstore import GetResult, ObjectMeta, PutResult, SignCapableStore
    from obstore.store import ClientConfig, RetryConfig

PART = 8 << 20
"""Bytes of a part; smaller content is sent in one request."""
MOST_PARTS = 10_000
IN_FLIGHT = 4 * PART
PAGE = 1000
LONGEST_SIGNATURE = timedelta(days=7)

FULL = {"QuotaExceeded", "XMinioStorageFull", "InsufficientCapacity", "EntityTooLarge"}
NO_BUCKET = {"NoSuchBucket", "ContainerNotFound"}
NOT_PARTIAL = "non-partial response"

T = TypeVar("T")


def client_config(timeout: float, *, allow_http: bool) -> "ClientConfig":
    """How long we wait: for each answer, and for each piece of one. The whole of a large download may take a day."""
    return {
        "allow_http": allow_http,
        "connect_timeout": timedelta(seconds=min(timeout, 5)),
        "read_timeout": timedelta(seconds=timeout),
        "timeout": timedelta(days=1),
    }


def retry_config(timeout: float, retries: int) -> "RetryConfig":
    """How often we try again; waits between are random, and longer each time."""
    backoff = {"init_backoff": timedelta(milliseconds=100), "max_backoff": timedelta(seconds=5), "base": 2}
    return {
        "max_retries": retries,
        "retry_timeout": timedelta(seconds=timeout * (retries + 1)),
        "backoff": backoff,  # type: ignore[typeddict-item]
    }


class ObjectStore:
    """A bucket, or what in it begins with a prefix."""

    def __init__(self, name: str, bucket: "SignCapableStore", *, timeout: float, retries: int) -> None:
        self.name = name
        self._bucket = bucket
        # Whatever the library waits for, credentials of the machine among it, this ends it.
        self._limit = (timeout + 5) * (retries + 1)
        self._answered = False
        self._has_ranges = True

    async def put(self, key: Key, source: Source, *, move: bool = False) -> bool:
        there = await self._find(key)
        if there is None:
            await (self._put_parts if key.size > PART else self._put_whole)(key, source)
        else:
            async for _ in _verified(key, source):
                pass
            await verify(self, key)
        if move and isinstance(source, Path):
            await asyncio.to_thread(source.unlink, missing_ok=True)
        return there is None

    async def _put_whole(self, key: Key, source: Source) -> None:
        content = b"".join([block async for block in _verified(key, source)])
        await self._wait(obstore.put_async(self._bucket, key.path, content, use_multipart=False))

    async def _put_parts(self, key: Key, source: Source) -> None:
        """Send parts as blocks come. The object appears when the last one is accepted, and that is sent when all fits."""
        part = max(PART, -(-key.size // MOST_PARTS))
        feed = Feed()
        sending = asyncio.ensure_future(
            obstore.put_async(
                self._bucket,
                key.path,
                feed,
                use_multipart=True,
                chunk_size=part,
                max_concurrency=max(1, IN_FLIGHT // part),
            )
        )
        try:
            async for block in _verified(key, source):
                if not await feed.give(block, sending):
                    break
            else:
                await feed.give(None, sending)
        except BaseException:
            await self._give_up(feed, sending)
            raise
        try:
            # The last parts, and then what the store needs to put them together.
            await self._wait(sending, limit=3 * self._limit)
        except BaseException:
            await self._give_up(feed, sending)
            raise
        listed = await self.stat(key)
        if listed.size != key.size:
            raise Corrupt(self.name, key, f"it has {listed.size} bytes")

    async def _give_up(self, feed: "Feed", sending: "asyncio.Future[PutResult]") -> None:
        """Let the library tell the store to forget the parts."""
        feed.abandon()
        try:
            await asyncio.wait([sending], timeout=self._limit)
        finally:
            if not sending.cancel() and not sending.cancelled():
                sending.exception()

    def get(
        self, key: Key, *, start: int = 0, stop: int | None = None
    ) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        return self._get(key, *bounds(key, start, stop))

    @asynccontextmanager
    async def _get(self, key: Key, start: int, stop: int) -> AsyncIterator[AsyncIterator[bytes]]:
        if start == stop:
            listed = await self.stat(key)
            self._require_size(key, listed.size)
            yield _each()
            return
        result, skip = await self._request(key, start, stop)
        self._require_size(key, result.meta["size"])
        yield self._blocks(key, result, skip, stop - start)

    async def _request(self, key: Key, start: int, stop: int) -> "tuple[GetResult, int]":
        """An answer, and how many of its bytes come before those that were asked for."""
        whole = (start, stop) == (0, key.size)
        if not whole and self._has_ranges:
            try:
                ranged = obstore.get_async(self._bucket, key.path, options={"range": (start, stop)})
                return await self._wait(ranged, key), 0
            except StoreUnavailable as error:
                # Some, as rclone, answer ranges with a status that says it is the whole, which the library refuses.
                if NOT_PARTIAL not in str(error.__cause__):
                    if "InvalidRange" in str(error.__cause__):
                        listed = await self.stat(key)
                        self._require_size(key, listed.size)
                    raise
                self._has_ranges = False
        return await self._wait(obstore.get_async(self._bucket, key.path), key), start

    async def _blocks(self, key: Key, result: "GetResult", skip: int, left: int) -> AsyncIterator[bytes]:
        stream = result.stream(min_chunk_size=BLOCK)
        while left:
            try:
                block = await self._wait(stream.__anext__(), key)
            except StopAsyncIteration:
                raise Corrupt(self.name, key, "it ends early") from None
            block, skip = block[skip : skip + left], max(0, skip - len(block))
            left -= len(block)
            if block:
                yield block

    def _require_size(self, key: Key, size: int) -> None:
        if size != key.size:
            raise Corrupt(self.name, key, f"it has {size} bytes")

    async def stat(self, key: Key) -> Listed:
        found = await self._find(key)
        if found is None:
            raise Missing(self.name, key)
        return found

    async def exists(self, key: Key) -> bool:
        return await self._find(key) is not None

    async def _find(self, key: Key) -> Listed | None:
        try:
            return _listed(await self._wait(obstore.head_async(self._bucket, key.path), key))
        except Missing:
            # To HEAD, a bucket that is not there looks like an object that is not.
            if not self._answered:
                await self._first_page()
            return None

    async def delete(self, key: Key) -> None:
        try:
            await self._wait(obstore.delete_async(self._bucket, key.path), key)
        except Missing:
            return

    async def list(self) -> AsyncIterator[Listed]:
        pages = obstore.list(self._bucket, chunk_size=PAGE)
        while True:
            try:
                page = await self._wait(pages.__anext__())
            except StopAsyncIteration:
                return
            for found in page:
                yield _listed(found)

    async def _first_page(self) -> None:
        async for _ in self.list():
            return

    async def url(self, key: Key, expires: timedelta) -> str | None:
        if not timedelta(0) < expires <= LONGEST_SIGNATURE:
            raise ValueError(f"expected a time of up to 7 days, got {expires}")
        try:
            return await self._wait(obstore.sign_async(self._bucket, "GET", key.path, expires))
        except StoreUnavailable as error:
            if isinstance(error.__cause__, NotSupportedError):
                return None
            raise

    async def sweep(self, older_than: timedelta) -> int:
        """Nothing we could see: parts of broken uploads are removed by a rule of the bucket's life cycle."""
        return 0

    async def close(self) -> None:
        """The library closes its connections when nobody uses them any more."""

    async def _wait(self, answer: Awaitable[T], key: Key | None = None, limit: float | None = None) -> T:
        """Wait for an answer, with a limit, and say in our words what went wrong."""
        try:
            async with asyncio.timeout(limit or self._limit):
                result = await answer
        except (BaseError, OSError, ValueError) as error:
            raise self._meaning(error, key) from error
        self._answered = True
        return result

    def _meaning(self, error: Exception, key: Key | None) -> StoreError:
        text = str(error)
        sentence = f"The store {self.name}: {text.partition(chr(10))[0][:300] or 'it took too long'}"
        found = re.search(r"<Code>(\w+)</Code>", text)
        code = found[1] if found else ""
        found = re.search(r"status code: (\d{3})", text)
        status = found[1] if found else ""
        if code in NO_BUCKET:
            return StoreRefuses(f"The store {self.name}: its bucket does not exist.")
        if isinstance(error, FileNotFoundError) and key:
            return Missing(self.name, key)
        if isinstance(error, PermissionDeniedError | UnauthenticatedError) or status in ("401", "403"):
            return StoreRefuses(f"{sentence} ({code or 'no reason given'})")
        if code in FULL or status in ("413", "507"):
            return StoreFull(f"{sentence} ({code})")
        return StoreUnavailable(sentence)


class Abandoned(Exception):
    """What the library is told when the source failed."""


class Feed:
    """Hands blocks to the library one at a time, so that the source is read by the task that put it, and by no other."""

    def __init__(self) -> None:
        self._next: asyncio.Queue[bytes | Abandoned | None] = asyncio.Queue(1)

    async def give(self, block: bytes | None, sending: "asyncio.Future[PutResult]") -> bool:
        """Hand over a block, None for the end; False when nobody takes any more."""
        giving = asyncio.create_task(self._next.put(block))
        try:
            either: set[asyncio.Future[Any]] = {giving, sending}
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            return not sending.done()
        finally:
            giving.cancel()

    def abandon(self) -> None:
        """End without an end: what was sent is forgotten."""
        while not self._next.empty():
            self._next.get_nowait()
        self._next.put_nowait(Abandoned())

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        block = await self._next.get()
        if isinstance(block, Abandoned):
            raise block
        if block is None:
            raise StopAsyncIteration
        return block


async def _verified(key: Key, source: Source) -> AsyncIterator[bytes]:
    """The blocks of a source; raises `Mismatch` before the end of what does not fit, never after it."""
    verifier = Verifier(key)
    async for block in blocks_of(source):
        await asyncio.to_thread(verifier.update, block)
        yield block
    verifier.finish()


async def _each(*blocks: bytes) -> AsyncIterator[bytes]:
    for block in blocks:
        yield block


def _listed(found: "ObjectMeta") -> Listed:
    return Listed(found["path"], Key.parse(found["path"]), found["size"], found["last_modified"])
