"""The public acceptance scenarios about work, workers and tokens: each test is one of them, told to the API."""

from contextlib import AsyncExitStack
from typing import Any

import pytest

from app.actions import work
from app.actions.tokens import get_token_or_none, new_key
from app.database import fetch
from app.models import Token, Worker, WorkRequest
from tests.api import Api, Following, gid, state
from tests.cast import Cast

WORKER = "worker { id name connectedAt connected enabled metadata dynamicMetadata dynamicMetadataUpdatedAt }"
REQUEST = "workRequest { id status result attempt startedAt completedAt worker { name } }"
INBOX = "subscription { workerInbox { __typename } }"
FULL_STATE = "SELECT string_agg(to_jsonb(row)::text, ' ') AS text FROM \"{}\" AS row"


async def register(api: Api, fqdn: str = "worker.lan", **input: Any) -> tuple[dict[str, Any], str]:
    """A worker that registers without a key of its own, and the key that it got."""
    payload = (await api.mutate(None, "registerWorker", f"{WORKER} key", fqdn=fqdn, **input)).done
    return payload["worker"], payload["key"]


async def submit(api: Api, cast: Cast, **input: Any) -> str:
    """The id of a new request of bob's in the lab."""
    answer = await api.mutate(
        cast.bob,
        "createWorkRequest",
        REQUEST,
        **{"taskName": "noop", "workspace": gid(cast.lab), **input},
    )
    id: str = answer.done["workRequest"]["id"]
    return id


async def acquire(api: Api, who: Any) -> dict[str, Any] | None:
    """The work request that somebody gets, if any."""
    found: dict[str, Any] | None = (await api.mutate(who, "acquireWorkRequest", REQUEST)).done["workRequest"]
    return found


async def read(api: Api, cast: Cast, id: str) -> dict[str, Any]:
    """The request as ann sees it now."""
    answer = await api.execute(cast.ann, f"query($id: ID!) {{ workRequest(id: $id) {{ {FIELDS} }} }}", id=id)
    found: dict[str, Any] = answer["workRequest"]
    return found


FIELDS = REQUEST.removeprefix("workRequest {").removesuffix("}")


async def read_worker(api: Api, cast: Cast, name: str) -> dict[str, Any]:
    """The worker as sam sees it now."""
    answer = await api.execute(cast.sam, f'{{ worker(name: "{name}") {WORKER.removeprefix("worker ")} }}')
    found: dict[str, Any] = answer["worker"]
    return found


async def connected(stack: AsyncExitStack, api: Api, key: str) -> Following:
    """An inbox that a worker holds open."""
    return await stack.enter_async_context(api.subscribe(key, INBOX))


async def test_a_new_token_is_found_by_its_key_and_disabled_and_the_key_is_nowhere_in_the_database(
    api: Api, cast: Cast
) -> None:
    """Scenario 1: a token made at registration."""
    _, key = await register(api)

    token = await get_token_or_none(key)

    assert token is not None and not token.enabled
    assert len(key) == 64 and token.prefix == key[:8]
    for table in await fetch(
        "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
    ):
        (row,) = await fetch(FULL_STATE.format(table["relname"]))
        assert key not in (row["text"] or "")


OPERATIONS = (
    "{ viewer { user { username } } }",
    "{ workers { nodes { name } } }",
    "mutation { acquireWorkRequest(input: {}) { workRequest { id } userErrors { code } } }",
    "mutation { updateWorkerDynamicMetadata(input: {metadata: {}}) { userErrors { code } } }",
    "mutation { createToken(input: {}) { key userErrors { code } } }",
    "mutation { signOut { signedOut } }",
)


