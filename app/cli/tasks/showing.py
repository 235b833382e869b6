"""python -m app tasks ls|show"""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.cli.operator import as_operator
from app.cli.tasks.selecting import (
    Actors,
    InWorkspace,
    Name,
    Queues,
    Selection,
    States,
    Statuses,
    task_named,
)

if TYPE_CHECKING:
    from app.access import Viewer
    from app.models import Task, TaskLog

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]

TONES = {
    "queued": "cyan",
    "consumed": "blue",
    "preprocess": "blue",
    "running": "blue",
    "postprocess": "blue",
    "done": "green",
    "info": "green",
    "warning": "yellow",
    "error": "red",
    "rejected": "bold red",
}
_LEVELS = {"debug": "dim", "warning": "yellow", "error": "red"}


def add_commands(tasks: typer.Typer) -> None:
    tasks.command("ls")(list_tasks)
    tasks.command()(show)


def list_tasks(
    queue: Queues = None,
    actor: Actors = None,
    state: States = None,
    status: Statuses = None,
    workspace: InWorkspace = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many, at most.")] = 50,
    chores: Annotated[
        bool, typer.Option("--chores", help="Also Workyard's own, which the queue `chores` has.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """List tasks, the newest first. Workyard's own chores are left out unless something asks for them."""
    selection = Selection(queue, actor, state, status, workspace)
    chores = chores or bool(queue or actor)

    async def run(viewer: "Viewer") -> None:
        from app.chores.batches import QUEUE
        from app.models import Task

        query = Task.visible_to(viewer).filter(await selection.condition(viewer))
        if not chores:
            query = query.exclude(queue_name=QUEUE)
        found = await query.order_by("-id").limit(limit).prefetch_related("workspace", "rel_obj_content_type")
        if as_json:
            print_json([described(task) for task in found])
        else:
            _print_table(found)

    as_operator(run)


def show(
    name: Name,
    lines: Annotated[
        int, typer.Option(min=1, max=100_000, help="Lines of its log, at most: the last.")
    ] = 200,
    as_json: AsJson = False,
) -> None:
    """Show all of a task, and what it logged."""

    async def run(viewer: "Viewer") -> None:
        from app.models import TaskLog

        task = await task_named(viewer, name)
        await task.fetch_related("workspace", "rel_obj_content_type")
        newest = await TaskLog.visible_to(viewer).filter(task_id=task.id).order_by("-number").limit(lines)
        log = newest[::-1]
        if as_json:
            print_json(described(task) | await _details(task) | {"log": [_line(line) for line in log]})
        else:
            await _print_task(task, log)

    as_operator(run)


def described(task: "Task") -> dict[str, Any]:
    """What a list says of a task."""
    return {
        "id": task.id,
        "message_id": task.message_id,
        "uid": task.uid,
        "actor_name": task.actor_name,
        "queue_name": task.queue_name,
        "state": task.state,
        "aggregated_status": task.aggregated_status,
        "retries": task.retries,
        "attempt": task.attempt,
        "crashes": task.crashes,
        "priority": task.priority,
        "eta": task.eta,
        "created_at": task.created_at,
        "mtime": task.mtime,
        "workspace": task.workspace.name if task.workspace else None,
        "rel_obj": _rel_obj(task),
        "log_count": task.log_count,
    }


async def _details(task: "Task") -> dict[str, Any]:
    """What only `show` says of it."""
    message = _message(task)
    return {
        "args": message.get("args"),
        "kwargs": message.get("kwargs"),
        "options": message.get("options"),
        "result": _result(task),
        "result_expiry": task.result_expiry,
        "runner": await _runner(task),
        "cancel_requested_at": task.cancel_requested_at,
        "expires_at": task.expires_at,
    }


def _rel_obj(task: "Task") -> str | None:
    kind = task.rel_obj_content_type
    return f"{kind.app_label}.{kind.model}/{task.rel_obj_id}" if kind else None


def _message(task: "Task") -> dict[str, Any]:
    """The message, or nothing: it is gone once the task is done, and what does not decode is left alone."""
    import orjson

    try:
        message = orjson.loads(task.message or b"{}")
    except orjson.JSONDecodeError:
        return {}
    return message if isinstance(message, dict) else {}


def _result(task: "Task") -> Any:
    import orjson

    from app.clock import now

    if task.result is None or (task.result_expiry and task.result_expiry < now()):
        return None
    return orjson.loads(task.result)


async def _runner(task: "Task") -> dict[str, Any] | None:
    from app.models import WorkerStatus

    if task.worker_id is None:
        return None
    runner = await WorkerStatus.get_or_none(id=task.worker_id)
    return {"id": task.worker_id} | ({"hostname": runner.hostname, "pid": runner.pid} if runner else {})


def _line(line: "TaskLog") -> dict[str, Any]:
    return {
        "number": line.number,
        "timestamp": line.timestamp,
        "log_level": line.log_level,
        "event": line.event,
        "logger": line.logger,
        "attempt": line.attempt,
        "previous": line.previous,
        "attributes": line.attributes,
    }


def print_json(value: object) -> None:
    import orjson

    # asyncpg's UUIDs are of a class of its own
    print(orjson.dumps(value, default=str, option=orjson.OPT_INDENT_2 | orjson.OPT_UTC_Z).decode())


def _print_table(tasks: list["Task"]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from app.clock import now

    table, time = Table("task", "actor", "queue", "status", "retries", "for", "workspace"), now()
    for task in tasks:
        table.add_row(
            str(task.id),
            Text(task.uid, overflow="fold"),
            Text(task.queue_name),
            toned(task),
            str(task.retries),
            span((time - task.mtime).total_seconds()),
            Text(task.workspace.name) if task.workspace else "-",
        )
    Console().print(table)


def toned(task: "Task") -> Any:
    """Its status, in the colour that it has everywhere; a task that waits for its time says for which."""
    from rich.text import Text

    status = str(task.aggregated_status)
    waits = f" until {moment(task.eta)}" if status == "queued" and task.eta and not task.ready else ""
    return Text(status + waits, style=TONES[status])


def moment(time: datetime) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S")


def span(seconds: float) -> str:
    """How long that is, by its greatest two units: 41s, 3m05s, 2h10m, 4d03h."""
    whole = max(0, round(seconds))
    for unit, name, part, part_name in _UNITS:
        if whole >= unit:
            return f"{whole // unit}{name}{whole % unit // part:02}{part_name}"
    return f"{whole}s"


_UNITS = ((86_400, "d", 3600, "h"), (3600, "h", 60, "m"), (60, "m", 1, "s"))


async def _print_task(task: "Task", log: list["TaskLog"]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console()
    fields = Table.grid(padding=(0, 2))
    for name, value in (described(task) | await _details(task)).items():
        if value is not None:
            style = TONES[value] if name in ("state", "aggregated_status") else ""
            fields.add_row(Text(name, style="dim"), Text(_written(value), style=style, overflow="fold"))
    console.print(fields)
    table = Table("", "time", "attempt", "level", "what happened", box=None, padding=(0, 1))
    for line in log:
        style = "dim" if line.previous else _LEVELS.get(line.log_level, "")
        cells = (
            str(line.number),
            moment(line.timestamp),
            str(line.attempt),
            str(line.log_level),
            _said(line),
        )
        table.add_row(*(Text(cell, style=style, overflow="fold") for cell in cells))
    console.print()
    console.print(table)


def _written(value: object) -> str:
    import orjson

    if isinstance(value, datetime):
        return moment(value)
    return orjson.dumps(value, default=str).decode() if isinstance(value, dict | list) else str(value)


def _said(line: "TaskLog") -> str:
    """The event, and its attributes but for the traceback, which `--json` has."""
    more = {name: value for name, value in line.attributes.items() if name != "exception"}
    return f"{line.event} {_written(more)}" if more else line.event
