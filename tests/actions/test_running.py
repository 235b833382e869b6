"""What claiming, reporting and recovering do to the database."""

import asyncio

import pytest

from app.actions import work
from app.database import fetch
from app.errors import Conflict, Forbidden, Invalid, InvalidState, StaleAttempt
from app.models import OutboxEvent, WorkRequest, WorkRequestResult, WorkRequestStatus
from tests.cast import Cast

SUCCESS, FAILURE = WorkRequestResult.SUCCESS, WorkRequestResult.FAILURE


async def _events(request: WorkRequest) -> list[str]:
    rows = await OutboxEvent.filter(subject=f"work_request/{request.id}").order_by("seq")
    return [row.event_type for row in rows]


async def test_a_request_is_claimed_run_and_completed_with_one_event_each(cast: Cast) -> None:
    request = await cast.request()
    machine = await cast.machine.viewer()

    claimed = await work.acquire_work_request(machine)
    assert claimed is not None
    done = await work.complete_work_request(
        machine, claimed.id, claimed.attempt, SUCCESS, output_data={"answer": 42}
    )

    assert claimed.id == request.id
    assert (claimed.status, claimed.attempt, claimed.worker_id) == (
        WorkRequestStatus.RUNNING,
        1,
        cast.machine.worker.id,
    )
    assert claimed.started_at is not None
    stored = await WorkRequest.get(id=request.id)
    assert (stored.status, stored.result, stored.output_data) == (
        WorkRequestStatus.COMPLETED,
        SUCCESS,
        {"answer": 42},
    )
    assert stored.completed_at is not None and stored.version == done.version == 3
    assert await _events(request) == [
        "work_request.created",
        "work_request.started",
        "work_request.completed",
    ]


async def test_eight_claims_at_once_give_every_request_to_one_worker(cast: Cast) -> None:
    workers = [await cast.worker(f"w{number}.lan") for number in range(8)]
    requests = {(await cast.request()).id for _ in range(5)}

    claimed = await asyncio.gather(*[work.acquire_work_request(await worker.viewer()) for worker in workers])

    winners = [request.id for request in claimed if request is not None]
    assert len(winners) == len(set(winners)) and set(winners) <= requests
    assert await WorkRequest.filter(status=WorkRequestStatus.RUNNING).count() == len(winners)


async def test_a_worker_has_no_more_than_its_concurrency(cast: Cast) -> None:
    for _ in range(3):
        await cast.request()
    machine = await cast.machine.viewer()

    claimed = await asyncio.gather(*[work.acquire_work_request(machine) for _ in range(6)])

    assert sum(request is not None for request in claimed) == 2


async def test_the_same_report_twice_is_one_and_another_report_is_a_conflict(cast: Cast) -> None:
    request = await cast.request()
    machine = await cast.machine.viewer()
    await work.acquire_work_request(machine)
    await work.complete_work_request(machine, request.id, 1, SUCCESS)

    again = await work.complete_work_request(machine, request.id, 1, SUCCESS)
    with pytest.raises(Conflict):
        await work.complete_work_request(machine, request.id, 1, FAILURE)

    assert again.result is SUCCESS
    assert (await _events(request)).count("work_request.completed") == 1


async def test_what_is_not_renewed_in_time_goes_back_and_the_late_report_is_stale(cast: Cast) -> None:
    request = await cast.request()
    machine, other = await cast.machine.viewer(), await (await cast.worker()).viewer()
    await work.acquire_work_request(machine)
    await fetch(
        "UPDATE work_request SET lease_expires_at = now() - interval '1 second' WHERE id = $1", request.id
    )

    assert await work.recover_lost_work() == 1

    with pytest.raises(StaleAttempt):
        await work.complete_work_request(machine, request.id, 1, SUCCESS)
    again = await work.acquire_work_request(other)
    assert again is not None and (again.id, again.attempt) == (request.id, 2)
    with pytest.raises(StaleAttempt):
        await work.complete_work_request(machine, request.id, 1, SUCCESS)
    await work.complete_work_request(other, request.id, 2, SUCCESS)
    assert await _events(request) == [
        f"work_request.{word}" for word in ("created", "started", "requeued", "started", "completed")
    ]


