"""Whatever is put into any field of any mutation: it is done or refused in words, and what is refused changes nothing."""

from typing import Any

import pytest
from graphql import GraphQLInputObjectType, GraphQLList, get_named_type, get_nullable_type

from app.web.schema import build_schema
from tests.access.test_mutations import INPUT, MAY, outcome, run
from tests.access.world import ROLES, World, world
from tests.api import INPUTS, Api, state

__all__ = ["world"]  # a fixture

LONG = "x" * 70_000
ODD: dict[str, list[Any]] = {
    "String": ["", "\0", "a\0b", LONG, "\n", "ü" * 200, "'; --", "\u202e", "\U0010ffff"],
    "ID": [],
    "Int": [0, -1, 2**31 - 1, -(2**31)],
    "Boolean": [True, False],
    "DateTime": [
        "0001-01-01T00:00:00+23:59",
        "0001-01-01T00:00:00Z",
        "9999-12-31T23:59:59-23:59",
        "9999-12-31T23:59:59.999999Z",
        "2026-01-01T00:00:00",
        "never",
        "",
        7,
    ],
    "Duration": ["P1000000D", "P999999999DT86400S", "P", "PT", "-PT1S", "PT0.0000001S", ""],
    "JSON": [
        None,
        1,
        "text",
        [],
        {},
        [1],
        {"": ""},
        {"a": "\0"},
        {"\0": 1},
        {"a": 2**70},
        {"a": 1e400},
        {"a": LONG * 20},
        {"type": 7},
        {"$ref": "#/nowhere"},
        {"$ref": "https://example.org/schema"},
        {"type": "object", "properties": {"a": {"pattern": "("}}},
        {"tags": 1, "tasks_allowlist": 2, "tasks_denylist": {}},
        {"tags": [1, None, "\ud7ff", LONG]},
    ],
}


def fields_of(mutation: str) -> dict[str, Any]:
    """The fields of a mutation's input."""
    name = INPUTS.get(mutation, f"{mutation[0].upper()}{mutation[1:]}Input")
    input_type = build_schema()._schema.type_map.get(name)
    return dict(input_type.fields) if isinstance(input_type, GraphQLInputObjectType) else {}


def odd_values(field: Any) -> list[Any]:
    """Odd values of the field's type; in lists, both alone and many."""
    values = ODD.get(get_named_type(field.type).name, [])
    if isinstance(get_nullable_type(field.type), GraphQLList):
        return [[], *([value] for value in values), *([value] * 1001 for value in values[:1])]
    return values


def doer(world: World, mutation: str) -> Any:
    """Somebody who may."""
    letters = MAY[mutation].replace(" ", "")
    roles = [role for role, letter in zip(ROLES, letters, strict=True) if letter == "."]
    return world.who("root" if "root" in roles else roles[-1])


@pytest.mark.parametrize("mutation", sorted(INPUT))
async def test_any_value_is_done_or_refused_in_words(api: Api, world: World, mutation: str) -> None:
    for name, field in fields_of(mutation).items():
        for value in odd_values(field):
            input = {**await INPUT[mutation](world), name: value}
            before = await state()

            answer = await run(api, doer(world, mutation), mutation, input)

            found = outcome(answer)
            assert found not in ("INTERNAL", "UNAVAILABLE"), (name, value, answer)
            if found != "done":
                assert await state() == before, (name, value)


BAD_IDS = [
    "",
    "x",
    "é",
    "x" * 300,
    "Zm9v",
    "VXNlcjow",
    "VXNlcjotMQ",
    "VXNlcjo5OTk5OTk5OTk5OTk5OTk5OTk5OQ",
    "VXNlcjowMQ",
    "Ojo",
]
"""foo · User:0 · User:-1 · User:99999999999999999999 · User:01 · ::"""

OF_ANOTHER_TYPE = "UGVybWlzc2lvbjox"
"""Permission:1, which no mutation is about."""


async def test_an_id_that_does_not_decode_is_bad_input_with_its_path(api: Api, world: World) -> None:
    for mutation in sorted(INPUT):
        ids = {
            name: field
            for name, field in fields_of(mutation).items()
            if get_named_type(field.type).name == "ID"
        }
        input = await INPUT[mutation](world)
        before = await state()

        for name, field in ids.items():
            several = isinstance(get_nullable_type(field.type), GraphQLList)
            for id in (*BAD_IDS, OF_ANOTHER_TYPE):
                answer = await run(
                    api, doer(world, mutation), mutation, {**input, name: [id] if several else id}
                )

                assert answer.code == "BAD_INPUT", (mutation, name, id)
                assert answer.path == ["input", name, *(["0"] if several else [])]
        assert await state() == before


async def test_an_id_of_no_type_is_bad_input_of_queries_too(api: Api, world: World) -> None:
    """Event:1 and LogLine:1, which are no nodes, among them."""
    for id in [*BAD_IDS, "RXZlbnQ6MQ", "TG9nTGluZTox"]:
        for document, path in (
            ("query($id: ID!) { node(id: $id) { id } }", ["id"]),
            ("query($id: ID!) { nodes(ids: [$id]) { id } }", ["ids", "0"]),
            ("query($id: ID!) { workRequest(id: $id) { id } }", ["id"]),
            ("query($id: ID!) { artifact(id: $id) { id } }", ["id"]),
        ):
            answer = await api.execute(world.cast.root, document, id=id)
            assert (answer.code, answer.path) == ("BAD_INPUT", path)
        async with api.subscribe(
            world.cast.root, "subscription($id: ID!) { workRequestLog(id: $id) { type } }", id=id
        ) as events:
            assert await events.end() == "BAD_INPUT"


@pytest.mark.parametrize("text", ["\0", "a\0b", "x" * 10_000, "", "ü", "%"])
async def test_any_name_may_be_asked_for(api: Api, world: World, text: str) -> None:
    for name in ("workspace", "worker"):
        answer = await api.execute(
            world.cast.root, f"query($n: String!) {{ {name}(name: $n) {{ id }} }}", n=text
        )

        if "\0" in text:
            assert answer.code == "BAD_INPUT"
        else:
            assert answer[name] is None
