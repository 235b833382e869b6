"""The same mutation, and others on the same object, at the same moment: each is done or refused in words."""

import asyncio
import random
from typing import Any

import pytest

from app.database import fetch
from app.models import WorkRequest
from tests.access.test_mutations import INPUT, outcome, run
from tests.access.world import World, world
from tests.api import Api, gid
from tests.resolvers.test_any_input import doer

__all__ = ["world"]  # a fixture

AT_ONCE = 6

# Of six at once with one input, so many are done and so many refused as each code; where nothing is said, all are done.
REFUSED: dict[str, dict[str, int]] = {
    "createUser": {"VALIDATION": 5},
    "createWorkspace": {"VALIDATION": 5},
    "deleteToken": {"NOT_FOUND": 5},
    "createNotificationChannel": {"VALIDATION": 5},
    "deleteNotificationChannel": {"NOT_FOUND": 5},
    "deleteArtifactRelation": {"NOT_FOUND": 5},
    "abortWorkRequest": {"INVALID_STATE": 5},
    "retryWorkRequest": {"CONFLICT": 5},
    "handBackWorkRequest": {"STALE_ATTEMPT": 5},  # which says that it has gone back
    "retryTask": {"INVALID_STATE": 5},
    "cancelTask": {"INVALID_STATE": 5},
}


@pytest.mark.parametrize("mutation", sorted(set(INPUT) - {"signIn"}))
async def test_six_at_once_are_each_done_or_refused_in_words(api: Api, world: World, mutation: str) -> None:
    input = await INPUT[mutation](world)

    answers = await asyncio.gather(
        *[run(api, doer(world, mutation), mutation, input) for _ in range(AT_ONCE)]
    )

    found: dict[str, int] = {}
    for answer in answers:
        found[outcome(answer)] = found.get(outcome(answer), 0) + 1
    refused = REFUSED.get(mutation, {})
    assert found == refused | {"done": AT_ONCE - sum(refused.values())}


ON_ONE_REQUEST: dict[str, dict[str, Any]] = {
    "abortWorkRequest": {},
    "retryWorkRequest": {},
    "setWorkRequestPriority": {"priorityAdjustment": -1},
    "setWorkRequestDependencies": {"dependencies": []},
    "completeWorkRequest": {"attempt": 1, "result": "SUCCESS"},
    "renewWorkRequestLease": {"attempt": 1},
    "handBackWorkRequest": {"attempt": 1},
    "appendWorkRequestLog": {
        "attempt": 1,
        "first": 1,
        "lines": [{"text": "x", "time": "2026-01-01T00:00:00Z"}],
    },
}
WORKERS = {"completeWorkRequest", "renewWorkRequestLease", "handBackWorkRequest", "appendWorkRequestLog"}


@pytest.mark.parametrize("seed", range(4))
async def test_everything_at_once_on_a_few_requests_leaves_each_with_a_history_that_fits(
    api: Api, world: World, seed: int
) -> None:
    """No fault, no deadlock; versions without a gap, one start for each attempt, at most one end."""
    dice = random.Random(seed)
    cast = world.cast
    machines = [cast.machine, *[await cast.worker(f"m{n}.lan", concurrency=3) for n in range(2)]]
    first = await cast.request()
    requests = [first, await cast.request(dependency_ids=[first.id]), await cast.request(parent_id=first.id)]

    async def act() -> None:
        mutation = dice.choice(
            [*ON_ONE_REQUEST, "acquireWorkRequest", "acquireWorkRequest", "createWorkRequest"]
        )
        if mutation == "acquireWorkRequest":
            answer = await run(api, dice.choice(machines), mutation, {})
        elif mutation == "createWorkRequest":
            input = {
                "taskName": "noop",
                "workspace": gid(cast.lab),
                "dependencies": [gid(dice.choice(requests))],
            }
            answer = await run(api, cast.bob, mutation, input)
        else:
            who = dice.choice(machines) if mutation in WORKERS else cast.bob
            answer = await run(
                api, who, mutation, {"id": gid(dice.choice(requests)), **ON_ONE_REQUEST[mutation]}
            )
        assert outcome(answer) not in ("INTERNAL", "UNAVAILABLE"), (mutation, answer)

    for _ in range(6):
        await asyncio.gather(*[act() for _ in range(12)])

    for request in await WorkRequest.all():
        events = await fetch(
            "SELECT event_type, data->'version' AS version, data->'attempt' AS attempt FROM outbox_event"
            " WHERE subject = $1 AND event_type <> 'work_request.log_appended' ORDER BY xid, seq",
            f"work_request/{request.id}",
        )
        assert [int(event["version"]) for event in events] == list(range(1, request.version + 1))
        kinds = [event["event_type"].removeprefix("work_request.") for event in events]
        assert kinds.count("started") == request.attempt
        assert kinds.count("completed") + kinds.count("aborted") == request.finished
        assert kinds[0] == "created" and (not request.finished or kinds[-1] in ("completed", "aborted"))
