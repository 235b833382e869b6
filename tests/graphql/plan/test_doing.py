"""Mutations without the executor: done once, in their order, and answered as the executor would answer."""

from functools import partial
from typing import Any

import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLList,
    GraphQLNonNull,
    is_required_input_field,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from strawberry.types.arguments import convert_arguments

from app import models
from app.graphql.executor import PlainExecutor
from app.graphql.plan.declared import Declined, arguments_of
from app.graphql.plan.doing import Do
from app.graphql.plan.inputs import Inputs
from app.graphql.response import encode
from app.web.schema import build_schema
from tests.access.world import World
from tests.api import Api, gid
from tests.graphql.plan.generated import Written
from tests.graphql.plan.test_payloads import MUTATIONS, SOME, inputs

SCHEMA = build_schema()


@pytest.fixture
def executed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The root fields that the executor had to run or to show."""
    seen: list[str] = []
    execute_field = PlainExecutor.execute_field

    def noted(self: PlainExecutor, *args: Any) -> Any:
        if args[3].prev is None:
            seen.append(str(args[3].key))
        return execute_field(self, *args)

    monkeypatch.setattr(PlainExecutor, "execute_field", noted)
    return seen


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What plans show of payloads, which the executor then has to show as well, and answers."""
    found: list[Any] = []
    show = Do._show

    async def show_and_hand_over(self: Do, *args: Any) -> dict[str, Any]:
        found.append(await show(self, *args))
        raise Declined("for the executor to show, too")

    monkeypatch.setattr(Do, "_show", show_and_hand_over)
    return found


@settings(SOME, max_examples=15)
@given(st.data())
async def test_payloads_are_shown_as_the_executor_shows_them(
    api: Api, world: World, shown: list[Any], data: st.DataObject
) -> None:
    mutation = data.draw(st.sampled_from(sorted(MUTATIONS)))
    payload = SCHEMA._schema.mutation_type.fields[mutation].type.of_type  # type: ignore[union-attr]
    written = Written(
        data.draw, SCHEMA._schema, {"File": [gid(world.cast.lab)]}, ["a/b"], ["nonsense"], frozenset()
    )
    selection = written.selection(payload, 1)
    declared = "".join(f", {each}" for each in written.declared)
    input_ = f"{mutation[0].upper()}{mutation[1:]}Input"
    document = (
        f"mutation($input: {input_}!{declared}) {{ {mutation}(input: $input) {selection} }}"
        f" {' '.join(written.fragments)}"
    )
    number = data.draw(st.integers(0, 10**6))
    shown.clear()

    answer = await api.execute(
        world.cast.root, document, input=inputs(world, number)[mutation], **written.variables
    )

    if shown:  # else something in it is odd, and the executor words that
        assert [encode(each) for each in shown] == [encode(answer[mutation])]


async def test_a_mutation_that_is_done_needs_no_executor(api: Api, world: World, executed: list[str]) -> None:
    answer = await api.mutate(
        world.cast.bob,
        "createWorkRequest",
        "__typename workRequest { id taskName createdBy { username } }",
        **inputs(world, 1)["createWorkRequest"],
    )

    assert answer.done["__typename"] == "WorkRequestPayload"
    assert answer.done["workRequest"]["createdBy"] == {"username": "bob"}
    assert executed == []


async def test_a_refusal_is_shown_by_the_executor_and_not_tried_again(
    api: Api, world: World, executed: list[str]
) -> None:
    answer = await api.mutate(
        world.cast.bob,
        "createWorkRequest",
        "workRequest { id } userErrors { __typename message ... on ValidationError { rule } }",
        workspace=gid(world.cast.lab),
        taskName="nothing-like-it",
    )

    assert answer.refused["rule"] == "UNKNOWN"
    assert executed == ["createWorkRequest"]


DOCUMENT = """mutation($a: CreateWorkRequestInput!, $b: CreateWorkRequestInput!) {
    first: createWorkRequest(input: $a) { workRequest { id } userErrors { code } }
    second: createWorkRequest(input: {taskName: "nothing-like-it"}) { workRequest { id } userErrors { code } }
    third: createWorkRequest(input: $b) { workRequest { id } userErrors { code } } }"""


async def test_what_is_done_before_a_refusal_and_after_it_is_done_once(
    api: Api, world: World, executed: list[str]
) -> None:
    before = await models.WorkRequest.all().count()
    input = inputs(world, 1)["createWorkRequest"]

    answer = await api.execute(world.cast.bob, DOCUMENT, a=input, b=input)

    assert [bool(answer[key]["userErrors"]) for key in ("first", "second", "third")] == [False, True, False]
    assert await models.WorkRequest.all().count() == before + 2
    assert executed == ["first", "second", "third"]


async def test_a_fault_ends_the_operation_and_what_came_before_it_stays(
    api: Api, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    value, called = Do.value, []

    async def fail_at_second(self: Do, *args: Any) -> Any:
        called.append(self)
        if len(called) == 2:
            raise RuntimeError("a fault of ours")
        return await value(self, *args)

    monkeypatch.setattr(Do, "value", fail_at_second)
    before = await models.WorkRequest.all().count()
    input = inputs(world, 1)["createWorkRequest"]

    outcome = await api.execute(world.cast.bob, DOCUMENT, a=input, b=input)

    assert outcome.data is None
    assert [(error["path"], error["extensions"]["code"]) for error in outcome.errors] == [
        (["second"], "INTERNAL")
    ]
    assert len(called) == 2
    assert await models.WorkRequest.all().count() == before + 1


FIELDS = [
    field
    for type_ in (SCHEMA._schema.query_type, SCHEMA._schema.mutation_type)
    for field in (type_.fields.values() if type_ else ())
    if field.args
]


def coerced(type_: Any, depth: int = 0) -> st.SearchStrategy[Any]:
    """Values of an input type, as graphql-core hands them on."""
    if isinstance(type_, GraphQLNonNull):
        return filled(type_.of_type, depth)
    return st.none() | filled(type_, depth)


def filled(type_: Any, depth: int) -> st.SearchStrategy[Any]:
    """Those that are not null."""
    if isinstance(type_, GraphQLList):
        return st.lists(coerced(type_.of_type, depth + 1), max_size=2)
    if isinstance(type_, GraphQLEnumType):
        return st.sampled_from([each.value for each in type_.values.values()])
    if isinstance(type_, GraphQLInputObjectType):
        parts = {
            name: st.just(each.type).flatmap(partial(coerced, depth=depth + 1))
            for name, each in type_.fields.items()
        }
        needed = {name: part for name, part in parts.items() if is_required_input_field(type_.fields[name])}
        return st.fixed_dictionaries(
            needed,
            optional={} if depth > 3 else {name: part for name, part in parts.items() if name not in needed},
        )
    return st.text(max_size=3) | st.integers()


@settings(SOME, max_examples=200)
@given(st.data())
def test_arguments_become_what_strawberry_makes_of_them(data: st.DataObject) -> None:
    field = data.draw(st.sampled_from(FIELDS))
    values = {
        name: data.draw(coerced(arg.type)) for name, arg in field.args.items() if data.draw(st.booleans())
    }
    arguments = arguments_of(field)

    made = Inputs.of(SCHEMA).arguments(arguments)(values)

    config, scalars = SCHEMA.config, SCHEMA.schema_converter.scalar_registry
    assert made == convert_arguments(values, arguments, scalars, config)
