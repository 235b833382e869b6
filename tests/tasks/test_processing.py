"""One run of one task: what becomes of it, whatever its actor and the middlewares do."""

import asyncio
import contextvars
import itertools
from datetime import timedelta
from typing import Any

import dramatiq
import pytest
from dramatiq.middleware import CurrentMessage, Middleware, Shutdown

from app.clock import now
from app.models.tasks import LogEvent, LogLevel, TaskState
from app.tasks import (
    NoCurrentTask,
    Outcome,
    RateLimitExceeded,
    Retry,
    RunningTask,
    SkipMessage,
    TaskCancelled,
    current_task,
    decode,
)
from app.tasks.messages import MAX_MESSAGE_BYTES
from app.tasks.outcomes import MAX_RESULT_BYTES
from app.tasks.running import (
    CANCELLED_LINE,
    FINISHED_LINE,
    GIVEN_BACK_LINE,
    MAX_WAITING_LINES,
    PROCESSING_LINE,
    RETRY_LINE,
    current,
)
from tests.tasks.place import LIMIT, TENANT, Place, place, said, states

__all__ = ["place"]

INFO, WARNING, ERROR = LogLevel.INFO, LogLevel.WARNING, LogLevel.ERROR
PREPROCESS, RUNNING, POSTPROCESS = TaskState.PREPROCESS, TaskState.RUNNING, TaskState.POSTPROCESS
DONE, REJECTED, QUEUED = TaskState.DONE, TaskState.REJECTED, TaskState.QUEUED


async def fails() -> None:
    raise RuntimeError("it cannot be done")


# What an actor does and sees ----------------------------------------------------------------------------------------------


async def test_an_actor_that_returns_is_done_and_its_log_tells_so(place: Place) -> None:
    async def add(a: int, b: int) -> int:
        current_task().info("adding", a=a)
        return a + b

    actor = place.actor(add, store_results=True, result_ttl=5_000, keep=60)
    outcome = await place.run(actor.message(1, b=2))

    assert outcome.state is DONE
    assert states(outcome) == [PREPROCESS, RUNNING, POSTPROCESS, DONE]
    assert said(outcome) == [(INFO, PROCESSING_LINE), (INFO, "adding"), (INFO, FINISHED_LINE)]
    assert outcome.logs[1].attributes == {"a": 1}
    assert outcome.logs[1].logger == f"{__name__}.add"
    assert (outcome.result, outcome.result_ttl, outcome.keep) == (b"3", 5.0, 60)
    assert (outcome.message, outcome.eta, outcome.requeued, outcome.effects) == (None, None, None, [])


async def test_times_never_go_back(place: Place) -> None:
    async def waits() -> None:
        await asyncio.sleep(0.001)

    outcome = await place.run(place.actor(waits).message())

    times = [time for _, time in outcome.transitions]
    assert times == sorted(times) and times[1] < times[2]
    assert outcome.logs[0].timestamp <= times[1] and outcome.logs[1].timestamp >= times[2]


async def test_a_result_is_not_kept_unless_wanted(place: Place) -> None:
    async def answers() -> int:
        return 42

    actor = place.actor(answers)
    for_this_one = actor.message_with_options(store_results=True, result_ttl=1_000)

    assert (await place.run(actor.message())).result_ttl is None
    outcome = await place.run(for_this_one)
    assert (outcome.result, outcome.result_ttl) == (b"42", 1.0)


@pytest.mark.parametrize(
    ("result", "why"),
    [(object(), "object"), ({1, 2}, "set"), (b"x", "bytes"), ("x" * MAX_RESULT_BYTES, "bytes")],
)
async def test_a_result_that_cannot_be_kept_is_a_warning(place: Place, result: object, why: str) -> None:
    async def answers() -> object:
        return result

    outcome = await place.run(place.actor(answers, store_results=True).message())

    assert (outcome.state, outcome.result) == (DONE, None)
    warning = outcome.logs[1]
    assert warning.log_level is WARNING and "result" in warning.event and why in warning.event


async def test_without_the_machinerys_lines_only_what_is_said_is_logged(place: Place) -> None:
    async def silent() -> None: ...

    async def failing() -> None:
        raise RuntimeError("no")

    quiet = await place.run(place.actor(silent, log=False).message())
    loud = await place.run(place.actor(failing, log=False, max_retries=0).message())
    again = await place.run(place.actor(failing, log=False, actor_name="again").message())

    assert quiet.logs == [] and not quiet.log
    assert said(loud) == [(ERROR, "no")]
    assert again.requeued is None


