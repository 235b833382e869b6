"""docs/reference/cli.md"""

from typing import Any

import typer.main

from app.cli.docs.markdown import code, document, sentence, table

INTRODUCTION = """\
`make run` and `make test` are all that a newcomer needs; these are the commands under them. Run them from the checkout
as `.venv/bin/python -m app <command>`. All of them read the [settings](settings.md). Exit code 2 means that something
has to be put right by a person, and the last line says what."""


def page() -> str:
    from app.cli import build

    group = typer.main.get_group(build())
    parts = [INTRODUCTION]
    for name, command in sorted(group.commands.items()):
        parts += _section(name, command)
    return document("Commands", "app/cli", *parts)


def _section(name: str, command: Any) -> list[str]:
    """A command, or a group and each of its commands. Typer's public types do not have what is read here."""
    parts = [f"## {name}", sentence(command.help)]
    if command.epilog:
        parts.append(command.epilog)
    if rows := [_row(each) for each in command.params]:
        parts.append(table(("option or argument", "what it says"), rows))
    for inner, each in sorted(getattr(command, "commands", {}).items()):
        parts += _section(f"{name} {inner}", each)
    return parts


def _row(parameter: Any) -> tuple[str, str]:
    if parameter.param_type_name == "argument":
        return code(parameter.name.upper()), parameter.help or ""
    value = "" if parameter.is_flag else f" {parameter.name.upper()}"
    return code(
        *(f"{option}{value}" for option in [*parameter.opts, *parameter.secondary_opts])
    ), parameter.help or ""
