"""python -m app tasks retry|cancel|purge"""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.operator import as_operator
from app.cli.tasks.actors import import_actors
from app.cli.tasks.selecting import (
    Actors,
    InWorkspace,
    Names,
    Queues,
    Selection,
    States,
    Statuses,
    duration,
    task_named,
)

if TYPE_CHECKING:
    from app.access import Viewer


def add_commands(tasks: typer.Typer) -> None:
    tasks.command()(retry)
    tasks.command()(cancel)
    tasks.command()(purge)


def retry(
    names: Names = None,
    queue: Queues = None,
    actor: Actors = None,
    workspace: InWorkspace = None,
    limit: Annotated[int, typer.Option(min=1, help="With a choice: how many, at most.")] = 10_000,
    keep_retries: Annotated[
        bool, typer.Option("--keep-retries", help="Try once more only, without counting retries anew.")
    ] = False,
) -> None:
    """Try rejected tasks again: those named, or all that --queue, --actor or --workspace choose."""
    selection = Selection(queue, actor, None, None, workspace)
    if bool(names) == bool(selection):
        raise typer.BadParameter("name tasks, or choose some by --queue, --actor or --workspace")

    async def run(viewer: "Viewer") -> None:
        from app.actions.tasks import verbs

        if names:
            for task in [await task_named(viewer, name) for name in names]:
                await verbs.retry_task(viewer, task.id, reset_retries=not keep_retries)
            count = len(names)
        else:
            chosen = await selection.condition(viewer)
            count = await _in_batches(limit, lambda some: verbs.retry_tasks(viewer, chosen, limit=some))
        print(f"{_tasks(count)} will be tried again")

    import_actors()
    as_operator(run)


def cancel(names: Names) -> None:
    """Stop tasks that have not ended. What runs in a thread stops when it looks whether it should."""

    async def run(viewer: "Viewer") -> None:
        from app.actions.tasks import verbs

        for task in [await task_named(viewer, name) for name in names or ()]:
            cancelled = await verbs.cancel_task(viewer, task.id)
            print(f"task {task.id} {'is cancelled' if cancelled.finished else 'is being stopped'}")

    import_actors()
    as_operator(run)


def purge(
    older_than: Annotated[
        str, typer.Option("--older-than", help="Only what ended so long ago: 90s, 15m, 12h, 7d, 2w.")
    ],
    queue: Queues = None,
    actor: Actors = None,
    state: States = None,
    status: Statuses = None,
    workspace: InWorkspace = None,
) -> None:
    """Remove tasks that have ended, and their logs."""
    selection, age = Selection(queue, actor, state, status, workspace), duration(older_than)

    async def run(viewer: "Viewer") -> None:
        from app.actions.tasks import verbs

        chosen = await selection.condition(viewer)
        count = await _in_batches(None, lambda some: verbs.purge_tasks(viewer, chosen, age, limit=some))
        print(f"{_tasks(count)} removed")

    import_actors()
    as_operator(run)


async def _in_batches(limit: int | None, change: Callable[[int], Awaitable[int]]) -> int:
    """Change up to `limit` tasks, so many at once as an action takes. Returns how many were changed."""
    from app.actions.tasks.verbs import MAX_AT_ONCE

    count = 0
    while limit is None or count < limit:
        some = MAX_AT_ONCE if limit is None else min(MAX_AT_ONCE, limit - count)
        changed = await change(some)
        count += changed
        if changed < some:
            break
    return count


def _tasks(count: int) -> str:
    return "1 task" if count == 1 else f"{count:,} tasks"
