"""python -m app worker"""

import asyncio
import os
from pathlib import Path
from typing import Annotated, Any

import typer

from app.settings import Settings, SettingsError, load_settings

FROM_THE_ENVIRONMENT = (
    "Options win over variables: --name is WORKYARD_WORKER_NAME, and so on; --url is WORKYARD_URL."
)


def register(cli: typer.Typer) -> None:
    cli.command(epilog=FROM_THE_ENVIRONMENT)(worker)


def worker(
    url: Annotated[
        str | None, typer.Option(help="Address of the server. Default: the one on this machine.")
    ] = None,
    name: Annotated[
        str | None, typer.Option(help="Name to register with. Default: the machine's FQDN.")
    ] = None,
    concurrency: Annotated[int | None, typer.Option(help="Work requests to work on at once.")] = None,
    task: Annotated[
        list[str] | None, typer.Option(help="A task to take; may be repeated. Default: all it can.")
    ] = None,
    tag: Annotated[
        list[str] | None, typer.Option(help="A tag that this worker provides; may be repeated.")
    ] = None,
    state_dir: Annotated[
        Path | None, typer.Option(help="Directory for its secret and its working directories.")
    ] = None,
    token_file: Annotated[
        Path | None, typer.Option(help="File with its secret; made when it is not there.")
    ] = None,
    lease_seconds: Annotated[
        int | None, typer.Option(help="How long the server waits for word of it.")
    ] = None,
    grace_seconds: Annotated[float | None, typer.Option(help="On SIGTERM: how long work may go on.")] = None,
    timeout_seconds: Annotated[float | None, typer.Option(help="Longest time of one attempt.")] = None,
    memory_bytes: Annotated[int | None, typer.Option(help="Most memory of one attempt.")] = None,
) -> None:
    """Run work that is requested of the server, until SIGTERM or SIGINT."""
    options = {
        "url": url,
        "name": name,
        "concurrency": concurrency,
        "tasks": task or None,
        "tags": tag or None,
        "state_dir": state_dir,
        "token_file": token_file,
        "lease_seconds": lease_seconds,
        "grace_seconds": grace_seconds,
        "timeout_seconds": timeout_seconds,
        "memory_bytes": memory_bytes,
    }
    run({option: value for option, value in options.items() if value is not None})


def defaults(settings: Settings) -> dict[str, Any]:
    """Beside a server on this machine, its settings say where that is and where data go."""
    here = {
        "WORKYARD_URL": ("url", settings.bind_url),
        "WORKYARD_WORKER_STATE_DIR": ("state_dir", settings.data_dir / "worker"),
        "WORKYARD_WORKER_CONCURRENCY": ("concurrency", settings.worker_concurrency),
    }
    return dict(setting for variable, setting in here.items() if not os.environ.get(variable))


def run(given: dict[str, Any]) -> None:
    from app.logs import configure_logging
    from app.worker.registry import HandlerError
    from app.worker.settings import WorkerSettingsError, load_worker_settings
    from app.worker.worker import run_worker

    settings = load_settings()
    configure_logging(settings)
    try:
        asyncio.run(run_worker(load_worker_settings(**(defaults(settings) | given))))
    except (WorkerSettingsError, HandlerError) as error:
        raise SettingsError(str(error)) from None
