"""The general stream."""

from uuid import UUID

from app.events import CATALOGUE
from tests.api import Api, gid
from tests.cast import Cast

EVENTS = """subscription($f: EventFilter, $c: Cursor) { events(filter: $f, after: $c) {
    cursor time type id source subject data } }"""


async def test_an_event_has_the_attributes_of_a_cloudevent_and_the_catalogues_data(
    api: Api, cast: Cast
) -> None:
    async with api.subscribe(cast.bob, EVENTS) as events:
        request = await cast.request(required_tags=["gpu"])
        event = await events.next()

    assert UUID(event["id"]).version == 4
    assert (event["type"], event["subject"]) == ("work_request.created", f"work_request/{request.id}")
    assert event["source"] == "urn:workyard"
    assert set(event["data"]) == set(CATALOGUE["work_request.created"].data)
    assert event["data"]["status"] == "pending" and event["data"]["required_tags"] == ["gpu", "task:noop"]


async def test_events_can_be_chosen_by_type_and_by_subject(api: Api, cast: Cast) -> None:
    start = await api.cursor()
    first, second = await cast.request(), await cast.request()
    await api.mutate(cast.bob, "abortWorkRequest", id=gid(first))
    await api.mutate(cast.bob, "abortWorkRequest", id=gid(second))
    subject = f"work_request/{second.id}"

    async def told(**filter: list[str]) -> list[tuple[str, str]]:
        async with api.subscribe(cast.bob, EVENTS, f=filter, c=start) as events:
            await api.mutate(cast.bob, "retryWorkRequest", "workRequest { id }", id=gid(second))
            return [(event["type"], event["subject"]) for event in await events.take(2)]

    assert await told(types=["work_request.aborted"]) == [
        ("work_request.aborted", f"work_request/{first.id}"),
        ("work_request.aborted", subject),
    ]
    assert await told(subjects=[subject]) == [
        ("work_request.created", subject),
        ("work_request.aborted", subject),
    ]
    assert await told(
        types=["work_request.created", "worker.enabled"], subjects=[f"work_request/{first.id}", subject]
    ) == [
        ("work_request.created", f"work_request/{first.id}"),
        ("work_request.created", subject),
    ]


async def test_one_sees_the_events_of_ones_own_token_and_not_of_others(api: Api, cast: Cast) -> None:
    async with api.subscribe(cast.bob, EVENTS) as of_bob, api.subscribe(cast.sam, EVENTS) as of_sam:
        await api.mutate(cast.ann, "createToken", "key")
        made = (await api.mutate(cast.bob, "createToken", "key token { prefix }")).done

        own = await of_bob.next()
        assert (own["type"], own["data"]["prefix"]) == ("token.created", made["token"]["prefix"])
        assert made["key"] not in str(own)
        assert [event["type"] for event in await of_sam.take(2)] == ["token.created", "token.created"]


async def test_the_anonymous_see_the_events_of_public_workspaces_only(api: Api, cast: Cast) -> None:
    made = await api.mutate(cast.root, "createWorkspace", "workspace { id }", name="open", public=True)
    await api.caught_up()
    async with api.subscribe(None, EVENTS) as events:
        await cast.request()
        await api.mutate(cast.ann, "createToken", "key")
        await api.mutate(None, "registerWorker", "key", fqdn="a.lan")
        await api.mutate(
            cast.root, "createWorkRequest", taskName="noop", workspace=made.done["workspace"]["id"]
        )

        assert (await events.next())["type"] == "work_request.created"
