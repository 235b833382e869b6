"""Artifacts as files on this machine: uploaded with all that is known of them, downloaded and verified.

    artifact = await upload_artifact(client, "corpus/", category="text:corpus", data={"language": "en"})
    await download_artifact(client, artifact.id, "results/")

Both go on where they were interrupted, carry several files at once, and hold no file in memory.
"""

import asyncio
import mimetypes
import os
import secrets
from collections.abc import AsyncIterator, Callable, Collection, Coroutine, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from app.client.client import Client
from app.client.content import Content, content_of, contents_of
from app.client.errors import BadPath, TransferError
from app.client.paths import Sources, local_files, make_directory, place
from app.client.transfers import PATIENCE, Patience

Item = TypeVar("Item")
T = TypeVar("T")

AT_ONCE = 4
PAGE = 100

Progress = Callable[[str, int, int], None]
"""Told the path of a file, how many of its bytes are there, and how many it has. Must be quick."""

Relations = Sequence[tuple[str, str]]
"""Pairs of a type (EXTENDS, RELATES_TO, BUILT_USING) and the id of another artifact."""


@dataclass(frozen=True)
class RemoteFile:
    """A file of an artifact, as the server describes it."""

    path: str
    content: Content
    complete: bool
    content_type: str | None
    upload_url: str | None
    download_url: str | None


@dataclass(frozen=True)
class Artifact:
    """An artifact, as the server describes it; its files are asked for with `files_of`."""

    id: str
    category: str
    data: dict[str, Any]
    complete: bool


def no_progress(path: str, done: int, size: int) -> None:
    """Nobody wants to know."""


async def upload_artifact(
    client: Client,
    sources: Sources,
    *,
    category: str,
    data: Mapping[str, Any] | None = None,
    workspace: str | None = None,
    relations: Relations = (),
    expire_at: datetime | None = None,
    progress: Progress = no_progress,
    at_once: int = AT_ONCE,
    patience: Patience = PATIENCE,
) -> Artifact:
    """Make an artifact of files, and send what the server lacks of them.

    `sources` is a file, a directory (everything below it), several of them, or a local file by path in the artifact.
    `workspace` is an id. Its two steps are `create_artifact` and `upload_files`; the latter goes on with an artifact that
    was begun. Raises BadPath, UserErrors, TransferError, Unavailable.
    """
    files = local_files(sources)
    artifact = await create_artifact(
        client,
        files,
        category=category,
        data=data,
        workspace=workspace,
        relations=relations,
        expire_at=expire_at,
    )
    return await upload_files(
        client, artifact.id, files, progress=progress, at_once=at_once, patience=patience
    )


async def create_artifact(
    client: Client,
    files: Mapping[str, Path],
    *,
    category: str,
    data: Mapping[str, Any] | None = None,
    workspace: str | None = None,
    relations: Relations = (),
    expire_at: datetime | None = None,
    work_request: str | None = None,
    attempt: int | None = None,
    idempotency_key: str | None = None,
) -> Artifact:
    """Declare an artifact of local files, whose hashes are computed now. Nothing of them is sent yet.

    A worker gives the request that it runs, in which attempt.
    """
    contents = await contents_of(list(files.values()))
    given = {
        "category": category,
        "data": dict(data or {}),
        "files": [declared(path, content) for path, content in zip(files, contents, strict=True)],
        "relations": [{"type": type, "target": target} for type, target in relations],
        "idempotencyKey": idempotency_key or secrets.token_hex(16),
        "workspace": workspace,
        "expireAt": expire_at.isoformat() if expire_at else None,
        "workRequest": work_request,
        "attempt": attempt,
    }
    given = {name: value for name, value in given.items() if value is not None}
    payload = await client.mutate(CREATE, {"input": given}, idempotent=True)
    return artifact_of(payload["artifact"])


async def upload_files(
    client: Client,
    artifact_id: str,
    sources: Sources,
    *,
    progress: Progress = no_progress,
    at_once: int = AT_ONCE,
    patience: Patience = PATIENCE,
) -> Artifact:
    """Send what an artifact lacks, from the byte on at which it was interrupted; the artifact afterwards.

    Raises BadPath when a file that it lacks is not among the sources, and Corrupted when it has changed.
    """
    local = local_files(sources)

    async def send(file: RemoteFile) -> None:
        if file.path not in local:
            raise BadPath(f"the artifact lacks {file.path!r}, which is not among the files to upload")
        await client.transfers.upload(
            required(file.upload_url, file.path),
            local[file.path],
            file.content,
            on_bytes=lambda done: progress(file.path, done, file.content.size),
            patience=patience,
        )

    lacking = []
    async for file in files_of(client, artifact_id):
        if file.complete:
            progress(file.path, file.content.size, file.content.size)
        else:
            lacking.append(file)
    await all_of(send, lacking, at_once)
    return await find_artifact(client, artifact_id)


