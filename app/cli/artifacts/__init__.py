"""python -m app artifacts …: files to a server and from it, from any machine."""

import typer

from app.cli.artifacts import expiring, getting, putting, showing

artifacts = typer.Typer(help="Files with what is known of them, on any server.", no_args_is_help=True)


def register(cli: typer.Typer) -> None:
    for commands in (putting, getting, showing, expiring):
        commands.add_commands(artifacts)
    cli.add_typer(artifacts, name="artifacts")