@pytest.mark.parametrize("operation", OPERATIONS)
async def test_a_disabled_token_is_refused_exactly_as_an_unknown_one(
    api: Api, cast: Cast, operation: str
) -> None:
    """Scenario 2: of a worker and of a user."""
    _, worker_key = await register(api)
    user_key = (await api.mutate(cast.bob, "createToken", "key token { id }")).done
    await api.mutate(cast.bob, "disableToken", id=user_key["token"]["id"])
    before = await state()

    unknown = await api.execute(new_key(), operation)
    of_worker = await api.execute(worker_key, operation)
    of_user = await api.execute(user_key["key"], operation)

    assert unknown.code == "UNAUTHENTICATED"
    assert of_worker == of_user == unknown
    assert await state() == before


@pytest.mark.parametrize("subscription", [INBOX, "subscription { workRequestChanged { type } }"])
async def test_a_disabled_token_cannot_subscribe_just_as_an_unknown_one(
    api: Api, cast: Cast, subscription: str
) -> None:
    """Scenario 2: subscriptions."""
    _, key = await register(api)

    for each in (key, new_key()):
        async with api.subscribe(each, subscription) as events:
            assert await events.end() == "UNAUTHENTICATED"


async def test_disabling_a_connected_worker_tells_it_and_gives_its_requests_back(
    api: Api, cast: Cast
) -> None:
    """Scenario 3: WorkerDisabled is the last that its inbox gets."""
    id = await submit(api, cast)
    async with api.subscribe(cast.machine, INBOX) as inbox:
        assert (await acquire(api, cast.machine) or {})["id"] == id

        await api.mutate(cast.sam, "disableWorker", id=gid(cast.machine.worker))

        names = []
        while "WorkerDisabled" not in names:
            names.append((await inbox.next())["__typename"])
        assert await inbox.end() is None
    assert names[0] == "DynamicMetadataRequested"
    request = await read(api, cast, id)
    assert (request["status"], request["worker"], request["startedAt"]) == ("PENDING", None, None)
    worker = await read_worker(api, cast, "machine-lan")
    assert (worker["enabled"], worker["connectedAt"]) == (False, None)


async def test_two_workers_of_one_host_get_names_of_their_own(api: Api, cast: Cast) -> None:
    """Scenario 4."""
    first, _ = await register(api, "worker.lan")
    second, _ = await register(api, "worker.lan")

    assert (first["name"], second["name"]) == ("worker-lan", "worker-lan-2")


async def test_a_worker_just_registered_is_not_enabled_and_gets_no_work(api: Api, cast: Cast) -> None:
    """Scenario 5: not even with a connection, which only an enabled one can have by the API."""
    await submit(api, cast, requiredTags=["special"])
    worker, key = await register(api)
    await fetch(
        "UPDATE worker SET connected_at = now(), connection_id = gen_random_uuid(), connection_server = 1,"
        " provided_tags = '{special,task:noop}' WHERE name = 'worker-lan'"
    )

    refused = await api.mutate(key, "acquireWorkRequest", REQUEST)

    assert worker["enabled"] is False
    assert refused.code == "UNAUTHENTICATED"
    assert await WorkRequest.filter(worker_id__isnull=False).count() == 0
    await api.mutate(cast.sam, "enableWorker", id=worker["id"])
    assert await acquire(api, key) is not None


async def test_static_metadata_wins_over_dynamic(api: Api, cast: Cast) -> None:
    """Scenario 6."""
    dynamic, static = {"cpu": 4, "os": "x"}, {"cpu": 8}
    await api.mutate(cast.machine, "updateWorkerDynamicMetadata", metadata=dynamic)

    answer = await api.mutate(
        cast.sam, "setWorkerStaticMetadata", WORKER, id=gid(cast.machine.worker), metadata=static
    )

    assert answer.done["worker"]["metadata"] == {"cpu": 8, "os": "x"}
    row = await Worker.get(id=cast.machine.worker.id)
    row.metadata()["cpu"] = 16
    assert (row.dynamic_metadata, row.static_metadata) == (dynamic, static)


