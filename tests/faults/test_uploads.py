"""Uploads through servers that are killed, and larger than the memory a server may have."""

import asyncio
import hashlib
import os
import signal
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest

from app.database.address import Credentials
from tests.database.cluster import Databases
from tests.live import LiveServer, run_server

pytestmark = pytest.mark.timeout(600)  # servers are started, and large files sent

DECLARE = """mutation ($input: CreateArtifactInput!) { createArtifact(input: $input) {
  artifact { filesToUpload { uploadUrl } } userErrors { message } } }"""
LIMIT = 60.0
MIB = 1 << 20
CONTENT = bytes(range(256)) * 12_288  # 3 MiB
FINISHING = "app.actions.files.finishing"

STEPS = [
    ("before", f"{FINISHING}:_verify"),
    ("after", f"{FINISHING}:_verify"),
    ("before", "app.stores.local:LocalStore._publish"),
    ("after", "app.stores.local:LocalStore._publish"),
    ("before", f"{FINISHING}:_complete"),
    ("before", f"{FINISHING}:record"),
    ("after", f"{FINISHING}:record"),
    ("after", f"{FINISHING}:_complete"),
    ("after", "app.actions.files.incoming:Incoming.remove"),
]
"""Where the server is killed. `record` is called in the transaction that completes the file."""


@dataclass
class Place:
    """A database and a directory, which outlive the servers."""

    credentials: Credentials
    directory: Path

    @property
    def environment(self) -> dict[str, str]:
        return {"FILES_DIR": str(self.directory)}

    async def fetch(self, query: str) -> list[dict[str, Any]]:
        connection = await asyncpg.connect(**self.credentials)
        try:
            return [dict(row) for row in await connection.fetch(query)]
        finally:
            await connection.close()

    async def state(self) -> tuple[bool, bool, bool]:
        """What the database says: the file is complete, the artifact is, a store has the file."""
        (row,) = await self.fetch(
            "SELECT file_in_artifact.complete AS file, artifact.complete AS artifact,"
            " EXISTS (SELECT FROM file_in_store WHERE file_id = file_in_artifact.file_id) AS stored"
            " FROM file_in_artifact JOIN artifact ON artifact.id = artifact_id"
        )
        return row["file"], row["artifact"], row["stored"]

    def stored(self) -> list[bytes]:
        """The contents of the files in the default store."""
        return [path.read_bytes() for path in self.directory.glob("store/??/??/??/*")]

    def temporary(self) -> list[Path]:
        return list(self.directory.glob("uploads/*"))

    async def events(self) -> list[str]:
        rows = await self.fetch(
            "SELECT event_type FROM outbox_event WHERE subject LIKE 'artifact/%' ORDER BY xid, seq"
        )
        return [row["event_type"] for row in rows]


@pytest.fixture
async def place(databases: Databases, tmp_path: Path) -> AsyncIterator[Place]:
    credentials = await databases.make()
    yield Place(credentials, tmp_path / "files")
    await databases.drop(credentials)


async def declare(server: LiveServer, key: str, digest: str, size: int) -> str:
    """The address of the only file of a new artifact, below the server's."""
    file = {"path": "large", "size": size, "sha256": digest}
    given = {"category": "workyard:files", "files": [file]}
    made = (await server.execute(DECLARE, {"input": given}, key=key))["createArtifact"]
    assert made["userErrors"] == []
    (missing,) = made["artifact"]["filesToUpload"]
    return httpx.URL(missing["uploadUrl"]).path


@pytest.mark.parametrize(("when", "what"), STEPS)
async def test_an_upload_whose_server_was_killed_at_its_end_is_finished_by_the_next_request(
    place: Place, when: str, what: str
) -> None:
    key, path = await send_to_one_that_dies(place, when, what)
    found = await place.state()

    async with run_server(place.credentials, **place.environment) as server, client(server, key) as http:
        asked = await http.head(path)
        got = await http.get(path)

    assert found in [(False, False, False), (True, True, True)]
    assert (asked.status_code, asked.headers["upload-offset"]) == (200, str(len(CONTENT)))
    assert got.content == CONTENT
    assert await place.state() == (True, True, True)
    assert place.stored() == [CONTENT]
    assert place.temporary() == []
    assert await place.fetch("SELECT id FROM file_upload") == []
    assert (await place.events()).count("artifact.completed") == 1
    assert (await place.events()).count("artifact.file_completed") == 1