async def test_the_current_task_is_there_for_the_actor_and_for_nobody_else(place: Place) -> None:
    seen: list[RunningTask] = []

    async def deep() -> RunningTask:
        return current_task()

    async def looks() -> None:
        seen.append(await asyncio.create_task(deep()))
        seen.append(await asyncio.to_thread(current_task))

    task = place.task(place.actor(looks).message(), attempt=3, crashes=1, workspace_id=5)
    await place.process(task)

    assert seen == [task, task]
    assert (task.attempt, task.crashes, task.tenant_id, task.workspace_id) == (3, 1, TENANT, 5)
    assert current.get() is None
    with pytest.raises(NoCurrentTask):
        current_task()


async def test_a_run_leaves_nothing_behind_in_the_context(place: Place) -> None:
    async def runs() -> None:
        await asyncio.sleep(0)

    def computes() -> None: ...

    clean = contextvars.copy_context()
    for actor in (place.actor(runs), place.actor(fails), place.unchanged(computes)):
        await place.run(actor.message())

    assert contextvars.copy_context() == clean


async def test_a_label_that_the_actor_gives_is_part_of_the_uid_from_then_on(place: Place) -> None:
    async def labels() -> None:
        current_task().info("before")
        current_task().set_uid("b\0")
        current_task().info("after")

    outcome = await place.run(place.actor(labels).message_with_options(uid="a"))

    assert [line.logger for line in outcome.logs[1:3]] == [f"{__name__}.labels:a", f"{__name__}.labels:b"]
    assert outcome.label == "b"


async def test_lines_made_elsewhere_keep_their_logger_and_time(place: Place) -> None:
    yesterday = now() - timedelta(days=1)

    async def relays() -> None:
        current_task().logs([LogEvent("tool says\0", WARNING, "tool", yesterday, {"token": "x"})])

    line = (await place.run(place.actor(relays).message())).logs[1]

    assert line == LogEvent("tool says", WARNING, "tool", yesterday, {"token": "[redacted]"})


async def test_more_lines_than_can_be_kept_are_counted(place: Place) -> None:
    async def babbles() -> None:
        for number in range(MAX_WAITING_LINES + 50):
            current_task().info(str(number))

    outcome = await place.run(place.actor(babbles, log=False).message())

    assert len(outcome.logs) == MAX_WAITING_LINES + 1
    assert outcome.logs[-1].log_level is WARNING and outcome.logs[-1].event.startswith("50 lines")


async def test_states_and_lines_can_be_taken_while_it_runs(place: Place) -> None:
    gate, entered = asyncio.Event(), asyncio.Event()
    watched: list[TaskState] = []

    async def waits() -> None:
        current_task().info("waiting")
        entered.set()
        await gate.wait()

    task = place.task(place.actor(waits).message(), consumed_at=now())
    task.on_state = lambda its: watched.append(its.state)
    running = asyncio.create_task(place.process(task))
    await asyncio.wait_for(entered.wait(), LIMIT)

    taken = [state for state, _ in task.take_transitions()]
    lines = [line.event for line in task.take_lines()]
    gate.set()
    outcome = await running

    assert taken == [TaskState.CONSUMED, PREPROCESS, RUNNING]
    assert lines == [PROCESSING_LINE, "waiting"]
    assert states(outcome) == [POSTPROCESS, DONE]
    assert [line.event for line in outcome.logs] == [FINISHED_LINE]
    assert watched == [PREPROCESS, RUNNING, POSTPROCESS, DONE]


async def test_a_plain_function_is_run_elsewhere_with_its_time_limit(place: Place) -> None:
    def computes(number: int) -> int:
        current_task().info("computing")
        return number * 2

    actor = place.actor(computes, store_results=True, time_limit=3_000)
    outcome = await place.run(actor.message(4))
    await place.run(actor.message_with_options(args=(1,), time_limit=1_000))
    await place.run(place.actor(computes, actor_name="unlimited", time_limit=float("inf")).message(1))

    assert outcome.result == b"8"
    assert [line.event for line in outcome.logs] == [PROCESSING_LINE, "computing", FINISHED_LINE]
    assert place.limits == [3.0, 1.0, None]


# Failing --------------------------------------------------------------------------------------------------------------------