async def test_dynamic_metadata_is_replaced_as_a_whole(api: Api, cast: Cast) -> None:
    """Scenario 7."""
    first = await api.mutate(cast.machine, "updateWorkerDynamicMetadata", WORKER, metadata={"a": 1})
    second = await api.mutate(cast.machine, "updateWorkerDynamicMetadata", WORKER, metadata={"b": 2})

    assert second.done["worker"]["dynamicMetadata"] == {"b": 2}
    moved = [answer.done["worker"]["dynamicMetadataUpdatedAt"] for answer in (first, second)]
    assert moved[0] < moved[1]


async def test_a_worker_is_connected_as_long_as_it_holds_its_inbox(api: Api, cast: Cast) -> None:
    """Scenario 8: metadata is asked for at once."""
    worker, key = await register(api)
    await api.mutate(cast.sam, "enableWorker", id=worker["id"])
    assert (await read_worker(api, cast, "worker-lan"))["connectedAt"] is None

    async with api.subscribe(key, INBOX) as inbox:
        assert (await inbox.next())["__typename"] == "DynamicMetadataRequested"
        during = await read_worker(api, cast, "worker-lan")

    assert during["connected"] and during["connectedAt"] is not None
    after = await read_worker(api, cast, "worker-lan")
    assert (after["connected"], after["connectedAt"]) == (False, None)


async def test_a_request_goes_on_running_when_its_worker_loses_the_connection(api: Api, cast: Cast) -> None:
    """Scenario 9: as long as the lease lasts, also when somebody looks for what is lost."""
    id = await submit(api, cast)
    async with api.subscribe(cast.machine, INBOX):
        await acquire(api, cast.machine)

    await work.take_back_what_is_lost()

    assert not (await read_worker(api, cast, "machine-lan"))["connected"]
    assert (await read(api, cast, id))["status"] == "RUNNING"
    report = await api.mutate(
        cast.machine, "completeWorkRequest", REQUEST, id=id, attempt=1, result="SUCCESS"
    )
    assert report.done["workRequest"]["status"] == "COMPLETED"


async def test_after_a_crash_no_worker_is_connected_until_it_connects_again(api: Api, cast: Cast) -> None:
    """Scenario 10: the machine's server, number 1, went without a word a minute ago."""
    await fetch("UPDATE worker SET last_seen_at = now() - interval '1 minute'")
    assert (await read_worker(api, cast, "machine-lan"))["connected"]

    await work.take_back_what_is_lost()

    assert not (await read_worker(api, cast, "machine-lan"))["connected"]
    async with api.subscribe(cast.machine, INBOX):
        await work.take_back_what_is_lost()
        assert (await read_worker(api, cast, "machine-lan"))["connected"]


async def test_the_older_request_is_acquired_first_unless_the_younger_has_a_higher_priority(
    api: Api, cast: Cast
) -> None:
    """Scenario 11: root raises the priority; the queue position says so before."""
    pairs = [(await submit(api, cast), await submit(api, cast)) for _ in range(2)]
    machine = await cast.worker(concurrency=4)
    (old, young), (_, youngest) = pairs

    first = await acquire(api, machine)
    await api.mutate(cast.root, "setWorkRequestPriority", id=youngest, priorityAdjustment=1)
    second, third = await acquire(api, machine), await acquire(api, machine)

    assert [request and request["id"] for request in (first, second, third)] == [old, youngest, young]


async def test_a_pinned_request_is_for_its_worker_alone(api: Api, cast: Cast) -> None:
    """Scenario 12."""
    other = await cast.worker()
    id = await submit(api, cast, pinnedWorker=gid(cast.machine.worker))

    assert await acquire(api, other) is None

    got = await acquire(api, cast.machine)
    assert got is not None and got["id"] == id


async def test_an_acquired_request_runs_in_the_answer_and_in_the_database(api: Api, cast: Cast) -> None:
    """Scenario 13."""
    id = await submit(api, cast)

    got = await acquire(api, cast.machine)

    assert got is not None and got["id"] == id
    assert (got["status"], got["attempt"]) == ("RUNNING", 1) and got["startedAt"] is not None
    row = await WorkRequest.get(worker_id=cast.machine.worker.id)
    assert row.status is WorkRequest.Statuses.RUNNING
    assert row.started_at is not None and row.started_at.isoformat() == got["startedAt"]


