"""Server-sent events and multipart responses."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from tests.graphql.small import Small, make_small, serve

EVENTS = {"Accept": "text/event-stream"}
PARTS = {"Accept": 'multipart/mixed;boundary="graphql";subscriptionSpec=1.0,application/json'}
URQL_SUBSCRIPTION = {"Accept": "text/event-stream, multipart/mixed"}


@asynccontextmanager
async def stream_of(
    http: httpx.AsyncClient, small: Small, query: str, headers: dict[str, str], **members: Any
) -> AsyncIterator[httpx.Response]:
    async with http.stream("POST", small.url, json={"query": query, **members}, headers=headers) as response:
        yield response


async def events_of(response: httpx.Response) -> AsyncIterator[dict[str, str]]:
    """The events as a browser reads them; comments are dropped."""
    text = ""
    async for chunk in response.aiter_text():
        text += chunk
        while "\n\n" in text:
            block, _, text = text.partition("\n\n")
            lines = [line.partition(": ") for line in block.split("\n") if not line.startswith(":")]
            if lines:
                yield {name.rstrip(":"): value for name, _, value in lines}
    assert text == ""


def next_event(number: int) -> dict[str, str]:
    return {"event": "next", "id": str(number), "data": f'{{"data":{{"ticks":{{"number":{number}}}}}}}'}


COMPLETE = {"event": "complete", "data": ""}


async def test_events_carry_their_cursor_as_id_and_end_with_complete(
    http: httpx.AsyncClient, small: Small
) -> None:
    async with stream_of(http, small, "subscription { ticks(to: 2) { number } }", EVENTS) as response:
        events = [event async for event in events_of(response)]

    assert response.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert response.headers["cache-control"] == "no-store"
    assert response.headers["x-accel-buffering"] == "no"
    assert events == [next_event(1), next_event(2), COMPLETE]


async def test_lines_end_with_lf_alone(http: httpx.AsyncClient, small: Small) -> None:
    async with stream_of(http, small, "subscription { ticks { number } }", URQL_SUBSCRIPTION) as response:
        body = await response.aread()

    assert b"\r" not in body


async def test_last_event_id_resumes_after_it_whatever_after_says(
    http: httpx.AsyncClient, small: Small
) -> None:
    for query, variables in [
        ("subscription { ticks(to: 5) { number } }", {}),
        ('subscription { ticks(after: "1", to: 5) { number } }', {}),
        ("subscription($after: String) { ticks(after: $after, to: 5) { number } }", {"after": "1"}),
        ("subscription { ...F } fragment F on Subscription { ticks(to: 5) { number } }", {}),
    ]:
        headers = {**EVENTS, "Last-Event-ID": "3"}
        async with stream_of(http, small, query, headers, variables=variables) as response:
            events = [event async for event in events_of(response)]

        assert events == [next_event(4), next_event(5), COMPLETE]


async def test_an_event_source_subscribes_by_get(http: httpx.AsyncClient, small: Small) -> None:
    query = {"query": "subscription { ticks(to: 1) { number } }"}

    async with http.stream("GET", small.url, params=query, headers=EVENTS) as response:
        events = [event async for event in events_of(response)]

    assert events == [next_event(1), COMPLETE]


async def test_queries_and_mutations_run_over_events_when_the_client_wants_nothing_else(
    http: httpx.AsyncClient, small: Small
) -> None:
    for query, data in {
        "{ hello }": {"hello": "hello world"},
        "mutation { add(number: 1) { number } }": {"add": {"number": 1}},
    }.items():
        async with stream_of(http, small, query, EVENTS) as response:
            event, complete = [event async for event in events_of(response)]

        assert (json.loads(event["data"]), complete) == ({"data": data}, COMPLETE)


async def test_a_request_that_cannot_be_served_is_told_by_an_event(
    http: httpx.AsyncClient, small: Small
) -> None:
    for query, code in {
        "{": "GRAPHQL_PARSE_FAILED",
        "subscription { nothing }": "GRAPHQL_VALIDATION_FAILED",
        'subscription { ticks(after: "old") { number } }': "CURSOR_EXPIRED",
    }.items():
        async with stream_of(http, small, query, EVENTS) as response:
            event, complete = [event async for event in events_of(response)]

        assert response.status_code == 200
        assert event["event"] == "next"
        assert json.loads(event["data"])["errors"][0]["extensions"]["code"] == code
        assert complete == COMPLETE


async def test_credentials_that_are_not_accepted_get_401_not_a_stream(
    http: httpx.AsyncClient, small: Small
) -> None:
    async with stream_of(http, small, "{ hello }", {**EVENTS, "Authorization": "Bearer wrong"}) as response:
        assert response.status_code == 401


async def test_a_source_that_fails_ends_the_stream_with_its_error(
    http: httpx.AsyncClient, small: Small
) -> None:
    async with stream_of(http, small, "subscription { breaks { number } }", EVENTS) as response:
        first, error, complete = [event async for event in events_of(response)]

    assert first["id"] == "1"
    assert json.loads(error["data"])["errors"][0]["extensions"] == {"code": "CURSOR_EXPIRED"}
    assert "id" not in error
    assert complete == COMPLETE


async def test_a_silent_stream_is_kept_alive_by_comments(http: httpx.AsyncClient) -> None:
    async with (
        serve(make_small(heartbeat=0.02)) as small,
        stream_of(http, small, "subscription { silence { number } }", EVENTS) as response,
    ):
        text = ""
        async for chunk in response.aiter_text():
            text += chunk
            if text.count(":\n\n") >= 4:
                break

    assert text.startswith(":\n\nevent: next\n")


async def test_a_client_that_leaves_closes_the_source(small: Small) -> None:
    for headers in (EVENTS, PARTS):
        async with (
            httpx.AsyncClient(verify=False) as leaving,
            stream_of(leaving, small, "subscription { silence { number } }", headers) as response,
        ):
            async for chunk in response.aiter_text():
                if "silence" in chunk:
                    break
            assert small.book.open_sources == 1

        await small.book.until(lambda book: book.open_sources == 0)


async def until_next(events: AsyncIterator[Any]) -> None:
    async for event in events:
        if event.get("event") == "next":
            return


async def test_revoked_credentials_end_the_stream_with_the_reason(
    http: httpx.AsyncClient, small: Small
) -> None:
    async with stream_of(http, small, "subscription { silence { number } }", EVENTS) as response:
        events = events_of(response)
        await until_next(events)
        small.identity.callers[0].revoked.set()
        error, complete = [event async for event in events]

    assert json.loads(error["data"]) == {
        "errors": [{"message": "Token revoked", "extensions": {"code": "UNAUTHENTICATED"}}]
    }
    assert complete == COMPLETE
    assert small.book.open_sources == 0


async def test_a_shutdown_tells_every_stream_from_where_to_resume(
    http: httpx.AsyncClient, small: Small
) -> None:
    async with stream_of(http, small, "subscription { silence { number } }", EVENTS) as response:
        events = events_of(response)
        await until_next(events)

        left = await small.endpoint.connections.drain(within=5)
        error, complete = [event async for event in events]

    assert left == 0
    assert json.loads(error["data"])["errors"] == [
        {
            "message": "Service restart: reconnect from your cursor",
            "extensions": {"code": "UNAVAILABLE", "cursor": "1"},
        }
    ]
    assert complete == COMPLETE


async def parts_of(response: httpx.Response) -> AsyncIterator[Any]:
    """The JSON of each part, as it comes; fails unless the body ends with the closing boundary."""
    assert response.headers["content-type"].startswith('multipart/mixed; boundary="-"; ')
    text = ""
    async for chunk in response.aiter_text():
        text += chunk
        while "\r\n---" in text and not text.startswith("-----"):
            part, _, text = text.partition("\r\n---")
            text = "---" + text
            head, _, body = part.removeprefix("---").removeprefix("\r\n").partition("\r\n\r\n")
            assert head == "content-type: application/json"
            yield json.loads(body)
    assert text == "-----\r\n"


async def test_apollo_gets_each_event_as_a_part(http: httpx.AsyncClient, small: Small) -> None:
    async with stream_of(http, small, "subscription { ticks(to: 2) { number } }", PARTS) as response:
        parts = [part async for part in parts_of(response)]

    assert parts == [{"payload": {"data": {"ticks": {"number": number}}}} for number in (1, 2)]


@pytest.mark.parametrize("ends", ["source", "revoked", "restart"])
async def test_apollo_gets_the_error_that_ends_a_stream_beside_the_payload(
    http: httpx.AsyncClient, small: Small, ends: str
) -> None:
    query = f"subscription {{ {'breaks' if ends == 'source' else 'silence'} {{ number }} }}"
    async with stream_of(http, small, query, PARTS) as response:
        parts = parts_of(response)
        assert "payload" in await anext(parts)
        if ends == "revoked":
            small.identity.callers[0].revoked.set()
        if ends == "restart":
            await small.endpoint.connections.drain(within=5)
        (last,) = [part async for part in parts]

    code = {"source": "CURSOR_EXPIRED", "revoked": "UNAUTHENTICATED", "restart": "UNAVAILABLE"}[ends]
    assert last["payload"] is None
    assert last["errors"][0]["extensions"]["code"] == code


async def test_a_silent_multipart_stream_is_kept_alive_by_empty_parts(http: httpx.AsyncClient) -> None:
    async with (
        serve(make_small(heartbeat=0.02)) as small,
        stream_of(http, small, "subscription { silence { number } }", PARTS) as response,
    ):
        parts = parts_of(response)
        async with asyncio.timeout(10):
            first, second, third = [await anext(parts) for _ in range(3)]

    assert "payload" in first
    assert second == third == {}


NEWER = {"Accept": "multipart/mixed;incrementalSpec=v0.2, application/json"}
OLDER = {
    "Accept": "multipart/mixed;deferSpec=20220824,application/graphql-response+json,application/json;q=0.9"
}
URQL_QUERY = {
    "Accept": "application/graphql-response+json, application/json, text/event-stream, multipart/mixed"
}
DEFER = '{ item(number: 1) { number ... @defer(label: "rest") { later } } }'


async def parts_to(http: httpx.AsyncClient, small: Small, query: str, headers: dict[str, str]) -> list[Any]:
    async with stream_of(http, small, query, headers) as response:
        return [part async for part in parts_of(response)]


async def test_what_is_deferred_comes_as_parts_of_the_format_that_the_client_asks_for(
    http: httpx.AsyncClient, small: Small
) -> None:
    for headers in (NEWER, URQL_QUERY):
        assert await parts_to(http, small, DEFER, headers) == [
            {
                "data": {"item": {"number": 1}},
                "pending": [{"id": "0", "path": ["item"], "label": "rest"}],
                "hasNext": True,
            },
            {
                "incremental": [{"id": "0", "data": {"later": 2}}],
                "completed": [{"id": "0"}],
                "hasNext": False,
            },
        ]
    assert await parts_to(http, small, DEFER, OLDER) == [
        {"data": {"item": {"number": 1}}, "hasNext": True},
        {"incremental": [{"data": {"later": 2}, "path": ["item"], "label": "rest"}], "hasNext": False},
    ]


async def test_what_is_streamed_comes_as_parts_of_the_newer_format_alone(
    http: httpx.AsyncClient, small: Small
) -> None:
    query = "{ items { nodes @stream(initialCount: 1) { number } } }"

    first, *others = await parts_to(http, small, query, NEWER)
    async with stream_of(http, small, query, OLDER) as response:
        whole = json.loads(await response.aread())

    assert first["data"] == {"items": {"nodes": [{"number": 0}]}}
    streamed = [item for part in others for each in part.get("incremental", ()) for item in each["items"]]
    assert streamed == [{"number": 1}, {"number": 2}]
    assert whole == {"data": {"items": {"nodes": [{"number": 0}, {"number": 1}, {"number": 2}]}}}


async def test_a_client_that_asks_for_no_parts_gets_everything_at_once(
    http: httpx.AsyncClient, small: Small
) -> None:
    for headers in ({"Accept": "application/json"}, {"Accept": "*/*"}):
        async with stream_of(http, small, DEFER, headers) as response:
            assert json.loads(await response.aread()) == {"data": {"item": {"number": 1, "later": 2}}}
    async with stream_of(http, small, "{ hello }", NEWER) as response:
        assert response.headers["content-type"] == "application/json; charset=utf-8"
        assert json.loads(await response.aread()) == {"data": {"hello": "hello world"}}


async def test_faults_in_what_is_deferred_are_masked(http: httpx.AsyncClient, small: Small) -> None:
    query = "{ item(number: 1) { ... @defer { fault } } }"

    for headers in (NEWER, OLDER):
        _, rest = await parts_to(http, small, query, headers)

        (part,) = rest["incremental"]
        assert part["data"] == {"fault": None}
        assert part["errors"][0]["extensions"]["code"] == "INTERNAL"
        assert "hunter2" not in str(rest)


async def test_an_operation_that_cannot_be_begun_is_told_in_a_part(
    http: httpx.AsyncClient, small: Small
) -> None:
    query = "query($n: Int!) { item(number: $n) { ... @defer { later } } }"

    (part,) = await parts_to(http, small, query, NEWER)

    assert part["errors"][0]["extensions"]["code"] == "BAD_INPUT"
    assert part["hasNext"] is False