async def test_a_failure_is_tried_again_after_a_growing_pause_and_then_rejected(place: Place) -> None:
    actor = place.actor(fails, max_retries=2, min_backoff=1_000)

    outcomes = [await place.run(actor.message())]
    outcomes += [await place.again(outcomes[-1]) for _ in range(1)]
    outcomes += [await place.again(outcomes[-1])]

    assert [outcome.state for outcome in outcomes] == [QUEUED, QUEUED, REJECTED]
    for outcome, low in zip(outcomes, (1, 2), strict=False):
        assert outcome.eta is not None and outcome.requeued is not None
        assert timedelta(seconds=low) <= outcome.eta - outcome.requeued.timestamp + timedelta(seconds=0.2)
        assert low * 1_000 <= outcome.requeued.attributes["delay"] <= low * 2_000
    first = outcomes[0]
    assert states(first) == [PREPROCESS, RUNNING, POSTPROCESS, QUEUED]
    assert (first.retries, first.reason) == (1, "retry")
    assert first.requeued is not None and first.requeued.event == RETRY_LINE
    assert first.message is not None and decode(first.message).options["retries"] == 1
    last = outcomes[-1]
    assert (last.eta, last.requeued, last.reason) == (None, None, None)
    assert last.message is not None and decode(last.message).args == ()


async def test_the_last_line_of_what_was_rejected_is_the_error_with_its_traceback(place: Place) -> None:
    outcome = await place.run(place.actor(fails, max_retries=0).message())

    line = outcome.logs[-1]
    assert (line.log_level, line.event) == (ERROR, "it cannot be done")
    (described,) = line.attributes["exception"]
    assert described["exc_type"] == "RuntimeError"
    assert [frame["name"] for frame in described["frames"]] == ["fails"]


async def test_the_pause_never_exceeds_its_limit(place: Place) -> None:
    actor = place.actor(fails, max_retries=100, min_backoff=1_000, max_backoff=4_000)

    outcome = await place.run(actor.message_with_options(retries=50))

    assert outcome.requeued is not None
    assert 2_000 <= outcome.requeued.attributes["delay"] <= 4_000


async def test_options_of_a_message_win_over_those_of_its_actor(place: Place) -> None:
    actor = place.actor(fails, max_retries=5)

    outcome = await place.run(actor.message_with_options(max_retries=0))

    assert outcome.state is REJECTED


async def test_an_actor_can_ask_for_the_time_of_the_next_attempt(place: Place) -> None:
    async def asks() -> None:
        raise Retry(delay=3_000)

    outcome = await place.run(place.actor(asks, max_retries=1).message())

    assert outcome.state is QUEUED and outcome.requeued is not None
    assert outcome.requeued.attributes == {"delay": 3_000, "retries": 1}
    level, text = said(outcome)[-1]
    assert level is INFO and text
    assert all("exception" not in line.attributes for line in outcome.logs)


async def test_a_rate_limit_is_no_error(place: Place) -> None:
    async def limited() -> None:
        raise RateLimitExceeded("too often")  # type: ignore[no-untyped-call]

    outcome = await place.run(place.actor(limited).message())

    assert outcome.state is QUEUED
    assert said(outcome)[-1] == (INFO, "too often")


async def test_what_an_actor_says_that_it_throws_is_final(place: Place) -> None:
    async def throws() -> None:
        raise KeyError("x")

    outcome = await place.run(place.actor(throws, throws=(LookupError,), max_retries=5).message())

    assert outcome.state is REJECTED


@pytest.mark.parametrize(("retries", "state"), [(0, QUEUED), (3, REJECTED)])
async def test_a_predicate_decides_instead_of_the_count(place: Place, retries: int, state: TaskState) -> None:
    seen: list[tuple[int, str]] = []

    def when(count: int, error: BaseException) -> bool:
        seen.append((count, str(error)))
        return count < 3

    actor = place.actor(fails, retry_when=when, max_retries=0)
    outcome = await place.run(actor.message_with_options(retries=retries))

    assert outcome.state is state
    assert seen == [(retries, "it cannot be done")]


async def test_a_retry_that_cannot_be_decided_is_rejected_and_says_why(place: Place) -> None:
    def when(count: int, error: BaseException) -> bool:
        raise LookupError("no rule for this")

    outcome = await place.run(place.actor(fails, retry_when=when).message())
    endless = await place.run(place.actor(fails, actor_name="endless", min_backoff=10**30).message())

    assert [outcome.state, endless.state] == [REJECTED, QUEUED]
    assert [text for _, text in said(outcome)][-2:] == ["it cannot be done", "no rule for this"]


async def test_a_time_of_the_next_attempt_that_cannot_be_is_rejected(place: Place) -> None:
    async def asks() -> None:
        raise Retry(delay=10**30)

    outcome = await place.run(place.actor(asks).message())

    assert outcome.state is REJECTED
    assert said(outcome)[-1][0] is ERROR


