"""What is followed, over one WebSocket that may break at any moment."""

import asyncio
from contextlib import aclosing

import pytest

from app.client import Client, CursorExpired, GraphQLError, ProtocolError, Unauthenticated
from tests.client.conftest import QUICK, Wire
from tests.graphql.small import Small

TICKS = "subscription ($after: String, $to: Int!) { ticks(to: $to, after: $after) { cursor number } }"
SILENCE = "subscription ($after: String) { silence(after: $after) { cursor number } }"


async def numbers_of(client: Client, to: int, *, after: str | None = None, pause_every: int = 0) -> list[int]:
    seen: list[int] = []
    async for tick in client.subscribe(TICKS, {"to": to}, after=after):
        seen.append(tick["number"])
        if pause_every and len(seen) % pause_every == 0:
            await asyncio.sleep(0.01)
    return seen


async def test_events_come_in_order_until_the_server_completes(client: Client) -> None:
    assert await numbers_of(client, 5) == [1, 2, 3, 4, 5]


async def test_following_begins_after_the_given_cursor(client: Client) -> None:
    assert await numbers_of(client, 5, after="3") == [4, 5]


async def test_all_subscriptions_share_one_connection(client: Client, wire: Wire) -> None:
    everything = await asyncio.gather(*(numbers_of(client, 20) for _ in range(10)))

    assert everything == [list(range(1, 21))] * 10
    assert wire.connections == 1


async def test_a_cut_connection_is_taken_up_after_the_last_event(client: Client, wire: Wire) -> None:
    seen: list[int] = []

    async for tick in client.subscribe(TICKS, {"to": 1000}):
        seen.append(tick["number"])
        if len(seen) in (1, 50, 51, 700):
            wire.cut()

    assert seen == list(range(1, 1001))
    assert wire.connections > 2


async def test_a_server_that_restarts_is_followed_again(client: Client, small: Small, wire: Wire) -> None:
    seen: list[int] = []

    async with asyncio.timeout(10):
        async for tick in client.subscribe(TICKS, {"to": 1000}):
            seen.append(tick["number"])
            if len(seen) == 10:
                await small.endpoint.connections.drain(within=2)
                small.endpoint.connections.draining = False

    assert seen == list(range(1, 1001))


async def test_a_server_that_is_away_is_waited_for(wire: Wire) -> None:
    await wire.close()
    async with Client(wire.url, backoff=QUICK) as client:
        following = asyncio.create_task(numbers_of(client, 3))
        await asyncio.sleep(0)
        await wire.open()

        assert await following == [1, 2, 3]


async def test_a_slow_reader_misses_nothing_and_holds_up_nobody(client: Client) -> None:
    slow = asyncio.create_task(numbers_of(client, 3000, pause_every=100))
    quick = [await numbers_of(client, 50) for _ in range(5)]

    assert not slow.done()
    assert quick == [list(range(1, 51))] * 5
    assert await slow == list(range(1, 3001))


async def test_leaving_early_ends_the_subscription_on_the_server(client: Client, small: Small) -> None:
    async with aclosing(client.subscribe(SILENCE)) as events:
        assert (await anext(events))["number"] == 1
        assert small.book.open_sources == 1

    await small.book.until(lambda book: book.open_sources == 0)


async def test_a_cursor_that_is_too_old_ends_it(client: Client) -> None:
    with pytest.raises(CursorExpired, match="too long ago"):
        await numbers_of(client, 5, after="old")


async def test_a_revoked_token_ends_it(client: Client, small: Small) -> None:
    async with aclosing(client.subscribe(SILENCE)) as events:
        await anext(events)
        for caller in small.identity.callers:
            caller.revoked.set()

        with pytest.raises(Unauthenticated, match="4403: Token revoked"):
            await anext(events)


async def test_an_error_of_the_document_ends_it(client: Client) -> None:
    with pytest.raises(GraphQLError, match="nothing"):
        await anext(client.subscribe("subscription ($after: String) { nothing(after: $after) { cursor } }"))


async def test_a_document_that_cannot_be_resumed_is_refused(client: Client) -> None:
    with pytest.raises(ValueError, match=r"must declare \$after"):
        await anext(client.subscribe("subscription { ticks { cursor } }"))
    with pytest.raises(ProtocolError, match="no cursor"):
        await anext(client.subscribe("subscription ($after: String) { ticks(after: $after) { number } }"))


async def test_closing_the_client_ends_what_it_follows(wire: Wire) -> None:
    client = Client(wire.url, backoff=QUICK)
    events = client.subscribe(SILENCE)
    await anext(events)

    await client.aclose()

    with pytest.raises(Exception, match="closed"):
        await anext(events)
