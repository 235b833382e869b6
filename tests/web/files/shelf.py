"""Artifacts whose files lie in a store, and a server of ours on a real socket in this process, that serves nothing else."""

import hashlib
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest
import uvicorn
from starlette.applications import Starlette

from app.actions.files.places import Stores, stores_of
from app.daemons.log_reader import scan
from app.identity import Identities
from app.models import Artifact, File, FileInArtifact, FileInStore, FileStore, Workspace
from app.publishers.hub import Hub
from app.settings import Settings
from app.stores import Key
from app.web.files import file_routes
from tests.api import Asker
from tests.cast import Cast
from tests.live import free_port

AT = datetime(2026, 3, 4, 5, 6, 7, 890123, UTC)


@dataclass
class Shelf:
    """The server, and a way to put things on it."""

    cast: Cast
    settings: Settings
    stores: Stores
    http: httpx.AsyncClient
    server: uvicorn.Server
    types: dict[str, str] = field(default_factory=dict)
    """Media types of files that are put, by their paths."""

    async def artifact(
        self,
        files: Mapping[str, bytes],
        workspace: Workspace | None = None,
        *,
        missing: Mapping[str, bytes] | None = None,
        **columns: Any,
    ) -> Artifact:
        """An artifact of the lab with these files in the default store, and `missing` ones that have not come."""
        workspace = workspace or self.cast.lab
        complete = not missing
        artifact = await Artifact.create(
            workspace_id=workspace.id,
            category="workyard:test",
            complete=complete,
            completed_at=AT if complete else None,
            **columns,
        )
        for path, content in {**files, **(missing or {})}.items():
            digest = hashlib.sha256(content).digest()
            file, _ = await File.get_or_create(hash_digest=digest, size=len(content))
            done = path in files
            await FileInArtifact.create(
                artifact_id=artifact.id,
                path=path,
                file_id=file.id,
                complete=done,
                content_type=self.types.get(path),
            )
            if done and content:
                (store, *_) = await stores_of(workspace.id)
                await self.put(store, content)
        return artifact

    async def put(self, row: FileStore, content: bytes) -> None:
        """Bring content into a store."""
        file = await File.get(sha256=hashlib.sha256(content).digest(), size=len(content))
        store = await self.stores.of(row)

        async def source() -> AsyncIterator[bytes]:
            yield content

        await store.put(Key.of_digest(file.hash_digest, file.size), source())
        await FileInStore.get_or_create(store_id=row.id, file_id=file.id)

    def place(self, content: bytes) -> Path:
        """Where content lies in the default store."""
        key = Key(hashlib.sha256(content).hexdigest(), len(content))
        return self.settings.files_directory / "store" / key.path

    async def get(self, path: str, who: Asker = None, **headers: str) -> httpx.Response:
        """GET by somebody."""
        return await self.ask("GET", path, who, **headers)

    async def ask(self, method: str, path: str, who: Asker = None, **headers: str) -> httpx.Response:
        """Any request by somebody; the names of headers with _ for -."""
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        if who is not None:
            given["Authorization"] = f"Bearer {who if isinstance(who, str) else who.key}"
        return await self.http.request(method, path, headers=given)


def url(artifact: Artifact, path: str) -> str:
    """The address of a file."""
    return quote(f"/artifacts/{artifact.id}/files/{path}")


@pytest.fixture
async def shelf(cast: Cast, tmp_path: Path) -> AsyncIterator[Shelf]:
    """An empty one."""
    async with serve(cast, tmp_path) as shelf:
        yield shelf


@asynccontextmanager
async def serve(cast: Cast, directory: Path) -> AsyncIterator[Shelf]:
    """Serve files from stores of their own."""
    settings = Settings(data_dir=directory, port=free_port())
    stores = Stores(settings)
    app = Starlette(routes=file_routes(settings, Identities(Hub(scan)), stores))
    config = uvicorn.Config(
        app, port=settings.port, http="httptools", lifespan="off", log_config=None, access_log=False
    )
    config.load()
    server = uvicorn.Server(config)
    server.lifespan = config.lifespan_class(config)
    await server.startup()
    try:
        async with httpx.AsyncClient(base_url=settings.bind_url, timeout=60, verify=False) as http:
            yield Shelf(cast, settings, stores, http, server)
    finally:
        await server.shutdown()
        await stores.close()
