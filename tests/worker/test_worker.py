"""The worker as a process, with a real server: what it promises when all goes well, and when something is killed."""

import asyncio
import os
import platform
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.client.conftest import Wire
from tests.worker.test_child import alive
from tests.worker.yard import ABORT, DISABLE, ENABLE, Yard, texts, until

pytestmark = pytest.mark.timeout(180)


@pytest.fixture
async def wire(yard: Yard) -> AsyncIterator[Wire]:
    async with Wire(yard.url) as wire:
        yield wire
        await yard.stop_workers()


async def cut(wire: Wire) -> None:
    async def look() -> bool:
        return not wire.armed

    await until(look, "the wire is cut")


async def gone(pid: int) -> None:
    async def look() -> bool:
        return not alive(pid)

    await until(look, f"process {pid} is gone")


async def pid_in(path: Path) -> int:
    async def look() -> bool:
        return path.exists() and path.read_text().endswith("\n")

    await until(look, "the task writes its pid")
    return int(path.read_text())


async def test_a_program_runs_on_real_input_and_everything_about_it_is_told(yard: Yard) -> None:
    await yard.start_worker("one")

    id = await yard.submit("shell", command="sort; echo sorted >&2; exit 3", input="b\na\n")
    request = await yard.becomes(id, "COMPLETED")

    assert (request["result"], request["attempt"], request["errors"]) == ("FAILURE", 1, [])
    assert request["outputData"].pop("seconds") > 0
    assert request["outputData"] == {"exitCode": 3, "stdout": "a\nb\n", "stderr": "sorted\n"}
    assert (texts(request, "STDOUT"), texts(request, "STDERR")) == (["a", "b"], ["sorted"])
    assert await yard.changes(id) == ["created 0", "started 1", "completed 1"]


async def test_lines_are_seen_while_the_program_runs(yard: Yard) -> None:
    await yard.start_worker("live")

    id = await yard.submit("shell", command="echo first; sleep 300")
    await yard.logs(id, "first")

    assert (await yard.look(id))["status"] == "RUNNING"
    await yard.admin.mutate(ABORT, {"id": id})


async def test_a_worker_says_what_it_is(yard: Yard) -> None:
    await yard.start_worker("self", tags="gpu,site:lab", concurrency=3)

    worker = await yard.connected("self")

    assert worker["enabled"]
    assert worker["concurrency"] == 3
    assert worker["providedTags"] == ["gpu", "site:lab", "task:noop", "task:python", "task:shell"]
    assert worker["dynamicMetadata"]["system:architecture"] == platform.machine()
    assert worker["dynamicMetadata"]["system:cpu_count"] == len(os.sched_getaffinity(0))
    assert worker["dynamicMetadata"]["system:total_physical_memory"] > 2**28
    assert worker["dynamicMetadata"]["shell:version"] == 1


async def test_without_an_activation_token_a_worker_waits_until_it_is_enabled(yard: Yard) -> None:
    program = await yard.start_worker("patient", activated=False)
    worker = await until(lambda: yard.worker("patient"), "it registers")
    id = await yard.submit("noop")

    async def told() -> bool:
        return bool(program.logged("an administrator must enable this worker before it gets work"))

    await until(told, "the operator is told what to do")
    assert not worker["enabled"]
    assert (await yard.look(id))["status"] == "PENDING"

    await yard.admin.mutate(ENABLE, {"id": worker["id"]})

    assert (await yard.becomes(id, "COMPLETED"))["worker"] == {"name": "patient"}


async def test_a_worker_is_the_same_after_a_restart(yard: Yard) -> None:
    first = await yard.start_worker("again")
    before = await yard.connected("again")
    first.signal(signal.SIGTERM)
    assert await first.ended() == 0

    await yard.start_worker("again", activated=False)

    assert (await yard.connected("again"))["id"] == before["id"]
    assert await yard.worker("again-2") is None


