"""What code generators and GraphiQL ask of the schema first."""

from graphql import build_client_schema, get_introspection_query, print_schema

from tests.api import Api
from tests.cast import Cast


async def test_all_of_the_schema_can_be_asked_for(api: Api, cast: Cast) -> None:
    answer = await api.execute(cast.bob, get_introspection_query(input_value_deprecation=True))

    assert answer.errors == []
    assert "type Task implements Node" in print_schema(build_client_schema(answer.data))
