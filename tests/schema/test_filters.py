"""Filters: every operator reaches PostgreSQL, and conditions mean what they say, also of what has no value."""

import itertools
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from graphql import GraphQLEnumType, GraphQLInputObjectType, GraphQLList, get_named_type
from hypothesis import given
from hypothesis import strategies as st

from app import models
from app.actions import artifacts as actions
from app.graphql.ids import decode_id, global_id
from tests.api import Api, gid
from tests.cast import Cast
from tests.schema.test_connections import FILL, THOROUGH, full

__all__ = ["full"]  # a fixture

VALUES: dict[str, Any] = {
    "Boolean": True,
    "Int": -(2**31),
    "String": "a%_\\'\"é",
    "DateTime": "2026-01-01T00:00:00Z",
    "JSON": {"a": [1, None, {"b": "ü"}]},
    "BigInt": -(2**63),
    "Sha256": "ab" * 32,
    "UUID": "0190163d-8694-739b-aea5-966c26f8ad91",
}


def every_condition(type_: GraphQLInputObjectType) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each condition of a filter with each of its operators alone, in words and as input."""
    for name, field in type_.fields.items():
        operators = get_named_type(field.type)
        assert isinstance(operators, GraphQLInputObjectType)
        if operators is type_:
            continue
        for operator, each in operators.fields.items():
            value = _value(type_.name.removesuffix("Filter"), name, get_named_type(each.type))
            shaped = [value] if isinstance(each.type, GraphQLList) else value
            yield f"{name} {operator}", {name: {operator: shaped}}


def _value(model: str, name: str, type_: Any) -> Any:
    if isinstance(type_, GraphQLEnumType):
        return next(iter(type_.values))
    if type_.name == "ID" and (model, name) == ("Task", "worker"):
        return global_id("WorkerStatus", VALUES["UUID"])
    if type_.name == "ID":
        return global_id(POINTS_TO.get(name, model), 1)
    return VALUES[type_.name]


POINTS_TO = {
    "createdBy": "User",
    "user": "User",
    "worker": "Worker",
    "workspace": "Workspace",
    "parent": "WorkRequest",
    "supersedes": "WorkRequest",
    "relObj": "WorkRequest",
    "createdByWorkRequest": "WorkRequest",
}


def filter_types(api: Api) -> dict[str, GraphQLInputObjectType]:
    """The generated filters: those that have `and`, `or` and `not`."""
    types = api.server.engine.schema.type_map.values()
    return {
        each.name: each
        for each in types
        if isinstance(each, GraphQLInputObjectType) and {"and", "or", "not"} <= set(each.fields)
    }


WHERE = {
    "WorkRequestFilter": "workRequests(first: 2, filter: $f) { totalCount nodes { id } }",
    "WorkerFilter": "workers(first: 2, filter: $f) { totalCount nodes { id } }",
    "UserFilter": "users(first: 2, filter: $f) { totalCount nodes { id } }",
    "TokenFilter": "tokens(first: 2, filter: $f) { totalCount nodes { id } }",
    "WorkspaceFilter": "workspaces(first: 2, filter: $f) { totalCount nodes { id } }",
    "LogEntryFilter": "logEntries(first: 2, filter: $f) { totalCount nodes { id } }",
    "TaskFilter": "tasks(first: 2, filter: $f) { totalCount nodes { id } } taskStatusSummary(filter: $f) { total }",
    "ScheduleFilter": "schedules(first: 2, filter: $f) { totalCount nodes { id } }",
    "ArtifactFilter": "artifacts(first: 2, filter: $f) { totalCount nodes { id } }",
    "FileInArtifactFilter": "artifacts(first: 2) { nodes { files(filter: $f) { totalCount nodes { id } } } }",
    "FileStoreFilter": "fileStores(first: 2, filter: $f) { totalCount nodes { id } }",
    "FileFilter": "fileStores(first: 2) { nodes { files(first: 2, filter: $f) { totalCount nodes { id } } } }",
    "NotificationChannelFilter": "notificationChannels(first: 2, filter: $f) { totalCount nodes { id } }",
    "LogLineFilter": "workRequests(first: 2) { nodes { log(first: 2, filter: $f) { totalCount nodes { number } } } }",
}


async def test_every_operator_of_every_filter_is_accepted_and_so_is_its_negation(
    api: Api, full: Cast
) -> None:
    assert set(filter_types(api)) == set(WHERE)

    tried = 0
    for name, type_ in filter_types(api).items():
        document = f"query($f: {name}) {{ {WHERE[name]} }}"
        for words, condition in every_condition(type_):
            for each in (condition, {"not": condition}):
                answer = await api.execute(full.root, document, f=each)
                assert answer.errors == [], f"{name} {words}"
                tried += 1
    assert tried > 200


async def _artifact(cast: Cast) -> models.Artifact:
    new = actions.NewArtifact(
        "workyard:test", workspace_id=cast.lab.id, files=[actions.NewFile("a", 1, "ab" * 32)]
    )
    return await actions.create_artifact(await cast.bob.viewer(), new, max_file_bytes=1)


async def test_every_operator_is_accepted_in_subscriptions_too(api: Api, cast: Cast) -> None:
    types = filter_types(api)
    changes = (
        ("workRequestChanged", "WorkRequestFilter", lambda: cast.request()),
        ("workerChanged", "WorkerFilter", lambda: cast.worker()),
        ("taskUpdated", "TaskFilter", lambda: cast.task()),
        ("artifactChanged", "ArtifactFilter", lambda: _artifact(cast)),
    )
    for field, name, change in changes:
        cursor = await api.cursor()
        assert await change()
        for words, condition in every_condition(types[name]):
            document = f"subscription($f: {name}!, $c: Cursor) {{ {field}(filter: {{or: [$f, {{}}]}}, after: $c) {{ type }} }}"
            async with api.subscribe(cast.root, document, f=condition, c=cursor) as events:
                assert (await events.next())["type"].endswith(("created", "registered", "queued")), words


# What conditions mean ------------------------------------------------------------------------------------------------

Row = models.WorkRequest
Test = Callable[[Row], bool]
INSTANTS = [datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=n, microseconds=n % 3) for n in range(4)]
NUMBERS = [-1, 0, 1, 2]


def compare(column: str, operator: str, wanted: Any) -> Test:
    """The meaning of a condition: a missing value satisfies none but isNull."""
    comparisons: dict[str, Callable[[Any], bool]] = {
        "eq": lambda value: value == wanted,
        "in": lambda value: value in wanted,
        "gt": lambda value: value > wanted,
        "gte": lambda value: value >= wanted,
        "lt": lambda value: value < wanted,
        "lte": lambda value: value <= wanted,
    }
    if operator == "isNull":
        return lambda row: (getattr(row, column) is None) == wanted
    return lambda row: getattr(row, column) is not None and comparisons[operator](getattr(row, column))


def condition(name: str, column: str, operator: str, wanted: Any, shown: Any) -> tuple[dict[str, Any], Test]:
    return {name: {operator: shown}}, compare(column, operator, wanted)


instants = st.tuples(
    st.sampled_from(
        [("createdAt", "created_at"), ("startedAt", "started_at"), ("completedAt", "completed_at")]
    ),
    st.sampled_from(["eq", "gt", "gte", "lt", "lte"]),
    st.sampled_from(INSTANTS),
).map(lambda drawn: condition(*drawn[0], drawn[1], drawn[2], drawn[2].isoformat()))
absences = st.tuples(
    st.sampled_from(
        [
            ("startedAt", "started_at"),
            ("completedAt", "completed_at"),
            ("worker", "worker_id"),
            ("parent", "parent_id"),
        ]
    ),
    st.booleans(),
).map(lambda drawn: condition(*drawn[0], "isNull", drawn[1], drawn[1]))
numbers = st.tuples(st.sampled_from(["eq", "gt", "gte", "lt", "lte"]), st.sampled_from(NUMBERS)).map(
    lambda drawn: condition("priority", "priority", drawn[0], drawn[1], drawn[1])
)
several = st.lists(st.sampled_from(NUMBERS), max_size=3).map(
    lambda drawn: condition("priority", "priority", "in", drawn, drawn)
)
statuses = st.lists(st.sampled_from(list(models.WorkRequestStatus)), max_size=3).map(
    lambda drawn: condition("status", "status", "in", drawn, [each.name for each in drawn])
)
strangers = st.sampled_from([("worker", "worker_id", "Worker"), ("parent", "parent_id", "WorkRequest")]).map(
    lambda drawn: condition(drawn[0], drawn[1], "eq", 2**40, global_id(drawn[2], 2**40))
)
flags = st.booleans().map(
    lambda wanted: ({"assigned": {"eq": wanted}}, lambda row: (row.worker_id is not None) == wanted)
)

Meant = tuple[dict[str, Any], Test]


def all_of(parts: list[Meant]) -> Meant:
    return {"and": [shown for shown, _ in parts]}, lambda row: all(test(row) for _, test in parts)


def any_of(parts: list[Meant]) -> Meant:
    return {"or": [shown for shown, _ in parts]}, lambda row: any(test(row) for _, test in parts)


def not_so(part: Meant) -> Meant:
    return {"not": part[0]}, lambda row: not part[1](row)


def side_by_side(parts: list[Meant]) -> Meant:
    shown: dict[str, Any] = {}
    tests = []
    for each, test in parts:
        if not shown.keys() & each.keys():
            shown |= each
            tests.append(test)
    return shown, lambda row: all(test(row) for test in tests)


leaves: st.SearchStrategy[Meant] = st.one_of(instants, absences, numbers, several, statuses, strangers, flags)
filters: st.SearchStrategy[Meant] = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(all_of),
        st.lists(inner, max_size=3).map(any_of),
        inner.map(not_so),
        st.lists(inner, max_size=3).map(side_by_side),
    ),
    max_leaves=8,
)


@THOROUGH
@given(st.lists(filters, min_size=5, max_size=5))
async def test_a_filter_finds_exactly_the_rows_for_which_it_holds(
    api: Api, full: Cast, several: list[Meant]
) -> None:
    rows = await models.WorkRequest.visible_to(await full.root.viewer())
    document = (
        "query($f: WorkRequestFilter) { workRequests(first: 100, filter: $f) { nodes { id } totalCount } }"
    )

    for shown, test in several:
        answer = await api.execute(full.root, document, f=shown)

        expected = {row.id for row in rows if test(row)}
        found = [decode_id(node["id"])[1] for node in answer["workRequests"]["nodes"]]
        assert (set(found), len(found)) == (expected, len(expected))
        assert answer["workRequests"]["totalCount"] == len(expected)


TEXTS: list[tuple[dict[str, Any], set[str]]] = [
    ({"contains": "%"}, {"50%", "%_\\"}),
    ({"contains": "_"}, {"a_b", "%_\\"}),
    ({"contains": "\\"}, {"back\\slash", "%_\\"}),
    ({"startsWith": "a_"}, {"a_b"}),
    ({"startsWith": "%"}, {"%_\\"}),
    ({"contains": "A_B"}, set()),
    ({"startsWith": "back\\"}, {"back\\slash"}),
    ({"eq": "aXb"}, {"aXb"}),
    ({"in": ["aXb", "a_b", "none"]}, {"aXb", "a_b"}),
    ({"in": []}, set()),
    ({"contains": "'; DROP TABLE token; --"}, set()),
    ({"eq": "x" * 101}, set()),
    ({"in": ["x" * 101, "aXb"]}, {"aXb"}),
    ({"contains": "x" * 10_000}, set()),
    ({"startsWith": "x" * 10_000}, set()),
]


async def test_text_is_matched_letter_by_letter(api: Api, cast: Cast) -> None:
    for comment in ("50%", "50 percent", "a_b", "aXb", "back\\slash", "%_\\"):
        await api.mutate(cast.bob, "createToken", comment=comment)
    document = "query($f: TokenFilter) { tokens(filter: $f) { nodes { comment } } }"

    for condition, found in TEXTS:
        answer = await api.execute(cast.bob, document, f={"comment": condition})

        assert {token["comment"] for token in answer["tokens"]["nodes"]} == found, condition


async def test_a_list_of_tags_and_task_data_are_found_by_what_they_contain(api: Api, cast: Cast) -> None:
    gpu = gid(await cast.request(required_tags=["gpu", "big"], task_data={"seconds": 1, "result": "FAILURE"}))
    await cast.request(task_data={"seconds": 2})
    document = "query($f: WorkRequestFilter) { workRequests(filter: $f) { nodes { id } } }"

    for shown in (
        {"requiredTags": {"contains": ["gpu"]}},
        {"requiredTags": {"contains": ["gpu", "big", "task:noop"]}},
        {"taskData": {"contains": {"seconds": 1}}},
        {"taskData": {"contains": {"result": "FAILURE", "seconds": 1}}},
    ):
        answer = await api.execute(cast.bob, document, f=shown)
        assert answer["workRequests"]["nodes"] == [{"id": gpu}]
    nothing = await api.execute(cast.bob, document, f={"requiredTags": {"contains": ["gpu", "small"]}})
    assert nothing["workRequests"]["nodes"] == []


# Bounds --------------------------------------------------------------------------------------------------------------


async def ask(api: Api, cast: Cast, shown: Any) -> Any:
    return await api.execute(
        cast.bob, "query($f: WorkRequestFilter) { workRequests(filter: $f) { totalCount } }", f=shown
    )


def test_the_world_of_these_tests_has_missing_values() -> None:
    assert any("CASE WHEN" in statement for statement in FILL)


async def test_two_hundred_conditions_are_served_and_one_more_is_refused(api: Api, cast: Cast) -> None:
    many = {"or": [{"priority": {"eq": n}} for n in range(199)]}

    assert (await ask(api, cast, many))["workRequests"] == {"totalCount": 0}

    answer = await ask(api, cast, {"or": [*many["or"], {"priority": {"eq": 200}}]})
    assert (answer.code, answer.path and answer.path[0]) == ("BAD_INPUT", "filter")


async def test_a_filter_that_is_nested_too_deeply_is_refused(api: Api, cast: Cast) -> None:
    for word, depth in itertools.product(("not", "and", "or"), (50, 120, 400, 1000)):
        begin, end = (f"{{{word}: ", "}") if word == "not" else (f"{{{word}: [", "]}")
        literal = begin * depth + "{priority: {eq: 0}}" + end * depth
        variable: Any = {"priority": {"eq": 0}}
        for _ in range(depth):
            variable = {word: variable if word == "not" else [variable]}

        by_variable = await ask(api, cast, variable)
        by_literal = await api.execute(cast.bob, f"{{ workRequests(filter: {literal}) {{ totalCount }} }}")

        assert {by_variable.code, by_literal.code} <= {"BAD_INPUT", "LIMIT_EXCEEDED"}


async def test_a_filter_may_be_nested_fifty_levels_deep(api: Api, cast: Cast) -> None:
    await cast.request()
    shown: Any = {"priority": {"eq": 1}}
    for _ in range(49):
        shown = {"not": shown}

    assert (await ask(api, cast, shown))["workRequests"] == {"totalCount": 1}


async def test_in_takes_a_thousand_values(api: Api, cast: Cast) -> None:
    assert (await ask(api, cast, {"priority": {"in": [*range(1000)]}}))["workRequests"] == {"totalCount": 0}
    ids = [global_id("WorkRequest", n) for n in range(1, 1002)]

    for shown, path in (
        ({"priority": {"in": [*range(1001)]}}, ["filter", "priority", "in"]),
        ({"id": {"in": ids}}, ["filter", "id", "in"]),
    ):
        answer = await ask(api, cast, shown)
        assert (answer.code, answer.path) == ("BAD_INPUT", path)


@pytest.mark.parametrize(
    ("shown", "path"),
    [
        ({"createdBy": {"eq": "x"}}, ["filter", "createdBy", "eq"]),
        ({"createdBy": {"in": ["x"]}}, ["filter", "createdBy", "in", "0"]),
        (
            {"or": [{}, {"supersedes": {"eq": global_id("User", 1)}}]},
            ["filter", "or", "1", "supersedes", "eq"],
        ),
        ({"not": {"and": [{"id": {"eq": ""}}]}}, ["filter", "not", "and", "0", "id", "eq"]),
        ({"taskName": {"eq": "\0"}}, ["filter", "taskName", "eq"]),
        ({"taskName": {"in": ["a", "\0"]}}, ["filter", "taskName", "in"]),
        ({"requiredTags": {"contains": ["\0"]}}, ["filter", "requiredTags", "contains"]),
        ({"taskData": {"contains": {"a": ["\0"]}}}, ["filter", "taskData", "contains"]),
    ],
)
async def test_what_does_not_decode_is_bad_input_with_the_path_as_the_client_spelled_it(
    api: Api, cast: Cast, shown: dict[str, Any], path: list[str]
) -> None:
    answer = await ask(api, cast, shown)

    assert (answer.code, answer.path) == ("BAD_INPUT", path)
