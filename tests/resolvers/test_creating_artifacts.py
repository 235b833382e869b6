"""Declaring artifacts: what is let in, what is refused, what is there already."""

import asyncio
from datetime import datetime
from typing import Any

import pytest

from app.clock import now
from app.database import Database, fetch
from app.models import File, Workspace
from tests.api import Api, gid, rows_of, state
from tests.artifact_rows import (
    CATEGORY,
    artifact,
    complete,
    declare,
    file,
    number,
    store,
)
from tests.cast import Cast
from tests.statements import statements


async def test_an_artifact_that_lacks_nothing_is_complete_at_once_and_says_so(api: Api, cast: Cast) -> None:
    cursor = await api.cursor()
    document = "subscription($c: Cursor) { artifactChanged(after: $c) { type complete artifact { id } } }"
    for files in ([], [file("empty", b"")]):
        made = await declare(api, cast.bob, *files, workspace=gid(cast.lab))
        assert made["complete"] and made["completedAt"] is not None and made["filesToUpload"] == []

    async with api.subscribe(cast.vic, document, c=cursor) as events:
        found = await events.take(4)

    assert [each["type"] for each in found] == ["artifact.created", "artifact.completed"] * 2
    assert all(each["complete"] for each in found)


async def test_content_is_used_again_in_its_own_workspace_and_in_no_other(api: Api, cast: Cast) -> None:
    """To know a hash gives no right to the content."""
    first = await declare(api, cast.bob, file("a"), workspace=gid(cast.lab))
    same_but_incomplete = await declare(api, cast.bob, file("a"), workspace=gid(cast.lab))
    await complete(number(first["id"]))
    other = await Workspace.create(
        tenant_id=cast.tenant.id, name="other", default_file_store_id=cast.lab.default_file_store_id
    )

    here = await declare(api, cast.ann, file("x/y"), workspace=gid(cast.lab))
    there = await declare(api, cast.root, file("x/y"), workspace=gid(other))
    await Workspace.filter(id=cast.lab.id).update(default_file_store_id=(await store("new")).id)
    in_new_store = await declare(api, cast.ann, file("x/y"), workspace=gid(cast.lab))

    assert not same_but_incomplete["complete"]
    assert here["complete"] and here["files"]["nodes"][0]["complete"]
    assert not there["complete"] and len(there["filesToUpload"]) == 1
    assert not in_new_store["complete"], "no store of the workspace has it any more"
    assert await rows_of("file") == 1


async def test_the_same_content_may_have_several_paths(api: Api, cast: Cast) -> None:
    made = await declare(api, cast.bob, file("a"), file("b"), workspace=gid(cast.lab))

    assert [each["path"] for each in made["filesToUpload"]] == ["a", "b"]
    assert await rows_of("file") == 1
    document = (
        'query($id: ID!) { artifact(id: $id) { file(path: "a") { file { artifactSet { totalCount } } } } }'
    )
    found = await api.execute(cast.bob, document, id=made["id"])
    assert found["artifact"]["file"]["file"]["artifactSet"]["totalCount"] == 1


