"""GraphQL over HTTP."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from structlog.testing import capture_logs

from tests.graphql.small import Small, make_small, serve

RESPONSE = "application/graphql-response+json"
URQL = "application/graphql-response+json, application/json, text/event-stream, multipart/mixed"
ANN = {"Authorization": "Bearer user-1"}


async def post(
    http: httpx.AsyncClient, small: Small, query: str, headers: dict[str, str] | None = None, **members: Any
) -> httpx.Response:
    return await http.post(small.url, json={"query": query, **members}, headers=headers or {})


def code_of(response: httpx.Response) -> Any:
    return response.json()["errors"][0]["extensions"]["code"]


async def test_a_query_is_answered_as_the_client_accepts(http: httpx.AsyncClient, small: Small) -> None:
    for accept, content_type in {
        "*/*": "application/json; charset=utf-8",
        "application/json": "application/json; charset=utf-8",
        RESPONSE: "application/graphql-response+json; charset=utf-8",
        f"application/json;q=0.5, {RESPONSE}": "application/graphql-response+json; charset=utf-8",
        f"{RESPONSE};q=0, application/json": "application/json; charset=utf-8",
        URQL: "application/graphql-response+json; charset=utf-8",
        "text/event-stream;q=0.1, application/json": "application/json; charset=utf-8",
    }.items():
        response = await post(http, small, "{ hello }", {"Accept": accept})

        assert response.status_code == 200
        assert response.headers["content-type"] == content_type
        assert response.headers["vary"] == "Accept"
        assert response.json() == {"data": {"hello": "hello world"}}


async def test_a_client_that_accepts_nothing_of_ours_gets_406(http: httpx.AsyncClient, small: Small) -> None:
    response = await post(http, small, "{ hello }", {"Accept": "text/html"})

    assert response.status_code == 406
    assert code_of(response) == "MALFORMED_REQUEST"


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("{ hello", "GRAPHQL_PARSE_FAILED"),
        ("{ nothing }", "GRAPHQL_VALIDATION_FAILED"),
        ("query A { hello } query B { hello }", "OPERATION_NAME_REQUIRED"),
        ("query A($n: String!) { hello(name: $n) }", "BAD_INPUT"),
        ("fragment F on Query { hello }", "GRAPHQL_VALIDATION_FAILED"),
    ],
)
async def test_a_refused_request_has_a_code_and_no_data(
    http: httpx.AsyncClient, small: Small, query: str, code: str
) -> None:
    new = await post(http, small, query, {"Accept": RESPONSE})
    old = await post(http, small, query, {"Accept": "application/json"})

    assert (new.status_code, old.status_code) == (400, 200)
    assert code_of(new) == code_of(old) == code
    assert "data" not in new.json()
    assert "data" not in old.json()


async def test_one_of_several_operations_runs_by_its_name(http: httpx.AsyncClient, small: Small) -> None:
    query = "query A { a: hello } query B { b: hello }"

    response = await post(http, small, query, operationName="B")
    unknown = await post(http, small, query, operationName="C")

    assert response.json() == {"data": {"b": "hello world"}}
    assert code_of(unknown) == "OPERATION_NOT_FOUND"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b'"text"',
        b"123",
        b"null",
        b"[" * 100_000,
        b"[{}]",
        b"{}",
        b'{"query": 1}',
        b'{"query": null}',
        b'{"query": "{hello}", "variables": []}',
        b'{"query": "{hello}", "variables": "{}"}',
        b'{"query": "{hello}", "operationName": 1}',
        b'{"query": "{hello}", "extensions": []}',
        b'{"query": "{hello}", "documentId": {}}',
        b'{"query": "\xff"}',
        b'{"query": "\\ud800"}',
    ],
)
async def test_a_body_that_is_no_request_gets_400(http: httpx.AsyncClient, small: Small, body: bytes) -> None:
    response = await http.post(small.url, content=body, headers={"Content-Type": "application/json"})

    assert response.status_code == 400
    assert code_of(response) == "MALFORMED_REQUEST"


@pytest.mark.parametrize(
    "content_type",
    ["text/plain", "application/x-www-form-urlencoded", "application/json; charset=latin-1", ""],
)
async def test_a_body_of_another_type_gets_415(
    http: httpx.AsyncClient, small: Small, content_type: str
) -> None:
    body = b'{"query": "{hello}"}'

    response = await http.post(small.url, content=body, headers={"Content-Type": content_type})

    assert response.status_code == 415


async def test_a_body_over_the_limit_gets_413(http: httpx.AsyncClient) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(30):
            yield b" " * 10_000

    async with serve(make_small(max_body_bytes=50_000)) as small:
        announced = await http.post(
            small.url, content=b" " * 50_001, headers={"Content-Type": "application/json"}
        )
        streamed = await http.post(small.url, content=chunks(), headers={"Content-Type": "application/json"})
        fits = await http.post(
            small.url,
            content=b'{"query": "{hello}"}'.ljust(50_000),
            headers={"Content-Type": "application/json"},
        )

    assert announced.status_code == streamed.status_code == 413
    assert fits.status_code == 200


async def test_get_runs_queries_and_nothing_else(http: httpx.AsyncClient, small: Small) -> None:
    query = await http.get(
        small.url,
        params={
            "query": "query A($n: String!) { hello(name: $n) }",
            "variables": '{"n": "Ä"}',
            "operationName": "A",
        },
    )
    mutation = await http.get(small.url, params={"query": "mutation { add(number: 1) { number } }"})
    malformed = await http.get(small.url, params={"query": "{ hello }", "variables": "{"})
    nothing = await http.get(small.url)

    assert query.json() == {"data": {"hello": "hello Ä"}}
    assert (mutation.status_code, mutation.headers["allow"]) == (405, "POST")
    assert malformed.status_code == nothing.status_code == 400


async def test_other_methods_get_405(http: httpx.AsyncClient, small: Small) -> None:
    for method in ("PUT", "PATCH", "DELETE", "HEAD"):
        response = await http.request(method, small.url)

        assert response.status_code == 405
        assert response.headers["allow"] == "GET, POST"


async def test_a_subscription_over_plain_http_is_told_which_transports_serve_it(
    http: httpx.AsyncClient, small: Small
) -> None:
    for accept in ("application/json", RESPONSE, "*/*"):
        response = await post(http, small, "subscription { ticks { number } }", {"Accept": accept})

        assert response.status_code == 406
        assert code_of(response) == "OPERATION_NOT_ALLOWED"
        for transport in (
            "graphql-transport-ws",
            "text/event-stream",
            "multipart/mixed;subscriptionSpec=1.0",
        ):
            assert transport in response.json()["errors"][0]["message"]
    assert small.book.open_sources == 0


async def test_extensions_reach_the_resolvers(http: httpx.AsyncClient, small: Small) -> None:
    response = await post(http, small, "{ extensions }", extensions={"trace": "abc"})

    assert response.json() == {"data": {"extensions": "{'trace': 'abc'}"}}


async def test_an_error_of_ours_keeps_its_words_code_and_path(http: httpx.AsyncClient, small: Small) -> None:
    response = await post(http, small, "{ hello missing }", {"Accept": RESPONSE})

    assert response.status_code == 200
    assert response.json() == {
        "data": {"hello": "hello world", "missing": None},
        "errors": [
            {
                "message": "There is no such thing.",
                "locations": [{"line": 1, "column": 9}],
                "path": ["missing"],
                "extensions": {"code": "NOT_FOUND"},
            }
        ],
    }


async def test_what_does_not_decode_is_bad_input_with_the_path_of_the_argument(
    http: httpx.AsyncClient, small: Small
) -> None:
    response = await post(http, small, "{ badCursor }")

    assert response.json()["errors"][0]["extensions"] == {"code": "BAD_INPUT", "path": ["after"]}


async def test_a_fault_is_masked_and_logged_once_under_the_id_that_the_caller_sees(
    http: httpx.AsyncClient, small: Small
) -> None:
    with capture_logs() as logs:
        response = await post(http, small, "{ fault }")

    error = response.json()["errors"][0]
    assert error["extensions"] == {"code": "INTERNAL", "id": error["extensions"]["id"]}
    assert error["message"] == f"Internal error, reference {error['extensions']['id']}."
    assert "hunter2" not in response.text
    faults = [entry for entry in logs if entry["log_level"] == "error"]
    assert len(faults) == 1
    assert faults[0]["id"] == error["extensions"]["id"]
    assert str(faults[0]["exc_info"]) == "password=hunter2"


async def test_errors_of_clients_are_logged_without_traceback_at_info(
    http: httpx.AsyncClient, small: Small
) -> None:
    with capture_logs() as logs:
        for query in ("{ missing }", "{ nothing }", "{"):
            await post(http, small, query)

    assert [entry["log_level"] for entry in logs] == ["info"] * 3
    assert not any("exc_info" in entry for entry in logs)


async def test_unknown_credentials_get_401(http: httpx.AsyncClient, small: Small) -> None:
    response = await post(http, small, "{ hello }", {"Authorization": "Bearer wrong"})

    assert response.status_code == 401
    assert response.headers["www-authenticate"].startswith("Bearer")
    assert code_of(response) == "UNAUTHENTICATED"


async def test_a_database_that_is_away_when_the_token_is_looked_up_is_503(
    http: httpx.AsyncClient, small: Small
) -> None:
    response = await post(http, small, "{ hello }", {"Authorization": "Bearer broken"})

    assert response.status_code == 503
    assert code_of(response) == "UNAVAILABLE"
    assert "hunter2" not in response.text


async def test_introspection_is_for_the_signed_in(http: httpx.AsyncClient, small: Small) -> None:
    nested = "{ ...F } fragment F on Query { __schema { queryType { name } } }"

    anonymous = await post(http, small, nested)
    signed_in = await post(http, small, nested, ANN)
    typename = await post(http, small, "{ __typename }")

    assert anonymous.status_code == 401
    assert code_of(anonymous) == "UNAUTHENTICATED"
    assert signed_in.json() == {"data": {"__schema": {"queryType": {"name": "Query"}}}}
    assert typename.json() == {"data": {"__typename": "Query"}}


async def test_a_setting_opens_or_closes_introspection_for_all(http: httpx.AsyncClient) -> None:
    for setting, status in {"everyone": 200, "nobody": 400}.items():
        async with serve(make_small(introspection=setting)) as small:
            response = await post(
                http, small, '{ __type(name: "Item") { name } }', {"Accept": RESPONSE, **ANN}
            )

        assert response.status_code == status


async def test_a_client_that_leaves_takes_its_query_with_it(small: Small) -> None:
    async with httpx.AsyncClient(verify=False) as leaving:
        request = asyncio.create_task(post(leaving, small, "{ slow }"))
        await small.book.until(lambda book: book.begun == ["slow"])
        request.cancel()
        await asyncio.gather(request, return_exceptions=True)

    await small.book.until(lambda book: book.cancelled == ["slow"])


async def test_the_cost_is_told_to_those_who_ask(http: httpx.AsyncClient, small: Small) -> None:
    query = "{ items(first: 50) { nodes { number parent { number } } } }"

    silent = await post(http, small, query, ANN)
    by_header = await post(http, small, query, {"X-Workyard-Cost": "1", **ANN})
    by_extension = await post(http, small, query, ANN, extensions={"cost": True})

    assert "extensions" not in silent.json()
    cost = by_header.json()["extensions"]["cost"]
    assert (cost["requested"], cost["actual"], cost["limit"]) == (101, 8, 1_000_000)
    assert 999_900 < cost["remaining"] <= 1_000_000
    assert cost["resetAt"].endswith("+00:00")
    assert by_extension.json()["extensions"]["cost"]["actual"] == 8


async def test_the_plan_is_told_by_header(http: httpx.AsyncClient, small: Small) -> None:
    answer = await post(http, small, "{ __typename }", {"X-Workyard-Plan": "1", **ANN})

    assert answer.json()["extensions"]["plan"] == {"__typename": "compiled"}


async def test_who_spent_the_budget_is_told_when_to_come_back_and_others_are_not(
    http: httpx.AsyncClient,
) -> None:
    query = "{ items(first: 100) { nodes { number } } }"
    async with serve(make_small(cost_limit=120, cost_refill_per_second=1)) as small:
        statuses = []
        for _ in range(8):
            response = await post(http, small, query, {"Accept": RESPONSE, **ANN})
            statuses.append(response.status_code)
        other = await post(http, small, query, {"Authorization": "Bearer user-2"})

    assert statuses[0] == 200
    assert response.status_code == 429
    assert code_of(response) == "LIMIT_EXCEEDED"
    assert (
        int(response.headers["retry-after"]) == response.json()["errors"][0]["extensions"]["retryAfter"] > 0
    )
    assert other.status_code == 200


COOKIE = {"Cookie": "session=user-1"}


async def test_a_cookie_is_good_for_pages_of_this_server_only(http: httpx.AsyncClient, small: Small) -> None:
    own = small.url.removesuffix("/graphql")

    for origin, status in {own: 200, "http://evil.example": 403, "null": 403}.items():
        response = await post(http, small, "{ viewer }", {**COOKIE, "Origin": origin})
        assert response.status_code == status
    without_origin = await post(http, small, "{ viewer }", COOKIE)
    with_token = await post(http, small, "{ viewer }", {**COOKIE, **ANN, "Origin": "http://evil.example"})

    assert without_origin.status_code == 403
    assert with_token.json() == {"data": {"viewer": 1}}


async def test_a_cookie_may_read_by_get_unless_the_page_is_of_another_site(
    http: httpx.AsyncClient, small: Small
) -> None:
    for headers, status in [
        ({}, 200),
        ({"Sec-Fetch-Site": "same-origin"}, 200),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Origin": "http://evil.example"}, 403),
    ]:
        response = await http.get(small.url, params={"query": "{ viewer }"}, headers={**COOKIE, **headers})
        assert response.status_code == status


TRUSTED = "query Trusted { hello }"
SHA256 = hashlib.sha256(TRUSTED.encode()).hexdigest()


@pytest.fixture
def documents(tmp_path: Path) -> Path:
    """A directory with one trusted document."""
    (tmp_path / "trusted.graphql").write_text(TRUSTED)
    return tmp_path


async def test_a_trusted_document_runs_by_its_sha256(http: httpx.AsyncClient, documents: Path) -> None:
    async with serve(make_small(trusted_documents_dir=documents)) as small:
        for members in (
            {"documentId": SHA256},
            {"documentId": f"sha256:{SHA256}"},
            {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": SHA256}}},
        ):
            response = await http.post(small.url, json=members)
            assert response.json() == {"data": {"hello": "hello world"}}
        unknown = await http.post(small.url, json={"documentId": "0" * 64})
        ordinary = await post(http, small, "{ hello }")

    assert code_of(unknown) == "PERSISTED_QUERY_NOT_FOUND"
    assert ordinary.json() == {"data": {"hello": "hello world"}}


async def test_a_server_may_run_trusted_documents_only(http: httpx.AsyncClient, documents: Path) -> None:
    async with serve(make_small(trusted_documents="only", trusted_documents_dir=documents)) as small:
        ordinary = await post(http, small, "{ hello }")
        by_text = await post(http, small, TRUSTED)

    assert code_of(ordinary) == "PERSISTED_QUERY_REQUIRED"
    assert by_text.json() == {"data": {"hello": "hello world"}}


async def test_a_trusted_document_by_get_has_an_etag(http: httpx.AsyncClient, documents: Path) -> None:
    async with serve(make_small(trusted_documents_dir=documents)) as small:
        first = await http.get(small.url, params={"documentId": SHA256})
        again = await http.get(
            small.url, params={"documentId": SHA256}, headers={"If-None-Match": first.headers["etag"]}
        )
        ordinary = await http.get(small.url, params={"query": "{ hello }"})

    assert (first.status_code, again.status_code, again.content) == (200, 304, b"")
    assert again.headers["etag"] == first.headers["etag"]
    assert ordinary.headers["cache-control"] == "no-store"
    assert "etag" not in ordinary.headers
