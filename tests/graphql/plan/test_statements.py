"""How many statements a compiled read sends, and that it starts from what the viewer may see."""

import pytest

from app import models
from app.graphql.pages import page_request
from app.graphql.plan.statements import Cut
from tests.access.world import World
from tests.api import Api, gid
from tests.graphql.plan.test_equality import compiled_fields
from tests.statements import statements

NESTED = """query($first: Int) { workRequests(first: $first) { totalCount nodes {
    id taskName createdBy { username } workspace { name defaultFileStore { name } }
    artifacts(first: 5) { nodes { id files(first: 5) { nodes { path file { size } } } } }
    children { totalCount } dependencies { id }
} pageInfo { endCursor } } }"""


async def test_the_number_of_statements_is_that_of_levels_not_of_rows(
    api: Api, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(12):
        await world.cast.request()
    sent = []
    for first in (2, 14):
        with statements(monkeypatch) as noted:
            answer = await api.execute(world.cast.root, NESTED, first=first)
        assert len(answer["workRequests"]["nodes"]) == first
        sent.append([each for each in noted if '"$page"' in each or '"$base"' in each])

    # The page and its number; artifacts, and their files; children's numbers; dependencies.
    assert [len(each) for each in sent] == [6, 6]


async def test_what_is_compiled_is_counted(api: Api, world: World) -> None:
    before = compiled_fields()

    await api.execute(world.cast.root, "{ a: workRequests { nodes { id } } rateLimit { limit } }")

    assert compiled_fields() == before + 1


async def test_a_row_that_may_not_be_seen_is_null_at_the_root_and_behind_a_relation(
    api: Api, world: World
) -> None:
    id = gid(world.rows[next(key for key in world.rows if key[1] == "lab, waiting")])
    document = "query($id: ID!) { workRequest(id: $id) { id createdBy { username } } node(id: $id) { id } }"
    before = compiled_fields()

    hidden = await api.execute(world.cast.eve, document, id=id)
    seen = await api.execute(world.cast.vic, document, id=id)

    assert hidden.data == {"workRequest": None, "node": None}
    assert seen["workRequest"]["id"] == seen["node"]["id"] == id
    assert compiled_fields() == before + 4


@pytest.mark.parametrize(
    ("model", "orders", "parent", "kept"),
    [
        (models.FileInArtifact, [("path", False)], "artifact_id", ["path"]),
        (models.FileInArtifact, [("path", False)], None, ["path", "id"]),
        (models.WorkRequest, [("created_at", True)], None, ["created_at", "id"]),
        (models.WorkRequest, [("completed_at", True)], "supersedes_id", ["completed_at", "id"]),
        (models.WorkRequest, [("id", True), ("created_at", True)], None, ["id"]),
        (models.Token, [("hash", False)], None, ["hash"]),
    ],
)
def test_rows_are_put_in_order_by_what_tells_them_apart(
    model: type[models.Entity], orders: list[tuple[str, bool]], parent: str | None, kept: list[str]
) -> None:
    request = page_request(model, orders, 5, None, None, None)

    cut = Cut.of(request, model, parent, and_one_more=True)

    assert [key.column for key in cut.keys] == kept
    assert cut.rows == 6


async def test_one_row_more_is_read_only_where_it_is_told_whether_there_are_more(
    api: Api, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = "query($first: Int) { workRequests(first: $first) { nodes { id } %s } }"
    with statements(monkeypatch) as noted:
        short = await api.execute(world.cast.root, asked % "", first=2)
        long = await api.execute(world.cast.root, asked % "pageInfo { hasNextPage }", first=2)

    assert short["workRequests"]["nodes"] == long["workRequests"]["nodes"]
    assert long["workRequests"]["pageInfo"]["hasNextPage"] is True
    assert [each.rpartition("LIMIT ")[2].split(")")[0] for each in noted if '"$page"' in each] == ["2", "3"]
