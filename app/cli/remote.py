"""What commands that ask a server do first, wherever they run: its address, who asks, and what its refusals mean."""

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from app.settings import SettingsError, load_settings

if TYPE_CHECKING:
    from app.client import Client

REFUSED, MISTAKEN, AWAY, INTERRUPTED = 1, 2, 3, 130
"""Exit codes: the server says no; the command makes no sense; it did not answer, try again; Ctrl-C."""

EXIT_CODES = "Exit codes: 0 done, 1 refused, 2 the command makes no sense, 3 the server is away: try again, 130 interrupted."

Url = Annotated[
    str | None, typer.Option(help="Address of the server, or WORKYARD_URL. Default: the one on this machine.")
]
TokenFile = Annotated[
    Path | None,
    typer.Option(help="File with a token. Default: the token in WORKYARD_TOKEN; without, you are nobody."),
]


def as_client(
    url: str | None, token_file: Path | None, command: "Callable[[Client], Awaitable[None]]"
) -> None:
    """Run a command as a client of the server. What goes wrong is one sentence and an exit code."""
    from app.client import BadPath, ClientError, Unavailable

    url = url or os.environ.get("WORKYARD_URL") or load_settings().bind_url
    try:
        asyncio.run(_run(url, token(token_file), command))
    except BadPath as error:
        leave(MISTAKEN, str(error))
    except Unavailable as error:
        leave(AWAY, str(error))
    except (ClientError, OSError) as error:
        leave(REFUSED, str(error))
    except KeyboardInterrupt:
        leave(INTERRUPTED, "interrupted")


async def _run(url: str, token: str | None, command: "Callable[[Client], Awaitable[None]]") -> None:
    from app.client import Client

    try:
        client = Client(url, token)
    except ValueError as error:
        raise SettingsError(str(error)) from None
    async with client:
        await command(client)


def token(file: Path | None) -> str | None:
    """The token of the file, or of the environment."""
    if file is None:
        return os.environ.get("WORKYARD_TOKEN") or None
    try:
        return file.read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"cannot read the token in {file}: {error}") from None


def leave(code: int, sentence: str) -> NoReturn:
    """End the program with a sentence for the person at the terminal."""
    sys.stderr.write(f"workyard: {sentence}\n")
    raise typer.Exit(code)