async def test_what_is_lost_too_often_ends_with_error(cast: Cast) -> None:
    request = await cast.request(max_attempts=1)
    await work.acquire_work_request(await cast.machine.viewer())
    await fetch(
        "UPDATE work_request SET lease_expires_at = now() - interval '1 second' WHERE id = $1", request.id
    )

    await work.recover_lost_work()

    stored = await WorkRequest.get(id=request.id)
    assert (stored.status, stored.result) == (WorkRequestStatus.COMPLETED, WorkRequestResult.ERROR)
    assert stored.errors[0]["code"] == "ATTEMPTS_EXHAUSTED"


async def test_a_worker_cannot_report_on_the_work_of_another(cast: Cast) -> None:
    request = await cast.request()
    await work.acquire_work_request(await cast.machine.viewer())
    other = await (await cast.worker()).viewer()

    with pytest.raises(Forbidden):
        await work.complete_work_request(other, request.id, 1, SUCCESS)

    assert (await WorkRequest.get(id=request.id)).status is WorkRequestStatus.RUNNING


async def test_an_aborted_request_takes_no_report(cast: Cast) -> None:
    request = await cast.request()
    machine = await cast.machine.viewer()
    await work.acquire_work_request(machine)
    await work.abort_work_request(await cast.ann.viewer(), request.id, reason="enough")

    with pytest.raises(InvalidState):
        await work.complete_work_request(machine, request.id, 1, SUCCESS)

    stored = await WorkRequest.get(id=request.id)
    assert (stored.status, stored.result, stored.abort_reason) == (
        WorkRequestStatus.ABORTED,
        WorkRequestResult.NONE,
        "enough",
    )


async def test_a_report_without_a_result_is_refused(cast: Cast) -> None:
    request = await cast.request()
    machine = await cast.machine.viewer()
    await work.acquire_work_request(machine)

    with pytest.raises(Invalid) as refused:
        await work.complete_work_request(machine, request.id, 1, WorkRequestResult.NONE)

    assert refused.value.errors[0].path == ("input", "result")


async def test_dependants_wait_and_are_let_go_or_aborted(cast: Cast) -> None:
    first = await cast.request()
    second = await cast.request(dependency_ids=[first.id])
    third = await cast.request(dependency_ids=[second.id])
    machine = await cast.machine.viewer()
    assert (second.status, third.status) == (WorkRequestStatus.BLOCKED, WorkRequestStatus.BLOCKED)

    await work.acquire_work_request(machine)
    assert await work.acquire_work_request(machine) is None
    await work.complete_work_request(machine, first.id, 1, SUCCESS)
    claimed = await work.acquire_work_request(machine)
    assert claimed is not None and claimed.id == second.id
    await work.complete_work_request(machine, second.id, 1, FAILURE)

    assert (await WorkRequest.get(id=third.id)).status is WorkRequestStatus.ABORTED
    assert await _events(third) == ["work_request.created", "work_request.aborted"]


async def test_a_failed_request_is_tried_again_by_itself_as_often_as_it_asked_for(cast: Cast) -> None:
    from datetime import timedelta

    first = await cast.request(retry_delays=[timedelta(0), timedelta(hours=1)])
    waiting = await cast.request(dependency_ids=[first.id])
    machine = await cast.machine.viewer()
    await work.acquire_work_request(machine)

    await work.complete_work_request(machine, first.id, 1, FAILURE)
    second = await work.acquire_work_request(machine)
    assert second is not None and second.supersedes_id == first.id
    await work.complete_work_request(machine, second.id, 1, FAILURE)

    assert await work.acquire_work_request(machine) is None  # the next try is due in an hour
    third = await WorkRequest.get(supersedes_id=second.id)
    assert third.status is WorkRequestStatus.PENDING and third.retry_delays == []
    assert (await WorkRequest.get(id=waiting.id)).status is WorkRequestStatus.BLOCKED


async def test_log_lines_sent_twice_are_stored_once(cast: Cast) -> None:
    from app.clock import now
    from app.models import LogLine, LogStream

    request = await cast.request()
    machine = await cast.machine.viewer()
    await work.acquire_work_request(machine)
    lines = [work.NewLogLine(LogStream.STDOUT, text, now()) for text in ("one", "two")]

    assert await work.append_work_request_log(machine, request.id, 1, 1, lines) == 3
    assert await work.append_work_request_log(machine, request.id, 1, 1, lines) == 3
    assert await work.append_work_request_log(machine, request.id, 1, 2, [*lines[1:], lines[0]]) == 4

    stored = await LogLine.filter(work_request_id=request.id).order_by("number")
    assert [(line.number, line.text) for line in stored] == [(1, "one"), (2, "two"), (3, "one")]
    assert (await _events(request)).count("work_request.log_appended") == 2
