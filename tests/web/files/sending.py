"""Sending the files of an artifact, as a client does, and looking at what is left of it on the server."""

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import orjson

from app.models import Artifact, FileInArtifact, FileInStore, FileUpload, OutboxEvent
from tests.api import Asker
from tests.web.files.shelf import Shelf

CONTENT = bytes(range(100))
OTHER = bytes(range(100, 200))
PATH = "data/a file.bin"
TUS = "application/offset+octet-stream"
LIMIT = 60.0

State = tuple[bool, bool, list[bytes], int, bool]


@dataclass
class Sender:
    """Sends one file of an artifact, as bob unless somebody else is given."""

    shelf: Shelf
    artifact: Artifact
    path: str = PATH

    @property
    def url(self) -> str:
        return f"/artifacts/{self.artifact.id}/files/{self.path}"

    def headers(self, who: Asker, given: dict[str, str]) -> dict[str, str]:
        """Those of a request, in which names have _ for -."""
        key = self.shelf.cast.bob.key if who is None else who if isinstance(who, str) else who.key
        return {name.replace("_", "-"): value for name, value in given.items()} | {"Token": key}

    async def put(
        self, content: Any = b"", range: str | None = None, who: Asker = None, **headers: str
    ) -> httpx.Response:
        """PUT, with a Content-Range if one is given."""
        if range is not None:
            headers["Content_Range"] = range
        return await self.shelf.http.put(self.url, content=content, headers=self.headers(who, headers))

    async def patch(self, content: Any, offset: int, who: Asker = None, **headers: str) -> httpx.Response:
        """PATCH as tus sends it."""
        given = {"Tus_Resumable": "1.0.0", "Upload_Offset": str(offset), "Content_Type": TUS, **headers}
        return await self.shelf.http.patch(self.url, content=content, headers=self.headers(who, given))

    async def head(self, who: Asker = None, **headers: str) -> httpx.Response:
        return await self.shelf.http.head(self.url, headers=self.headers(who, headers))

    async def offset(self) -> int:
        """What HEAD says has come."""
        response = await self.head()
        assert response.status_code == 200
        return int(response.headers["upload-offset"])

    async def state(self) -> State:
        """All that there is of it: complete, artifact complete, bytes of temporary files, in stores, an upload."""
        file = await self.file()
        temporary = self.temporary_files()
        return (
            file.complete,
            (await Artifact.get(id=self.artifact.id)).complete,
            [path.read_bytes() for path in temporary],
            await FileInStore.filter(file_id=file.file_id).count(),
            await FileUpload.filter(file_in_artifact_id=file.id).exists(),
        )

    async def file(self) -> FileInArtifact:
        return await FileInArtifact.get(artifact_id=self.artifact.id, path=self.path).select_related("file")

    async def file_hash(self) -> str:
        """The SHA-256 that was announced."""
        return str((await self.file()).file.hash)

    def temporary_files(self) -> list[Path]:
        return sorted(self.shelf.settings.uploads_directory.glob("*"))

    async def events(self) -> list[tuple[str, dict[str, Any]]]:
        """The events of the artifact, with what each says of a file."""
        rows = await OutboxEvent.filter(subject=f"artifact/{self.artifact.id}").order_by("xid", "seq")
        return [(row.event_type.removeprefix("artifact."), _said(row.data)) for row in rows]

    async def until_offset(self, offset: int) -> None:
        """Wait until so many bytes have come."""
        async with asyncio.timeout(LIMIT):
            while await self.offset() != offset:
                await asyncio.sleep(0.01)


NOTHING: State = (False, False, [], 0, False)
DONE: State = (True, True, [], 1, False)


def part_of(content: bytes) -> State:
    """The state while these bytes have come."""
    return (False, False, [content], 0, True)


def _said(data: Any) -> dict[str, Any]:
    found = orjson.loads(data) if isinstance(data, str | bytes) else data
    return {name: found[name] for name in ("path", "received_bytes", "size") if name in found}
