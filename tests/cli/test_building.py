"""The program is built of the file whose command is asked for."""

from typing import Any

import typer.main

from app.cli import build


def commands(only: str = "") -> dict[str, Any]:
    return dict(typer.main.get_group(build(only)).commands)


def described(command: Any) -> list[Any]:
    """Its help and options, and those of the commands in it."""
    own = [command.help, command.epilog, [parameter.opts for parameter in command.params]]
    return own + [described(each) for _, each in sorted(getattr(command, "commands", {}).items())]


def test_a_command_is_the_same_when_only_its_own_file_is_read() -> None:
    whole = commands()

    assert {"migrate", "run", "schema", "serve", "tasks", "users", "worker"} <= set(whole)
    for name, command in whole.items():
        (alone,) = commands(name).items()
        assert alone[0] == name
        assert described(alone[1]) == described(command)
