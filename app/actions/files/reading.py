"""Bytes of files, out of whichever of a workspace's stores can give them."""

import asyncio
import uuid
from collections import defaultdict
from collections.abc import AsyncGenerator, Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta

import orjson
import structlog

from app.actions.files.places import Stores
from app.database import fetch
from app.errors import ContentLost
from app.models import FileInArtifact, FileStore
from app.stores import Corrupt, Key, Missing, StoreError, check_configuration

log = structlog.get_logger("files")

Blocks = AsyncGenerator[bytes, None]


@dataclass(frozen=True)
class Content:
    """The content of a file, and the stores that have it, in the order in which to ask them."""

    stores: Stores
    places: Sequence[FileStore]
    key: Key

    def require_places(self) -> None:
        """Raise `ContentLost` when no store is said to have it. One that is said to may have lost it none the less."""
        if self.key.size and not self.places:
            raise _worst(self.key, [])

    async def own_url(self, expires: timedelta) -> str | None:
        """Where the store that is asked first gives the content to anybody until then, if it is one that does."""
        row = next(iter(self.places), None)
        if row is None:
            return None
        try:
            checked = check_configuration(row.backend, row.name, row.configuration)
            if not getattr(checked, "direct", False):
                return None
            store = await self.stores.of(row)
            await store.stat(self.key)
            return await store.url(self.key, expires)
        except StoreError as error:
            log.warning("files.not_read", store=row.name, key=str(self.key), error=str(error))
            return None

    async def blocks(self, start: int = 0, stop: int | None = None) -> Blocks:
        """The bytes from start up to, not including, stop; where one store fails, the next goes on.

        Raises `ContentLost` when none of the stores has them any more, a `StoreError` when one that may have them cannot
        be asked just now. Either can come after the first block too.
        """
        at, end = start, self.key.size if stop is None else stop
        troubles: list[StoreError] = []
        for row in self.places if at < end else ():
            try:
                store = await self.stores.of(row)
                async with store.get(self.key, start=at, stop=end) as blocks:
                    async for block in blocks:
                        at += len(block)
                        yield block
                return
            except StoreError as error:
                log.warning("files.not_read", store=row.name, key=str(self.key), error=str(error))
                troubles.append(error)
        if at < end:
            raise _worst(self.key, troubles)


async def contents_of(
    stores: Stores, workspace_id: int, files: Collection[FileInArtifact]
) -> dict[int, Content]:
    """The contents of files of a workspace, which must have been fetched with their `file`, by their ids."""
    places: dict[int, list[FileStore]] = defaultdict(list)
    for row in await fetch(_PLACES, workspace_id, list({each.file_id for each in files})):
        row["configuration"] = orjson.loads(row["configuration"])
        places[row.pop("file_id")].append(FileStore(**row))
    return {
        each.id: Content(stores, places[each.file_id], Key.of_digest(each.file.hash_digest, each.file.size))
        for each in files
    }


# One statement instead of three: for small files, statements are most of a download.
_PLACES = """
SELECT file_in_store.file_id, file_store.id, file_store.version, file_store.name, file_store.backend, file_store.configuration
FROM workspace JOIN file_in_store ON file_in_store.file_id = ANY($2::bigint[])
    JOIN file_store ON file_store.id = file_in_store.store_id
WHERE workspace.id = $1 AND (file_store.id = workspace.default_file_store_id
    OR file_store.id IN (SELECT filestore_id FROM workspace_other_file_store WHERE workspace_id = workspace.id))
ORDER BY file_in_store.file_id, file_store.id <> workspace.default_file_store_id, file_store.name
"""


def _worst(key: Key, troubles: list[StoreError]) -> Exception:
    for error in troubles:
        if not isinstance(error, Missing | Corrupt):
            return error
    reference = uuid.uuid4().hex
    log.error("files.lost", key=str(key), asked=len(troubles), reference=reference)
    return ContentLost(
        f"The bytes of this file are lost: none of the workspace's stores has them. Reference: {reference}"
    )


async def begun(blocks: Blocks) -> Blocks:
    """The same blocks, the first of them read already: what goes wrong at the beginning is raised here."""
    first = await anext(blocks, None)
    return _after(first, blocks)


async def _after(first: bytes | None, blocks: Blocks) -> Blocks:
    """Reads one block ahead, so that the store works while the client takes what it got."""
    block, coming = first, None
    try:
        while block is not None:
            coming = asyncio.ensure_future(_next(blocks))
            yield block
            block = await coming
    finally:
        if coming is not None and not coming.done():
            coming.cancel()
            await asyncio.wait([coming])
        if coming is not None and not coming.cancelled():
            coming.exception()
        await blocks.aclose()


async def _next(blocks: Blocks) -> bytes | None:
    return await anext(blocks, None)