async def test_other_options_do_not_make_retries(place: Place) -> None:
    async def told(message: dict[str, Any], result: object) -> None: ...

    async def answers() -> None: ...

    place.actor(told)
    actor = place.actor(answers, on_success=f"{__name__}.told")
    outcome = await place.run(actor.message_with_options(max_retries=3))

    assert decode(outcome.effects[0].message).args[0]["options"] == {"max_retries": 3}


@pytest.mark.parametrize("error", [SystemExit(1), KeyboardInterrupt(), asyncio.CancelledError()])
async def test_nothing_that_an_actor_raises_gets_out(place: Place, error: BaseException) -> None:
    async def raises() -> None:
        raise error

    outcome = await place.run(place.actor(raises, max_retries=0).message())

    assert outcome.state is REJECTED
    assert said(outcome)[-1][0] is ERROR


async def test_a_traceback_that_would_not_fit_does_not_cost_the_retry(place: Place) -> None:
    async def raises(_text: str) -> None:
        raise RuntimeError("x" * (2 * MAX_MESSAGE_BYTES))

    outcome = await place.run(place.actor(raises).message("y"))
    full = place.actor(raises, actor_name="full").message("")
    room = MAX_MESSAGE_BYTES - len(place.task(full).body)
    at_the_limit = await place.run(full.copy(args=("y" * room,)))

    assert outcome.state is QUEUED and outcome.message is not None
    assert len(outcome.message) < MAX_MESSAGE_BYTES
    assert (at_the_limit.state, at_the_limit.retries, at_the_limit.message) == (QUEUED, 1, None)


async def test_what_the_row_knows_of_retries_counts_although_the_message_had_no_room_for_it(
    place: Place,
) -> None:
    actor = place.actor(fails, max_retries=2)

    outcome = await place.run(actor.message(), retries=2)

    assert outcome.state is REJECTED


async def test_what_nobody_can_run_is_rejected(place: Place) -> None:
    async def gone() -> None: ...

    message = place.actor(gone).message()
    task = place.task(message)
    unknown = await Place().process(task)
    unreadable = await place.run(message, body=b'{"actor_name": 1}')

    assert (unknown.state, unreadable.state) == (REJECTED, REJECTED)
    assert f"{__name__}.gone" in unknown.logs[-1].event
    assert [line.log_level for line in (unknown.logs[-1], unreadable.logs[-1])] == [ERROR, ERROR]
    assert (unknown.message, unreadable.message) == (None, None)


async def test_arguments_that_the_function_does_not_take_are_a_failure_like_any(place: Place) -> None:
    outcome = await place.run(place.actor(fails, max_retries=0).message(1, 2, 3))

    assert outcome.state is REJECTED
    assert outcome.logs[-1].attributes["exception"][0]["exc_type"] == "TypeError"


# Too old, too long, stopped -------------------------------------------------------------------------------------------------


async def test_a_message_that_is_too_old_is_rejected_unrun(place: Place) -> None:
    ran: list[int] = []

    async def runs() -> None:
        ran.append(1)

    actor = place.actor(runs, max_age=1_000)
    message = actor.message()
    object.__setattr__(message, "message_timestamp", message.message_timestamp - 2_000)
    plain = place.actor(runs, actor_name="plain").message_with_options(max_age=1_000)
    object.__setattr__(plain, "message_timestamp", plain.message_timestamp - 2_000)

    outcomes = [await place.run(each) for each in (message, plain, actor.message())]

    assert [outcome.state for outcome in outcomes] == [REJECTED, REJECTED, DONE]
    assert ran == [1]
    assert states(outcomes[0]) == [PREPROCESS, POSTPROCESS, REJECTED]
    assert said(outcomes[0])[-1][0] is WARNING


async def test_a_coroutine_that_takes_too_long_is_stopped_and_tried_again(place: Place) -> None:
    stopped: list[bool] = []

    async def hangs() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            stopped.append(True)
            raise

    outcome = await place.run(place.actor(hangs, time_limit=20).message())

    assert stopped == [True]
    assert outcome.state is QUEUED
    (described, *_) = outcome.logs[-1].attributes["exception"]
    assert described["exc_type"] == "TimeLimitExceeded" and "0.02 seconds" in described["exc_value"]


async def test_a_timeout_of_the_actors_own_is_not_its_time_limit(place: Place) -> None:
    async def waits() -> None:
        async with asyncio.timeout(0.001):
            await asyncio.Event().wait()

    outcome = await place.run(place.actor(waits, max_retries=0).message())

    assert outcome.logs[-1].attributes["exception"][0]["exc_type"] == "TimeoutError"