async def test_its_secret_is_in_no_log(yard: Yard, tmp_path: Path) -> None:
    worker = await yard.start_worker("discreet", token_file=tmp_path / "secret")
    await yard.becomes(await yard.submit("noop"), "COMPLETED")
    worker.signal(signal.SIGTERM)
    await worker.ended()

    secret = (tmp_path / "secret").read_text().strip()
    assert len(secret) == 64
    assert secret not in worker.output
    assert secret not in yard.server.output
    assert worker.logged("completed")


async def test_as_many_requests_run_at_once_as_it_may(yard: Yard) -> None:
    await yard.start_worker("wide", concurrency=3)

    ids = [await yard.submit("shell", command="sleep 300") for _ in range(4)]
    for id in ids[:3]:
        await yard.becomes(id, "RUNNING")

    assert (await yard.look(ids[3]))["status"] == "PENDING"
    await yard.admin.mutate(ABORT, {"id": ids[0]})
    await yard.becomes(ids[3], "RUNNING")
    for id in ids[1:]:
        await yard.admin.mutate(ABORT, {"id": id})


async def test_aborting_kills_the_program_and_frees_the_worker(yard: Yard, tmp_path: Path) -> None:
    worker = await yard.start_worker("abort", concurrency=1, lease_seconds=300)
    id = await yard.submit(
        "shell", command=f"trap '' TERM; echo $$ > {tmp_path}/pid; while :; do sleep 1; done"
    )
    pid = await pid_in(tmp_path / "pid")

    await yard.admin.mutate(ABORT, {"id": id})

    await gone(pid)
    await yard.becomes(await yard.submit("noop"), "COMPLETED")
    assert await yard.changes(id, last="aborted") == ["created 0", "started 1", "aborted 1"]
    assert [line["work_request"] for line in worker.logged("lost")] == [id]


async def test_an_abort_that_overtakes_the_answer_to_the_claim_counts(
    yard: Yard, wire: Wire, tmp_path: Path
) -> None:
    worker = await yard.start_worker("overtaken", url=wire.url, lease_seconds=300)
    wire.hold_on = b"touch"
    id = await yard.submit("shell", command=f"touch {tmp_path}/ran")
    await yard.becomes(id, "RUNNING")

    await yard.admin.mutate(ABORT, {"id": id})

    async def told() -> bool:
        return "WorkRequestAbortRequested" in [line["kind"] for line in worker.logged("told by the server")]

    await until(told, "the worker is told of the abort")
    wire.release.set()

    async def lost() -> bool:
        return [line["work_request"] for line in worker.logged("lost")] == [id]

    await until(lost, "the worker drops it")
    assert not (tmp_path / "ran").exists()


async def test_disabling_a_worker_kills_what_it_runs_and_gives_it_to_another(
    yard: Yard, tmp_path: Path
) -> None:
    await yard.start_worker("bad", lease_seconds=300)
    id = await yard.submit(
        "shell", command=f"echo $$ > {tmp_path}/pid; test $WORKYARD_ATTEMPT = 2 || sleep 300"
    )
    pid = await pid_in(tmp_path / "pid")

    await yard.admin.mutate(DISABLE, {"id": (await yard.connected("bad"))["id"]})

    await gone(pid)
    await yard.start_worker("good")
    request = await yard.becomes(id, "COMPLETED")
    assert (request["worker"], request["attempt"], request["result"]) == ({"name": "good"}, 2, "SUCCESS")


async def test_limits_end_a_program_with_an_error_that_says_which(yard: Yard) -> None:
    await yard.start_worker("strict", memory_bytes=200_000_000, timeout_seconds=5)

    late = await yard.submit("shell", command="echo before; sleep 300", timeoutSeconds=0.5)
    later = await yard.submit("noop", seconds=300)
    large = await yard.submit("python", function="builtins:bytearray", args=[500_000_000])
    crash = await yard.submit("python", function="os:abort")

    ended = [await yard.becomes(id, "COMPLETED") for id in (late, later, large, crash)]
    assert [(each["result"], each["errors"][0]["code"]) for each in ended] == [
        ("ERROR", "TIMED_OUT"),
        ("ERROR", "TIMED_OUT"),
        ("ERROR", "OUT_OF_MEMORY"),
        ("ERROR", "KILLED"),
    ]
    assert ended[0]["outputData"]["stdout"] == "before\n"


