"""Artifacts that are there: kept, stored, related."""

import asyncio
from datetime import datetime, timedelta

import pytest

from app.models import Artifact, ArtifactRelation, FileInArtifact, Workspace
from tests.api import Api, gid, rows_of, state
from tests.artifact_rows import (
    CATEGORY,
    RELATION,
    artifact,
    artifact_with,
    declare,
    file,
    store,
)
from tests.cast import Cast


async def test_a_workspace_says_how_long_its_artifacts_are_kept_unless_they_say_it_themselves(
    api: Api, cast: Cast
) -> None:
    changed = await api.mutate(
        cast.ann,
        "updateWorkspace",
        "workspace { defaultExpirationDelay }",
        id=gid(cast.lab),
        defaultExpirationDelay="P30D",
    )
    made = await declare(api, cast.bob, workspace=gid(cast.lab))
    own = await declare(api, cast.bob, workspace=gid(cast.lab), expireAt="2030-01-01T00:00:00Z")
    await api.mutate(cast.ann, "updateWorkspace", id=gid(cast.lab), public=False)
    await api.mutate(cast.ann, "updateWorkspace", id=gid(cast.lab), defaultExpirationDelay=None)
    for_ever = await declare(api, cast.bob, workspace=gid(cast.lab))

    assert changed.done["workspace"] == {"defaultExpirationDelay": "P30D"}
    kept = datetime.fromisoformat(made["expireAt"]) - datetime.fromisoformat(made["createdAt"])
    assert kept == timedelta(days=30)
    assert own["expireAt"] == "2030-01-01T00:00:00+00:00"
    assert for_ever["expireAt"] is None


@pytest.mark.parametrize("delay", ["PT0S", "PT0.5S", "P36526D"])
async def test_a_delay_is_from_a_second_to_a_hundred_years(api: Api, cast: Cast, delay: str) -> None:
    before = await state()

    answer = await api.mutate(cast.ann, "updateWorkspace", id=gid(cast.lab), defaultExpirationDelay=delay)

    assert answer.refused["path"] == ["input", "defaultExpirationDelay"]
    assert await state() == before


async def test_an_owner_keeps_an_artifact_for_longer_or_shorter(api: Api, cast: Cast) -> None:
    made = gid(await artifact(cast.lab))
    async with api.subscribe(
        cast.vic, "subscription { artifactChanged { type version artifact { expireAt } } }"
    ) as events:
        for at in ("2030-01-01T00:00:00+00:00", "2020-01-01T00:00:00+00:00", None):
            changed = await api.mutate(
                cast.ann, "updateArtifact", "artifact { expireAt version }", id=made, expireAt=at
            )
            assert changed.done["artifact"]["expireAt"] == at
            told = await events.next()
            assert (told["type"], told["version"]) == (
                "artifact.changed",
                changed.done["artifact"]["version"],
            )
    before = await state()

    nothing = await api.mutate(cast.ann, "updateArtifact", id=made)

    assert nothing.refused["path"] == ["input", "expireAt"]
    assert await state() == before


STORES = "workspace { defaultFileStore { name } otherFileStores { name } }"


async def test_staff_say_where_the_files_of_a_workspace_are_kept(api: Api, cast: Cast) -> None:
    one, two = await store("one"), await store("two")

    changed = await api.mutate(
        cast.root,
        "updateWorkspace",
        STORES,
        id=gid(cast.lab),
        defaultFileStore=gid(one),
        otherFileStores=[gid(two), gid(one), gid(two)],
    )
    fewer = await api.mutate(
        cast.root, "updateWorkspace", STORES, id=gid(cast.lab), otherFileStores=[gid(two)]
    )
    before = await state()
    by_owner = await api.mutate(cast.ann, "updateWorkspace", id=gid(cast.lab), defaultFileStore=gid(two))
    unknown = await api.mutate(
        cast.root, "updateWorkspace", id=gid(cast.lab), defaultFileStore=gid(type(one)(id=2**40))
    )

    assert changed.done["workspace"] == {
        "defaultFileStore": {"name": "one"},
        "otherFileStores": [{"name": "one"}, {"name": "two"}],
    }
    assert fewer.done["workspace"]["otherFileStores"] == [{"name": "two"}]
    assert by_owner.refused["code"] == "FORBIDDEN"
    assert unknown.refused["code"] == "NOT_FOUND" and unknown.refused["path"] == ["input", "defaultFileStore"]
    assert await state() == before


async def test_how_a_store_is_set_up_is_shown_to_staff_only(api: Api, cast: Cast) -> None:
    document = (
        "{ fileStores { nodes { name backend configuration totalSize defaultWorkspaces { totalCount } } } }"
    )

    for who, shown in ((cast.sam, {}), (cast.root, {}), (cast.ann, None), (cast.vic, None)):
        (found,) = (await api.execute(who, document))["fileStores"]["nodes"]
        assert (found["name"], found["backend"], found["configuration"]) == ("Default", "LOCAL", shown)
    assert (await api.execute(None, document))["fileStores"] == {"nodes": []}


