"""python -m app workers …"""

from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.operator import as_operator

if TYPE_CHECKING:
    from app.access import Viewer

Name = Annotated[str, typer.Argument(help="The worker's name, as `workers ls` shows it.")]

workers = typer.Typer(help="The programs that run work.", no_args_is_help=True)


def register(cli: typer.Typer) -> None:
    cli.add_typer(workers, name="workers")


@workers.command("ls")
def list_workers() -> None:
    """List the workers, at most 1,000."""
    as_operator(_list)


@workers.command()
def enable(name: Name) -> None:
    """Let a worker work."""
    _set_enabled(name, True)


@workers.command()
def disable(name: Name) -> None:
    """Stop a worker. What it runs goes back into the queue."""
    _set_enabled(name, False)


@workers.command()
def invite(minutes: Annotated[int, typer.Option(min=1, help="Minutes until it expires.")] = 15) -> None:
    """Print an activation token: one worker may register with it, already enabled."""

    async def run(viewer: "Viewer") -> None:
        from app.actions.tokens import create_activation_token

        print((await create_activation_token(viewer, minutes=minutes)).key)

    as_operator(run)


def _set_enabled(name: str, enabled: bool) -> None:
    async def run(viewer: "Viewer") -> None:
        from app.actions import work
        from app.errors import NotFound
        from app.models import Worker

        worker = await Worker.visible_to(viewer).get_or_none(name=name)
        if worker is None:
            raise NotFound(f"There is no worker called '{name}'.")
        await (work.enable_worker if enabled else work.disable_worker)(viewer, worker.id)
        print(f"'{name}' is {'enabled' if enabled else 'disabled'}")

    as_operator(run)


async def _list(viewer: "Viewer") -> None:
    from rich.console import Console
    from rich.table import Table

    from app.models import Worker

    table = Table("worker", "enabled", "connected since", "last seen", "tags")
    for worker in await Worker.visible_to(viewer).order_by("name").limit(1000).prefetch_related("token"):
        times = [
            each.isoformat(timespec="seconds") if each else "-"
            for each in (worker.connected_at, worker.last_seen_at)
        ]
        table.add_row(
            worker.name, "yes" if worker.token.enabled else "no", *times, " ".join(worker.provided_tags)
        )
    Console().print(table)