async def test_a_coroutine_that_waits_many_times_returns_what_it_should(place: Place) -> None:
    async def waits() -> list[Any]:
        seen: list[Any] = []
        await asyncio.sleep(0)
        seen.append(await asyncio.to_thread(lambda: "thread"))
        try:
            async with asyncio.timeout(0.001):
                await asyncio.Event().wait()
        except TimeoutError:
            seen.append("timeout")
        async with asyncio.TaskGroup() as group:
            child = group.create_task(asyncio.sleep(0, "child"))
        seen.append(child.result())
        return seen

    outcome = await place.run(place.actor(waits, store_results=True).message())

    assert outcome.result == b'["thread","timeout","child"]'


async def test_an_actor_may_wait_for_something_first_that_fails(place: Place) -> None:
    async def waits() -> str:
        failing = asyncio.get_running_loop().create_future()
        asyncio.get_running_loop().call_soon(failing.set_exception, ValueError("first"))
        try:
            await failing
        except ValueError as error:
            await asyncio.sleep(0)
            return str(error)
        return "nothing"

    outcome = await place.run(place.actor(waits, store_results=True).message())

    assert outcome.result == b'"first"'


async def _stopped(place: Place, **flags: bool) -> Outcome:
    entered = asyncio.Event()

    async def hangs() -> None:
        entered.set()
        await asyncio.Event().wait()

    task = place.task(place.actor(hangs, max_retries=5).message())
    running = asyncio.create_task(place.process(task))
    await asyncio.wait_for(entered.wait(), LIMIT)
    for name, value in flags.items():
        setattr(task, name, value)
    running.cancel()
    return await running


async def test_a_cancelled_task_is_rejected_and_not_tried_again(place: Place) -> None:
    outcome = await _stopped(place, cancelled=True)

    assert outcome.state is REJECTED
    assert said(outcome)[-1] == (WARNING, CANCELLED_LINE)


async def test_a_task_that_is_given_back_has_spent_no_retry(place: Place) -> None:
    outcome = await _stopped(place, given_back=True)

    assert (outcome.state, outcome.reason, outcome.retries, outcome.eta) == (QUEUED, "given_back", 0, None)
    assert outcome.requeued is not None and outcome.requeued.event == GIVEN_BACK_LINE


@pytest.mark.parametrize(
    ("flag", "state", "reason"), [("cancelled", REJECTED, None), ("given_back", QUEUED, "given_back")]
)
async def test_an_actor_that_answers_being_stopped_with_an_error_is_stopped_all_the_same(
    place: Place, flag: str, state: TaskState, reason: str | None
) -> None:
    entered = asyncio.Event()

    async def hangs() -> None:
        entered.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            raise RuntimeError("cannot clean up") from None

    task = place.task(place.actor(hangs, max_retries=5).message())
    running = asyncio.create_task(place.process(task))
    await asyncio.wait_for(entered.wait(), LIMIT)
    setattr(task, flag, True)
    running.cancel()
    outcome = await running

    assert (outcome.state, outcome.reason, outcome.retries) == (state, reason, 0)
    assert (ERROR, "cannot clean up") in said(outcome)


async def test_a_run_that_is_cancelled_for_no_stated_reason_says_nothing(place: Place) -> None:
    with pytest.raises(asyncio.CancelledError):
        await _stopped(place)


async def test_a_stopped_run_leaves_its_asyncio_task_usable(place: Place) -> None:
    entered = asyncio.Event()

    async def hangs() -> None:
        entered.set()
        await asyncio.Event().wait()

    task = place.task(place.actor(hangs).message())

    async def worker() -> tuple[Outcome, int]:
        outcome = await place.process(task)
        await asyncio.sleep(0)
        mine = asyncio.current_task()
        assert mine is not None
        return outcome, mine.cancelling()

    running = asyncio.create_task(worker())
    await asyncio.wait_for(entered.wait(), LIMIT)
    task.cancelled = True
    running.cancel()
    outcome, cancelling = await running

    assert (outcome.state, cancelling) == (REJECTED, 0)


@pytest.mark.parametrize(
    ("error", "state", "reason"),
    [(TaskCancelled, REJECTED, None), (Shutdown, QUEUED, "given_back")],
)
async def test_what_interrupts_a_thread_says_why(
    place: Place, error: type[BaseException], state: TaskState, reason: str | None
) -> None:
    def computes() -> None:
        raise error

    outcome = await place.run(place.actor(computes).message())

    assert (outcome.state, outcome.reason, outcome.retries) == (state, reason, 0)