async def test_bytes_that_a_killed_server_had_are_gone_on_from(place: Place) -> None:
    key, path = await send_to_one_that_dies(place, "after", "app.web.files.receiving:Receiver._write")
    (temporary,) = place.temporary()
    came = temporary.read_bytes()

    async with run_server(place.credentials, **place.environment) as server, client(server, key) as http:
        offset = int((await http.head(path)).headers["upload-offset"])
        rest = {"Content-Range": f"bytes {offset}-{len(CONTENT) - 1}/{len(CONTENT)}"}
        done = await http.put(path, content=CONTENT[offset:], headers=rest)

    assert came and CONTENT.startswith(came) and offset == len(came)
    assert done.status_code == 201
    assert await place.state() == (True, True, True)
    assert place.stored() == [CONTENT]


async def test_a_server_that_stops_sends_the_sender_to_the_next_one(place: Place) -> None:
    async with run_server(place.credentials, **place.environment) as server:
        key = await server.sign_in()
        path = await declare(server, key, hashlib.sha256(CONTENT).hexdigest(), len(CONTENT))
        url = httpx.URL(server.url)
        reader, writer = await asyncio.open_connection(url.host, url.port)
        head = f"PUT {path} HTTP/1.1\r\nHost: test\r\nToken: {key}\r\nContent-Length: {len(CONTENT)}\r\n\r\n"
        writer.write(head.encode() + CONTENT[:1000])
        async with asyncio.timeout(LIMIT):
            while [file.stat().st_size for file in place.temporary()] != [1000]:
                await asyncio.sleep(0.02)
            server.process.terminate()
            answer = (await reader.read()).decode()
            code = await server.process.wait()
        writer.close()

    assert answer.startswith("HTTP/1.1 503 ") and "retry-after: " in answer.lower()
    assert code in (0, -signal.SIGTERM)
    assert [file.read_bytes() for file in place.temporary()] == [CONTENT[:1000]]


async def send_to_one_that_dies(place: Place, when: str, what: str) -> tuple[str, str]:
    """The key and the path of an upload of which nobody heard the end."""
    program = ("-m", "tests.faults.dying", when, what, "--", "serve")
    async with run_server(place.credentials, program=program, **place.environment) as server:
        key = await server.sign_in()
        path = await declare(server, key, hashlib.sha256(CONTENT).hexdigest(), len(CONTENT))
        with suppress(httpx.TransportError):
            async with client(server, key) as http:
                await http.put(path, content=CONTENT)
        async with asyncio.timeout(LIMIT):
            await server.process.wait()
    return key, path


def client(server: LiveServer, key: str) -> httpx.AsyncClient:
    """Of the administrator."""
    return httpx.AsyncClient(verify=False, base_url=server.url, headers={"Token": key}, timeout=300)


# Large files ---------------------------------------------------------------------------------------------------------

SIZE = (2048 if os.environ.get("REQUIRE_ALL") == "1" else 512) * MIB
BLOCK = os.urandom(MIB)
MOST = 300 * MIB
"""Bytes that a server may have in memory."""


async def test_a_file_larger_than_memory_passes_through(place: Place) -> None:
    half = SIZE // 2
    digest = await asyncio.to_thread(digest_of, SIZE)
    async with run_server(place.credentials, **place.environment) as server:
        key = await server.sign_in()
        path = await declare(server, key, digest, SIZE)
        async with client(server, key) as http:
            part = {"Content-Range": f"bytes 0-{half - 1}/{SIZE}", "Content-Length": str(half)}
            first = await http.put(path, content=blocks(half), headers=part)
            tus = {"Tus-Resumable": "1.0.0", "Content-Type": "application/offset+octet-stream"}
            second = await http.patch(path, content=blocks(half), headers={**tus, "Upload-Offset": str(half)})
            received = hashlib.sha256()
            async with http.stream("GET", path) as response:
                async for chunk in response.aiter_bytes(MIB):
                    received.update(chunk)
        most = most_memory(server.process.pid)

    assert (first.status_code, second.status_code) == (200, 204)
    assert received.hexdigest() == digest
    assert 0 < most < MOST


async def blocks(size: int) -> AsyncIterator[bytes]:
    """Bytes of a size that is a number of blocks; the same block over and over."""
    for _ in range(size // MIB):
        yield BLOCK


def digest_of(size: int) -> str:
    found = hashlib.sha256()
    for _ in range(size // MIB):
        found.update(BLOCK)
    return found.hexdigest()


def most_memory(pid: int) -> int:
    """The most bytes that a process ever had in memory."""
    status = Path(f"/proc/{pid}/status").read_text()
    return next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmHWM"))
