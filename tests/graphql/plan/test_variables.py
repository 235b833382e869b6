"""Variables are coerced as the ordinary executor coerces them."""

from typing import Any

import pytest
from graphql import Undefined, coerce_input_value, parse, parse_type, type_from_ast
from graphql.execution.values import get_variable_values
from hypothesis import given
from hypothesis import strategies as st

from app.graphql.plan.arguments import Arguments
from app.graphql.plan.coercing import Coercers
from app.graphql.plan.planning import Planner
from app.graphql.plan.shape import Shape
from app.graphql.plan.variables import Coercion
from app.web.schema import build_schema
from tests.graphql.plan.test_cache import operation

SCHEMA = build_schema()


def fields_of(name: str) -> list[str]:
    return list(SCHEMA._schema.type_map[name].fields)  # type: ignore[attr-defined]


TYPES = [
    "ID!",
    "ID",
    "String",
    "String!",
    "Int",
    "Int!",
    "Boolean",
    "WorkRequestStatus",
    "Cursor",
    "DateTime",
    "Duration",
    "JSON",
    "Float",
    "[ID!]",
    "[[Int]]!",
    "[WorkRequestStatus!]!",
    "CreateWorkRequestInput!",
    "WorkRequestFilter",
    "[WorkRequestOrder!]",
]
DEFAULTS = {"ID": '"a"', "String": '"b"', "Int": "7", "Boolean": "true", "WorkRequestStatus": "PENDING"}
VALUES: list[Any] = [
    None,
    "a",
    "",
    "PENDING",
    "pending",
    0,
    2**31,
    -(2**31),
    True,
    1.0,
    1.5,
    1e999,
    [],
    {},
    [1],
    [None],
]
VALUES += [["PENDING"], ["a", "b"], [[1, None], None], "2026-11-22T00:00:00Z", "PT1S", {"a": [1.5]}]
NAMES = [
    *(
        name
        for each in ("CreateWorkRequestInput", "WorkRequestFilter", "WorkRequestOrder")
        for name in fields_of(each)
    ),
    "eq",
    "in",
    "no",
]
NESTED = st.recursive(
    st.sampled_from(VALUES),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=3),
    max_leaves=6,
)
RIGHT: list[Any] = [
    {"taskName": "noop"},
    {"taskName": "noop", "taskData": {"seconds": 0}, "requiredTags": ["a"], "retryDelays": ["PT1S"]},
    {
        "taskName": "noop",
        "notifications": [{"channel": "c", "on": ["FAILURE"], "from": "me"}, {"channel": "d"}],
    },
    {
        "status": {"in": ["PENDING"]},
        "or": [{"taskName": {"eq": "noop"}}, {"not": {"status": {"eq": "RUNNING"}}}],
    },
    [{"field": "STARTED_AT"}, {"field": "PRIORITY", "direction": "DESC"}],
]


@given(
    st.lists(st.tuples(st.sampled_from(TYPES), st.booleans()), min_size=1, max_size=4),
    st.dictionaries(
        st.sampled_from(["v0", "v1", "v2", "v3", "more"]), st.sampled_from([*VALUES, *RIGHT]) | NESTED
    ),
)
def test_any_values_are_coerced_alike(types: list[tuple[str, bool]], raw: dict[str, Any]) -> None:
    declared = [
        f"$v{n}: {type_}" + (f" = {DEFAULTS[type_]}" if default and type_ in DEFAULTS else "")
        for n, (type_, default) in enumerate(types)
    ]
    document = operation_of(", ".join(declared))

    found = Coercion(SCHEMA._schema, document).values(raw)

    expected = get_variable_values(SCHEMA._schema, document.variable_definitions, raw)
    if isinstance(expected, list):
        assert found is None
    else:
        assert found is not None
        assert found.coerced == expected.coerced
        assert [type(each) for each in found.coerced.values()] == [
            type(each) for each in expected.coerced.values()
        ]
        assert [(name, each.value) for name, each in found.sources.items()] == [
            (name, each.value) for name, each in expected.sources.items()
        ]


def operation_of(declared: str) -> Any:
    """An operation with these variables, which need not be used."""

    (found,) = parse(f"query({declared}) {{ __typename }}").definitions
    return found


@pytest.mark.parametrize("raw", [{}, {"c": None}, {"c": "x", "n": 3}, {"n": None}])
def test_arguments_are_taken_as_they_would_be_converted(raw: dict[str, Any]) -> None:
    wanted = operation("query($c: Cursor, $n: Int) { workRequests(after: $c, first: $n) { totalCount } }")
    variables = get_variable_values(SCHEMA._schema, wanted.node.variable_definitions or (), raw)
    assert not isinstance(variables, list)
    shape = Shape(SCHEMA._schema, wanted.prepared.document, wanted.node, variables)
    (root,) = shape.roots()
    arguments = Arguments(SCHEMA, root)

    assert arguments._taken(variables.coerced) == arguments._given(variables)
    assert Planner(SCHEMA, shape).plan(root) is not None


def test_what_is_usual_never_takes_the_long_way() -> None:
    names = ["CreateWorkRequestInput!"] * 3 + ["WorkRequestFilter", "[WorkRequestOrder!]"]
    for name, value in zip(names, RIGHT, strict=True):
        type_: Any = type_from_ast(SCHEMA._schema, parse_type(name))
        coerced = Coercers().of(type_)(value)

        assert coerced is not Undefined
        assert coerced == coerce_input_value(value, type_)
