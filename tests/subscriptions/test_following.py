"""Following the log: everything once and in the order of commits, whatever happens to whoever follows."""

import asyncio
import random
from typing import Any, Self

import pytest

import app.daemons.log_reader
import app.publishers.hub
from app.access import Role
from app.actions import accounts, outbox, work, workspaces
from app.actions.retention import prune_event_log
from app.database import Database, fetch, transaction
from app.events import Position
from app.graphql.ids import event_cursor
from app.models import OutboxEvent, WorkRequest
from tests.api import LIMIT, Api, Following, gid, run_api
from tests.cast import Cast

CHANGED = "subscription($c: Cursor) { workRequestChanged(after: $c) { cursor type workRequest { id } } }"
EVENTS = (
    "subscription($c: Cursor, $f: EventFilter) { events(after: $c, filter: $f) { cursor id type subject } }"
)


async def log_of(*types: str) -> list[str]:
    """The ids of the events of these types, in the order of the log."""
    rows = await fetch("SELECT id, event_type FROM outbox_event ORDER BY xid, seq")
    return [str(row["id"]) for row in rows if row["event_type"] in types or not types]


async def test_after_a_cursor_comes_exactly_what_was_missed(api: Api, cast: Cast) -> None:
    start = await api.cursor()
    async with api.subscribe(cast.bob, EVENTS) as live:
        for _ in range(4):
            await cast.request()
        seen = await live.take(4)

    for number, cursor in enumerate([start, *(event["cursor"] for event in seen)]):
        async with api.subscribe(cast.bob, EVENTS, c=cursor) as again:
            assert await again.take(len(seen) - number) == seen[number:]
            request = await cast.request()  # and then it goes on live
            new = await again.next()
            assert new["subject"] == f"work_request/{request.id}"
        seen.append(new)


async def test_without_a_cursor_comes_only_what_happens_from_now_on(api: Api, cast: Cast) -> None:
    await cast.request()
    await api.caught_up()
    async with api.subscribe(cast.bob, CHANGED) as events:
        request = await cast.request()

        assert (await events.next())["workRequest"] == {"id": gid(request)}


async def test_the_cursor_of_a_snapshot_leaves_no_gap_to_the_subscription(api: Api, cast: Cast) -> None:
    """The cursor is read before the snapshot: what happens in between comes, at the cost of a repeat at most."""
    cursor = await api.cursor()
    between = await cast.request()
    snapshot = await api.execute(cast.bob, "{ workRequests { nodes { id } } }")
    later = await cast.request()

    async with api.subscribe(cast.bob, CHANGED, c=cursor) as events:
        ids = [event["workRequest"]["id"] for event in await events.take(2)]

    assert ids == [gid(between), gid(later)]
    assert snapshot["workRequests"]["nodes"] == [{"id": gid(between)}]


class Held:
    """A transaction that has submitted a request and is kept open until told otherwise."""

    def __init__(self, cast: Cast) -> None:
        self._cast = cast
        self._written, self._go = asyncio.Event(), asyncio.Event()
        self._task = asyncio.create_task(self._run())

    async def _run(self) -> WorkRequest:
        async with transaction():
            request = await self._cast.request()
            self._written.set()
            await self._go.wait()
        return request

    async def __aenter__(self) -> Self:
        await self._written.wait()
        return self

    async def __aexit__(self, *_: object) -> None:
        self._task.cancel()
        await asyncio.wait([self._task])

    async def commit(self) -> WorkRequest:
        """Let it commit; on return it has."""
        self._go.set()
        return await self._task


@pytest.fixture
async def known_tags(api: Api, cast: Cast) -> None:
    """The first request with some tags makes their set known; others with these tags wait for its commit."""
    await cast.request()
    await api.caught_up()


async def test_what_commits_late_is_not_skipped_and_comes_in_its_place(
    api: Api, cast: Cast, known_tags: None
) -> None:
    async with api.subscribe(cast.bob, CHANGED) as live, Held(cast) as early:
        later = [await cast.request() for _ in range(3)]
        assert await api.reader.run_once() == 0  # all of them are held back

        first = await early.commit()

        ids = [event["workRequest"]["id"] for event in await live.take(4)]
    assert ids == [gid(first), *map(gid, later)]


async def test_a_cursor_from_before_a_late_commit_still_finds_it(
    api: Api, cast: Cast, known_tags: None
) -> None:
    start = await api.cursor()
    async with Held(cast) as one, Held(cast) as two:
        second = await two.commit()
        async with api.subscribe(cast.bob, CHANGED, c=start) as before:
            first = await one.commit()
            seen = await before.take(2)

    assert [event["workRequest"]["id"] for event in seen] == [gid(first), gid(second)]
    async with api.subscribe(cast.bob, CHANGED, c=seen[0]["cursor"]) as after:
        assert await after.next() == seen[1]


