"""python -m app tokens …"""

from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.operator import as_operator

if TYPE_CHECKING:
    from app.access import Viewer
    from app.models import Token

Prefix = Annotated[
    str, typer.Argument(help="The first 8 characters of the token, as `tokens ls` shows them.")
]

tokens = typer.Typer(help="Secrets for programs that act for a user.", no_args_is_help=True)


def register(cli: typer.Typer) -> None:
    cli.add_typer(tokens, name="tokens")


@tokens.command()
def create(
    user: Annotated[str, typer.Argument(help="The user for whom it stands.")],
    comment: Annotated[str, typer.Option(help="What it is for.")] = "",
    days: Annotated[int | None, typer.Option(min=1, help="Days until it expires. Default: never.")] = None,
    scope: Annotated[
        list[str] | None, typer.Option(help="read, work or admin; may be repeated. Default: all.")
    ] = None,
) -> None:
    """Make a token and print its key, this once."""

    async def run(viewer: "Viewer") -> None:
        from app.access import Scope
        from app.actions.tokens import create_token
        from app.cli.users import user_named
        from app.clock import now

        try:
            scopes = [Scope(word) for word in scope or [each.value for each in Scope]]
        except ValueError as error:
            raise typer.BadParameter(f"{error}: the scopes are read, work and admin") from None
        token = await create_token(
            viewer,
            comment=comment,
            user_id=(await user_named(viewer, user)).id,
            expire_at=now() + timedelta(days=days) if days else None,
            scopes=scopes,
        )
        print(token.key)

    as_operator(run)


@tokens.command("ls")
def list_tokens() -> None:
    """List the tokens, at most 1,000."""
    as_operator(_list)


@tokens.command()
def disable(prefix: Prefix) -> None:
    """Refuse a token from now on."""

    async def run(viewer: "Viewer") -> None:
        from app.actions.tokens import set_token_enabled

        token = await _find(viewer, prefix)
        await set_token_enabled(viewer, token.id, False)
        print(f"token {prefix} is refused from now on")

    as_operator(run)


@tokens.command()
def delete(prefix: Prefix, yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False) -> None:
    """Remove a token for good. Asks first."""

    async def run(viewer: "Viewer") -> None:
        from app.actions.tokens import delete_token

        token = await _find(viewer, prefix)
        await delete_token(viewer, token.id)
        print(f"token {prefix} is gone")

    if not yes:
        typer.confirm(f"Remove the token {prefix}?", abort=True)
    as_operator(run)


async def _list(viewer: "Viewer") -> None:
    from rich.console import Console
    from rich.table import Table

    from app.models import Token

    table = Table("token", "kind", "user", "enabled", "expires", "last seen", "comment")
    for token in await Token.visible_to(viewer).order_by("id").limit(1000).prefetch_related("user"):
        times = [
            each.isoformat(timespec="minutes") if each else "never"
            for each in (token.expire_at, token.last_seen_at)
        ]
        name = token.user.username if token.user else ""
        table.add_row(
            token.prefix, token.kind.value, name, "yes" if token.enabled else "no", *times, token.comment
        )
    Console().print(table)


async def _find(viewer: "Viewer", prefix: str) -> "Token":
    from app.errors import NotFound
    from app.models import Token

    found = await Token.visible_to(viewer).filter(prefix=prefix).limit(2)
    if len(found) != 1:
        raise NotFound(f"There is no one token that begins with '{prefix}'.")
    return found[0]
