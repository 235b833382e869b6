"""Uploads: the scenarios that every version must satisfy, on a server as it is started, by its public interface."""

import hashlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from tests.database.cluster import Databases
from tests.live import LiveServer, start_server

DECLARE = """mutation ($input: CreateArtifactInput!) { createArtifact(input: $input) {
  artifact { id complete filesToUpload { path uploadUrl } } userErrors { message } } }"""
LOOK = """query ($id: ID!) { artifact(id: $id) { complete filesToUpload { path } files { nodes {
  complete downloadUrl upload { receivedBytes size } } } } }"""


@dataclass
class Declared:
    """An artifact of one file, of 100 bytes, that somebody who is signed in has declared."""

    server: LiveServer
    http: httpx.AsyncClient
    key: str
    id: str
    url: str
    content: bytes

    async def put(self, content: bytes, range: str | None = None, url: str = "") -> httpx.Response:
        headers = {} if range is None else {"Content-Range": range}
        return await self.http.put(url or self.url, content=content, headers=headers)

    async def offset(self) -> int:
        return int((await self.http.head(self.url)).headers["upload-offset"])

    async def look(self) -> tuple[bool, bool, int | None]:
        """Whether the artifact and its file are complete, and how many bytes of the file have come."""
        found = (await self.server.execute(LOOK, {"id": self.id}, key=self.key))["artifact"]
        (file,) = found["files"]["nodes"]
        upload = file["upload"]
        return found["complete"], file["complete"], None if upload is None else upload["receivedBytes"]


@pytest.fixture(scope="module")
async def server(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[LiveServer]:
    """A server with a directory of its own."""
    directory: Path = tmp_path_factory.mktemp("files")
    async with start_server(databases, FILES_DIR=str(directory)) as server:
        yield server


@pytest.fixture
async def declared(server: LiveServer, request: pytest.FixtureRequest) -> AsyncIterator[Declared]:
    """Of content that no other test has: what is complete in the workspace need not be sent again."""
    content = (hashlib.sha256(request.node.name.encode()).digest() * 4)[:100]
    key = await server.sign_in()
    file = {"path": "data.bin", "size": 100, "sha256": hashlib.sha256(content).hexdigest()}
    given = {"category": "workyard:files", "files": [file]}
    made = (await server.execute(DECLARE, {"input": given}, key=key))["createArtifact"]
    assert made["userErrors"] == []
    (missing,) = made["artifact"]["filesToUpload"]
    url = server.url + httpx.URL(missing["uploadUrl"]).path
    async with httpx.AsyncClient(verify=False, timeout=60, headers={"Token": key}) as http:
        yield Declared(server, http, key, made["artifact"]["id"], url, content)


async def test_23_two_parts_make_a_file_and_the_last_file_an_artifact(declared: Declared) -> None:
    first = await declared.put(declared.content[:45], "bytes 0-44/100")
    offset, between = await declared.offset(), await declared.look()
    last = await declared.put(declared.content[45:], "bytes 45-99/100")

    assert (first.status_code, offset, between) == (200, 45, (False, False, 45))
    assert last.status_code == 201
    assert await declared.look() == (True, True, None)


async def test_24_a_gap_is_refused_with_the_place_to_go_on_from(declared: Declared) -> None:
    await declared.put(declared.content[:30], "bytes 0-29/100")

    response = await declared.put(declared.content[40:], "bytes 40-99/100")

    assert (response.status_code, response.headers["upload-offset"]) == (400, "30")
    assert "go on from 30" in response.json()["detail"]
    assert await declared.look() == (False, False, 30)


async def test_25_wrong_bytes_are_refused_whole_and_right_ones_taken_then(declared: Declared) -> None:
    wrong = await declared.put(bytes(100))
    offset, between = await declared.offset(), await declared.look()
    right = await declared.put(declared.content)

    assert (wrong.status_code, wrong.json()["code"], offset) == (409, "CONFLICT", 0)
    assert between == (False, False, None)
    assert right.status_code == 201
    assert (await declared.http.get(declared.url)).content == declared.content


async def test_26_a_path_that_is_not_in_the_artifact_is_not_found(declared: Declared) -> None:
    response = await declared.put(declared.content, url=declared.url + ".bak")

    assert (response.status_code, response.json()["code"]) == (404, "NOT_FOUND")
    assert await declared.look() == (False, False, None)