async def test_a_loop_in_a_thread_can_ask_whether_it_is_wanted(place: Place) -> None:
    rounds = itertools.count()

    def computes() -> None:
        while True:
            if next(rounds) == 3:
                current_task().cancelled = True
            current_task().stop_if_cancelled()

    outcome = await place.run(place.actor(computes).message())

    assert outcome.state is REJECTED and next(rounds) == 4


async def test_an_actor_that_would_not_be_stopped_is_done(place: Place) -> None:
    entered = asyncio.Event()

    async def stubborn() -> None:
        entered.set()
        with pytest.raises(asyncio.CancelledError):
            await asyncio.Event().wait()

    task = place.task(place.actor(stubborn).message())
    running = asyncio.create_task(place.process(task))
    await asyncio.wait_for(entered.wait(), LIMIT)
    task.given_back = True
    running.cancel()

    assert (await running).state is DONE


# Sending from a task --------------------------------------------------------------------------------------------------------


async def test_what_a_task_sends_is_stored_with_its_end_in_its_tenant_and_workspace(place: Place) -> None:
    async def second(number: int) -> None: ...

    async def first() -> None:
        sent.send(1)
        sent.send_with_options(args=(2,), delay=60_000, uid="two")
        await asyncio.to_thread(sent.send, 3)

    sent = place.actor(second, queue_name="others", priority=5)
    outcome = await place.run(place.actor(first).message(), workspace_id=9)

    assert [decode(new.message).args for new in outcome.effects] == [(1,), (2,), (3,)]
    for new in outcome.effects:
        assert (new.tenant_id, new.workspace_id, new.queue_name, new.priority) == (TENANT, 9, "others", 5)
    assert [new.uid for new in outcome.effects] == [None, "two", None]
    eta = outcome.effects[1].eta
    assert eta is not None and timedelta(seconds=55) < eta - now() <= timedelta(seconds=60)


async def test_what_a_task_sent_before_it_failed_is_sent(place: Place) -> None:
    async def told() -> None: ...

    async def first() -> None:
        sent.send()
        raise RuntimeError

    sent = place.actor(told)
    outcome = await place.run(place.actor(first).message())

    assert outcome.state is QUEUED
    assert [new.actor_name for new in outcome.effects] == [f"{__name__}.told"]


async def test_what_is_sent_after_the_end_is_refused(place: Place) -> None:
    async def told() -> None: ...

    contexts: list[contextvars.Context] = []

    async def first() -> None:
        contexts.append(contextvars.copy_context())

    sent = place.actor(told)
    outcome = await place.run(place.actor(first).message())

    with pytest.raises(RuntimeError, match="has ended"):
        contexts[0].run(sent.send)
    assert outcome.effects == []


async def test_a_pipeline_hands_results_on(place: Place) -> None:
    async def add(a: int, b: int) -> int:
        return a + b

    actor = place.actor(add)
    line = dramatiq.pipeline(
        [actor.message(1, 2), actor.message(10), actor.message(100)], broker=place.broker
    )

    results = []
    message = line.messages[0]
    while True:
        outcome = await place.run(message)
        assert outcome.state is DONE
        if not outcome.effects:
            break
        message = decode(outcome.effects[0].message)
        results.append(message.args)

    assert results == [(10, 3), (100, 13)]


async def test_a_step_of_a_pipeline_may_ignore_the_result_before_it_and_come_later(place: Place) -> None:
    async def add(a: int, b: int) -> int:
        return a + b

    actor = place.actor(add)
    last = actor.message_with_options(args=(3, 4), pipe_ignore=True, delay=60_000)
    line = actor.message(1, 2) | last
    outcome = await place.run(line.messages[0])

    (new,) = outcome.effects
    assert decode(new.message).args == (3, 4)
    assert new.eta is not None and new.eta > now() + timedelta(seconds=50)


async def test_a_pipeline_that_fails_goes_no_further(place: Place) -> None:
    async def told() -> None: ...

    line = place.actor(fails, max_retries=0).message() | place.actor(told).message()
    outcome = await place.run(line.messages[0])

    assert (outcome.state, outcome.effects) == (REJECTED, [])


async def test_a_pipeline_that_cannot_go_on_is_rejected_and_says_why(place: Place) -> None:
    async def answers() -> object:
        return object()

    async def takes(value: object) -> None: ...

    line = place.actor(answers).message() | place.actor(takes).message()
    outcome = await place.run(line.messages[0])

    assert (outcome.state, outcome.effects) == (REJECTED, [])
    assert said(outcome)[-1][0] is ERROR and "JSON" in said(outcome)[-1][1]
    assert outcome.message is not None and "pipe_target" in decode(outcome.message).options