async def test_acquiring_nothing_is_no_error(api: Api, cast: Cast) -> None:
    """Scenario 14: there is a request, but none that suits."""
    await submit(api, cast, requiredTags=["special"])

    answer = await api.mutate(cast.machine, "acquireWorkRequest", REQUEST)

    assert answer.done == {"workRequest": None, "userErrors": []}


async def test_a_report_on_an_aborted_request_is_refused_and_changes_nothing(api: Api, cast: Cast) -> None:
    """Scenario 15."""
    id = await submit(api, cast)
    await acquire(api, cast.machine)
    await api.mutate(cast.ann, "abortWorkRequest", id=id)
    before = await state()

    report = await api.mutate(
        cast.machine, "completeWorkRequest", REQUEST, id=id, attempt=1, result="SUCCESS"
    )

    assert report.refused["__typename"] == "InvalidStateError"
    assert (report.refused["code"], report.refused["currentState"]) == ("INVALID_STATE", "ABORTED")
    assert await state() == before


async def test_a_reported_success_completes_the_request_and_frees_the_worker(api: Api, cast: Cast) -> None:
    """Scenario 16."""
    machine = await cast.worker()
    id, next_id = await submit(api, cast), await submit(api, cast)
    await acquire(api, machine)
    assert await acquire(api, machine) is None

    report = await api.mutate(machine, "completeWorkRequest", REQUEST, id=id, attempt=1, result="SUCCESS")

    done = report.done["workRequest"]
    assert (done["status"], done["result"]) == ("COMPLETED", "SUCCESS") and done["completedAt"] is not None
    assert (await acquire(api, machine) or {})["id"] == next_id


async def test_a_worker_cannot_report_on_the_request_of_another(api: Api, cast: Cast) -> None:
    """Scenario 17."""
    other = await cast.worker()
    id = await submit(api, cast)
    await acquire(api, cast.machine)
    before = await state()

    report = await api.mutate(other, "completeWorkRequest", REQUEST, id=id, attempt=1, result="SUCCESS")

    assert (report.refused["__typename"], report.refused["code"]) == ("ForbiddenError", "FORBIDDEN")
    assert await state() == before


async def test_a_report_without_a_result_is_refused(api: Api, cast: Cast) -> None:
    """Scenario 18: the error names `result`."""
    id = await submit(api, cast)
    await acquire(api, cast.machine)
    before = await state()

    report = await api.mutate(cast.machine, "completeWorkRequest", REQUEST, id=id, attempt=1, result="NONE")

    assert (report.refused["__typename"], report.refused["path"]) == ("ValidationError", ["input", "result"])
    assert await state() == before


async def test_an_unregistered_task_name_is_refused_with_the_valid_ones(api: Api, cast: Cast) -> None:
    """Scenario 19."""
    before = await state()

    answer = await api.mutate(
        cast.bob, "createWorkRequest", REQUEST, taskName="sbuild", workspace=gid(cast.lab)
    )

    assert (answer.refused["__typename"], answer.refused["rule"]) == ("ValidationError", "UNKNOWN")
    assert answer.refused["path"] == ["input", "taskName"]
    assert "noop, python, shell" in answer.refused["message"]
    assert await state() == before


async def test_a_worker_without_the_tag_is_given_a_later_request_that_suits_it(api: Api, cast: Cast) -> None:
    """Scenario 21."""
    tagged = await submit(api, cast, requiredTags=["gpu"])
    plain = await submit(api, cast)

    assert (await acquire(api, cast.machine) or {})["id"] == plain
    assert (await read(api, cast, tagged))["status"] == "PENDING"
    assert (await acquire(api, await cast.worker(tags=["gpu", "task:noop"])) or {})["id"] == tagged
    assert await Token.filter(enabled=True).count() > 0
