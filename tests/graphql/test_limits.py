"""What is too much is refused, at a cost that grows with the document's length alone."""

import time

import pytest
from graphql import get_introspection_query, parse

from app.graphql.documents import prepare
from app.graphql.limits import Limits, Survey, actual_nodes
from app.graphql.response import Refused, encode
from tests.graphql.small import SCHEMA

CORE = SCHEMA._schema


def nested(depth: int, on: str = "Item", root: str = "item(number: 1)") -> str:
    """Fragments that each spread the next one twice."""
    fragments = [f"fragment F{i} on {on}{{...F{i + 1} ...F{i + 1}}}" for i in range(depth)]
    return f"{{{root}{{...F0}}}}" + "".join(fragments) + f"fragment F{depth} on {on}{{__typename}}"


def branching(depth: int) -> str:
    """As `nested`, but each spread stands at a place of its own."""
    fragments = [
        f"fragment F{i} on Item{{parent{{...F{i + 1}}} p:parent{{...F{i + 1}}}}}" for i in range(depth)
    ]
    return "{item(number:1){...F0}}" + "".join(fragments) + f"fragment F{depth} on Item{{number}}"


def refusal_of(text: str, limits: Limits | None = None) -> Refused:
    with pytest.raises(Refused) as refused:
        prepare(CORE, text, limits or Limits())
    return refused.value


BOMBS = {
    "nested fragments of 616 bytes": nested(17),
    "nested fragments under __schema": nested(18, "__Schema", "__schema"),
    "branching fragments": branching(18),
    "a field repeated": "{item(number:1){" + "number " * 900 + "}}",
    "a field with selections repeated": "{item(number:1){" + "parent{number}" * 400 + "}}",
    "repeated below repeated": "{item(number:1){" + ("parent{" + "number " * 20 + "}") * 40 + "}}",
    "repeated in an unused fragment": "{hello} fragment F on Query{" + "hello " * 900 + "}",
    "repeated in inline fragments": "{item(number:1){" + "... on Item{number}" * 400 + "}}",
    "100,000 brackets": "{hello(name:" + "[" * 100_000,
    "deep selections": "{item(number:1)" + "{parent" * 150 + "}" * 151,
    "pages in pages": "{items(first:100){nodes{children(first:100){nodes{children(first:100){nodes{number}}}}}}}",
    "a page of a billion": "{items(first:999999999999999999999){nodes{number}}}",
    "aliases": "{" + "".join(f"a{i}:hello " for i in range(101)) + "}",
    "root fields": "{" + "".join(f"... on Query{{h{i}:hello}}" for i in range(21)) + "}",
    "directives": "{hello " + "@skip(if:false)" * 51 + "}",
    "operations": "".join(f"query Q{i}{{hello}}" for i in range(51)),
    "tokens": "{item(number:1){" + "number," * 4_001 + "}}",
    "characters": " " * 1_000_000 + "{hello}",
    "comments": "#\n" * 60_000 + "{hello}",
}


NAMED = (
    "nested fragments of 616 bytes",
    "nested fragments under __schema",
    "a field repeated",
    "repeated below repeated",
    "100,000 brackets",
)


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_refused(name: str) -> None:
    assert refusal_of(BOMBS[name]).code == "LIMIT_EXCEEDED"


@pytest.mark.parametrize("name", NAMED)
def test_refusing_a_bomb_takes_less_than_20_ms(name: str) -> None:
    quickest = 1.0
    for _ in range(5):  # the machine may be doing other things as well
        began = time.process_time()
        refusal_of(BOMBS[name])
        quickest = min(quickest, time.process_time() - began)

    assert quickest < 0.02


@pytest.mark.parametrize("grow", [nested, branching])
def test_measuring_takes_steps_in_proportion_to_the_length_of_the_document(grow: object) -> None:
    assert callable(grow)
    steps = {depth: Survey(CORE, parse(grow(depth))).steps for depth in (10, 20, 40, 80)}

    per_fragment = {depth: taken / depth for depth, taken in steps.items()}
    assert max(per_fragment.values()) <= 1.2 * min(per_fragment.values())


def test_a_chain_of_fragments_longer_than_the_stack_is_measured() -> None:
    chain = "".join(f"fragment F{i} on Query{{...F{i + 1}}}" for i in range(5_000))

    survey = Survey(CORE, parse("{...F0}" + chain + "fragment F5000 on Query{hello}"))

    assert survey.operations[0][1].depth == 1
    assert survey.unfolded() == 5_002


def test_fragments_that_spread_themselves_are_left_to_validation() -> None:
    for text in (
        "{...A} fragment A on Query{hello ...A}",
        "{...A} fragment A on Query{...B} fragment B on Query{...A}",
        "{item(number:1){...A}} fragment A on Item{parent{...A ...A}}",
    ):
        refused = refusal_of(text)

        assert refused.code == "GRAPHQL_VALIDATION_FAILED"
        assert "within itself" in str(refused)


