"""Documents are prepared once; events are rendered once for all who select the same."""

import asyncio
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest

from app.errors import LimitExceeded
from app.graphql.budget import Budget
from app.graphql.documents import Documents, TrustedDocuments, prepare
from app.graphql.limits import Limits
from app.graphql.rendering import SharedRenderings
from app.graphql.request import GraphQLRequest
from app.graphql.response import Refused
from tests.graphql.small import SCHEMA, Small, SmallCaller, make_small

CORE = SCHEMA._schema


def documents(**changes: Any) -> Documents:
    return Documents(CORE, Limits(), trusted=TrustedDocuments(), **changes)


def test_a_document_is_prepared_once() -> None:
    kept = documents()

    first = kept.prepare(GraphQLRequest(query="{ hello }"))

    assert kept.prepare(GraphQLRequest(query="{ hello }")) is first
    assert kept.prepare(GraphQLRequest(query="{hello}")) is not first


def test_the_documents_that_are_kept_are_bounded_in_number_and_size() -> None:
    few = documents(most=2)
    small = documents(most_characters=30)

    for kept in (few, small):
        used = kept.prepare(GraphQLRequest(query="{ a: hello }"))
        unused = kept.prepare(GraphQLRequest(query="{ b: hello }"))
        assert kept.prepare(GraphQLRequest(query="{ a: hello }")) is used
        kept.prepare(GraphQLRequest(query="{ c: hello }"))

        assert kept.prepare(GraphQLRequest(query="{ a: hello }")) is used
        assert kept.prepare(GraphQLRequest(query="{ b: hello }")) is not unused


def test_a_refused_document_is_not_kept() -> None:
    kept = documents(most=1)
    good = kept.prepare(GraphQLRequest(query="{ hello }"))

    with pytest.raises(Refused):
        kept.prepare(GraphQLRequest(query="{ nothing }"))

    assert kept.prepare(GraphQLRequest(query="{ hello }")) is good


def test_only_the_variables_that_say_where_to_start_are_left_out_of_what_is_shared() -> None:
    for text, expected in {
        "subscription($a: String) { ticks(after: $a) { number } }": {"a"},
        "subscription($a: String) { ...F } fragment F on Subscription { ticks(after: $a) { number } }": {"a"},
        "subscription($n: Int) { ticks(to: $n) { number } }": set(),
        "subscription($a: String) { ticks(after: $a) { filler(size: 1) @skip(if: false) number } }": {"a"},
        'subscription { ticks(after: "1") { number } }': set(),
    }.items():
        operation = prepare(CORE, text, Limits()).select(None)

        assert operation.cursor_variables == expected
    both = "subscription($a: String) { ticks(after: $a) { number } } query Q($a: String!) { hello(name: $a) }"
    with pytest.raises(Refused):
        prepare(CORE, both, Limits())


def test_trusted_documents_are_read_from_every_graphql_file_of_the_directory(tmp_path: Path) -> None:
    (tmp_path / "nested").mkdir()
    (tmp_path / "nested" / "one.graphql").write_text("{ hello }")
    (tmp_path / "notes.txt").write_text("{ hello }")
    trusted = TrustedDocuments("only", tmp_path)

    assert trusted.text_of(GraphQLRequest(query="{ hello }")) == "{ hello }"
    with pytest.raises(Refused) as refused:
        TrustedDocuments("off", tmp_path).text_of(GraphQLRequest(document_id="0"))
    assert refused.value.code == "PERSISTED_QUERY_NOT_FOUND"


async def events_of(small: Small, caller: SmallCaller, query: str, **variables: Any) -> list[bytes]:
    request = GraphQLRequest(query=query, variables=variables)
    stream = small.engine.stream(small.engine.find(request), request, caller)
    return [event.rendered.payload async for event in stream]


TICKS = "subscription($a: String, $n: Int = 3) { ticks(after: $a, to: $n) { number context } }"


async def test_what_equals_for_several_subscribers_is_rendered_once(small: Small) -> None:
    ann = SmallCaller(user_id=1)

    one, two, late = await asyncio.gather(
        events_of(small, ann, TICKS), events_of(small, ann, TICKS), events_of(small, ann, TICKS, a="1")
    )

    assert one == two
    assert late == one[1:]
    assert small.book.rendered == 3


async def test_subscribers_with_other_rights_or_other_variables_share_nothing(small: Small) -> None:
    ann, bob = SmallCaller(user_id=1), SmallCaller(user_id=2)

    await asyncio.gather(
        events_of(small, ann, TICKS, n=1),
        events_of(small, bob, TICKS, n=1),
        events_of(small, ann, TICKS, n=2),
    )

    assert small.book.rendered == 1 + 1 + 2


async def test_a_subscriber_that_leaves_takes_no_rendering_from_the_others() -> None:
    shared: SharedRenderings[bytes] = SharedRenderings()
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def render() -> bytes:
        begun.set()
        await go_on.wait()
        return b"rendered"

    leaving = asyncio.create_task(shared.get("key", render))
    await begun.wait()
    staying = asyncio.create_task(shared.get("key", render))
    leaving.cancel()
    await asyncio.wait([leaving])
    go_on.set()

    assert await staying == b"rendered"


async def test_renderings_are_kept_for_a_moment_and_in_bounded_number() -> None:
    times = []

    async def render() -> bytes:
        times.append(1)
        return b""

    brief: SharedRenderings[bytes] = SharedRenderings(seconds=0)
    await brief.get("a", render)
    await brief.get("a", render)
    assert len(times) == 2
    few: SharedRenderings[bytes] = SharedRenderings(most=1)
    for key in ("a", "b", "c", "a"):
        await few.get(key, render)
    assert len(times) == 6


def test_a_budget_refills_with_time_and_takes_back_what_was_not_needed() -> None:
    now = 0.0
    budget = Budget(100, 10, clock=lambda: now)

    budget.spend("ann", 90)
    with pytest.raises(LimitExceeded) as refused:
        budget.spend("ann", 30)
    assert refused.value.extensions == {"code": "LIMIT_EXCEEDED", "retryAfter": 2}
    budget.spend("bob", 30)
    now = 2.0
    budget.spend("ann", 30)
    budget.give_back("ann", 25)
    assert budget.left("ann") == 25
    now = 1000.0
    assert budget.left("ann") == 100
    with pytest.raises(LimitExceeded) as hopeless:
        budget.spend("ann", 101)
    assert "retryAfter" not in hopeless.value.extensions


def test_several_servers_refill_a_bucket_together_as_fast_as_one() -> None:
    now, servers = 0.0, 1
    budget = Budget(100, 10, clock=lambda: now, servers=lambda: servers)
    budget.spend("ann", 100)

    now = 1.0
    alone = budget.left("ann")
    servers = 2

    assert (alone, budget.left("ann")) == (10, 5)


async def test_a_subscription_that_spends_its_budget_is_held_back_and_loses_nothing() -> None:
    small = make_small(cost_limit=2, cost_refill_per_second=200)

    events = await events_of(small, SmallCaller(user_id=1), TICKS, n=20)

    assert [orjson.loads(event)["data"]["ticks"]["number"] for event in events] == list(range(1, 21))
    assert small.engine.budget.left(("token", 1)) < 2


async def test_an_identical_request_is_answered_alike_from_the_cache(
    http: httpx.AsyncClient, small: Small
) -> None:
    for name in ("ann", "bob"):
        body = {"query": "query($n: String!) { hello(name: $n) }", "variables": {"n": name}}
        response = await http.post(small.url, json=body)

        assert response.json() == {"data": {"hello": f"hello {name}"}}
