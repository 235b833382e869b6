"""What retries mean for dependants, and what giving back means for attempts."""

import pytest

from app.actions import work
from app.database import fetch
from app.errors import InvalidState
from app.models import WorkRequest, WorkRequestResult, WorkRequestStatus
from tests.cast import Cast

SUCCESS, FAILURE = WorkRequestResult.SUCCESS, WorkRequestResult.FAILURE


async def _run(cast: Cast, request: WorkRequest, result: WorkRequestResult) -> None:
    """The machine claims this request, which must be the next, and reports."""
    machine = await cast.machine.viewer()
    claimed = await work.acquire_work_request(machine)
    assert claimed is not None
    assert claimed.id == request.id
    await work.complete_work_request(machine, claimed.id, claimed.attempt, result)


async def test_a_retried_dependant_waits_for_the_retry_of_what_it_depends_on(cast: Cast) -> None:
    bob = await cast.bob.viewer()
    first = await cast.request()
    second = await cast.request(dependency_ids=[first.id])
    await _run(cast, first, FAILURE)

    with pytest.raises(InvalidState):
        await work.retry_work_request(bob, second.id)
    first_again = await work.retry_work_request(bob, first.id)
    second_again = await work.retry_work_request(bob, second.id)
    assert second_again.status is WorkRequestStatus.BLOCKED
    await _run(cast, first_again, SUCCESS)
    await _run(cast, second_again, SUCCESS)

    stored = await WorkRequest.get(id=second_again.id)
    assert (stored.status, stored.result) == (WorkRequestStatus.COMPLETED, SUCCESS)


async def test_attempts_that_were_given_back_do_not_count_as_lost(cast: Cast) -> None:
    request = await cast.request(max_attempts=2)
    machine = await cast.machine.viewer()
    for attempt in (1, 2, 3):
        await work.acquire_work_request(machine)
        await work.hand_back_work_request(machine, request.id, attempt)
    statuses = []
    for _ in range(2):
        await work.acquire_work_request(machine)
        await fetch(
            "UPDATE work_request SET lease_expires_at = now() - interval '1 s' WHERE id = $1", request.id
        )
        await work.recover_lost_work()
        statuses.append((await WorkRequest.get(id=request.id)).status)

    assert statuses == [WorkRequestStatus.PENDING, WorkRequestStatus.COMPLETED]


async def test_dependencies_given_late_block_a_pending_request_again(cast: Cast) -> None:
    bob = await cast.bob.viewer()
    first, second = await cast.request(), await cast.request()

    blocked = await work.set_work_request_dependencies(bob, second.id, [first.id])
    free = await work.set_work_request_dependencies(bob, second.id, [])

    assert (blocked.status, free.status) == (WorkRequestStatus.BLOCKED, WorkRequestStatus.PENDING)
