"""Artifacts as they are shown: found, reached through others, page by page."""

from itertools import pairwise
from typing import Any

import pytest

from app.database import fetch
from app.models import FileInArtifact, FileUpload
from tests.api import Api, gid
from tests.artifact_rows import (
    CATEGORY,
    artifact,
    artifact_with,
    chain,
    declare,
    file,
    number,
    relate,
    seen,
)
from tests.cast import Cast
from tests.statements import statements

LINKS = """query($id: ID!, $type: ArtifactRelationType) { artifact(id: $id) {
  relations(type: $type) { totalCount nodes { type target { id } } }
  targetedBy(type: $type) { totalCount nodes { type artifact { id } } } } }"""


async def test_relations_are_seen_from_both_sides_and_by_type(api: Api, cast: Cast) -> None:
    first, middle, last = await chain(cast, 3)
    await relate(middle, last, "relates-to")

    found = (await api.execute(cast.vic, LINKS, id=gid(middle)))["artifact"]
    of_type = (await api.execute(cast.vic, LINKS, id=gid(middle), type="RELATES_TO"))["artifact"]

    assert found["relations"]["nodes"] == [
        {"type": "BUILT_USING", "target": {"id": gid(first)}},
        {"type": "RELATES_TO", "target": {"id": gid(last)}},
    ]
    assert found["targetedBy"] == {
        "totalCount": 1,
        "nodes": [{"type": "BUILT_USING", "artifact": {"id": gid(last)}}],
    }
    assert of_type == {
        "relations": {"totalCount": 1, "nodes": [{"type": "RELATES_TO", "target": {"id": gid(last)}}]},
        "targetedBy": {"totalCount": 0, "nodes": []},
    }


CLOSURES = """query($id: ID!, $types: [ArtifactRelationType!], $first: Int) { artifact(id: $id) {
  ancestors(types: $types, first: $first) { id } descendants(types: $types, first: $first) { id } } }"""


async def test_what_an_artifact_came_from_and_what_came_from_it_is_found_through_others(
    api: Api, cast: Cast
) -> None:
    made = await chain(cast, 6)
    ids = [gid(each) for each in made]

    async def closures(**more: Any) -> tuple[list[str], list[str]]:
        found = (await api.execute(cast.vic, CLOSURES, id=ids[3], **{"first": 20, **more}))["artifact"]
        return [each["id"] for each in found["ancestors"]], [each["id"] for each in found["descendants"]]

    assert await closures() == ([ids[2], ids[1], ids[0]], [ids[4], ids[5]])
    assert await closures(first=1) == ([ids[2]], [ids[4]])
    assert await closures(first=0) == ([], [])
    assert await closures(types=["EXTENDS"]) == ([], [])
    assert await closures(types=[]) == ([], [])
    await relate(made[0], made[5], "extends")  # a cycle
    around = await closures()
    assert around[0] == [ids[2], ids[1], ids[0], ids[5], ids[4]]
    assert set(around[1]) == set(ids) - {ids[3]}
    assert await closures(types=["BUILT_USING"]) == ([ids[2], ids[1], ids[0]], [ids[4], ids[5]])
    for wrong in (-1, 1001):
        assert (await api.execute(cast.vic, CLOSURES, id=ids[3], first=wrong)).code == "BAD_INPUT"


async def test_what_one_may_not_see_leads_nowhere(api: Api, cast: Cast) -> None:
    """Not even to what one may see: that there is a way is not to be known."""
    here, far = await artifact(cast.lab), await artifact(cast.lab)
    hidden = await artifact(cast.theirs)
    await relate(here, hidden)
    await relate(hidden, far)

    found = (await api.execute(cast.vic, CLOSURES, id=gid(here), first=20))["artifact"]
    back = (await api.execute(cast.vic, CLOSURES, id=gid(far), first=20))["artifact"]
    links = (await api.execute(cast.vic, LINKS, id=gid(here)))["artifact"]

    assert found == back == {"ancestors": [], "descendants": []}
    assert links["relations"] == {"totalCount": 0, "nodes": []}


async def test_in_a_dense_web_everything_is_found_once(api: Api, cast: Cast) -> None:
    made = [await artifact(cast.lab) for _ in range(40)]
    await fetch(
        """INSERT INTO artifact_relation (artifact_id, target_id, type)
           SELECT one.id, other.id, 'relates-to' FROM artifact AS one JOIN artifact AS other ON one.id <> other.id"""
    )

    found = (await api.execute(cast.vic, CLOSURES, id=gid(made[0]), first=1000))["artifact"]

    for each in found.values():
        assert sorted(row["id"] for row in each) == sorted(gid(row) for row in made[1:])