async def test_callbacks_are_told_of_success_failure_and_giving_up(place: Place) -> None:
    async def told(message: dict[str, Any], what: object) -> None: ...

    for name in ("succeeded", "failed", "gave_up"):
        place.actor(told, actor_name=name)

    async def answers() -> int:
        return 42

    good = place.actor(answers, on_success="succeeded", on_failure="failed")
    bad = place.actor(fails, max_retries=1, on_failure="failed", on_retry_exhausted="gave_up")

    done = await place.run(good.message())
    failed = await place.run(bad.message())
    rejected = await place.again(failed)

    def calls(outcome: Outcome) -> list[tuple[str, object]]:
        return [(new.actor_name, decode(new.message).args[1]) for new in outcome.effects]

    failure = {"type": "RuntimeError", "message": "it cannot be done"}
    assert calls(done) == [("succeeded", 42)]
    assert calls(failed) == [("failed", failure)]
    assert sorted(calls(rejected)) == [
        ("failed", failure),
        ("gave_up", {"retries": 1, "max_retries": 1}),
    ]
    assert decode(done.effects[0].message).args[0]["actor_name"] == f"{__name__}.answers"


async def test_a_callback_may_be_given_with_the_message_and_as_an_actor(place: Place) -> None:
    async def told(message: dict[str, Any], what: object) -> None: ...

    async def answers() -> int:
        return 42

    callback = place.actor(told)
    actor = place.actor(answers)
    by_actor = place.actor(answers, actor_name="by_actor", on_success=callback)

    for message in (actor.message_with_options(on_success=callback), by_actor.message()):
        outcome = await place.run(message)
        assert [new.actor_name for new in outcome.effects] == [f"{__name__}.told"]
    with pytest.raises(TypeError, match="on_success"):
        actor.message_with_options(on_success=5)


async def test_a_success_that_nobody_can_be_told_of_is_rejected(place: Place) -> None:
    async def answers() -> int:
        return 42

    outcome = await place.run(place.actor(answers, on_success="nobody").message())

    assert outcome.state is REJECTED
    assert said(outcome)[-1][0] is ERROR and "nobody" in said(outcome)[-1][1]


async def test_a_task_may_send_itself_again(place: Place) -> None:
    async def returns_later() -> None:
        message = CurrentMessage.get_current_message()
        assert message is not None
        place.broker.enqueue(message, delay=5_000)

    outcome = await place.run(place.actor(returns_later).message())

    assert (outcome.state, outcome.effects) == (QUEUED, [])
    assert outcome.eta is not None and outcome.eta > now() + timedelta(seconds=4)


# Middlewares ----------------------------------------------------------------------------------------------------------------


class Recorder(Middleware):
    """Notes which of its hooks are called."""

    def __init__(self, name: str, notes: list[str]) -> None:
        self.name = name
        self.notes = notes

    def before_process_message(self, broker: Any, message: Any) -> None:
        self.notes.append(f"{self.name} before {message.args}")

    def after_process_message(
        self, broker: Any, message: Any, *, result: Any = None, exception: BaseException | None = None
    ) -> None:
        self.notes.append(f"{self.name} after {result} {type(exception).__name__}")

    def after_skip_message(self, broker: Any, message: Any) -> None:
        self.notes.append(f"{self.name} skipped")


class OtherRecorder(Recorder):
    """Of another class, because dramatiq warns of two of one."""


async def test_middlewares_surround_the_actor_the_first_outermost(place: Place) -> None:
    notes: list[str] = []
    place.broker.add_middleware(Recorder("a", notes))
    place.broker.add_middleware(OtherRecorder("b", notes))

    async def answers(number: int) -> int:
        notes.append("actor")
        return number

    await place.run(place.actor(answers).message(1))
    await place.run(place.actor(fails).message())

    assert notes == [
        *("a before (1,)", "b before (1,)", "actor", "b after 1 NoneType", "a after 1 NoneType"),
        *("a before ()", "b before ()", "b after None RuntimeError", "a after None RuntimeError"),
    ]


@pytest.mark.parametrize(("fail", "state"), [(False, DONE), (True, REJECTED)])
async def test_a_middleware_may_skip_a_message(place: Place, fail: bool, state: TaskState) -> None:
    notes: list[str] = []

    class Skipper(Middleware):
        def before_process_message(self, broker: Any, message: Any) -> None:
            if fail:
                message.fail()
            raise SkipMessage("not today")

    place.broker.add_middleware(Recorder("a", notes))
    place.broker.add_middleware(Skipper())

    async def runs() -> None:
        notes.append("actor")

    outcome = await place.run(place.actor(runs).message())

    assert outcome.state is state
    assert notes == ["a before ()", "a skipped"]
    assert "not today" in outcome.logs[-1].event
    assert states(outcome) == [PREPROCESS, POSTPROCESS, state]