async def test_a_transaction_that_is_rolled_back_late_holds_nothing_back_for_good(
    api: Api, cast: Cast, known_tags: None
) -> None:
    async with api.subscribe(cast.bob, CHANGED) as live:
        async with Held(cast):
            later = await cast.request()
            assert await api.reader.run_once() == 0

        assert (await live.next())["workRequest"] == {"id": gid(later)}


async def test_nothing_is_lost_or_repeated_under_concurrent_commits_in_any_order(
    api: Api, cast: Cast
) -> None:
    """Eight writers whose transactions overlap; one stays, one leaves and comes back after every few events."""
    dice = random.Random(7)
    start = await api.cursor()
    total = 8 * 5

    async def write(pauses: list[int]) -> None:
        for pause in pauses:
            async with transaction():
                await cast.request()
                for _ in range(pause):
                    await asyncio.sleep(0.001)

    async def come_and_go() -> list[str]:
        seen: list[str] = []
        cursor = start
        while len(seen) < total:
            async with api.subscribe(cast.bob, EVENTS, c=cursor) as events:
                for event in await events.take(min(dice.randint(1, 4), total - len(seen))):
                    seen.append(event["id"])
                    cursor = event["cursor"]
        return seen

    async with api.subscribe(cast.bob, EVENTS) as live:
        writers = [write([dice.randint(0, 9) for _ in range(5)]) for _ in range(8)]
        *_, restless = await asyncio.gather(*writers, come_and_go())
        patient = [event["id"] for event in await live.take(total)]

    expected = (await log_of("work_request.created"))[-total:]
    assert patient == expected
    assert restless == expected


@pytest.fixture
def small_window(monkeypatch: pytest.MonkeyPatch) -> None:
    """A hub that keeps few events and hands out fewer at once."""
    monkeypatch.setattr(app.publishers.hub, "WINDOW", 4)
    monkeypatch.setattr(app.publishers.hub, "BATCH", 3)
    monkeypatch.setattr(app.daemons.log_reader, "BATCH", 3)


async def test_a_slow_subscriber_reads_from_the_log_what_the_hub_no_longer_has(
    small_window: None, api: Api, cast: Cast
) -> None:
    slow = api.stream(cast.bob, EVENTS, c=await api.cursor())
    await cast.request()
    seen = [(await anext(slow))["id"]]
    async with api.subscribe(cast.bob, EVENTS) as quick:
        for _ in range(30):
            await cast.request()
        quickly = [event["id"] for event in await quick.take(30)]
    assert len(api.hub._window) <= 8

    async with asyncio.timeout(LIMIT):
        seen += [(await anext(slow))["id"] for _ in range(30)]
        await cast.request()
        seen.append((await anext(slow))["id"])
    await slow.aclose()

    expected = (await log_of("work_request.created"))[-32:]
    assert seen == expected
    assert quickly == expected[1:31]


async def test_many_subscribers_at_different_places_each_get_all(
    small_window: None, api: Api, cast: Cast
) -> None:
    cursors = [await api.cursor()]
    for _ in range(20):
        await cast.request()
        cursors.append(await api.cursor())
    expected = (await log_of("work_request.created"))[-20:]

    async def rest(number: int) -> list[str]:
        async with api.subscribe(cast.bob, EVENTS, c=cursors[number]) as events:
            return [event["id"] for event in await events.take(20 - number)]

    for number in range(21):
        assert await rest(number) == expected[number:]


# Retention -----------------------------------------------------------------------------------------------------------


FOLLOWING = ("workRequestChanged", "events", "workerChanged", "artifactChanged")


async def test_a_cursor_from_before_the_retention_has_expired(db: Database, api: Api, cast: Cast) -> None:
    """At a process that has not read the events before they were removed; one that has them still serves them."""
    start = await api.cursor()
    removed = await cast.request()
    end = await api.cursor()
    assert await prune_event_log(0) > 0

    async with run_api(db) as restarted:
        for field in FOLLOWING:
            document = f"subscription($c: Cursor) {{ {field}(after: $c) {{ type }} }}"
            async with restarted.subscribe(cast.bob, document, c=start) as events:
                assert await events.end() == "CURSOR_EXPIRED"
        document = "subscription($c: Cursor) { workerInbox(after: $c) { type } }"
        async with restarted.subscribe(cast.machine, document, c=start) as inbox:
            assert (await inbox.next())["type"] == "worker.metadata_requested"
            assert await inbox.end() == "CURSOR_EXPIRED"
        async with restarted.subscribe(cast.bob, CHANGED, c=end) as events:
            request = await cast.request()
            assert (await events.next())["workRequest"] == {"id": gid(request)}
    async with api.subscribe(cast.bob, CHANGED, c=start) as events:
        assert (await events.next())["workRequest"] == {"id": gid(removed)}