def test_unknown_names_are_left_to_validation() -> None:
    for text in (
        "{...Missing}",
        "{missing{a b}}",
        "{...on Missing{a}}",
        "fragment F on Missing{a} {...F}",
        "{hello{a}}",
    ):
        assert refusal_of(text).code == "GRAPHQL_VALIDATION_FAILED"


def test_each_limit_is_exact() -> None:
    for limits, fits, over in [
        (Limits(depth=2), "{item(number:1){number}}", "{item(number:1){parent{number}}}"),
        (Limits(aliases=1), "{a:hello}", "{a:hello b:hello}"),
        (Limits(root_fields=1), "{hello}", "{hello viewer}"),
        (Limits(directives=1), "{hello @skip(if:false)}", "{hello @skip(if:false) @include(if:true)}"),
        (Limits(nodes=3), "{items(first:2){nodes{number}}}", "{items(first:3){nodes{number}}}"),
        (Limits(operations=1), "query A{hello}", "query A{hello} query B{hello}"),
        (
            Limits(selections=2),
            "{...F} fragment F on Query{hello}",
            "{...F hello} fragment F on Query{hello}",
        ),
        (Limits(repetitions=1), "{hello hello}", "{hello hello hello}"),
        (Limits(tokens=3), "{hello}", "{hello hello}"),
    ]:
        prepare(CORE, fits, limits)
        assert refusal_of(over, limits).code == "LIMIT_EXCEEDED"


def test_what_is_measured_in_a_fragment_counts_wherever_it_is_spread() -> None:
    text = """
        { item(number: 1) { ...Deep other: parent { ...Deep } } items(first: 4) { ...Page } }
        fragment Deep on Item { parent { p: parent { number @skip(if: false) } } }
        fragment Page on ItemConnection { nodes { ...Deep } }
    """

    measures = Survey(CORE, parse(text)).operations[0][1]

    assert measures.depth == 5
    assert measures.aliases == 1 + 3
    assert measures.directives == 3
    assert measures.nodes == (1 + 2 + 1 + 2) + (1 + 4 * 3)


def test_variables_that_size_a_page_count_with_their_values() -> None:
    text = "query($n: Int = 5) { items(first: $n) { nodes { children(first: $n) { nodes { number } } } } }"
    operation = prepare(CORE, text, Limits()).select(None)

    assert operation.cost({}) == 1 + 5 * (1 + 1 + 5)
    assert operation.cost({"n": 100}) == 1 + 100 * (1 + 1 + 100)
    with pytest.raises(Refused) as refused:
        operation.cost({"n": 1000})
    assert refused.value.code == "LIMIT_EXCEEDED"


def test_values_of_the_wrong_kind_are_left_to_coercion() -> None:
    operation = prepare(CORE, "query($n: Int) { items(first: $n) { nodes { number } } }", Limits()).select(
        None
    )

    sizes: tuple[object, ...] = ("x", None, True, {}, 1.5)
    for size in sizes:
        assert operation.cost({"n": size}) == operation.cost({"n": 20})
    assert operation.cost({"n": -5}) == 1


def test_graphiqls_introspection_fits() -> None:
    query = get_introspection_query(
        descriptions=True,
        specified_by_url=True,
        directive_is_repeatable=True,
        schema_description=True,
        input_value_deprecation=True,
    )

    prepare(CORE, query, Limits())


def test_introspection_that_unfolds_the_schema_again_and_again_does_not_fit() -> None:
    fields = "".join(f"a{i}: fields {{ type {{ fields {{ name }} }} }} " for i in range(90))

    assert refusal_of(f"{{__schema{{types{{{fields}}}}}}}").code == "LIMIT_EXCEEDED"


def test_a_page_of_components_with_a_fragment_each_fits() -> None:
    fragments = "".join(
        f"fragment F{i} on Item{{__typename number parent{{number}} children(first:5){{nodes{{number}}}}}}"
        for i in range(30)
    )
    spreads = " ".join(f"...F{i}" for i in range(30))

    prepare(CORE, f"query($n:Int!){{items(first:$n){{nodes{{{spreads}}}}}}}{fragments}", Limits())


@pytest.mark.parametrize(
    ("data", "objects"),
    [
        (None, 0),
        ({"item": None}, 1),
        ({"items": [{"number": 1}, {"number": 2}], "one": {"parent": {"number": 3}}}, 5),
        ({"text": "{", "more": ["{", "{"], "last": "{"}, 1),
        ({"quoted": 'a {"b": {"c": 1}} d', "slash": "\\{", "open": '{"'}, 1),
    ],
)
def test_the_objects_of_an_answer_are_counted_by_its_json(data: object, objects: int) -> None:
    assert actual_nodes(encode(data)) == objects
