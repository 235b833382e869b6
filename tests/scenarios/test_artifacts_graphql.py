"""Artifacts by GraphQL: the scenarios that every version must satisfy."""

from tests.api import Api, gid, state
from tests.artifact_rows import (
    RELATION,
    artifact,
    declare,
    file,
    number,
)
from tests.cast import Cast


async def test_22_of_two_files_one_of_no_bytes_only_the_other_is_to_be_uploaded(api: Api, cast: Cast) -> None:
    made = await declare(
        api,
        cast.bob,
        file("b/f ü.txt", contentType="text/plain; charset=utf-8"),
        file("a/empty", b""),
        workspace=gid(cast.lab),
        data={"a": 1},
    )

    (missing,) = made["filesToUpload"]
    address = f"http://127.0.0.1:8000/artifacts/{number(made['id'])}/files/b/f%20%C3%BC.txt"
    assert missing == {"path": "b/f ü.txt", "uploadUrl": address, "downloadUrl": None, "upload": None}
    assert (made["complete"], made["completedAt"], made["data"]) == (False, None, {"a": 1})
    assert (made["workspace"], made["createdBy"]) == ({"name": "lab"}, {"username": "bob"})
    empty, full = made["files"]["nodes"]
    assert (empty["path"], empty["complete"], empty["uploadUrl"]) == ("a/empty", True, None)
    assert empty["downloadUrl"].endswith("/files/a/empty")
    assert full["contentType"] == "text/plain; charset=utf-8"
    assert full["file"] == {"sha256": file("x")["sha256"], "size": 5}


async def test_28_an_artifact_is_expired_at_the_very_instant_and_never_without_one(
    api: Api, cast: Cast
) -> None:
    made = await declare(api, cast.bob, workspace=gid(cast.lab), expireAt="2030-01-01T00:00:00Z")
    never = await declare(api, cast.bob, workspace=gid(cast.lab))
    document = """query($id: ID!, $at: DateTime!) { artifact(id: $id) { expired(at: $at) }
      artifacts(filter: {expiredAt: {eq: $at}}) { nodes { id } }
      others: artifacts(filter: {not: {expiredAt: {eq: $at}}}) { nodes { id } } }"""

    at = await api.execute(cast.vic, document, id=made["id"], at="2030-01-01T00:00:00Z")
    before = await api.execute(cast.vic, document, id=made["id"], at="2029-12-31T23:59:59.999999Z")
    without = await api.execute(cast.vic, document, id=never["id"], at="9999-01-01T00:00:00Z")

    assert at.data == {
        "artifact": {"expired": True},
        "artifacts": {"nodes": [{"id": made["id"]}]},
        "others": {"nodes": [{"id": never["id"]}]},
    }
    assert before["artifact"] == {"expired": False} and before["artifacts"]["nodes"] == []
    assert without["artifact"] == {"expired": False}


async def test_27_the_same_relation_is_made_but_once(api: Api, cast: Cast) -> None:
    one, two = gid(await artifact(cast.lab)), gid(await artifact(cast.lab))

    first = await api.mutate(
        cast.bob, "createArtifactRelation", RELATION, artifact=one, target=two, type="EXTENDS"
    )
    before = await state()
    second = await api.mutate(
        cast.bob, "createArtifactRelation", RELATION, artifact=one, target=two, type="EXTENDS"
    )
    unchanged = await state()
    other = await api.mutate(
        cast.bob, "createArtifactRelation", RELATION, artifact=one, target=two, type="RELATES_TO"
    )

    assert (first.done["created"], second.done["created"]) == (True, False)
    assert first.done["relation"] == second.done["relation"]
    assert first.done["relation"]["artifact"] == {"id": one}
    assert first.done["relation"]["target"] == {"id": two}
    assert before == unchanged
    assert other.done["created"] and other.done["relation"]["id"] != first.done["relation"]["id"]
