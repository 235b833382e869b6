"""Schedules as code declares them: what is sent by itself, and when.

A module among TASK_MODULES declares its schedules by a list of that name, or by calling `schedule`:

    schedules = [ScheduleSpec(send_report, "0 6 * * mon-fri", args=["daily"])]
    schedule(tidy_up, "@hourly", identifier="uploads", kwargs={"folder": "uploads"})

They become rows when a task runner starts. From then on the row counts: people may change its crontab and pause it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

import dramatiq

from app.errors import Invalid
from app.tasks.crontabs import check_crontab
from app.tasks.messages import RelObj, Triple, triple_of

MAX_IDENTIFIER_LENGTH = 255

Key = tuple[str, str | None]
"""Tells schedules apart: the name of the actor, and an identifier for one that has several."""


@dataclass(frozen=True)
class ScheduleSpec:
    """An actor that is to be sent again and again. Raises `InvalidCrontab`."""

    actor: dramatiq.Actor[..., Any] | str
    """The actor, or its name."""
    crontab: str
    """When, in UTC: minute, hour, day of month, month, day of week, and seconds if wanted; or @daily and the like."""
    identifier: str | None = None
    """Tells the schedules of one actor apart; with a `rel_obj`, among those of the object."""
    paused: bool = False
    """Begin paused: sent by hand only, until somebody un-pauses it. Not looked at once there is a row."""
    uid: str | None = None
    """The label of its tasks."""
    args: Sequence[Any] = ()
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    """Options of the message, as `message_with_options` takes them."""
    rel_obj: RelObj | None = None
    """The object that the schedule belongs to, with which it is deleted. Its tasks belong to the schedule."""
    send_on_startup: bool = False
    """Send it also whenever a runner starts: once for runners that start within a minute."""
    send_on_save: bool = False
    """Send it also whenever `declare_schedules_of` stores what its object wants."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "crontab", check_crontab(self.crontab))
        if self.identifier is not None and not 1 <= len(self.identifier) <= MAX_IDENTIFIER_LENGTH:
            raise Invalid.field(
                "identifier", f"A schedule's identifier has 1 to {MAX_IDENTIFIER_LENGTH} characters."
            )

    @property
    def actor_name(self) -> str:
        return self.actor if isinstance(self.actor, str) else str(self.actor.actor_name)

    @property
    def key(self) -> Key:
        return self.actor_name, self.identifier

    @property
    def triple(self) -> Triple | None:
        """The object that it belongs to, as tasks name it."""
        return None if self.rel_obj is None else triple_of(self.rel_obj)


def schedule(actor: dramatiq.Actor[..., Any] | str, crontab: str, **details: Any) -> ScheduleSpec:
    """Declare that the actor is to be sent at these times. `details` are the other fields of `ScheduleSpec`."""
    spec = ScheduleSpec(actor, crontab, **details)
    _add(spec, _called)
    return spec


def declared_schedules(modules: Iterable[ModuleType]) -> list[ScheduleSpec]:
    """What these modules list as `schedules`, and what was declared by calling `schedule`, wherever that was.

    Raises ValueError when two would be one row.
    """
    found: dict[Key, ScheduleSpec] = dict(_called)
    for module in modules:
        for spec in getattr(module, "schedules", ()):
            if not isinstance(spec, ScheduleSpec):
                raise ValueError(
                    f"{module.__name__}.schedules is to hold ScheduleSpec, not {type(spec).__name__}."
                )
            _add(spec, found)
    return list(found.values())


def _add(spec: ScheduleSpec, specs: dict[Key, ScheduleSpec]) -> None:
    if specs.setdefault(spec.key, spec) != spec:
        raise ValueError(
            f"Two schedules of {spec.actor_name} have the identifier {spec.identifier!r}: give each its own."
        )


_called: dict[Key, ScheduleSpec] = {}
