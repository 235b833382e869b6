"""The page at /graphiql and its files, as HTTP gives them; and the example operations in its first tabs."""

import gzip
import json
import re
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from graphql import OperationType, build_schema, parse, validate
from graphql.language import OperationDefinitionNode
from starlette.applications import Starlette

from app.web.graphiql import content_security_policy, graphiql_routes

ROOT = Path(__file__).parent.parent.parent
EXAMPLES = sorted((ROOT / "ui" / "graphiql" / "examples").glob("*.graphql"))
SCHEMA = ROOT / "schema.graphql"


@pytest.fixture
def built(tmp_path: Path) -> Path:
    (tmp_path / "assets").mkdir()
    (tmp_path / "index.html").write_text("<!doctype html><title>Workyard</title>")
    (tmp_path / "assets" / "index-C0FFEE.js").write_text("'use strict'")
    return tmp_path


@pytest.fixture
async def client(built: Path) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(Starlette(routes=graphiql_routes(built)))
    async with httpx.AsyncClient(
        verify=False, transport=transport, base_url="http://workyard.test:8000"
    ) as client:
        yield client


async def test_the_page_is_html_that_no_cache_keeps(client: httpx.AsyncClient) -> None:
    response = await client.get("/graphiql")

    assert response.status_code == 200
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    assert response.headers["cache-control"] == "no-store"
    assert "<title>Workyard</title>" in response.text


async def test_the_page_takes_scripts_and_data_from_its_own_origin_alone(client: httpx.AsyncClient) -> None:
    response = await client.get("/graphiql")

    policy = policy_of(response)
    assert policy["default-src"] == ["'none'"]
    assert policy["script-src"] == ["'self'"]
    assert policy["worker-src"] == ["'self'"]
    assert policy["connect-src"] == ["'self'", "ws://workyard.test:8000", "wss://workyard.test:8000"]
    assert policy["base-uri"] == ["'none'"]


async def test_the_page_cannot_be_framed_sniffed_or_followed(client: httpx.AsyncClient) -> None:
    response = await client.get("/graphiql")

    assert policy_of(response)["frame-ancestors"] == ["'none'"]
    assert response.headers["x-frame-options"] == "DENY"
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.headers["referrer-policy"] == "same-origin"


@pytest.mark.parametrize(
    "host", ["", "evil.test; script-src *", "a b", "x\r\nSet-Cookie: a=b", "user@host", "host:port"]
)
def test_a_host_header_cannot_widen_the_policy(host: str) -> None:
    assert content_security_policy(host) == content_security_policy("")


@pytest.mark.parametrize("host", ["localhost:8000", "workyard.example", "127.0.0.1", "[::1]:8000"])
def test_the_policy_lets_the_page_open_web_sockets_to_its_own_host(host: str) -> None:
    assert f"connect-src 'self' ws://{host} wss://{host};" in content_security_policy(host)


async def test_files_with_a_hash_in_their_name_are_kept_for_good(client: httpx.AsyncClient) -> None:
    response = await client.get("/static/graphiql/assets/index-C0FFEE.js")

    assert response.status_code == 200
    assert response.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.headers["content-type"].startswith("text/javascript")


async def test_a_browser_that_takes_gzip_gets_the_compressed_file_of_the_build(
    built: Path, client: httpx.AsyncClient
) -> None:
    script = "'use strict'; // " + "long " * 1000
    (built / "assets" / "index-C0FFEE.js").write_text(script)
    (built / "assets" / "index-C0FFEE.js.gz").write_bytes(gzip.compress(script.encode()))
    path = "/static/graphiql/assets/index-C0FFEE.js"

    small = await client.get(path, headers={"Accept-Encoding": "br, gzip"})
    plain = await client.get(path, headers={"Accept-Encoding": "identity"})

    assert small.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in plain.headers
    assert int(small.headers["content-length"]) < len(script) == int(plain.headers["content-length"])
    assert small.text == plain.text == script
    for response in (small, plain):
        assert response.headers["content-type"].startswith("text/javascript")
        assert response.headers["vary"] == "Accept-Encoding"


@pytest.mark.parametrize("path", ["missing.js", "../index.html", "%2e%2e/index.html", ""])
async def test_nothing_else_is_served_from_there(client: httpx.AsyncClient, path: str) -> None:
    response = await client.get(f"/static/graphiql/assets/{path}")

    assert response.status_code == 404
    assert "immutable" not in response.headers.get("cache-control", "")


async def test_without_a_build_the_page_says_how_to_make_one(built: Path, client: httpx.AsyncClient) -> None:
    (built / "index.html").unlink()

    response = await client.get("/graphiql")

    assert response.status_code == 503
    assert response.headers["cache-control"] == "no-store"
    assert "make ui" in response.text


async def test_a_build_made_while_the_server_runs_is_served(tmp_path: Path) -> None:
    later = tmp_path / "later"
    transport = httpx.ASGITransport(Starlette(routes=graphiql_routes(later)))
    async with httpx.AsyncClient(
        verify=False, transport=transport, base_url="http://workyard.test"
    ) as client:
        before = await client.get("/static/graphiql/assets/a.js")
        (later / "assets").mkdir(parents=True)
        (later / "assets" / "a.js").write_text("1")
        (later / "index.html").write_text("<title>Workyard</title>")

        page, asset = await client.get("/graphiql"), await client.get("/static/graphiql/assets/a.js")

    assert (before.status_code, page.status_code, asset.status_code) == (404, 200, 200)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_is_valid_against_the_published_schema(example: Path) -> None:
    if not SCHEMA.exists():
        pytest.skip("there is no schema.graphql yet")
    schema = build_schema(SCHEMA.read_text())

    errors = validate(schema, parse(example.read_text()))

    assert [error.message for error in errors] == []


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_is_one_named_operation_with_a_title_and_its_variables(example: Path) -> None:
    text = example.read_text()
    [operation] = parse(text).definitions

    assert isinstance(operation, OperationDefinitionNode)
    assert operation.name is not None
    assert re.match(r"# \d\. \S.*[.?]\n#\n", text)
    assert set(variables_beside(example)) == declared_by(operation)


def test_every_subscription_example_can_be_resumed() -> None:
    documents = [parse(example.read_text()) for example in EXAMPLES]
    operations = [one for document in documents for one in document.definitions]
    subscriptions = [
        one
        for one in operations
        if isinstance(one, OperationDefinitionNode) and one.operation is OperationType.SUBSCRIPTION
    ]

    assert len(subscriptions) == 4
    for one in subscriptions:
        assert "after" in declared_by(one)


def test_the_lock_names_no_host_and_no_address() -> None:
    lock = (ROOT / "ui" / "graphiql" / "package-lock.json").read_text()

    assert re.findall(r"\w+://|\"resolved\"", lock) == []


def policy_of(response: httpx.Response) -> dict[str, list[str]]:
    directives = (one.split() for one in response.headers["content-security-policy"].split(";"))
    return {name: sources for name, *sources in directives}


def declared_by(operation: OperationDefinitionNode) -> set[str]:
    return {definition.variable.name.value for definition in operation.variable_definitions or ()}


def variables_beside(example: Path) -> dict[str, object]:
    file = example.with_suffix(".variables.json")
    return dict(json.loads(file.read_text())) if file.exists() else {}