async def test_artifacts_are_found_by_what_they_are_and_have(api: Api, cast: Cast) -> None:
    request = await cast.request()
    corpus = await artifact_with(
        cast.lab,
        ("text/a.txt", b"a"),
        ("text/b_%.txt", b"b"),
        category="workyard:files",
        data={"lang": "de", "n": [1, 2]},
    )
    counts = await artifact_with(
        cast.lab,
        ("counts", b"b"),
        data={"lang": "en"},
        created_by_work_request_id=request.id,
        created_by_id=cast.bob.user.id,
    )
    empty = await artifact(cast.lab, complete=False)
    hash_b = file("", b"b")["sha256"]
    document = (
        "query($f: ArtifactFilter) { artifacts(filter: $f, orderBy: [{field: CREATED_AT}]) { nodes { id } } }"
    )

    for filter, expected in (
        ({"category": {"eq": "workyard:files"}}, [corpus]),
        ({"category": {"startsWith": "workyard:"}}, [corpus, counts, empty]),
        ({"data": {"contains": {"lang": "de"}}}, [corpus]),
        ({"data": {"contains": {"n": [2]}}}, [corpus]),
        ({"data": {"contains": {"n": 2}}}, []),
        ({"complete": {"eq": False}}, [empty]),
        ({"createdByWorkRequest": {"eq": gid(request)}}, [counts]),
        ({"createdBy": {"isNull": True}}, [corpus, empty]),
        ({"workspace": {"eq": gid(cast.lab)}}, [corpus, counts, empty]),
        ({"fileSha256": {"eq": hash_b}}, [corpus, counts]),
        ({"fileSha256": {"in": [hash_b, "0" * 64]}, "category": {"eq": CATEGORY}}, [counts]),
        ({"fileSha256": {"in": []}}, []),
        ({"not": {"fileSha256": {"eq": hash_b}}}, [empty]),
        ({"filePath": {"startsWith": "text/"}}, [corpus]),
        ({"filePath": {"startsWith": "text/b_%"}}, [corpus]),
        ({"filePath": {"startsWith": "te_t"}}, []),
        ({"filePath": {"eq": "counts"}}, [counts]),
        ({"filePath": {"eq": "count"}}, []),
        ({"createdAt": {"gt": counts.created_at.isoformat()}}, [empty]),
    ):
        answer = await api.execute(cast.vic, document, f=filter)
        assert answer["artifacts"]["nodes"] == [{"id": gid(each)} for each in expected], filter
        assert (await api.execute(cast.eve, document, f=filter))["artifacts"]["nodes"] == []


@pytest.mark.parametrize(
    ("filter", "path"),
    [
        ({"fileSha256": {"eq": "AB" * 32}}, ["filter", "fileSha256", "eq"]),
        ({"fileSha256": {"in": ["ab" * 31]}}, ["filter", "fileSha256", "in"]),
        ({"filePath": {"startsWith": "\0"}}, ["filter", "filePath", "startsWith"]),
    ],
)
async def test_a_filter_that_nothing_can_satisfy_is_bad_input(
    api: Api, cast: Cast, filter: dict[str, Any], path: list[str]
) -> None:
    document = "query($f: ArtifactFilter) { artifacts(filter: $f) { totalCount } }"

    answer = await api.execute(cast.vic, document, f=filter)

    assert (answer.code, answer.path) == ("BAD_INPUT", path)


async def test_the_files_of_an_artifact_are_found_by_path(api: Api, cast: Cast) -> None:
    made = await artifact_with(
        cast.lab, *((path, path.encode()) for path in ("a/1", "a/2", "a_/3", "b", "ü/é"))
    )
    document = """query($id: ID!, $path: String!) { artifact(id: $id) { file(path: $path) { path complete }
      files(pathPrefix: $path) { nodes { path } } } }"""

    async def found(path: str) -> tuple[Any, list[str]]:
        artifact = (await api.execute(cast.vic, document, id=gid(made), path=path))["artifact"]
        return artifact["file"], [each["path"] for each in artifact["files"]["nodes"]]

    assert await found("a/") == (None, ["a/1", "a/2"])
    assert await found("a_") == (None, ["a_/3"])
    assert await found("b") == ({"path": "b", "complete": True}, ["b"])
    assert await found("ü/é") == ({"path": "ü/é", "complete": True}, ["ü/é"])
    assert await found("c") == (None, [])
    assert (await found(""))[1] == ["a/1", "a/2", "a_/3", "b", "ü/é"]


