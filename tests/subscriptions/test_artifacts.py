"""Artifacts and uploads, live."""

from app import events as event_types
from app.actions.outbox import record
from app.database import fetch, transaction
from app.models import Artifact, Workspace
from tests.api import Api, gid
from tests.artifact_rows import (
    artifact,
    declare,
    file,
    number,
)
from tests.cast import Cast

CHANGED = """subscription($w: ID, $f: ArtifactFilter, $c: Cursor) { artifactChanged(workspace: $w, filter: $f, after: $c) {
  cursor time type complete version path artifact { id category } } }"""


async def test_changes_of_artifacts_are_followed_by_workspace_and_filter(api: Api, cast: Cast) -> None:
    open_ = await Workspace.create(
        tenant_id=cast.tenant.id,
        name="open",
        public=True,
        default_file_store_id=cast.lab.default_file_store_id,
    )
    cursor = await api.cursor()
    async with (
        api.subscribe(cast.vic, CHANGED, w=gid(cast.lab)) as in_lab,
        api.subscribe(cast.vic, CHANGED, f={"category": {"eq": "workyard:files"}}) as files,
        api.subscribe(cast.eve, CHANGED) as outsider,
    ):
        one = await declare(api, cast.bob, workspace=gid(cast.lab))
        two = await declare(api, cast.root, workspace=gid(open_), category="workyard:files")

        assert [each["artifact"]["id"] for each in await in_lab.take(2)] == [one["id"]] * 2
        assert [each["artifact"]["id"] for each in await files.take(2)] == [two["id"]] * 2
        assert [each["artifact"]["id"] for each in await outsider.take(2)] == [two["id"]] * 2
    async with api.subscribe(cast.vic, CHANGED, w=gid(cast.lab), c=cursor) as again:
        assert [each["type"] for each in await again.take(2)] == ["artifact.created", "artifact.completed"]


async def test_what_one_does_not_see_cannot_be_followed(api: Api, cast: Cast) -> None:
    made = gid(await artifact(cast.lab))
    missing = gid(Artifact(id=2**40))
    progress = "subscription($id: ID!) { fileUploadProgress(artifact: $id) { type } }"

    for who in (cast.eve, cast.zoe, None):
        for id in (made, missing):
            async with api.subscribe(who, progress, id=id) as events:
                assert await events.end() == "NOT_FOUND"
        async with api.subscribe(who, CHANGED, w=gid(cast.lab)) as events:
            assert await events.end() == "NOT_FOUND"


async def test_the_upload_of_a_file_is_followed_byte_by_byte(api: Api, cast: Cast) -> None:
    made = await declare(api, cast.bob, file("a/b", b"x" * 100), workspace=gid(cast.lab))
    other = await declare(api, cast.bob, file("a/b", b"y" * 100), workspace=gid(cast.lab))
    document = """subscription($id: ID!) { fileUploadProgress(artifact: $id) {
      type path receivedBytes size file { complete } } }"""

    async with api.subscribe(cast.vic, document, id=made["id"]) as following:
        for id, event, extra in (
            (other, event_types.ArtifactFileProgressed, {"received_bytes": 7, "size": 100}),
            (made, event_types.ArtifactFileProgressed, {"received_bytes": 45, "size": 100}),
            (made, event_types.ArtifactFileDiscarded, {}),
            (made, event_types.ArtifactFileCompleted, {}),
        ):
            async with transaction():
                await fetch("SELECT FROM artifact WHERE id = $1 FOR NO KEY UPDATE", number(id["id"]))
                await record(event, number(id["id"]), extra={"path": "a/b", **extra})
        found = await following.take(3)

    assert [(each["type"].partition(".")[2], each["receivedBytes"], each["size"]) for each in found] == [
        ("file_progressed", 45, 100),
        ("file_discarded", 0, 100),
        ("file_completed", 100, 100),
    ]
    assert {each["path"] for each in found} == {"a/b"}