async def download_artifact(
    client: Client,
    artifact_id: str,
    directory: str | os.PathLike[str],
    *,
    paths: Collection[str] | None = None,
    overwrite: bool = False,
    progress: Progress = no_progress,
    at_once: int = AT_ONCE,
    patience: Patience = PATIENCE,
) -> list[Path]:
    """Fetch the files of an artifact, or those of these paths, into a directory; where they are now.

    Nothing is written outside of the directory, whatever paths the server names. A file that is there already, and is
    the same, is left alone; another one is only replaced with `overwrite`. Raises BadPath, TransferError, Unavailable.
    """
    below = Path(directory)
    files = [file async for file in files_of(client, artifact_id) if paths is None or file.path in paths]
    if missing := set(paths or ()) - {file.path for file in files}:
        raise TransferError(f"the artifact has no file {min(missing)!r}", code="NOT_FOUND")
    await asyncio.to_thread(make_directory, below)

    async def fetch(file: RemoteFile) -> Path:
        target = place(below, file.path)
        await fetch_into(client, file, target, overwrite, progress, patience)
        return target

    return await all_of(fetch, files, at_once)


async def download_file(
    client: Client,
    artifact_id: str,
    path: str,
    target: str | os.PathLike[str],
    *,
    overwrite: bool = False,
    progress: Progress = no_progress,
    patience: Patience = PATIENCE,
) -> Path:
    """Fetch one file of an artifact, and give it the name `target`."""
    found = (await client.execute(FILE, {"id": artifact_id, "path": path}))["artifact"]
    if not found or not found["file"]:
        raise TransferError(f"there is no file {path!r} in that artifact", code="NOT_FOUND")
    await fetch_into(client, remote_file(found["file"]), Path(target), overwrite, progress, patience)
    return Path(target)


async def fetch_into(
    client: Client, file: RemoteFile, target: Path, overwrite: bool, progress: Progress, patience: Patience
) -> None:
    """Fetch it, unless the target is it already."""
    if not file.complete:
        raise TransferError(f"{file.path!r} has not been uploaded yet", code="INVALID_STATE")
    if await asyncio.to_thread(is_there, target, file.content, overwrite):
        return progress(file.path, file.content.size, file.content.size)
    await client.transfers.download(
        required(file.download_url, file.path),
        target,
        file.content,
        on_bytes=lambda done: progress(file.path, done, file.content.size),
        patience=patience,
    )
    return None


def is_there(target: Path, content: Content, overwrite: bool) -> bool:
    """Whether the target is the file already. Raises TransferError when it is another one that must stay."""
    if not target.exists():
        return False
    if content_of(target) == content:
        return True
    if not overwrite:
        raise TransferError(f"{target} is there already, and is another file", code="CONFLICT")
    return False


async def find_artifact(client: Client, artifact_id: str) -> Artifact:
    """The artifact. Raises TransferError when there is none that we may see."""
    found = (await client.execute(ARTIFACT, {"id": artifact_id}))["artifact"]
    return artifact_of(existing(found))


async def files_of(client: Client, artifact_id: str) -> AsyncIterator[RemoteFile]:
    """All files of an artifact, in order of their paths."""
    after: str | None = None
    while True:
        found = (await client.execute(FILES, {"id": artifact_id, "first": PAGE, "after": after}))["artifact"]
        page = existing(found)["files"]
        for node in page["nodes"]:
            yield remote_file(node)
        if not page["pageInfo"]["hasNextPage"]:
            return
        after = page["pageInfo"]["endCursor"]


async def all_of(
    work: Callable[[Item], Coroutine[Any, Any, T]], items: Iterable[Item], at_once: int
) -> list[T]:
    """Do it with each, so many at once. The first failure stops the others."""
    free = asyncio.Semaphore(at_once)

    async def one(item: Item) -> T:
        async with free:
            return await work(item)

    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one(item)) for item in items]
    except BaseExceptionGroup as errors:
        raise errors.exceptions[0] from None
    return [task.result() for task in tasks]


def declared(path: str, content: Content) -> dict[str, Any]:
    return {
        "path": path,
        "size": content.size,
        "sha256": content.sha256,
        "contentType": mimetypes.guess_type(path)[0],
    }


def existing(found: dict[str, Any] | None) -> dict[str, Any]:
    if found is None:
        raise TransferError("there is no such artifact, or you may not see it", code="NOT_FOUND")
    return found


def artifact_of(node: dict[str, Any]) -> Artifact:
    return Artifact(node["id"], node["category"], node["data"], node["complete"])


def remote_file(node: dict[str, Any]) -> RemoteFile:
    content = Content(node["file"]["sha256"], int(node["file"]["size"]))
    return RemoteFile(
        node["path"], content, node["complete"], node["contentType"], node["uploadUrl"], node["downloadUrl"]
    )


def required(url: str | None, path: str) -> str:
    if url is None:
        raise TransferError(f"the server gives no address for {path!r}")
    return url


OF_ARTIFACT = "id category data complete"
OF_FILE = "path complete contentType file { sha256 size } uploadUrl downloadUrl"

CREATE = f"""mutation CreateArtifact($input: CreateArtifactInput!) {{
  createArtifact(input: $input) {{ artifact {{ {OF_ARTIFACT} }} userErrors {{ code message path }} }} }}"""

ARTIFACT = f"query Artifact($id: ID!) {{ artifact(id: $id) {{ {OF_ARTIFACT} }} }}"

FILE = f"""query File($id: ID!, $path: String!) {{
  artifact(id: $id) {{ file(path: $path) {{ {OF_FILE} }} }} }}"""

FILES = f"""query Files($id: ID!, $first: Int!, $after: Cursor) {{
  artifact(id: $id) {{ files(first: $first, after: $after) {{
    nodes {{ {OF_FILE} }} pageInfo {{ hasNextPage endCursor }} }} }} }}"""
