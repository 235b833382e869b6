"""Any object by its global id."""

import base64

import pytest

from tests.api import Api
from tests.cast import Cast


@pytest.mark.parametrize(
    "name", ["__all__", "__path__", "__builtins__", "Entity", "LogLine", "Scope", "nothing"]
)
async def test_the_name_of_no_object_type_is_bad_input(api: Api, cast: Cast, name: str) -> None:
    id = base64.urlsafe_b64encode(f"{name}:1".encode()).decode().rstrip("=")

    answer = await api.execute(cast.bob, "query ($id: ID!) { node(id: $id) { id } }", id=id)

    assert (answer.code, answer.path) == ("BAD_INPUT", ["id"])
