"""python -m app tasks top: what is going on, drawn anew each second."""

import asyncio
import contextlib
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.operator import as_operator
from app.cli.tasks.actors import import_actors
from app.cli.tasks.showing import moment, span, toned

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.table import Table
    from rich.text import Text

    from app.access import Viewer
    from app.models import Task, TaskLog, WorkerStatus
    from app.schema.tasks import TaskQueue

FAILURES = 8
RUNNING = 8
QUIT = frozenset(b"qQ\x03\x1b")


@dataclass(frozen=True)
class Sight:
    """What there is to see at a moment."""

    time: datetime
    queues: list["TaskQueue"]
    runners: list["WorkerStatus"]
    running: list["Task"]
    failed: list[tuple["Task", "TaskLog | None"]]


def add_commands(tasks: typer.Typer) -> None:
    tasks.command()(top)


def top(
    every: Annotated[float, typer.Option(min=0.1, max=3600, help="Seconds between two looks.")] = 1.0,
    once: Annotated[
        bool, typer.Option("--once", help="Print it once; so it is too without a terminal.")
    ] = False,
) -> None:
    """Show queues, runners, what runs and what failed last, live. q ends it."""

    async def run(viewer: "Viewer") -> None:
        from rich.console import Console

        console = Console()
        if once or not (console.is_terminal and sys.stdin.isatty()):
            console.print(drawn(await look(viewer)))
        else:
            await _watch(viewer, console, every)

    import_actors()
    with contextlib.suppress(KeyboardInterrupt):
        as_operator(run)


async def look(viewer: "Viewer") -> Sight:
    """Read all that is shown."""
    from app.clock import now
    from app.models import Task, TaskState
    from app.resolvers.tasks import queues_of
    from app.schema.tasks import runners_of

    seen = Task.visible_to(viewer)
    failed = await seen.filter(state=TaskState.REJECTED, rejected=True).order_by("-id").limit(FAILURES)
    return Sight(
        now(),
        await queues_of(viewer),
        await runners_of(viewer, None),
        await seen.filter(Task.in_work()).order_by("mtime", "id").limit(RUNNING),
        [(task, await _last_error(task)) for task in failed],
    )


async def _last_error(task: "Task") -> "TaskLog | None":
    from app.models import LogLevel, TaskLog

    grave = TaskLog.filter(task_id=task.id, log_level__in=[LogLevel.WARNING, LogLevel.ERROR])
    return await grave.order_by("-number").first()


async def _watch(viewer: "Viewer", console: "Console", every: float) -> None:
    """Draw it until somebody presses q."""
    from rich.live import Live

    with _keys() as pressed, Live(console=console, screen=True, auto_refresh=False) as screen:
        while not pressed.is_set():
            screen.update(await _drawn_now(viewer), refresh=True)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(pressed.wait(), every)


async def _drawn_now(viewer: "Viewer") -> "RenderableType":
    """What there is to see, or why nothing is: the next look may work."""
    from tortoise.exceptions import DBConnectionError, OperationalError

    from app.database.opening import TROUBLE

    try:
        return drawn(await look(viewer))
    except (*TROUBLE, DBConnectionError, OperationalError) as error:
        return _text(f"The database does not answer: {error or type(error).__name__}", "bold red")


@contextlib.contextmanager
def _keys() -> Iterator[asyncio.Event]:
    """Set when q, Esc or Ctrl-C is pressed: keys come at once, and are not shown."""
    import termios
    import tty

    pressed, loop, terminal = asyncio.Event(), asyncio.get_running_loop(), sys.stdin.fileno()

    def read() -> None:
        keys = os.read(terminal, 64)
        if not keys or QUIT.intersection(keys):  # nothing: the terminal is gone
            pressed.set()

    before = termios.tcgetattr(terminal)
    tty.setcbreak(terminal)
    loop.add_reader(terminal, read)
    try:
        yield pressed
    finally:
        loop.remove_reader(terminal)
        termios.tcsetattr(terminal, termios.TCSADRAIN, before)


def drawn(sight: Sight) -> "RenderableType":
    """The tables, one below the other."""
    from rich.console import Group
    from rich.text import Text

    waiting = sum(queue.depth for queue in sight.queues)
    running = sum(queue.running for queue in sight.queues)
    rate = sum(queue.rate for queue in sight.queues)
    summary = f"{waiting:,} waiting   {running:,} running   {rate:,.1f} a second"
    return Group(
        Text.assemble(("Tasks   ", "bold"), summary, (f"   {moment(sight.time)} UTC", "dim")),
        _queues(sight),
        _runners(sight),
        _running(sight),
        _failed(sight),
    )


def _queues(sight: Sight) -> "RenderableType":
    table = _table("queue", ">waiting", ">oldest", ">delayed", ">running", ">ended/s")
    for queue in sight.queues:
        oldest = "-" if queue.oldest_age is None else span(queue.oldest_age)
        table.add_row(
            _text(queue.name),
            f"{queue.depth:,}",
            oldest,
            f"{queue.delayed:,}",
            f"{queue.running:,}",
            f"{queue.rate:,.1f}",
        )
    return table


def _runners(sight: Sight) -> "RenderableType":
    table = _table("runner", "pid", "version", "queues", ">running", ">up", ">seen", "")
    for runner in sight.runners:
        state, style = _state_of(runner)
        table.add_row(
            _text(runner.hostname),
            str(runner.pid),
            runner.version,
            _text(" ".join(runner.queues) or "all"),
            f"{runner.running} of {runner.concurrency}",
            _age(sight, runner.started_at),
            _age(sight, runner.last_seen),
            _text(state, style),
        )
    return table


def _state_of(runner: "WorkerStatus") -> tuple[str, str]:
    if not runner.alive:
        return "lost", "bold red"
    return ("stopping", "yellow") if runner.stopping else ("alive", "green")


def _running(sight: Sight) -> "RenderableType":
    table = _table("running", "actor", "queue", "status", ">attempt", ">for")
    for task in sight.running:
        table.add_row(
            str(task.id),
            _text(task.uid),
            _text(task.queue_name),
            toned(task),
            str(task.attempt),
            _age(sight, task.mtime),
        )
    return table


def _failed(sight: Sight) -> "RenderableType":
    table = _table("failed", "actor", ">retries", ">ago", "last error")
    for task, line in sight.failed:
        said = line.event.partition("\n")[0] if line else ""
        table.add_row(
            str(task.id), _text(task.uid), str(task.retries), _age(sight, task.mtime), _text(said, "red")
        )
    return table


def _table(*columns: str) -> "Table":
    """`>` stands before what is aligned to the right."""
    from rich.table import Table

    table = Table(box=None, padding=(0, 2, 0, 0), expand=True, header_style="bold reverse")
    for column in columns:
        title = column.removeprefix(">")
        table.add_column(title, justify="right" if title != column else "left", no_wrap=True)
    return table


def _text(text: str, style: str = "") -> "Text":
    from rich.text import Text

    return Text(text, style=style, overflow="ellipsis")


def _age(sight: Sight, since: datetime) -> str:
    return span((sight.time - since).total_seconds())
