"""What is asked once, over HTTP."""

import asyncio
import logging

import pytest

from app.client import Client, GraphQLError, ProtocolError, Unauthenticated, Unavailable
from app.client.client import endpoints
from tests.client.conftest import QUICK, Wire
from tests.graphql.small import Small


async def test_a_query_is_answered_with_its_data(client: Client) -> None:
    data = await client.execute("query ($n: String!) { hello(name: $n) }", {"n": "ann"})

    assert data == {"hello": "hello ann"}


async def test_errors_are_raised_with_their_codes(client: Client) -> None:
    with pytest.raises(GraphQLError) as refused:
        await client.execute("{ nothing }")

    assert "nothing" in str(refused.value)
    assert len(refused.value.errors) == 1


async def test_an_unknown_token_is_unauthenticated(wire: Wire) -> None:
    async with Client(wire.url, "nobody") as nobody:
        with pytest.raises(Unauthenticated) as refused:
            await nobody.execute("{ hello }")

    assert refused.value.codes == ["UNAUTHENTICATED"]


async def test_a_call_waits_for_a_server_that_is_starting(wire: Wire, client: Client) -> None:
    await wire.close()
    with pytest.raises(Unavailable) as refused:
        await client.execute("mutation { add(number: 1) { number } }")
    async with Client(wire.url, backoff=QUICK, retries=1000) as patient:
        asking = asyncio.create_task(patient.execute("mutation { add(number: 1) { number } }"))
        await asyncio.sleep(0)
        await wire.open()

        assert await asking == {"add": {"number": 1}}
    assert not refused.value.sent


async def test_a_query_whose_answer_was_lost_is_asked_again(wire: Wire, client: Client) -> None:
    wire.cut_on = b"hello"

    assert await client.execute("{ hello }") == {"hello": "hello world"}
    assert wire.connections == 2


async def test_a_mutation_whose_answer_was_lost_is_not_repeated_by_itself(wire: Wire, client: Client) -> None:
    wire.cut_on = b"add"

    with pytest.raises(Unavailable) as lost:
        await client.execute("mutation { add(number: 1) { number } }")

    assert lost.value.sent
    assert wire.connections == 1


async def test_an_idempotent_mutation_is_repeated(wire: Wire, client: Client) -> None:
    wire.cut_on = b"add"

    data = await client.execute("mutation { add(number: 1) { number } }", idempotent=True)

    assert data == {"add": {"number": 1}}


async def test_a_server_that_does_not_answer_in_time_is_unavailable(wire: Wire, small: Small) -> None:
    async with Client(wire.url, retries=0) as impatient:
        with pytest.raises(Unavailable, match=r"did not answer within 0\.05 seconds") as late:
            await impatient.execute("{ slow }", timeout=0.05)

    assert late.value.sent


async def test_what_is_no_graphql_is_named_as_such() -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 404 Not Found\r\ncontent-type: text/html\r\ncontent-length: 2\r\n\r\nno")
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server, Client(f"http://127.0.0.1:{port}") as client:
        with pytest.raises(ProtocolError, match="404 Not Found, which is not GraphQL"):
            await client.execute("{ hello }")


async def test_the_token_is_in_no_log(wire: Wire, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)

    async with Client(wire.url, "user-1") as client:
        await client.execute("{ hello }")
        async for _ in client.subscribe(
            "subscription ($after: String) { ticks(to: 1, after: $after) { cursor } }"
        ):
            pass

    ours = [record.getMessage() for record in caplog.records if not record.name.startswith("uvicorn")]
    assert len(ours) > 2
    assert not [text for text in ours if "user-1" in text]


@pytest.mark.parametrize(
    ("url", "http", "socket"),
    [
        ("http://h:1", "http://h:1/graphql", "ws://h:1/graphql"),
        ("https://h/", "https://h/graphql", "wss://h/graphql"),
        ("https://h/base/graphql/?x", "https://h/base/graphql", "wss://h/base/graphql"),
    ],
)
def test_the_address_may_be_given_with_or_without_the_endpoint(url: str, http: str, socket: str) -> None:
    assert endpoints(url) == (http, socket)


@pytest.mark.parametrize("url", ["", "h:1", "ftp://h", "http://"])
def test_an_address_that_is_none_is_refused_at_once(url: str) -> None:
    with pytest.raises(ValueError, match="expected a URL like"):
        Client(url)
