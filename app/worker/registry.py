"""Which handlers this worker has: the built-in ones and those that installed packages announce."""

from collections.abc import Iterable
from importlib.metadata import EntryPoint, entry_points

from app.worker.builtin import BUILT_IN
from app.worker.handler import CommandHandler, Handler, RunHandler

GROUP = "workyard.handlers"


class HandlerError(Exception):
    """A handler cannot be used; the message says which, why, and what to do."""


def load_handlers(names: Iterable[str] = ()) -> dict[str, Handler]:
    """Handlers by task name: the named ones, or all when none is named. Raises HandlerError."""
    announced = entry_points(group=GROUP).names
    wanted = list(names) or sorted({*BUILT_IN, *announced})
    return {name: load_handler(name) for name in wanted}


def load_handler(name: str) -> Handler:
    """The handler of one task. Raises HandlerError."""
    announced = list(entry_points(group=GROUP, name=name))
    if name in BUILT_IN and announced:
        raise HandlerError(f"{owner(announced[0])} announces a handler {name!r}, but that is a built-in one")
    if name in BUILT_IN:
        return BUILT_IN[name]
    if not announced:
        known = ", ".join(sorted({*BUILT_IN, *entry_points(group=GROUP).names}))
        raise HandlerError(f"there is no handler {name!r}; there are {known}")
    if len({each.value for each in announced}) > 1:
        raise HandlerError(f"{' and '.join(map(owner, announced))} both announce a handler {name!r}")
    return checked(announced[0])


def checked(announced: EntryPoint) -> Handler:
    try:
        handler = announced.load()
    except Exception as error:
        raise HandlerError(
            f"the handler {announced.name!r} of {owner(announced)} cannot be imported from {announced.value}: {error}; "
            "mend it, or leave it out by naming the tasks to take (--task)"
        ) from error
    if isinstance(handler, type) or not isinstance(handler, RunHandler | CommandHandler):
        raise HandlerError(
            f"{announced.value} of {owner(announced)} is no handler: expected an object with `version`, and either "
            "`run(request)` or both `command(request)` and `outcome(request, ended)`"
        )
    return handler


def owner(announced: EntryPoint) -> str:
    return announced.dist.name if announced.dist else announced.module