async def test_a_file_is_in_a_workspace_when_one_of_its_stores_has_it(api: Api, cast: Cast) -> None:
    made = await artifact_with(cast.lab, ("a", b"a"))
    file_id = gid(await (await FileInArtifact.get(artifact_id=made.id)).file)
    document = "query($f: ID!) { workspaces { nodes { name isFileInWorkspace(file: $f) } } }"

    inside = await api.execute(cast.vic, document, f=file_id)
    outside = await api.execute(cast.zoe, document, f=file_id)
    await Workspace.filter(id=cast.lab.id).update(default_file_store_id=(await store("new")).id)
    moved = await api.execute(cast.vic, document, f=file_id)

    assert inside["workspaces"]["nodes"] == [{"name": "lab", "isFileInWorkspace": True}]
    assert outside["workspaces"]["nodes"] == [{"name": "theirs", "isFileInWorkspace": False}]
    assert moved["workspaces"]["nodes"] == [{"name": "lab", "isFileInWorkspace": False}]


async def test_of_eight_who_make_one_relation_at_once_one_does(api: Api, cast: Cast) -> None:
    one, two = gid(await artifact(cast.lab)), gid(await artifact(cast.lab))
    events = await rows_of("outbox_event")

    answers = await asyncio.gather(
        *[
            api.mutate(cast.bob, "createArtifactRelation", RELATION, artifact=one, target=two, type="EXTENDS")
            for _ in range(8)
        ]
    )

    assert sorted(answer.done["created"] for answer in answers) == [False] * 7 + [True]
    assert len({answer.done["relation"]["id"] for answer in answers}) == 1
    assert await rows_of("outbox_event") == events + 1


async def test_two_artifacts_may_be_related_to_each_other_at_once(api: Api, cast: Cast) -> None:
    ids = [gid(await artifact(cast.lab)) for _ in range(2)]

    answers = await asyncio.gather(
        *[
            api.mutate(cast.bob, "createArtifactRelation", RELATION, artifact=a, target=b, type=type_)
            for type_ in ("EXTENDS", "RELATES_TO", "BUILT_USING")
            for a, b in (ids, ids[::-1])
        ]
    )

    assert [answer.done["created"] for answer in answers] == [True] * 6


async def test_a_relation_is_between_two_complete_artifacts_that_one_sees(api: Api, cast: Cast) -> None:
    one, private = await artifact(cast.lab), await artifact(cast.theirs)
    open_ = await artifact(cast.lab, complete=False)
    before = await state()

    for artifact_, target, code, path in (
        (one, one, "VALIDATION", ["input", "target"]),
        (one, open_, "INVALID_STATE", []),
        (open_, one, "INVALID_STATE", []),
        (one, private, "NOT_FOUND", []),
        (private, one, "NOT_FOUND", []),
        (one, Artifact(id=2**40), "NOT_FOUND", []),
    ):
        answer = await api.mutate(
            cast.bob, "createArtifactRelation", artifact=gid(artifact_), target=gid(target), type="EXTENDS"
        )
        assert (answer.refused["code"], answer.refused["path"]) == (code, path)
    assert await state() == before


async def test_a_relation_that_is_taken_away_is_gone_once(api: Api, cast: Cast) -> None:
    one, two = await artifact(cast.lab), await artifact(cast.lab)
    made = await api.mutate(
        cast.bob, "createArtifactRelation", RELATION, artifact=gid(one), target=gid(two), type="EXTENDS"
    )
    id = made.done["relation"]["id"]

    answers = await asyncio.gather(
        *[
            api.mutate(cast.bob, "deleteArtifactRelation", "deletedId artifact { id }", id=id)
            for _ in range(4)
        ]
    )

    done = [answer for answer in answers if not answer.payload["userErrors"]]
    assert [answer.done["deletedId"] for answer in done] == [id]
    assert done[0].done["artifact"] == {"id": gid(one)}
    assert {answer.refused["code"] for answer in answers if answer not in done} == {"NOT_FOUND"}
    assert await rows_of("artifact_relation") == 0


async def test_relations_may_be_given_with_the_artifact(api: Api, cast: Cast) -> None:
    one, incomplete = await artifact(cast.lab), await artifact(cast.lab, complete=False)
    private = await artifact(cast.theirs)
    to_one = {"target": gid(one), "type": "BUILT_USING"}

    made = await declare(api, cast.bob, file("a"), workspace=gid(cast.lab), relations=[to_one, to_one])
    before = await state()
    refused = await api.mutate(
        cast.bob,
        "createArtifact",
        workspace=gid(cast.lab),
        category=CATEGORY,
        relations=[to_one, *[{**to_one, "target": gid(each)} for each in (incomplete, private)]],
    )

    relation = await ArtifactRelation.get()
    assert (gid(Artifact(id=relation.artifact_id)), relation.target_id) == (made["id"], one.id)
    assert [(error["path"][2:], error["rule"]) for error in refused.payload["userErrors"]] == [
        (["1", "target"], "INCOMPLETE"),
        (["2", "target"], "UNKNOWN"),
    ]
    assert await state() == before
