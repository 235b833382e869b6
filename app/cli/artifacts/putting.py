"""python -m app artifacts put"""

import asyncio
import json
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.cli.remote import EXIT_CODES, MISTAKEN, TokenFile, Url, as_client, leave

if TYPE_CHECKING:
    from app.client import Client

RELATION_TYPES = ("EXTENDS", "RELATES_TO", "BUILT_USING")


def add_commands(artifacts: typer.Typer) -> None:
    artifacts.command(epilog=EXIT_CODES)(put)


def put(
    paths: Annotated[list[Path], typer.Argument(help="Files, and directories of which all files go.")],
    category: Annotated[str, typer.Option(help="What kind of artifact it is.")] = "workyard:files",
    data: Annotated[str, typer.Option(help="What is known of it: JSON, or @FILE with JSON in it.")] = "{}",
    workspace: Annotated[str | None, typer.Option(help="Name of its workspace. Default: System.")] = None,
    relation: Annotated[
        list[str] | None,
        typer.Option(help="TYPE:ID, such as BUILT_USING:QXJ0aWZhY3Q6MQ==; may be repeated."),
    ] = None,
    expire_at: Annotated[
        datetime | None, typer.Option(help="When it may be removed, in UTC. Default: as its workspace says.")
    ] = None,
    resume: Annotated[
        str | None, typer.Option(help="Id of an artifact that was begun: send what it lacks.")
    ] = None,
    url: Url = None,
    token_file: TokenFile = None,
) -> None:
    """Upload files as one artifact, and print its id."""
    known = parsed(data)
    relations = [typed(each) for each in relation or []]

    async def run(client: "Client") -> None:
        from app.cli.artifacts.bar import Bar, waiting
        from app.client import Unavailable, create_artifact, upload_files
        from app.client.paths import local_files

        files = local_files(paths)
        artifact_id = resume
        if artifact_id is None:
            place = await workspace_id(client, workspace)
            with waiting("computing hashes"):
                artifact = await create_artifact(
                    client,
                    files,
                    category=category,
                    data=known,
                    workspace=place,
                    relations=relations,
                    expire_at=expire_at.replace(tzinfo=UTC) if expire_at else None,
                )
            artifact_id = artifact.id
        try:
            with Bar("sending", sum(file.stat().st_size for file in files.values())) as bar:
                artifact = await upload_files(client, artifact_id, files, progress=bar.progress)
        except (Unavailable, asyncio.CancelledError):  # a second try may end better
            sys.stderr.write(f"What has come is kept; to go on: {again(artifact_id, paths)}\n")
            raise
        print(artifact.id)

    as_client(url, token_file, run)


def parsed(data: str) -> dict[str, Any]:
    try:
        text = Path(data[1:]).read_text() if data.startswith("@") else data
        known = json.loads(text)
    except (OSError, ValueError) as error:
        leave(MISTAKEN, f"--data cannot be read as JSON: {error}")
    if not isinstance(known, dict):
        leave(MISTAKEN, "--data must be a JSON object")
    return known


def typed(relation: str) -> tuple[str, str]:
    type, _, target = relation.partition(":")
    if type not in RELATION_TYPES or not target:
        leave(
            MISTAKEN, f"--relation must be TYPE:ID with one of {', '.join(RELATION_TYPES)}, got {relation!r}"
        )
    return type, target


async def workspace_id(client: "Client", name: str | None) -> str | None:
    if name is None:
        return None
    document = "query Workspace($name: String!) { workspace(name: $name) { id } }"
    found = (await client.execute(document, {"name": name}))["workspace"]
    if not found:
        leave(MISTAKEN, f"there is no workspace {name!r}, or you may not see it")
    return str(found["id"])


def again(artifact_id: str, paths: Sequence[Path]) -> str:
    """The command that goes on."""
    import shlex

    return shlex.join(["python", "-m", "app", "artifacts", "put", "--resume", artifact_id, *map(str, paths)])