async def test_an_output_that_is_too_large_is_an_error_and_no_silence(yard: Yard) -> None:
    await yard.start_worker("large")

    id = await yard.submit("python", function="operator:mul", args=["x", 6_000_000])

    request = await yard.becomes(id, "COMPLETED")
    assert (request["result"], request["errors"][0]["code"]) == ("ERROR", "OUTPUT_TOO_LARGE")


async def test_sigterm_lets_work_end_within_the_grace(yard: Yard, tmp_path: Path) -> None:
    worker = await yard.start_worker("graceful", grace_seconds=60)
    go_on = tmp_path / "go-on"
    id = await yard.submit("shell", command=f"echo here; until test -e {go_on}; do sleep 0.05; done")
    await yard.logs(id, "here")

    worker.signal(signal.SIGTERM)
    unclaimed = await yard.submit("noop")
    go_on.touch()

    assert await worker.ended() == 0
    assert (await yard.look(id))["result"] == "SUCCESS"
    assert (await yard.look(unclaimed))["status"] == "PENDING"
    await yard.admin.mutate(ABORT, {"id": unclaimed})


async def test_sigterm_hands_back_what_does_not_end(yard: Yard, tmp_path: Path) -> None:
    worker = await yard.start_worker("leaving", grace_seconds=0.1, lease_seconds=300)
    id = await yard.submit(
        "shell", command=f"echo $$ > {tmp_path}/pid; test $WORKYARD_ATTEMPT = 2 || sleep 300"
    )
    pid = await pid_in(tmp_path / "pid")

    worker.signal(signal.SIGTERM)

    assert await worker.ended() == 0
    assert not alive(pid)
    request = await yard.look(id)
    assert (request["status"], request["worker"]) == ("PENDING", None)
    await yard.start_worker("taking")
    assert (await yard.becomes(id, "COMPLETED"))["worker"] == {"name": "taking"}
    assert await yard.changes(id) == ["created 0", "started 1", "requeued 1", "started 2", "completed 2"]


async def test_a_second_signal_stops_it_at_once(yard: Yard, tmp_path: Path) -> None:
    worker = await yard.start_worker("hasty", grace_seconds=600)
    id = await yard.submit(
        "shell", command=f"trap '' TERM; echo $$ > {tmp_path}/pid; while :; do sleep 1; done"
    )
    pid = await pid_in(tmp_path / "pid")
    worker.signal(signal.SIGTERM)

    async def stopping() -> bool:
        return bool(worker.logged("waiting for running work"))

    await until(stopping, "it waits for running work")
    worker.signal(signal.SIGINT)

    assert await worker.ended() == 128 + signal.SIGINT
    await gone(pid)
    await yard.becomes(id, "PENDING")
    await yard.admin.mutate(ABORT, {"id": id})


async def test_the_lease_of_a_killed_worker_runs_out_and_another_one_completes(
    yard: Yard, tmp_path: Path
) -> None:
    worker = await yard.start_worker("victim", lease_seconds=3)
    id = await yard.submit(
        "shell", command=f"echo $$ > {tmp_path}/pid; test $WORKYARD_ATTEMPT = 2 || sleep 300"
    )
    pid = await pid_in(tmp_path / "pid")
    await yard.start_worker("heir")

    await worker.kill()

    await gone(pid)
    request = await yard.becomes(id, "COMPLETED")
    assert (request["worker"], request["attempt"], request["result"]) == ({"name": "heir"}, 2, "SUCCESS")
    assert await yard.changes(id) == ["created 0", "started 1", "requeued 1", "started 2", "completed 2"]


