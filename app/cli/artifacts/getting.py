"""python -m app artifacts get"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.remote import EXIT_CODES, TokenFile, Url, as_client

if TYPE_CHECKING:
    from app.client import Client


def add_commands(artifacts: typer.Typer) -> None:
    artifacts.command(epilog=EXIT_CODES)(get)


def get(
    id: Annotated[str, typer.Argument(help="The artifact's id.")],
    paths: Annotated[
        list[str] | None, typer.Argument(help="Paths of files in it. Default: all of its files.")
    ] = None,
    to: Annotated[Path, typer.Option(help="Directory to put them into; made when it is not there.")] = Path(),
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace other files that are there.")
    ] = False,
    url: Url = None,
    token_file: TokenFile = None,
) -> None:
    """Download an artifact's files, verify them, and print where they are. Run again, it goes on where it stopped."""

    async def run(client: "Client") -> None:
        from app.cli.artifacts.bar import Bar
        from app.client import download_artifact, files_of

        sizes = {file.path: file.content.size async for file in files_of(client, id)}
        wanted = None if paths is None else set(paths)
        with Bar(
            "fetching", sum(size for path, size in sizes.items() if not wanted or path in wanted)
        ) as bar:
            fetched = await download_artifact(
                client, id, to, paths=wanted, overwrite=overwrite, progress=bar.progress
            )
        for file in fetched:
            print(file)

    as_client(url, token_file, run)
