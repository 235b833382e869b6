"""How many plans are kept."""

import gc
import weakref

from graphql.execution.values import VariableValues

from app.graphql.documents import Operation, prepare
from app.graphql.limits import Limits
from app.graphql.plan import Plans
from app.graphql.plan.running import Shelf
from app.graphql.plan.statements import Statement
from app.settings import Settings
from app.web.schema import build_schema

SCHEMA = build_schema()
DOCUMENT = (
    "query(" + ", ".join(f"$v{n}: Boolean!" for n in range(6)) + ") { workRequests { nodes { "
    + " ".join(f"a{n}: id @include(if: $v{n})" for n in range(6))
    + " __typename } } }"
)  # fmt: skip


def operation(document: str = DOCUMENT) -> Operation:
    """The only operation of a document."""
    return prepare(SCHEMA._schema, document, Limits.of(Settings())).select(None)


def variables(number: int) -> VariableValues:
    """Conditions: the bits of the number."""
    return VariableValues({}, {f"v{n}": bool(number >> n & 1) for n in range(6)})


def test_an_operation_is_planned_once_for_each_shape() -> None:
    plans, wanted = Plans(SCHEMA), operation()

    assert plans.of(wanted, variables(5)) is plans.of(wanted, variables(5))
    assert plans.of(wanted, variables(5)) is not plans.of(wanted, variables(4))


def test_no_more_shapes_are_kept_than_are_allowed() -> None:
    plans, wanted = Plans(SCHEMA, shapes=4), operation()

    for number in range(64):
        assert plans.of(wanted, variables(number)) is not None
        assert len(plans._kept[wanted].planned) <= 4


def test_no_more_is_kept_than_may_be_written() -> None:
    plans = Plans(SCHEMA, most_characters=2000)
    kept = [operation(f"{{ workRequests {{ nodes {{ a{n}: id taskName status }} }} }}") for n in range(100)]

    for each in kept:
        assert plans.of(each, variables(0)) is not None
        assert 0 < plans.characters <= 2000

    assert sum(len(plans._kept[each].planned) for each in kept) < 40
    assert plans.of(kept[-1], variables(0)) is plans.of(kept[-1], variables(0))


def test_the_least_used_statements_go_first() -> None:
    shelf = Shelf(100)
    for number in range(9):
        shelf.put((number, "key"), Statement("x" * 11, ()))
    assert shelf.get((0, "key")) is not None

    shelf.put((9, "key"), Statement("x" * 11, ()))

    assert shelf.characters == 99
    assert shelf.get((1, "key")) is None
    assert shelf.get((0, "key")) is not None


def test_plans_go_with_their_document() -> None:
    plans, wanted = Plans(SCHEMA), operation()
    planned = weakref.ref(plans.of(wanted, variables(1)))
    assert planned() is not None

    del wanted
    gc.collect()

    assert planned() is None


def test_what_is_left_to_the_executor_is_declined_with_the_reason() -> None:
    planned = Plans(SCHEMA).of(
        operation("{ a: __schema { description } b: tasks { nodes { uid } } rateLimit { limit } }"),
        VariableValues({}, {}),
    )

    assert planned is not None
    assert planned.declined == {
        "a": "Query.__schema: it is about the schema",
        "rateLimit": "Query.rateLimit: it tells what the server has in memory of the caller's budget",
    }
    assert list(planned.reads) == ["b"]
