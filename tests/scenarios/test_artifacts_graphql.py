"""Artifacts by GraphQL: declared, found, related, kept."""

import hashlib
from typing import Any

from tests.api import Api, gid
from tests.cast import Cast


def file(path: str, content: bytes = b"hello", **more: Any) -> dict[str, Any]:
    """A file as createArtifact takes it."""
    return {"path": path, "size": len(content), "sha256": hashlib.sha256(content).hexdigest(), **more}


ARTIFACT = """artifact { id complete completedAt category data expireAt workspace { name } createdBy { username }
  filesToUpload { path uploadUrl downloadUrl upload { receivedBytes } }
  files { totalCount nodes { path complete contentType file { sha256 size } uploadUrl downloadUrl } } }"""


async def test_22_of_two_files_one_of_no_bytes_only_the_other_is_to_be_uploaded(api: Api, cast: Cast) -> None:
    made = await api.mutate(
        cast.bob,
        "createArtifact",
        ARTIFACT,
        workspace=gid(cast.lab),
        category="workyard:test",
        data={"a": 1},
        files=[file("b/full.txt", contentType="text/plain"), file("a/empty", b"")],
    )

    artifact = made.done["artifact"]
    number = await _row_number(artifact["id"])
    assert [each["path"] for each in artifact["filesToUpload"]] == ["b/full.txt"]
    assert artifact["filesToUpload"][0]["uploadUrl"].endswith(f"/artifacts/{number}/files/b/full.txt")
    assert not artifact["complete"]
    assert [(each["path"], each["complete"]) for each in artifact["files"]["nodes"]] == [
        ("a/empty", True),
        ("b/full.txt", False),
    ]


async def _row_number(id: str) -> int:
    from app.graphql.ids import decode_id

    return int(decode_id(id)[1])
