"""What a runner says of its health: bad when it does not do its work, whatever else is well."""

import socket
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from prometheus_client import CollectorRegistry, Counter

from app.daemons.runner import health as module
from app.daemons.runner.health import HealthServer, RunnerHealth
from app.settings import Settings, SettingsError


class Clock:
    """Stands still until told otherwise."""

    def __init__(self) -> None:
        self.time = 1000.0

    def __call__(self) -> float:
        return self.time


class Heart:
    """A heartbeat that was heard so many seconds ago."""

    def __init__(self, silence: float = 0.0) -> None:
        self.seconds = silence

    def silence(self) -> float:
        return self.seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(module, "monotonic", clock)
    return clock


def healthy(**how: Any) -> RunnerHealth:
    """A runner that has just looked and found nothing."""
    health = RunnerHealth(300, how.pop("heartbeat", Heart()), **how)
    health.looked([])
    return health


def troubles(health: RunnerHealth) -> dict[str, str]:
    return {name: trouble for name, trouble in health.ready().items() if trouble}


def test_a_runner_that_has_just_looked_is_ready(clock: Clock) -> None:
    assert troubles(healthy()) == {}
    assert healthy().alive() is None


def test_a_runner_is_not_ready_before_its_first_look(clock: Clock) -> None:
    assert troubles(RunnerHealth(300, Heart())) == {"looking": "no look for tasks has succeeded yet"}  # type: ignore[arg-type]


def test_a_runner_that_has_not_looked_for_fifteen_seconds_is_not_ready(clock: Clock) -> None:
    health = healthy()

    clock.time += 16

    assert troubles(health) == {"looking": "the last look for tasks was 16 s ago"}


def test_a_runner_that_takes_nothing_is_not_ready_though_it_looks(clock: Clock) -> None:
    assert troubles(healthy(seconds_since_claim=lambda: 40.0)) == {
        "looking": "the last look for tasks was 40 s ago"
    }


def test_a_runner_that_is_not_heard_is_not_ready(clock: Clock) -> None:
    assert troubles(healthy(heartbeat=Heart(20))) == {"heartbeat": "it was not heard for 20 s"}


def test_a_task_that_waits_while_there_is_room_is_wrong(clock: Clock) -> None:
    health = healthy()
    clock.time += 14
    health.looked([("mail", 1.0), ("reports", 400.0)])
    soon = troubles(health)
    clock.time += 2
    health.looked([("mail", 1.0), ("reports", 402.0)])

    assert soon == {}  # it had no time to take it
    assert troubles(health) == {"tasks": "a task in 'reports' has waited for 402 s, while there is room"}


def test_a_backlog_is_not_wrong_while_there_is_no_room(clock: Clock) -> None:
    health = healthy(free_slots=lambda: 0)

    for _ in range(5):
        clock.time += 10
        health.looked([("mail", 4000.0)])

    assert troubles(health) == {}


def test_a_runner_that_stops_is_not_ready(clock: Clock) -> None:
    assert troubles(healthy(stopping=lambda: True)) == {"shutdown": "the runner is stopping"}


def test_a_loop_that_stands_still_for_a_minute_is_dead(clock: Clock) -> None:
    health = healthy()

    clock.time += 61

    assert health.alive() == "the event loop has stood still for 61 s"
    health.turned()
    assert health.alive() is None


@pytest.fixture
def served() -> Iterator[tuple[RunnerHealth, str]]:
    """A runner's health, and where it is told."""
    health = healthy()
    registry = CollectorRegistry()
    Counter("apples", "Apples.", registry=registry).inc(3)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = HealthServer(Settings(task_port=port), health, registry)
    yield health, f"http://127.0.0.1:{port}"
    server.close()


async def test_it_is_told_over_http(served: tuple[RunnerHealth, str]) -> None:
    _, url = served
    async with httpx.AsyncClient(verify=False, base_url=url) as client:
        live, ready = await client.get("/health/live"), await client.get("/health/ready")
        metrics, other = await client.get("/metrics"), await client.get("/")

    assert (live.status_code, live.json()) == (200, {"status": "live"})
    assert (ready.status_code, ready.json()["status"]) == (200, "ready")
    assert set(ready.json()["checks"].values()) == {"ok"}
    assert "apples_total 3.0" in metrics.text
    assert other.status_code == 404


async def test_what_is_wrong_is_told_with_503(
    served: tuple[RunnerHealth, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, url = served
    real = time.monotonic
    monkeypatch.setattr(module, "monotonic", lambda: real() + 100)

    async with httpx.AsyncClient(verify=False, base_url=url) as client:
        live, ready = await client.get("/health/live"), await client.get("/health/ready")

    assert live.status_code == 503
    assert ready.status_code == 503
    assert ready.json()["checks"]["looking"].startswith("the last look for tasks was 10")


async def test_it_is_told_while_the_loop_stands_still(served: tuple[RunnerHealth, str]) -> None:
    _, url = served

    answer = httpx.get(f"{url}/health/ready", timeout=5)  # blocks the loop of this test

    assert answer.status_code == 200


def test_a_port_that_is_taken_is_said() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

        with pytest.raises(SettingsError) as refused:
            HealthServer(Settings(task_port=port), healthy())

    assert str(refused.value) == (
        f"cannot listen on HOST '127.0.0.1', TASK_PORT {port}: Address already in use"
    )