PAGE = """query($n: Int!) { workspace(name: "lab") { artifacts(first: $n) { totalCount nodes {
  category workspace { name } createdBy { username } createdByWorkRequest { id } filesToUpload { path }
  files { totalCount nodes { path uploadUrl downloadUrl file { sha256 size } upload { receivedBytes } } }
  file(path: "a") { id } relations { totalCount nodes { target { category } } } targetedBy { nodes { type } }
  ancestors { id } descendants { id } usedBy { nodes { id } } } } } }"""


async def test_a_page_of_many_artifacts_takes_as_many_statements_as_one_of_few(
    api: Api, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = await cast.request()
    made = [
        await artifact_with(cast.lab, ("a", b"%d" % n), ("b", b"b"), created_by_work_request_id=request.id)
        for n in range(12)
    ]
    for before, after in pairwise(made):
        await relate(after, before)
        await after.used_by.add(request)
    for row in await FileInArtifact.filter(path="a"):
        row.complete = False
        await row.save(update_fields=["complete"])
        await FileUpload.create(file_in_artifact_id=row.id, path=f"{row.id:032x}")
    await api.execute(cast.bob, PAGE, n=1)
    counts = []

    for size in (2, 12):
        with statements(monkeypatch) as sent:
            answer = await api.execute(cast.bob, PAGE, n=size)
        nodes = answer["workspace"]["artifacts"]["nodes"]
        assert len(nodes) == size
        assert all(len(node["filesToUpload"]) == 1 for node in nodes)
        assert nodes[0]["files"]["nodes"][0]["upload"]["receivedBytes"] == 0
        counts.append(len(sent))

    assert counts[0] == counts[1]


async def test_anybody_reads_in_a_public_workspace(api: Api, cast: Cast) -> None:
    made = gid(await artifact_with(cast.lab, ("a", b"a")))
    private = await api.execute(None, "query($id: ID!) { artifact(id: $id) { id } }", id=made)
    await api.mutate(cast.ann, "updateWorkspace", id=gid(cast.lab), public=True)

    public = await seen(api, None, made)

    assert private["artifact"] is None
    assert public["files"]["nodes"][0]["path"] == "a"
    assert public["createdBy"] is None


async def test_a_users_artifacts_are_listed_with_the_user(api: Api, cast: Cast) -> None:
    made = await declare(api, cast.bob, workspace=gid(cast.lab))
    document = "query($id: ID!) { node(id: $id) { ... on User { artifactSet { nodes { id } } } } }"

    for who, expected in ((cast.vic, [{"id": made["id"]}]), (cast.eve, [])):
        found = await api.execute(who, document, id=gid(cast.bob.user))
        assert found["node"]["artifactSet"]["nodes"] == expected


async def test_addresses_of_downloads_are_signed_for_up_to_seven_days(api: Api, cast: Cast) -> None:
    made = gid(await artifact_with(cast.lab, ("a b", b"a")))
    document = """query($id: ID!, $in: Duration) { artifact(id: $id) { zip: downloadUrl(format: ZIP, expiresIn: $in) downloadUrl
      file(path: "a b") { downloadUrl(expiresIn: $in) } } }"""

    plain = (await api.execute(cast.vic, document, id=made))["artifact"]
    signed = (await api.execute(cast.vic, document, **{"id": made, "in": "P7D"}))["artifact"]
    too_long = await api.execute(
        cast.vic, 'query($id: ID!) { artifact(id: $id) { downloadUrl(expiresIn: "P7DT1S") } }', id=made
    )

    below = f"http://127.0.0.1:8000/artifacts/{number(made)}"
    assert plain == {
        "zip": f"{below}/archive.zip",
        "downloadUrl": f"{below}/archive.tar.gz",
        "file": {"downloadUrl": f"{below}/files/a%20b"},
    }
    assert signed["zip"].startswith(f"{below}/archive.zip?expires=") and "&signature=" in signed["zip"]
    assert signed["file"]["downloadUrl"].startswith(f"{below}/files/a%20b?expires=")
    assert (too_long.code, too_long.path) == ("BAD_INPUT", ["expiresIn"])