async def test_a_killed_worker_that_comes_back_does_not_wait_for_its_own_lease(
    yard: Yard, tmp_path: Path
) -> None:
    worker = await yard.start_worker("phoenix", concurrency=1, lease_seconds=3000)
    id = await yard.submit(
        "shell", command=f"echo $$ > {tmp_path}/pid; test $WORKYARD_ATTEMPT = 2 || sleep 300"
    )
    await pid_in(tmp_path / "pid")
    await worker.kill()

    await yard.start_worker("phoenix", activated=False)

    assert (await yard.becomes(id, "COMPLETED"))["attempt"] == 2


COUNT = "for i in $(seq 1 60); do echo line $i; sleep 0.05; done"


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
async def test_work_goes_on_while_the_server_restarts_and_completes_once(
    yard: Yard, how: signal.Signals
) -> None:
    await yard.start_worker(f"steady-{int(how)}", lease_seconds=60)
    id = await yard.submit("shell", command=COUNT)
    await yard.logs(id, "line 10")

    yard.server.signal(how)
    await yard.server.ended()
    await yard.start_server()

    request = await yard.becomes(id, "COMPLETED")
    assert (request["result"], request["attempt"]) == ("SUCCESS", 1)
    assert texts(request) == [f"line {number}" for number in range(1, 61)]
    assert await yard.changes(id) == ["created 0", "started 1", "completed 1"]


async def test_a_result_is_kept_until_the_server_is_back(yard: Yard, tmp_path: Path) -> None:
    worker = await yard.start_worker("keeper", lease_seconds=60)
    id = await yard.submit(
        "shell", command=f"echo $$ > {tmp_path}/pid; until test -e {tmp_path}/go; do sleep 0.05; done"
    )
    pid = await pid_in(tmp_path / "pid")

    await yard.server.kill()
    (tmp_path / "go").touch()
    await gone(pid)

    async def tried() -> bool:
        return bool(worker.logged("the server is away"))

    await until(tried, "it tried to report")
    await yard.start_server()

    assert (await yard.becomes(id, "COMPLETED"))["result"] == "SUCCESS"
    assert await yard.changes(id) == ["created 0", "started 1", "completed 1"]


async def test_a_claim_whose_answer_was_lost_is_given_back(yard: Yard, wire: Wire) -> None:
    await yard.start_worker("wired", url=wire.url, concurrency=1, lease_seconds=300, poll_seconds=300)
    wire.cut_on = b"mutation Acquire"

    id = await yard.submit("noop")
    request = await yard.becomes(id, "COMPLETED")

    await cut(wire)
    assert request["result"] == "SUCCESS"


async def test_a_report_whose_answer_was_lost_is_sent_again_and_counts_once(yard: Yard, wire: Wire) -> None:
    await yard.start_worker("doubtful", url=wire.url, lease_seconds=300)
    wire.cut_on = b"mutation Complete"

    id = await yard.submit("shell", command="echo done")

    assert (await yard.becomes(id, "COMPLETED"))["attempt"] == 1
    await cut(wire)
    assert await yard.changes(id) == ["created 0", "started 1", "completed 1"]


async def test_a_worker_that_cannot_start_says_why_and_is_not_started_again(yard: Yard) -> None:
    program = await yard.start_worker("wrong", activated=False, activation_token="ab" * 32)

    assert await program.ended() == 2
    assert "activation token is unknown, used up or expired" in program.output


async def test_many_requests_are_each_done_once(yard: Yard) -> None:
    for name in ("crowd-1", "crowd-2"):
        await yard.start_worker(name, concurrency=4)

    ids = await asyncio.gather(*(yard.submit("noop") for _ in range(60)))

    for id in ids:
        assert await yard.changes(id) == ["created 0", "started 1", "completed 1"]