async def test_a_middleware_that_fails_changes_nothing(
    place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    class Broken(Middleware):
        def before_process_message(self, broker: Any, message: Any) -> None:
            raise RuntimeError("broken before")

        def after_process_message(self, broker: Any, message: Any, **_: Any) -> None:
            raise RuntimeError("broken after")

        def after_enqueue(self, broker: Any, message: Any, delay: Any) -> None:
            raise RuntimeError("broken after sending")

    place.broker.add_middleware(Broken())

    async def told() -> None: ...

    async def answers() -> int:
        sent.send()
        return 42

    sent = place.actor(told)
    outcome = await place.run(place.actor(answers, store_results=True).message())
    retried = await place.run(place.actor(fails).message())

    assert (outcome.state, outcome.result, len(outcome.effects)) == (DONE, b"42", 1)
    assert retried.state is QUEUED
    assert {"broken before", "broken after", "broken after sending"} <= {
        str(record.exc_info[1]) for record in caplog.records if record.exc_info
    }


async def test_a_middleware_may_send_and_may_reject(place: Place) -> None:
    async def told() -> None: ...

    sent = place.actor(told)

    class Picky(Middleware):
        def after_process_message(self, broker: Any, message: Any, **_: Any) -> None:
            sent.send()
            message.fail()

    place.broker.add_middleware(Picky())

    async def answers() -> int:
        return 42

    outcome = await place.run(place.actor(answers).message())

    assert outcome.state is REJECTED
    assert [new.actor_name for new in outcome.effects] == [f"{__name__}.told"]


async def test_a_middleware_that_comes_later_is_seen_by_actors_that_ran_before(place: Place) -> None:
    notes: list[str] = []

    async def runs(_number: int = 0) -> None: ...

    actor = place.actor(runs)
    await place.run(actor.message())
    place.broker.add_middleware(Recorder("late", notes))
    await place.run(actor.message())

    assert notes == ["late before ()", "late after None NoneType"]


# dramatiq's own actors ------------------------------------------------------------------------------------------------------


async def test_an_unchanged_coroutine_actor_runs_on_this_loop(place: Place) -> None:
    loops: list[object] = []

    async def runs() -> None:
        loops.append(asyncio.get_running_loop())
        message = CurrentMessage.get_current_message()
        assert message is not None
        current_task().info(message.actor_name)

    outcome = await place.run(place.unchanged(runs).message())

    assert outcome.state is DONE
    assert loops == [asyncio.get_running_loop()]
    assert outcome.logs[1].event == f"{__name__}.runs"
    assert place.limits == [] and CurrentMessage.get_current_message() is None


async def test_an_unchanged_plain_actor_runs_elsewhere(place: Place) -> None:
    def computes(number: int) -> int:
        return number * 2

    actor = place.unchanged(computes, store_results=True)
    outcome = await place.run(actor.message(21))

    assert outcome.result == b"42"
    assert place.limits == [600.0]
    assert actor(4) == 8


async def test_a_plain_function_round_a_coroutine_is_a_plain_function(place: Place) -> None:
    import functools

    async def inner() -> str:
        return "ran"

    @functools.wraps(inner)
    def outer() -> str:
        return asyncio.run(inner())

    outcome = await place.run(place.unchanged(outer, store_results=True).message())

    assert outcome.result == b'"ran"'
    assert len(place.limits) == 1


async def test_actors_may_be_classes(place: Place) -> None:
    class Plain(dramatiq.GenericActor):
        class Meta:
            broker = place.broker
            store_results = True

        def perform(self, number: int) -> int:
            return number + 1

    class Waiting(dramatiq.GenericActor):
        class Meta:
            broker = place.broker
            store_results = True

        async def perform(self, number: int) -> int:
            await asyncio.sleep(0)
            return number + 2

    outcomes = [await place.run(each.message(1)) for each in (Plain, Waiting)]

    assert [outcome.result for outcome in outcomes] == [b"2", b"3"]
    assert len(place.limits) == 1


async def test_calling_an_actor_runs_it_here_and_now(place: Place) -> None:
    async def add(a: int, b: int) -> int:
        return a + b

    assert await place.actor(add)(1, 2) == 3
