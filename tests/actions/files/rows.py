"""Artifacts with files as they are after their uploads, made straight in the tables and in a store."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from app.actions.files.places import Stores
from app.clock import now
from app.database import Database, fetch
from app.models import (
    Artifact,
    ArtifactRelation,
    File,
    FileInArtifact,
    FileInStore,
    FileStore,
    FileUpload,
    Workspace,
)
from app.settings import Settings
from app.stores import Key
from tests.cast import Cast
from tests.stores.content import chunks

PAST = timedelta(hours=-1)
FUTURE = timedelta(hours=1)
NEVER = None


@dataclass
class Yard:
    """A workspace, its stores, and what lies in them."""

    cast: Cast
    settings: Settings
    stores: Stores
    default: FileStore

    async def artifact(
        self,
        expires: timedelta | None = NEVER,
        *,
        files: Iterable[bytes] = (),
        to: Iterable[Artifact] = (),
        workspace: Workspace | None = None,
        store: FileStore | None = None,
        **values: Any,
    ) -> Artifact:
        """A complete artifact that expires so long from now, with files of that content, related to others."""
        made = await Artifact.create(
            category="test:any",
            workspace_id=(workspace or self.cast.lab).id,
            expire_at=None if expires is None else now() + expires,
            **{"complete": True, "completed_at": now(), **values},
        )
        for number, content in enumerate(files):
            file = await self.stored(content, store)
            await FileInArtifact.create(
                artifact_id=made.id, path=f"file-{number}", file_id=file.id, complete=True
            )
        for target in to:
            await self.relate(made, target)
        return made

    async def relate(self, source: Artifact, target: Artifact) -> ArtifactRelation:
        return await ArtifactRelation.create(artifact_id=source.id, target_id=target.id, type="relates-to")

    async def stored(self, content: bytes, store: FileStore | None = None) -> File:
        """A file of that content, in a store."""
        store = store or self.default
        file, _ = await File.get_or_create(hash_digest=hashlib.sha256(content).digest(), size=len(content))
        await (await self.stores.of(store)).put(key_of(content), chunks(content))
        await FileInStore.get_or_create(store_id=store.id, file_id=file.id)
        return file

    async def uploading(self, artifact: Artifact, content: bytes, received: int, name: str) -> FileUpload:
        """A file of an artifact of which so many bytes have come."""
        file, _ = await File.get_or_create(hash_digest=hashlib.sha256(content).digest(), size=len(content))
        entry = await FileInArtifact.create(artifact_id=artifact.id, path=f"coming/{name}", file_id=file.id)
        self.settings.uploads_directory.mkdir(parents=True, exist_ok=True)
        (self.settings.uploads_directory / name).write_bytes(content[:received])
        return await FileUpload.create(file_in_artifact_id=entry.id, path=name)

    async def store(self, name: str, directory: Path) -> FileStore:
        """One more store, which the lab uses too."""
        directory.mkdir()
        row = await FileStore.create(
            name=name, backend="local", configuration={"base_directory": str(directory)}
        )
        await self.cast.lab.other_file_stores.add(row)
        return row

    async def has(self, content: bytes, store: FileStore | None = None) -> bool:
        """Whether the bytes are in the store."""
        return await (await self.stores.of(store or self.default)).exists(key_of(content))


def key_of(content: bytes) -> Key:
    return Key(hashlib.sha256(content).hexdigest(), len(content))


async def there(*artifacts: Artifact) -> list[bool]:
    """Which of them are still there."""
    ids = {row.id for row in await Artifact.filter(id__in=[each.id for each in artifacts])}
    return [each.id in ids for each in artifacts]


async def everything() -> dict[str, list[dict[str, Any]]]:
    """All rows of the tables that expiry writes to."""
    tables = ("artifact", "artifact_relation", "file_in_artifact", "file_upload", "file", "file_in_store")
    others = ("file_to_remove", "file_store", "work_request_input", "outbox_event")
    return {table: await fetch(f"SELECT * FROM {table} ORDER BY 1, 2") for table in (*tables, *others)}


def long_ago(hours: float = 25) -> datetime:
    return now() - timedelta(hours=hours)


@pytest.fixture
async def yard(db: Database, cast: Cast, tmp_path: Path) -> Any:
    """The lab, with a default store of this test."""
    settings = Settings(files_dir=tmp_path / "files")
    stores = Stores(settings)
    yield Yard(cast, settings, stores, await FileStore.get(name="Default"))
    await stores.close()