async def test_a_subscriber_that_is_too_slow_for_the_retention_is_told(
    small_window: None, api: Api, cast: Cast
) -> None:
    slow = api.stream(cast.bob, EVENTS, c=await api.cursor())
    for _ in range(20):
        await cast.request()
    await anext(slow)
    async with api.subscribe(cast.bob, EVENTS) as quick:
        await cast.request()
        await quick.next()
    await api.caught_up()
    await prune_event_log(0)

    with pytest.raises(Exception, match="no longer kept"):
        async with asyncio.timeout(LIMIT):
            while True:
                await anext(slow)


async def test_pruning_keeps_what_is_young_enough(db: Database, api: Api, cast: Cast) -> None:
    start = await api.cursor()
    old, young = await cast.request(), await cast.request()
    await fetch(
        "UPDATE outbox_event SET created_at = now() - interval '8 days' WHERE (xid, seq) <="
        " (SELECT xid, seq FROM outbox_event WHERE subject = $1)",
        f"work_request/{old.id}",
    )
    middle = event_cursor(await _position(old))
    await api.caught_up()
    assert await prune_event_log(7) > 0

    async with run_api(db) as restarted:
        async with restarted.subscribe(cast.bob, CHANGED, c=start) as events:
            assert await events.end() == "CURSOR_EXPIRED"
        async with restarted.subscribe(cast.bob, CHANGED, c=middle) as events:
            assert (await events.next())["workRequest"] == {"id": gid(young)}


async def _position(request: WorkRequest) -> Position:
    row = await OutboxEvent.get(subject=f"work_request/{request.id}")
    (found,) = await fetch("SELECT xid::text::bigint AS xid, seq FROM outbox_event WHERE id = $1", row.id)
    return Position(found["xid"], found["seq"])


# Who may see ---------------------------------------------------------------------------------------------------------


async def open_workspace(cast: Cast) -> Any:
    return await workspaces.create_workspace(await cast.root.viewer(), name="open", public=True)


async def test_a_role_that_is_taken_away_ends_the_view_at_once(api: Api, cast: Cast) -> None:
    public = await open_workspace(cast)
    async with api.subscribe(cast.bob, CHANGED) as events:
        before = await cast.request()
        assert (await events.next())["workRequest"] == {"id": gid(before)}
        await api.mutate(
            cast.ann, "setWorkspaceRole", workspace=gid(cast.lab), user=gid(cast.bob.user), role=None
        )
        await cast.request(by=cast.ann)
        seen = await cast.request(by=cast.root, workspace_id=public.id)

        assert (await events.next())["workRequest"] == {"id": gid(seen)}


async def test_a_role_that_is_given_opens_the_view_at_once_and_for_the_past(api: Api, cast: Cast) -> None:
    start = await api.cursor()
    async with api.subscribe(cast.eve, CHANGED) as events:
        unseen = await cast.request()
        await api.caught_up()
        await api.mutate(
            cast.ann, "setWorkspaceRole", workspace=gid(cast.lab), user=gid(cast.eve.user), role="VIEWER"
        )
        seen = await cast.request()

        assert (await events.next())["workRequest"] == {"id": gid(seen)}
    async with api.subscribe(cast.eve, CHANGED, c=start) as events:
        assert [event["workRequest"] for event in await events.take(2)] == [
            {"id": gid(unseen)},
            {"id": gid(seen)},
        ]


async def test_a_workspace_that_was_closed_is_closed_for_the_past_too(api: Api, cast: Cast) -> None:
    public = await open_workspace(cast)
    start = await api.cursor()
    await cast.request(by=cast.root, workspace_id=public.id)
    async with api.subscribe(None, CHANGED, c=start) as events:
        assert (await events.next())["workRequest"] is not None
    await api.mutate(cast.root, "updateWorkspace", id=gid(public), public=False)
    second = await open_other(cast)
    async with api.subscribe(None, CHANGED, c=start) as events:
        request = await cast.request(by=cast.root, workspace_id=second.id)
        assert (await events.next())["workRequest"] == {"id": gid(request)}


async def open_other(cast: Cast) -> Any:
    return await workspaces.create_workspace(await cast.root.viewer(), name="open2", public=True)


