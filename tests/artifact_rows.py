"""Artifacts as tests need them: declared by GraphQL, or put into the tables as if their bytes had come."""

import hashlib
from itertools import pairwise
from typing import Any

from app.clock import now
from app.database import fetch, transaction
from app.graphql.ids import decode_id
from app.models import Artifact, File, FileInArtifact, FileStore, Workspace
from tests.api import Api
from tests.cast import Cast

CATEGORY = "workyard:test"


def file(path: str, content: bytes = b"hello", **more: Any) -> dict[str, Any]:
    """A file as createArtifact takes it."""
    return {"path": path, "size": len(content), "sha256": hashlib.sha256(content).hexdigest(), **more}


async def artifact(workspace: Workspace, *, complete: bool = True, **changes: Any) -> Artifact:
    """One without files."""
    return await Artifact.create(
        **{
            "category": CATEGORY,
            "workspace_id": workspace.id,
            "complete": complete,
            "completed_at": now() if complete else None,
            **changes,
        }
    )


async def complete(artifact_id: int) -> None:
    """All that an artifact lacks is there, in the store of its workspace."""
    async with transaction():
        row = await Artifact.get(id=artifact_id)
        places = await FileInArtifact.filter(artifact_id=artifact_id, complete=False)
        await fetch(
            "INSERT INTO file_in_store (store_id, file_id) SELECT default_file_store_id, unnest($2::bigint[])"
            " FROM workspace WHERE id = $1 ON CONFLICT DO NOTHING",
            row.workspace_id,
            sorted({place.file_id for place in places}),
        )
        await FileInArtifact.filter(artifact_id=artifact_id).update(complete=True)
        row.complete, row.completed_at = True, now()
        await row.save(update_fields=["complete", "completed_at"])


async def artifact_with(workspace: Workspace, *contents: tuple[str, bytes], **changes: Any) -> Artifact:
    """A complete one with these files: (path, content)."""
    made = await artifact(workspace, complete=not contents, **changes)
    for path, content in contents:
        found, _ = await File.get_or_create(hash_digest=File.calculate_hash(content), size=len(content))
        await FileInArtifact.create(artifact_id=made.id, path=path, file_id=found.id)
    await complete(made.id)
    return await Artifact.get(id=made.id)


async def store(name: str) -> FileStore:
    """Another store."""
    return await FileStore.create(name=name, backend="memory")


ARTIFACT = """artifact { id complete completedAt category data expireAt createdAt
  workspace { name } createdBy { username } createdByWorkRequest { id }
  filesToUpload { path uploadUrl downloadUrl upload { receivedBytes } }
  files { totalCount nodes { path complete contentType file { sha256 size } uploadUrl downloadUrl } } }"""


async def declare(api: Api, who: Any, *files: dict[str, Any], **more: Any) -> dict[str, Any]:
    """What createArtifact answered, which did it."""
    input = {"category": CATEGORY, "files": list(files), **more}
    made: dict[str, Any] = (await api.mutate(who, "createArtifact", ARTIFACT, **input)).done["artifact"]
    return made


def number(id: str) -> int:
    return int(decode_id(id)[1])


async def seen(api: Api, who: Any, id: str) -> dict[str, Any]:
    document = f"query($id: ID!) {{ {ARTIFACT.replace('artifact', 'artifact(id: $id)', 1)} }}"
    found: dict[str, Any] = (await api.execute(who, document, id=id))["artifact"]
    return found


RELATION = "created relation { id type artifact { id } target { id } }"


async def chain(cast: Cast, length: int) -> list[Artifact]:
    """Artifacts, each of which was built using the one before."""
    made = [await artifact(cast.lab) for _ in range(length)]
    for before, after in pairwise(made):
        await relate(after, before)
    return made


async def relate(one: Artifact, other: Artifact, type_: str = "built-using") -> None:
    await fetch(
        "INSERT INTO artifact_relation (artifact_id, target_id, type) VALUES ($1, $2, $3)",
        one.id,
        other.id,
        type_,
    )
