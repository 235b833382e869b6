"""What is killed comes back, and no work is lost or done twice by it."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Collection
from pathlib import Path
from typing import Any

import psutil
import pytest

from app.client import Client, UserErrors
from tests.faults.changes import Follower, by_request, story
from tests.faults.machine import COMPLETE
from tests.faults.site import Site, until
from tests.machine import until as until_now

REQUESTS = 200
WORKERS = 2


class Gate:
    """What tasks wait at until it is opened; once it is, they pass at once."""

    def __init__(self, path: Path) -> None:
        self.path = path
        os.mkfifo(path)
        path.chmod(0o666)
        self._held: int | None = None

    def task(self) -> dict[str, Any]:
        """A work request that waits at the gate, without using the processor."""
        return {"taskName": "shell", "taskData": {"command": f": < {self.path}"}, "maxAttempts": 10}

    def open(self) -> None:
        """Let all pass, from now on."""
        self._held = os.open(self.path, os.O_RDWR)

    def remove(self) -> None:
        if self._held is not None:
            os.close(self._held)
        self.path.unlink()


@pytest.fixture
async def gates(site: Site) -> AsyncIterator[tuple[Gate, Gate]]:
    gates = Gate(site.directory / "gate-1"), Gate(site.directory / "gate-2")
    yield gates
    for gate in gates:
        gate.remove()


@pytest.fixture(scope="module")
async def crew(site: Site) -> list[str]:
    """The names of workers that together can run all requests at once."""
    names = [f"worker-{number}" for number in range(1, WORKERS + 1)]
    await asyncio.gather(*[site.start_worker(name, REQUESTS // WORKERS) for name in names])
    return names


@pytest.mark.timeout(300)
async def test_two_hundred_running_requests_complete_once_each_whatever_is_killed(
    site: Site, crew: list[str], gates: tuple[Gate, Gate]
) -> None:
    """PostgreSQL, the server and a worker are killed in turn, while one half of the requests ends and the other runs."""
    async with Follower(site.admin) as follower:
        ids = await asyncio.gather(*[site.submit(**gates[number % 2].task()) for number in range(REQUESTS)])
        await until(lambda: at_least(REQUESTS, site.count(ids, "status = 'running'")))

        gates[0].open()
        await until(lambda: at_least(REQUESTS // 8, site.count(ids, "status = 'completed'")))
        site.postmaster.kill()
        await until(lambda: at_least(REQUESTS // 4, site.count(ids, "status = 'completed'")))
        site.server.kill()
        await until(lambda: at_least(REQUESTS * 3 // 8, site.count(ids, "status = 'completed'")))
        lost = await kill_worker(site, crew[0], ids)
        gates[1].open()
        await site.start_worker(crew[0], REQUESTS // WORKERS)

        await until(lambda: at_least(REQUESTS, site.count(ids, "status = 'completed'")))
        log = await site.log(after=follower.begin)
        await follower.sees(len(log))
    steps = by_request(log)
    again = {id for id in ids if "started 2" in steps[id]}
    assert steps == {id: story(attempts=2 if id in again else 1) for id in ids}
    assert "graphql.fault" not in site.output  # what they could not answer meanwhile was UNAVAILABLE
    assert again and again <= lost  # that the server and PostgreSQL were away cost nobody an attempt
    assert follower.seen == log
    assert await site.count(ids, "result = 'success'") == REQUESTS


async def test_the_late_report_of_a_worker_that_stood_still_is_refused(
    site: Site, crew: list[str], gates: tuple[Gate, Gate]
) -> None:
    async with Follower(site.admin) as follower:
        id = await site.submit(**gates[0].task())
        await until(lambda: at_least(1, site.count([id], "status = 'running'")))
        worker = site.workers[await site.runner(id)]

        worker.process.send_signal(signal.SIGSTOP)
        try:
            gates[0].open()  # its task ends, but it cannot say so before its lease has run out
            await until(lambda: at_least(1, site.count([id], "status = 'completed'")))
        finally:
            worker.process.send_signal(signal.SIGCONT)
        async with Client(site.url, worker.key) as client:
            with pytest.raises(UserErrors) as refused:
                await client.mutate(COMPLETE, {"in": {"id": id, "attempt": 1, "result": "FAILURE"}})
        await until_now(lambda: any(line["work_request"] == id for line in worker.logged("lost")))

        log = await site.log(after=follower.begin)
        await follower.sees(len(log))
    assert refused.value.codes == ["STALE_ATTEMPT"]
    assert [change.step for change in log] == story(attempts=2)
    assert follower.seen == log
    assert await site.count([id], "result = 'success'") == 1


async def kill_worker(site: Site, name: str, ids: Collection[str]) -> set[str]:
    """Returns the requests that it ran; some of them it may have reported already. Their processes are gone, too."""
    worker = site.workers[name]
    children = worker.children()
    assert children

    await worker.kill()

    await until_now(lambda: not any(lives(child) for child in children), limit=5)
    return await site.those(ids, f"status = 'running' AND worker.name = '{name}'")


async def at_least(wanted: int, counting: Awaitable[int]) -> bool:
    return await counting >= wanted


def lives(process: psutil.Process) -> bool:
    """Whether it runs: one that has ended and is not yet buried does not."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
