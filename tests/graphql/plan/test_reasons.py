"""Who asks for it is told how each root field was answered."""

from app.graphql.request import GraphQLRequest
from tests.access.world import World
from tests.api import Api
from tests.graphql.plan.test_equality import compiled_fields

DOCUMENT = """query($id: ID!) { a: workRequests { totalCount } rateLimit { limit } odd: workRequest(id: $id) { id }
                               __typename }"""


async def test_each_root_field_says_whether_it_is_compiled_or_why_not(api: Api, world: World) -> None:
    request = GraphQLRequest.parse(
        {"query": DOCUMENT, "variables": {"id": "nonsense"}, "extensions": {"plan": True}}
    )
    caller = await api.caller(world.cast.ann)

    outcome = await api.server.engine.execute(api.server.engine.find(request), request, caller)

    assert outcome.extensions["plan"] == {
        "a": "compiled",
        "__typename": "compiled",
        "rateLimit": "Query.rateLimit: it tells what the server has in memory of the caller's budget",
        "odd": "'nonsense' is no id of this server.",
    }
    assert [error["path"] for error in outcome.errors] == [["odd"]]


async def test_nothing_is_told_unasked(api: Api, world: World) -> None:
    before = compiled_fields()
    request = GraphQLRequest.parse({"query": "{ workRequests { totalCount } }"})

    outcome = await api.server.engine.execute(
        api.server.engine.find(request), request, await api.caller(world.cast.ann)
    )

    assert outcome.extensions == {}
    assert compiled_fields() == before + 1
