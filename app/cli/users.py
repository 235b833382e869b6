"""python -m app users …"""

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.operator import DEFAULT_TENANT, as_operator

if TYPE_CHECKING:
    from app.access import Viewer
    from app.models import User

Name = Annotated[str, typer.Argument(help="User name.")]
FromStdin = Annotated[
    bool, typer.Option("--password-stdin", help="Read the password from standard input, one line.")
]

users = typer.Typer(help="The people who may sign in.", no_args_is_help=True)


def register(cli: typer.Typer) -> None:
    cli.add_typer(users, name="users")


@users.command("ls")
def list_users() -> None:
    """List the users, at most 1,000."""
    as_operator(_list)


@users.command()
def create(
    name: Name,
    email: Annotated[str, typer.Option(help="E-mail address.")] = "",
    staff: Annotated[bool, typer.Option(help="Administers workers, tokens and users.")] = False,
    superuser: Annotated[bool, typer.Option(help="May do everything in the tenant.")] = False,
    tenant: Annotated[str, typer.Option(help="The organisation that the user belongs to.")] = DEFAULT_TENANT,
    password_stdin: FromStdin = False,
) -> None:
    """Make a user. Asks for the password."""
    password = _ask(password_stdin)

    async def run(viewer: "Viewer") -> None:
        from app.actions import accounts

        user = await accounts.create_user(
            viewer,
            username=name,
            password_hash=accounts.hash_password(password),
            email=email,
            is_staff=staff,
            is_superuser=superuser,
        )
        print(f"user '{user.username}' was made")

    as_operator(run, tenant)


@users.command()
def password(name: Name, password_stdin: FromStdin = False) -> None:
    """Give a user another password. Asks for it."""
    new = _ask(password_stdin)

    async def run(viewer: "Viewer") -> None:
        from app.actions import accounts

        user = await user_named(viewer, name)
        await accounts.update_user(viewer, user.id, password=accounts.hash_password(new))
        print(f"the password of '{name}' was changed")

    as_operator(run)


@users.command()
def disable(name: Name) -> None:
    """Refuse a user and all their tokens from now on."""
    _set_active(name, False)


@users.command()
def enable(name: Name) -> None:
    """Let a user in again."""
    _set_active(name, True)


def _set_active(name: str, active: bool) -> None:
    async def run(viewer: "Viewer") -> None:
        from app.actions import accounts

        await accounts.update_user(viewer, (await user_named(viewer, name)).id, is_active=active)
        print(f"'{name}' may {'sign in' if active else 'no longer sign in'}")

    as_operator(run)


async def _list(viewer: "Viewer") -> None:
    from rich.console import Console
    from rich.table import Table

    from app.models import User

    table = Table("user", "staff", "superuser", "active", "last login")
    for user in await User.visible_to(viewer).order_by("username").limit(1000):
        login = user.last_login.isoformat(timespec="seconds") if user.last_login else "never"
        table.add_row(user.username, *map(_yes, (user.is_staff, user.is_superuser, user.is_active)), login)
    Console().print(table)


def _yes(value: bool) -> str:
    return "yes" if value else "no"


async def user_named(viewer: "Viewer", name: str) -> "User":
    from app.errors import NotFound
    from app.models import User

    user = await User.visible_to(viewer).get_or_none(username=name)
    if user is None:
        raise NotFound(f"There is no user called '{name}'.")
    return user


def _ask(from_stdin: bool) -> str:
    if from_stdin:
        given = sys.stdin.readline().rstrip("\n")
    else:
        given = typer.prompt("Password", hide_input=True, confirmation_prompt=True)
    if not 8 <= len(given) <= 1000:
        raise typer.BadParameter("a password has 8 to 1000 characters")
    return given
