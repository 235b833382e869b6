"""Bodies that come again: read once, and nobody sees anything of others by them."""

from typing import Any

import httpx
import orjson
import pytest

from app.graphql.repeated import Repeated
from app.graphql.request import GraphQLRequest
from tests.api import Api, gid
from tests.cast import Cast


def kept(api: Api) -> list[bytes]:
    """The bodies that the server remembers."""
    return list(api.server.endpoint._http._repeated._kept)


async def post(api: Api, key: str | None, body: bytes) -> Any:
    transport = httpx.ASGITransport(app=api.server.app)
    headers = {"content-type": "application/json"} | ({"authorization": f"Bearer {key}"} if key else {})
    async with httpx.AsyncClient(verify=False, transport=transport, base_url="http://here") as http:
        return (await http.post("/graphql", content=body, headers=headers)).json()


async def test_each_sees_by_the_same_body_what_they_may_see(api: Api, cast: Cast) -> None:
    request = await cast.request()
    document = "query($id: ID!) { workRequest(id: $id) { id } viewer { user { username } } }"
    body = orjson.dumps({"query": document, "variables": {"id": gid(request)}})

    answers = [await post(api, person.key, body) for person in (cast.bob, cast.eve, cast.bob)]
    stranger = await post(api, None, body)

    bob, eve = answers[0]["data"], answers[1]["data"]
    assert bob == {"workRequest": {"id": gid(request)}, "viewer": {"user": {"username": "bob"}}}
    assert eve == {"workRequest": None, "viewer": {"user": {"username": "eve"}}}
    assert answers[2]["data"] == bob
    assert stranger["data"] == {"workRequest": None, "viewer": {"user": None}}
    assert kept(api) == [body]


async def test_what_is_refused_is_refused_again(api: Api, cast: Cast) -> None:
    body = orjson.dumps({"query": "{ nothing }"})

    answers = [await post(api, cast.bob.key, body) for _ in range(2)]

    assert [each["errors"][0]["extensions"]["code"] for each in answers] == ["GRAPHQL_VALIDATION_FAILED"] * 2
    assert kept(api) == []


@pytest.mark.parametrize(
    "request_",
    [
        {"query": "mutation { signOut { userErrors { message } } }"},
        {
            "query": "query($f: WorkRequestFilter) { workRequests(filter: $f) { nodes { id } } }",
            "variables": {"f": {}},
        },
        {"query": "{ viewer { user { username } } }", "extensions": {"cost": True}},
        {"query": "{ viewer { user { username } } } # " + "x" * 8000},
    ],
    ids=["a mutation", "an object that could be changed", "extensions", "too long"],
)
async def test_some_are_read_each_time(api: Api, cast: Cast, request_: dict[str, Any]) -> None:
    assert "errors" not in await post(api, cast.bob.key, orjson.dumps(request_))

    assert kept(api) == []


async def test_no_more_is_remembered_than_so_many_and_so_long(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.graphql.repeated.MOST", 3)
    monkeypatch.setattr("app.graphql.repeated.MOST_BYTES", 25)
    request = GraphQLRequest(query="{ __typename }")
    operation = api.server.engine.find(request)
    repeated = Repeated()

    for body in (b"1", b"2", b"3", b"4", b"2", b"a body of 20 letters"):
        if repeated.get(body) is None:
            repeated.keep(body, request, operation)

    assert list(repeated._kept) == [b"4", b"2", b"a body of 20 letters"]
    repeated.keep(b"a body of 24 more letters", request, operation)
    assert list(repeated._kept) == [b"a body of 24 more letters"]
