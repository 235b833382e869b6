"""How PostgreSQL finds artifacts: by an index, however many there are."""

import hashlib
from typing import Any

import pytest

from app.access import Viewer
from app.database import Database, fetch
from app.graphql.filters import _operator_inputs as inputs
from app.graphql.pages import page_query, page_request
from app.models import Artifact, FileInArtifact
from app.schema.artifacts import NEWEST, ArtifactFilter
from tests.cast import Cast, make_cast

MANY = 20_000

FILL = (
    """INSERT INTO work_request (workspace_id, created_by_id, task_name, tag_set_id)
       SELECT $1, (SELECT min(id) FROM "user"), 'noop', (SELECT min(id) FROM tag_set) FROM generate_series(1, 1000)""",
    """INSERT INTO artifact (workspace_id, category, data, created_at, expire_at, complete, completed_at,
           created_by_work_request_id)
       SELECT $1::bigint, 'kind:' || n % 500, jsonb_build_object('n', n), now() - make_interval(secs => n),
           now() + make_interval(secs => n), n % 500 <> 0, CASE WHEN n % 500 <> 0 THEN now() END,
           (SELECT min(id) FROM work_request) + n % 1000
       FROM generate_series(1, 20000) AS n""",
    """INSERT INTO file (sha256, size) SELECT sha256(n::text::bytea), length(n::text) FROM generate_series(1, 20000) AS n""",
    """INSERT INTO file_in_artifact (artifact_id, path, file_id)
       SELECT artifact.id, 'part ' || artifact.id || '/' || part, (SELECT min(id) FROM file) + (artifact.id * 3 + part) % 20000
       FROM artifact, generate_series(1, 3) AS part""",
    "ANALYZE",
)


@pytest.fixture
async def much(owndb: Database) -> Cast:
    """Twenty thousand artifacts of three files each."""
    cast = await make_cast()
    await cast.request()
    for statement in FILL:
        await fetch(statement, *([cast.lab.id] if "$1" in statement else []))
    return cast


async def plan(viewer: Viewer, filter: Any) -> str:
    """How the first page of the artifacts that satisfy a filter is read."""
    request = page_request(Artifact, NEWEST, None, None, None, None)
    query = page_query(Artifact.visible_to(viewer).filter(filter.to_q(viewer)), request)
    query._make_query()
    sql, values = query.query.get_parameterized_sql()
    return "\n".join(row["QUERY PLAN"] for row in await fetch(f"EXPLAIN {sql}", *values))


async def test_each_filter_has_an_index(much: Cast) -> None:
    some = await Artifact.all().order_by("id").offset(MANY // 2).first()
    assert some is not None
    place = await FileInArtifact.filter(artifact_id=some.id).first()
    assert place is not None
    viewer = await much.vic.viewer()

    for filter, index in (
        (ArtifactFilter(data=inputs["JSONFilter"](contains={"n": 7})), "artifact_data"),
        (ArtifactFilter(category=inputs["StringFilter"](eq="kind:7")), "artifact_by_category"),
        (ArtifactFilter(complete=inputs["BooleanFilter"](eq=False)), "artifact_incomplete"),
        (
            ArtifactFilter(expired_at=inputs["InstantFilter"](eq=some.created_at)),
            "artifact_expiring",
        ),
        (
            ArtifactFilter(file_sha256=inputs["Sha256Filter"](eq=hashlib.sha256(b"7").hexdigest())),
            "file_in_artifact_file_id",
        ),
        (
            ArtifactFilter(file_path=inputs["PathFilter"](starts_with=place.path[:-1])),
            "file_in_artifact_by_path",
        ),
        (ArtifactFilter(file_path=inputs["PathFilter"](eq=place.path)), "file_in_artifact_by_path"),
    ):
        found = await plan(viewer, filter)
        assert index in found, found
        assert "Seq Scan on artifact" not in found and "Seq Scan on file" not in found, found


async def test_the_newest_of_a_workspace_are_read_in_their_order(much: Cast) -> None:
    found = await plan(await much.vic.viewer(), ArtifactFilter())

    assert "Seq Scan on artifact" not in found, found
    assert "Sort" not in found, found
