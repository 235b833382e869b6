"""python -m app run: everything on one machine, supervised."""

import asyncio
import sys
from typing import Annotated

import typer

from app.cli.serve import listen
from app.cli.supervisor import Child, Supervisor
from app.settings import Settings, load_settings

MINUTES_TO_REGISTER = 60
SECONDS_FOR_TASKS = 5
"""Ctrl-C lets tasks go on for no longer than this, and the supervisor waits ten; others go back into their queues."""


def register(cli: typer.Typer) -> None:
    cli.command()(run)


def run(
    worker: Annotated[bool, typer.Option(help="Also run a worker on this machine.")] = True,
    tasks: Annotated[bool, typer.Option(help="Also run tasks on this machine.")] = True,
) -> None:
    """Run everything on this machine: the database, the server, a task runner and one worker. Ctrl-C stops it all."""
    raise typer.Exit(asyncio.run(_run(load_settings(), worker=worker, tasks=tasks)))


async def _run(settings: Settings, *, worker: bool, tasks: bool) -> int:
    from app.database import open_database, reach_database

    listen(settings).close()  # say at once when the port is taken
    async with reach_database(settings):  # it stays up while the server is started again
        children = [Child("server", _command("serve"))]
        if tasks:
            children.append(_tasks(settings))
        if worker:
            async with open_database(settings):
                children.append(await _worker(settings))
        return await Supervisor(children).run()


def _command(*words: str) -> tuple[str, ...]:
    return (sys.executable, "-m", "app", *words)


def _tasks(settings: Settings) -> Child:
    """The task runner. It comes after the server, and so is stopped before it."""
    grace = min(settings.task_grace_seconds, SECONDS_FOR_TASKS)
    return Child("tasks", _command("tasks", "run"), {"WORKYARD_TASK_GRACE_SECONDS": str(grace)})


async def _worker(settings: Settings) -> Child:
    """The local worker. When it is new to this database, it comes with a token that enables it at once."""
    from app.access import Viewer
    from app.actions.accounts import default_tenant_id
    from app.actions.tokens import create_activation_token, hash_of
    from app.models import Token

    state = settings.data_dir / "worker"
    environment = {
        "WORKYARD_URL": settings.bind_url,
        "WORKYARD_WORKER_STATE_DIR": str(state),
        "WORKYARD_WORKER_CONCURRENCY": str(settings.worker_concurrency),
    }
    secret = state / "token"
    if not secret.exists() or not await Token.exists(hash=hash_of(secret.read_text().strip())):
        viewer = Viewer.operator(await default_tenant_id())
        activation = await create_activation_token(viewer, minutes=MINUTES_TO_REGISTER)
        assert activation.key
        environment["WORKYARD_WORKER_ACTIVATION_TOKEN"] = activation.key
    return Child("worker", _command("worker"), environment)
