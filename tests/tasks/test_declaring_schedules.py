"""How code declares schedules."""

from types import ModuleType

import pytest

from app import chores
from app.errors import Invalid, InvalidCrontab
from app.models import Tenant
from app.settings import Settings
from app.tasks import schedules
from app.tasks.schedules import ScheduleSpec, declared_schedules, schedule
from tests import task_actors as actors


@pytest.fixture(autouse=True)
def _nothing_called(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schedules, "_called", {})


def module(*specs: object) -> ModuleType:
    found = ModuleType("yard.reports")
    found.schedules = specs  # type: ignore[attr-defined]
    return found


def test_a_module_lists_them_or_calls_schedule() -> None:
    listed = ScheduleSpec(actors.noop, "@hourly")
    called = schedule(actors.noop, "@daily", identifier="nightly", kwargs={"number": 1})

    found = declared_schedules([module(listed), ModuleType("without")])

    assert found == [called, listed]
    assert [spec.key for spec in found] == [
        ("tests.task_actors.noop", "nightly"),
        ("tests.task_actors.noop", None),
    ]


def test_two_that_would_be_one_row_are_a_mistake() -> None:
    schedule(actors.noop, "@daily")

    with pytest.raises(ValueError, match="Two schedules"):
        declared_schedules([module(ScheduleSpec("tests.task_actors.noop", "@hourly"))])
    with pytest.raises(ValueError, match="Two schedules"):
        schedule(actors.noop, "@hourly")


def test_what_is_no_schedule_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="to hold ScheduleSpec"):
        declared_schedules([module("@daily")])


def test_one_that_cannot_be_is_refused_where_it_is_declared() -> None:
    with pytest.raises(InvalidCrontab):
        ScheduleSpec(actors.noop, "0 0 30 2 *")
    with pytest.raises(Invalid):
        ScheduleSpec(actors.noop, "@daily", identifier="")


def test_it_may_belong_to_an_object() -> None:
    assert ScheduleSpec(actors.noop, "@daily", rel_obj=Tenant(id=7)).triple == ("accounts", "tenant", "7")


def test_our_chores_are_always_among_them() -> None:
    found = chores.load_actors(Settings(task_modules=("tests.task_actors",)))

    assert {spec.actor_name for spec in found} >= {
        "app.chores.recovery.recover_lost_work",
        "app.chores.retention.prune_event_log",
        "app.chores.retention.purge_tasks",
    }
