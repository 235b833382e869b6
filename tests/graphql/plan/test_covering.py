"""Nested lists of artifacts are read from indexes alone, however many artifacts, files and relations there are."""

import random
import re
from collections.abc import AsyncIterator
from string import ascii_letters
from typing import Any

import asyncpg
import pytest

from app.database import Database
from app.database.pool import Pool
from tests.api import Api, run_api
from tests.cast import Cast, make_cast

FILL = """
INSERT INTO work_request (workspace_id, created_by_id, task_name, tag_set_id, available_at)
SELECT workspace_id, created_by_id, task_name, tag_set_id, available_at FROM work_request CROSS JOIN generate_series(1, 999);

INSERT INTO artifact (category, workspace_id, created_by_work_request_id, complete, completed_at)
SELECT 'test:any', workspace_id, work_request.id, true, now() FROM work_request CROSS JOIN generate_series(1, 4);

INSERT INTO file (sha256, size) SELECT sha256(id::text::bytea), id FROM artifact;
INSERT INTO file_in_artifact (artifact_id, path, file_id, complete, content_type)
SELECT artifact.id, number || '.txt', file.id, true, 'text/plain'
FROM artifact JOIN file ON size = artifact.id CROSS JOIN generate_series(1, 3) AS number;

INSERT INTO artifact_relation (artifact_id, target_id, type)
SELECT id, before, 'extends' FROM (SELECT id, lag(id, number) OVER (PARTITION BY number ORDER BY id) AS before
    FROM artifact CROSS JOIN generate_series(1, 3) AS number) AS pairs WHERE before IS NOT NULL;
"""
LISTS = {
    "artifacts(first: 5) { nodes { id category complete } }": {"artifact_made_by"},
    """artifacts(first: 5) { nodes { id files(first: 5) {
        totalCount nodes { id path complete contentType file { size } } } } }""": {
        "artifact_made_by",
        "file_in_artifact_artifact_id_path_key",
        "file_pkey",
    },
    "artifacts(first: 5) { nodes { id relations(first: 5) { nodes { type } } } }": {
        "artifact_made_by",
        "artifact_relation_once",
    },
    "artifacts(first: 5) { nodes { id targetedBy(first: 5) { nodes { type } } } }": {
        "artifact_made_by",
        "artifact_relation_by_target",
    },
}
WIDE = [chr(number) for number in range(0x10000, 0x11000)]
"""Characters of four bytes."""

OF_ROWS = re.compile(
    r"(?:Seq|Index|Bitmap Heap) Scan(?: Backward)?(?: using \w+)? on (artifact_relation|file\w*)"
)


@pytest.fixture
async def filled(owndb: Database) -> Cast:
    """Thousands of each, in pages that nobody has changed since."""
    cast = await make_cast()
    await cast.request()
    connection = await owndb.connect(command_timeout=None)
    await connection.execute(FILL)
    await connection.execute("VACUUM (ANALYZE)")
    await connection.close()
    return cast


@pytest.fixture
async def own_api(owndb: Database) -> AsyncIterator[Api]:
    async with run_api(owndb) as found:
        yield found


async def test_nested_lists_are_read_from_indexes_alone(
    owndb: Database, filled: Cast, own_api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[tuple[str, tuple[object, ...]]] = []
    fetch = Pool.fetch

    async def note(self: Pool, sql: str, args: tuple[object, ...]) -> Any:
        sent.append((sql, args))
        return await fetch(self, sql, args)

    monkeypatch.setattr(Pool, "fetch", note)
    connection = await owndb.connect()
    # Whoever looked at a page of the table a moment ago keeps VACUUM from saying that its rows are seen by all, without which
    # an index alone is not cheaper: what is asked is whether it would do.
    await connection.execute(
        "SET plan_cache_mode = force_generic_plan; SET enable_bitmapscan = off; SET enable_seqscan = off"
    )
    for fields, indexes in LISTS.items():
        sent.clear()
        answer = await own_api.execute(
            filled.ann, f"{{ workRequests(first: 50) {{ nodes {{ id {fields} }} }} }}"
        )
        assert len(answer["workRequests"]["nodes"][1]["artifacts"]["nodes"]) == 4

        below = [each for each in sent if "unnest(" in each[0]]
        plans = "\n".join(
            [row[0] for sql, args in below for row in await connection.fetch(f"EXPLAIN {sql}", *args)]
        )

        assert set(re.findall(r"Index Only Scan(?: Backward)? using (\w+)", plans)) >= indexes, plans
        assert not OF_ROWS.search(plans), plans
    await connection.close()


PUT = """INSERT INTO file_in_artifact (artifact_id, path, file_id, content_type)
    SELECT artifact_id, $1, file_id, $2 FROM file_in_artifact LIMIT 1 RETURNING octet_length(path) + octet_length(content_type)"""


async def test_the_longest_paths_and_types_have_room_in_an_index(owndb: Database, filled: Cast) -> None:
    connection = await owndb.connect()
    longest = "".join(random.Random(number).choice(WIDE) for number in range(500))  # which does not compress
    kind = "text/" + "".join(random.Random(number).choice(ascii_letters) for number in range(250))

    assert await connection.fetchval(PUT, longest, kind) == 4 * 500 + 255
    with pytest.raises(asyncpg.CheckViolationError):
        await connection.fetchval(PUT, "more", longest[:64])
    await connection.close()