async def test_an_artifact_of_a_thousand_files_takes_as_many_statements_as_one_of_two(
    api: Api, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    await declare(api, cast.bob, file("first", b"first"), workspace=gid(cast.lab))
    counts = []
    for many in (2, 1000):
        files = [file(f"{many}/{n}", f"{many} {n}".encode()) for n in range(many)]
        with statements(monkeypatch) as sent:
            answer = await api.mutate(
                cast.bob,
                "createArtifact",
                "artifact { filesToUpload { path } }",
                category=CATEGORY,
                workspace=gid(cast.lab),
                files=files,
            )
        assert len(answer.done["artifact"]["filesToUpload"]) == many
        counts.append(len(sent))

    assert counts[0] == counts[1]


NOT_NFC = "e\u0301"


BAD_FILES: list[tuple[str, dict[str, Any], str, str]] = [
    *[
        (f"path {path[:10]!r}", {"path": path}, "path", "INVALID")
        for path in (
            "", "/abs", "/", "..", "../x", "a/../b", "a/..", ".", "./a", "a/./b", "a//b", "a/", "a\\b", NOT_NFC, "x" * 501,
        )
    ],
    ("hash too short", {"sha256": "a" * 63}, "sha256", "INVALID"),
    ("hash too long", {"sha256": "a" * 65}, "sha256", "INVALID"),
    ("hash in capitals", {"sha256": "A" * 64}, "sha256", "INVALID"),
    ("hash in full-width digits", {"sha256": "\uff11" * 64}, "sha256", "INVALID"),
    ("hash of one byte", {"sha256": "00"}, "sha256", "INVALID"),
    ("no hash", {"sha256": ""}, "sha256", "INVALID"),
    ("hash of no bytes that is another", {"size": 0}, "sha256", "INVALID"),
    ("negative size", {"size": -1}, "size", "INVALID"),
    ("too large", {"size": 2**40 + 1}, "size", "TOO_LARGE"),
    *[
        (f"content type {given[:20]!r}", {"contentType": given}, "contentType", "INVALID")
        for given in ("", "text", "text/", "text/plain\r\nX: y", "text/plain; a", "text/pläin", "a/" + "b" * 254)
    ],
]  # fmt: skip


@pytest.mark.parametrize(
    ("change", "field", "rule"), [each[1:] for each in BAD_FILES], ids=[each[0] for each in BAD_FILES]
)
async def test_a_file_that_cannot_be_is_refused_and_nothing_is_changed(
    api: Api, cast: Cast, change: dict[str, Any], field: str, rule: str
) -> None:
    before = await state()

    answer = await api.mutate(
        cast.bob,
        "createArtifact",
        workspace=gid(cast.lab),
        category=CATEGORY,
        files=[file("good", b"other"), {**file("a"), **change}],
    )

    assert answer.refused["code"] == "VALIDATION"
    assert answer.refused["path"] == ["input", "files", "1", field]
    assert answer.refused["rule"] == rule
    assert await state() == before


@pytest.mark.parametrize(
    ("paths", "wrong"),
    [
        (["a", "a"], ["1"]),
        (["a", "a/b"], ["1"]),
        (["a/b/c", "a"], ["0"]),
        (["a/b", "a/b/c/d", "a-b", "a.b/c"], ["1"]),
        (["A", "a", "a b", "ab/c"], []),
    ],
)
async def test_no_path_is_there_twice_or_is_a_directory_of_another(
    api: Api, cast: Cast, paths: list[str], wrong: list[str]
) -> None:
    answer = await api.mutate(
        cast.bob,
        "createArtifact",
        workspace=gid(cast.lab),
        category=CATEGORY,
        files=[file(path) for path in paths],
    )

    assert [error["path"] for error in answer.payload["userErrors"]] == [
        ["input", "files", index, "path"] for index in wrong
    ]
    assert {error["rule"] for error in answer.payload["userErrors"]} <= {"TAKEN"}


async def test_a_nul_in_a_path_is_refused(api: Api, cast: Cast) -> None:
    before = await state()

    answer = await api.mutate(
        cast.bob, "createArtifact", workspace=gid(cast.lab), category=CATEGORY, files=[file("a\0b")]
    )

    assert answer.refused["path"] == ["input", "files", "0", "path"]
    assert await state() == before


async def test_of_very_many_broken_rules_ten_are_told(api: Api, cast: Cast) -> None:
    answer = await api.mutate(
        cast.bob, "createArtifact", workspace=gid(cast.lab), category=CATEGORY, files=[file("/a")] * 1000
    )
    more = await api.mutate(
        cast.bob, "createArtifact", workspace=gid(cast.lab), category=CATEGORY, files=[file("a")] * 1001
    )

    assert len(answer.payload["userErrors"]) == 10
    assert (more.refused["path"], more.refused["rule"]) == (["input", "files"], "TOO_LARGE")


@pytest.mark.parametrize(
    ("change", "path", "rule"),
    [
        ({"category": "no:such"}, ["input", "category"], "UNKNOWN"),
        ({"category": ""}, ["input", "category"], "UNKNOWN"),
        ({"data": [1]}, ["input", "data"], "INVALID"),
        ({"data": {"a": "x" * 300_000}}, ["input", "data"], "TOO_LARGE"),
        ({"category": "debian:lintian"}, ["input", "data"], "INVALID"),
        (
            {"category": "debian:package-build-log", "data": {"source": 1, "version": "1", "filename": "x"}},
            ["input", "data", "source"],
            "INVALID",
        ),
        ({"category": "debusine:work-request-debug-logs", "data": {"more": 1}}, ["input", "data"], "INVALID"),
        ({"expireAt": "2020-01-01T00:00:00Z"}, ["input", "expireAt"], "INVALID"),
    ],
)
async def test_what_an_artifact_is_must_be_as_its_category_says(
    api: Api, cast: Cast, change: dict[str, Any], path: list[str], rule: str
) -> None:
    before = await state()

    answer = await api.mutate(
        cast.bob, "createArtifact", **{"workspace": gid(cast.lab), "category": CATEGORY, **change}
    )

    assert (answer.refused["path"], answer.refused["rule"]) == (path, rule)
    assert await state() == before


async def test_a_category_that_staff_register_is_checked_from_then_on(api: Api, cast: Cast) -> None:
    schema = {"type": "object", "required": ["lang"], "properties": {"lang": {"enum": ["de", "en"]}}}
    registered = await api.mutate(
        cast.sam,
        "registerArtifactCategory",
        "artifactCategory { name dataSchema version }",
        name="text:corpus",
        dataSchema=schema,
    )
    again = await api.mutate(
        cast.sam,
        "registerArtifactCategory",
        "artifactCategory { version }",
        name="text:corpus",
        dataSchema=schema,
    )
    built_in = await api.mutate(cast.sam, "registerArtifactCategory", name=CATEGORY, dataSchema={})

    made = await declare(api, cast.bob, workspace=gid(cast.lab), category="text:corpus", data={"lang": "de"})
    refused = await api.mutate(
        cast.bob, "createArtifact", workspace=gid(cast.lab), category="text:corpus", data={"lang": "fr"}
    )

    assert registered.done["artifactCategory"] == {"name": "text:corpus", "dataSchema": schema, "version": 1}
    assert again.done["artifactCategory"] == {"version": 2}
    assert built_in.refused["rule"] == "TAKEN"
    assert made["category"] == "text:corpus"
    assert refused.refused["path"] == ["input", "data", "lang"]
    names = [
        each["name"]
        for each in (await api.execute(cast.vic, "{ artifactCategories { name } }"))["artifactCategories"]
    ]
    assert {"text:corpus", "workyard:files", "debian:upload"} <= set(names) and names == sorted(names)
    assert (await api.execute(None, "{ artifactCategories { name } }"))["artifactCategories"] == []


async def test_a_workspace_may_take_any_category_and_still_checks_those_that_are_known(
    api: Api, cast: Cast
) -> None:
    changed = await api.mutate(
        cast.ann, "updateWorkspace", "workspace { freeCategories }", id=gid(cast.lab), freeCategories=True
    )

    made = await declare(api, cast.bob, workspace=gid(cast.lab), category="my:own", data={"x": [1]})
    known = await api.mutate(
        cast.bob, "createArtifact", workspace=gid(cast.lab), category="debian:lintian", data={}
    )
    malformed = await api.mutate(cast.bob, "createArtifact", workspace=gid(cast.lab), category="My Own")

    assert changed.done["workspace"] == {"freeCategories": True}
    assert made["category"] == "my:own"
    assert known.refused["path"] == ["input", "data"]
    assert malformed.refused["path"] == ["input", "category"]


async def test_many_artifacts_of_the_same_new_files_are_made_at_once(api: Api, cast: Cast) -> None:
    files = [file(str(n), b"%d" % n) for n in range(50)]

    made = await asyncio.gather(
        *[
            declare(api, cast.bob, *(files if n % 2 else files[::-1]), workspace=gid(cast.lab))
            for n in range(8)
        ]
    )

    assert len({each["id"] for each in made}) == 8
    assert await rows_of("file") == 50
    assert await rows_of("file_in_artifact") == 400


async def test_when_it_was_complete_is_not_before_it_was_declared(api: Api, cast: Cast) -> None:
    made = await declare(api, cast.bob, workspace=gid(cast.lab))

    assert made["createdAt"] == made["completedAt"]
    assert datetime.fromisoformat(made["createdAt"]) <= now()


async def test_content_that_expiry_removes_just_now_is_known_anew(db: Database, api: Api, cast: Cast) -> None:
    content = File.calculate_hash(b"hello")
    old, _ = await File.get_or_create(hash_digest=content, size=5)
    expiry = await db.connect()
    try:
        async with expiry.transaction():
            await expiry.execute("SELECT FROM file WHERE id = $1 FOR UPDATE", old.id)
            making = asyncio.create_task(declare(api, cast.bob, file("a"), workspace=gid(cast.lab)))
            await waiting_for_a_lock()
            await expiry.execute("DELETE FROM file WHERE id = $1", old.id)
        made = await making
    finally:
        await expiry.close()

    assert [each["path"] for each in made["filesToUpload"]] == ["a"]
    assert (await File.get(sha256=content)).id != old.id


async def waiting_for_a_lock() -> None:
    """Until some statement waits for a lock that another transaction holds."""
    waits = "SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    async with asyncio.timeout(30):
        while not await fetch(waits):
            await asyncio.sleep(0.01)


async def test_a_target_that_expiry_removes_just_now_is_not_related_to(
    db: Database, api: Api, cast: Cast
) -> None:
    one, target = await artifact(cast.lab), await artifact(cast.lab)
    expiry = await db.connect()
    try:
        async with expiry.transaction():
            await expiry.execute("SELECT FROM artifact WHERE id = $1 FOR UPDATE", target.id)
            relating = asyncio.create_task(
                api.mutate(
                    cast.bob, "createArtifactRelation", artifact=gid(one), target=gid(target), type="EXTENDS"
                )
            )
            await waiting_for_a_lock()
            await expiry.execute("DELETE FROM artifact WHERE id = $1", target.id)
        answer = await relating
    finally:
        await expiry.close()

    assert answer.refused["code"] == "NOT_FOUND"
    assert await rows_of("artifact_relation") == 0
