"""python -m app tasks schedules …"""

from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.operator import as_operator
from app.cli.tasks.actors import import_actors
from app.cli.tasks.showing import AsJson, moment, print_json

if TYPE_CHECKING:
    from app.access import Viewer
    from app.models import Schedule

MOST = 1000

Name = Annotated[
    str, typer.Argument(metavar="SCHEDULE", help="Its number, or the name of its actor if that has one only.")
]

schedules = typer.Typer(help="What is sent by itself, and when.", no_args_is_help=True)


def add_commands(tasks: typer.Typer) -> None:
    tasks.add_typer(schedules, name="schedules")


@schedules.command("ls")
def list_schedules(as_json: AsJson = False) -> None:
    """List the schedules, at most 1,000, the next to be sent first."""

    async def run(viewer: "Viewer") -> None:
        from app.models import Schedule

        found = await Schedule.visible_to(viewer).order_by("next_run", "id").limit(MOST)
        if as_json:
            print_json([_described(schedule) for schedule in found])
        else:
            _print_table(found)

    as_operator(run)


@schedules.command()
def pause(name: Name) -> None:
    """Send it by hand only, from now on."""
    _update(name, paused=True)


@schedules.command()
def unpause(name: Name) -> None:
    """Send it by itself again, the first time at once."""
    _update(name, paused=False)


@schedules.command("set-crontab")
def set_crontab(
    name: Name,
    crontab: Annotated[
        str,
        typer.Argument(
            help="When, in UTC: minute, hour, day of month, month, day of week, and seconds if wanted, in quotes."
        ),
    ],
) -> None:
    """Change when it is sent. It stays so when the program is started anew."""
    _update(name, crontab=crontab)


@schedules.command()
def send(name: Name) -> None:
    """Send it now, once, also while it is paused. When it is sent next stays as it was."""

    async def run(viewer: "Viewer") -> None:
        from app.actions.tasks.schedules import send_schedule

        schedule = await _named(viewer, name)
        task = await send_schedule(viewer, schedule.id)
        print(f"task {task.id} was sent for schedule {schedule.id}")

    import_actors()
    as_operator(run)


def _update(name: str, *, crontab: str | None = None, paused: bool | None = None) -> None:
    async def run(viewer: "Viewer") -> None:
        from app.actions.tasks.schedules import update_schedule

        schedule = await _named(viewer, name)
        schedule = await update_schedule(viewer, schedule.id, crontab=crontab, paused=paused)
        print(f"schedule {schedule.id} ({schedule.uid}): {_when(schedule)}")

    as_operator(run)


async def _named(viewer: "Viewer", name: str) -> "Schedule":
    """Raises `NotFound` when there is none, and when it is not clear which is meant."""
    from app.errors import NotFound
    from app.models import Schedule

    key = {"id": int(name)} if name.isdecimal() and len(name) < 19 else {"actor_name": name}
    found = await Schedule.visible_to(viewer).filter(**key).order_by("id").limit(2)
    if not found:
        raise NotFound(f"There is no schedule '{name}'.")
    if len(found) > 1:
        raise NotFound(f"There is no schedule '{name}' alone: it has several. Give the number of one.")
    return found[0]


def _described(schedule: "Schedule") -> dict[str, object]:
    return {
        "id": schedule.id,
        "uid": schedule.uid,
        "actor_name": schedule.actor_name,
        "identifier": schedule.identifier,
        "crontab": schedule.crontab,
        "declared_crontab": schedule.declared_crontab,
        "paused": schedule.paused,
        "next_run": schedule.next_run,
        "args": schedule.args,
        "kwargs": schedule.kwargs,
    }


def _when(schedule: "Schedule") -> str:
    next_time = "paused" if schedule.paused else f"next at {moment(schedule.next_run)}"
    return f"{schedule.crontab}, {next_time}"


def _print_table(found: list["Schedule"]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table("schedule", "actor", "identifier", "crontab", "next")
    for schedule in found:
        when = "paused" if schedule.paused else moment(schedule.next_run)
        table.add_row(
            str(schedule.id),
            Text(schedule.uid, overflow="fold"),
            Text(schedule.identifier or "-", overflow="fold"),
            Text(schedule.crontab, overflow="fold"),
            Text(when, style="yellow" if schedule.paused else ""),
        )
    Console().print(table)
