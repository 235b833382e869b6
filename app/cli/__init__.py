"""The command line: python -m app. One file per group of commands, each with a function register(cli).

A file imports what is heavy inside its commands: every start of the program reads all of these files.
"""

import gc
import importlib
import pkgutil
import sys

import typer

from app.cli.leash import NOTHING_TO_RETRY, hold_on_to_supervisor
from app.settings import SettingsError


def build(only: str = "") -> typer.Typer:
    """The program with the commands of every file here, or of one: a command of another file takes none of its time."""
    cli = typer.Typer(
        name="workyard",
        help="Workyard: one GraphQL API to run work and watch it live.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        add_completion=False,
    )
    if only:
        cli.callback()(lambda: None)  # a program of one command would not take its name
    for name in [only] if only else _files():
        found = importlib.import_module(f"{__name__}.{name}")
        if register := getattr(found, "register", None):
            register(cli)
    return cli


def _files() -> list[str]:
    """Names of the files here, most of which are those of commands."""
    return sorted(module.name for module in pkgutil.iter_modules(__path__))


def main() -> None:
    # What a start makes stays: at the usual thresholds, looking for garbage took an eighth of its time.
    gc.set_threshold(50_000, 20, 50)
    hold_on_to_supervisor()
    asked = sys.argv[1] if len(sys.argv) > 1 else ""
    try:
        build(asked if asked in _files() else "")()
    except Exception as error:
        if not isinstance(error, _mistakes()):
            raise
        sys.stderr.write(f"workyard: {error}\n")
        raise SystemExit(NOTHING_TO_RETRY) from None


def _mistakes() -> tuple[type[Exception], ...]:
    """Errors whose message is for the person at the terminal, without a traceback."""
    from app.database import DatabaseUnavailable, EmbeddedPostgresError
    from app.errors import AppError
    from app.tasks.loading import ModuleNotLoaded

    return (SettingsError, DatabaseUnavailable, EmbeddedPostgresError, AppError, ModuleNotLoaded)
