"""python -m app tasks …, a file for each kind of command."""

import importlib
import pkgutil

import typer

tasks = typer.Typer(help="Durable background work: what waits, what runs, what failed.", no_args_is_help=True)


def register(cli: typer.Typer) -> None:
    for module in sorted(pkgutil.iter_modules(__path__), key=lambda module: module.name):
        found = importlib.import_module(f"{__name__}.{module.name}")
        if add := getattr(found, "add_commands", None):
            add(tasks)
    cli.add_typer(tasks, name="tasks")