@pytest.mark.parametrize("change", ["user", "superuser", "permission", "team"])
async def test_every_change_of_access_reaches_open_subscriptions(api: Api, cast: Cast, change: str) -> None:
    root = await cast.root.viewer()
    async with api.subscribe(cast.eve, CHANGED) as events:
        if change == "user":
            await api.mutate(cast.root, "updateUser", id=gid(cast.eve.user), isActive=False)
            await cast.request()
            assert await events.end() == "UNAUTHENTICATED"
            return
        if change == "superuser":
            await api.mutate(cast.root, "updateUser", id=gid(cast.eve.user), isSuperuser=True)
        elif change == "permission":
            await api.mutate(cast.root, "grantPermission", user=gid(cast.eve.user), permission="abort_work")
            await workspaces.set_workspace_role(root, cast.lab.id, Role.VIEWER, user_id=cast.eve.user.id)
        else:
            team = await accounts.set_team(root, "team", [])
            await workspaces.set_workspace_role(root, cast.lab.id, Role.VIEWER, team_id=team.id)
            await cast.request()
            await api.caught_up()
            await api.mutate(cast.sam, "setTeam", name="team", members=[gid(cast.eve.user)])
        seen = await cast.request()

        assert (await events.next())["workRequest"] == {"id": gid(seen)}


async def test_what_is_rendered_for_one_is_not_shown_to_another_who_sees_less(api: Api, cast: Cast) -> None:
    await fetch("UPDATE \"user\" SET email = 'ann@example.org' WHERE username = 'ann'")
    document = "subscription { workRequestChanged { workRequest { createdBy { username email } viewerCan { abort } } } }"
    async with (
        api.subscribe(cast.root, document) as for_root,
        api.subscribe(cast.bob, document) as for_bob,
        api.subscribe(cast.vic, document) as for_vic,
        api.subscribe(cast.ann, document) as for_ann,
    ):
        await cast.request(by=cast.ann)

        seen = {
            name: (await events.next())["workRequest"]
            for name, events in {"root": for_root, "bob": for_bob, "vic": for_vic, "ann": for_ann}.items()
        }
    emails = {name: request["createdBy"]["email"] for name, request in seen.items()}
    assert emails == {"root": "ann@example.org", "bob": None, "vic": None, "ann": "ann@example.org"}
    rights = {name: request["viewerCan"]["abort"] for name, request in seen.items()}
    assert rights == {"root": True, "bob": False, "vic": False, "ann": True}


# Several processes ---------------------------------------------------------------------------------------------------


async def test_what_one_process_writes_another_hears_of_by_notify(
    db: Database, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Polling is put off, and each reader is woken by its own process alone: what remains is NOTIFY."""
    monkeypatch.setattr(app.daemons.log_reader, "POLL", 3600.0)
    async with run_api(db) as one, run_api(db) as two:
        wakers = {one: one.reader._written, two: two.reader._written}

        async def write(by: Api) -> WorkRequest:
            others = [waker for api, waker in wakers.items() if api is not by]
            monkeypatch.setattr(outbox, "_wakers", [wakers[by]])
            request = await cast.request()
            assert others
            monkeypatch.setattr(outbox, "_wakers", list(wakers.values()))
            return request

        async with one.subscribe(cast.bob, CHANGED) as first, two.subscribe(cast.ann, CHANGED) as second:
            for writer in (one, two, one, one, two):
                request = await write(writer)
                for events in (first, second):
                    assert (await events.next())["workRequest"] == {"id": gid(request)}
        cursor = await one.cursor()
        assert cursor == await two.cursor()
        request = await write(one)
        async with two.subscribe(cast.bob, CHANGED, c=cursor) as events:
            assert (await events.next())["workRequest"] == {"id": gid(request)}


async def test_a_cursor_of_one_process_is_good_at_another(db: Database, cast: Cast) -> None:
    async with run_api(db) as one, run_api(db) as two:
        seen: list[str] = []
        made = []
        cursor = await one.cursor()
        for number in range(6):
            made.append(gid(await cast.request()))
            async with (one, two)[number % 2].subscribe(cast.bob, CHANGED, c=cursor) as events:
                event = await events.next()
                seen.append(event["workRequest"]["id"])
                cursor = event["cursor"]

    assert seen == made


async def test_a_token_that_is_refused_at_one_process_is_refused_at_another(db: Database, cast: Cast) -> None:
    async with run_api(db) as one, run_api(db) as two:
        made = (await one.mutate(cast.bob, "createToken", "key token { id }")).done
        async with two.subscribe(made["key"], CHANGED) as events:
            await one.mutate(cast.bob, "disableToken", id=made["token"]["id"])
            assert events.caller is not None
            async with asyncio.timeout(LIMIT):
                assert await events.caller.wait_until_revoked() == "Token revoked"


async def test_subscriptions_end_when_the_server_stops(db: Database, cast: Cast) -> None:
    followings: list[Following] = []
    async with run_api(db) as api:
        followings = [api.subscribe(cast.bob, CHANGED), api.subscribe(cast.ann, EVENTS)]
        for following in followings:
            await following.__aenter__()
    for following in followings:
        assert await following.end() is None
    after = api.subscribe(cast.bob, CHANGED)
    async with after as events:
        assert await events.end() == "UNAVAILABLE"
    assert await work.acquire_work_request(await cast.machine.viewer()) is None
