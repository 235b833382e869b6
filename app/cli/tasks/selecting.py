"""Which tasks a command is about: the options that narrow them, and how one of them is named."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import typer

if TYPE_CHECKING:
    from tortoise.expressions import Q

    from app.access import Viewer
    from app.models import Task

Queues = Annotated[list[str] | None, typer.Option("--queue", help="Only of this queue. May be repeated.")]
Actors = Annotated[list[str] | None, typer.Option("--actor", help="Only for this actor. May be repeated.")]
States = Annotated[list[str] | None, typer.Option("--state", help="Only in this state. May be repeated.")]
Statuses = Annotated[
    list[str] | None,
    typer.Option("--status", help="Only with this state, or worst level once done. May be repeated."),
]
InWorkspace = Annotated[str | None, typer.Option("--workspace", help="Only of the workspace of this name.")]
Name = Annotated[str, typer.Argument(metavar="TASK", help="The task's number or its message id.")]
Names = Annotated[list[str] | None, typer.Argument(metavar="TASK...", help="Tasks, by number or message id.")]

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_LONGEST_DAYS = 36_500


@dataclass(frozen=True)
class Selection:
    """What narrows the tasks; nothing: all of them."""

    queues: list[str] | None = None
    actors: list[str] | None = None
    states: list[str] | None = None
    statuses: list[str] | None = None
    workspace: str | None = None

    def __bool__(self) -> bool:
        return any((self.queues, self.actors, self.states, self.statuses, self.workspace))

    async def condition(self, viewer: "Viewer") -> "Q":
        """The same for a query. Raises `NotFound` when there is no such workspace."""
        from tortoise.expressions import Q

        from app.models import TaskState, TaskStatus

        wanted: dict[str, Any] = {
            "queue_name__in": self.queues,
            "actor_name__in": self.actors,
            "state__in": _members(TaskState, self.states),
            "aggregated_status__in": _members(TaskStatus, self.statuses),
        }
        q = Q(**{column: values for column, values in wanted.items() if values})
        return q & Q(workspace_id=await _workspace_id(viewer, self.workspace)) if self.workspace else q


async def task_named(viewer: "Viewer", name: str) -> "Task":
    """The task with that number or message id. Raises `NotFound`."""
    from app.errors import NotFound
    from app.models import Task

    task = await Task.visible_to(viewer).get_or_none(**_key(name))
    if task is None:
        raise NotFound(f"There is no task '{name}'.")
    return task


def duration(text: str) -> timedelta:
    """A time as people type it: 90s, 15m, 12h, 7d, 2w."""
    found = re.fullmatch(r"(\d{1,9})([smhdw])", text.strip())
    if found is None:
        raise typer.BadParameter(f"expected a time such as 90s, 15m, 12h, 7d or 2w, got '{text}'")
    time = timedelta(seconds=int(found[1]) * _SECONDS[found[2]])
    if time.days > _LONGEST_DAYS:
        raise typer.BadParameter(f"'{text}' is longer than a hundred years")
    return time


def _key(name: str) -> dict[str, object]:
    try:
        return {"id": int(name)} if name.isdecimal() and len(name) < 19 else {"message_id": UUID(name)}
    except ValueError:
        raise typer.BadParameter(f"'{name}' is neither a task's number nor a message id") from None


def _members(kind: type[StrEnum], names: Sequence[str] | None) -> list[StrEnum]:
    try:
        return [kind(name.lower()) for name in names or ()]
    except ValueError:
        known = ", ".join(kind)
        raise typer.BadParameter(f"'{', '.join(names or ())}' has one that is none of {known}") from None


async def _workspace_id(viewer: "Viewer", name: str) -> int:
    from app.errors import NotFound
    from app.models import Workspace

    workspace = await Workspace.visible_to(viewer).get_or_none(name=name)
    if workspace is None:
        raise NotFound(f"There is no workspace called '{name}'.")
    return int(workspace.id)
