"""python -m app tasks run"""

import asyncio
import os
import signal
from typing import TYPE_CHECKING, Annotated

import typer

from app.settings import Settings, load_settings

if TYPE_CHECKING:
    from app.daemons.runner import Runner

STOPPING = (signal.SIGINT, signal.SIGTERM)
SECONDS_TO_HURRY = 3.0
"""A thread that does not stop keeps the process no longer than this. Its task is found to be lost, and run again."""


def add_commands(tasks: typer.Typer) -> None:
    tasks.command()(run)


def run(
    queues: Annotated[
        str | None,
        typer.Option(help="Queues to serve, separated by commas. Default: TASK_QUEUES, else all."),
    ] = None,
    concurrency: Annotated[
        int | None,
        typer.Option(min=1, max=10_000, help="Tasks in work at once, at most. Default: TASK_CONCURRENCY."),
    ] = None,
) -> None:
    """Run tasks, until SIGTERM or SIGINT. A second one waits for no task. Migrates the database first."""
    import uvloop

    from app.logs import configure_logging
    from app.tracing import configure_tracing

    settings = _with_options(load_settings(), queues, concurrency)
    configure_logging(settings)
    configure_tracing("tasks")
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_run(settings))


def _with_options(settings: Settings, queues: str | None, concurrency: int | None) -> Settings:
    named = tuple(name.strip() for name in (queues or "").split(",") if name.strip())
    given = {"task_queues": named or None, "task_concurrency": concurrency}
    return settings.model_copy(update={name: value for name, value in given.items() if value is not None})


async def _run(settings: Settings) -> None:
    import structlog

    from app.actions.tasks.schedules import declare_schedules
    from app.chores import load_actors
    from app.daemons.runner import Runner, collect_less_often
    from app.database import open_database

    specs = load_actors(settings)
    async with open_database(settings) as database:
        await declare_schedules(specs)
        runner = Runner(database, settings)
        _stop_on_signals(runner)
        running = asyncio.create_task(runner.run_forever())
        await runner.wait_until_running()
        collect_less_often()
        if not running.done():
            structlog.get_logger(__name__).info(
                "running tasks",
                runner=str(runner.id),
                queues=settings.task_queues or "all",
                concurrency=settings.task_concurrency,
            )
        await running


def _stop_on_signals(runner: "Runner") -> None:
    """The first lets running tasks go on for TASK_GRACE_SECONDS, the second gives them back, the third waits for nothing."""
    loop = asyncio.get_running_loop()
    told = 0

    def stop() -> None:
        nonlocal told
        told += 1
        if told == 1:
            runner.request_stop()
        elif told == 2:
            runner.hurry()
            loop.call_later(SECONDS_TO_HURRY, os._exit, 1)
        else:
            os._exit(1)

    for number in STOPPING:
        loop.add_signal_handler(number, stop)
