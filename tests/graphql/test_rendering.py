"""What is rendered once for several subscribers is what each of them was to get."""

from tests.api import Api
from tests.cast import Cast

INBOX = "subscription ($after: Cursor) { workerInbox(after: $after) { __typename cursor } }"


async def test_a_worker_that_returns_at_once_is_asked_for_its_metadata_and_told_nothing_twice(
    api: Api, cast: Cast
) -> None:
    async with api.subscribe(cast.machine, INBOX) as inbox:
        assert (await inbox.next())["__typename"] == "DynamicMetadataRequested"
        await cast.request()
        last = (await inbox.take(2))[-1]  # its connection, and the request, are both reasons to claim

    async with api.subscribe(cast.machine, INBOX, after=last["cursor"]) as inbox:
        first = await inbox.next()

    assert last["__typename"] == "WorkRequestAvailable"
    assert first["__typename"] == "DynamicMetadataRequested"
