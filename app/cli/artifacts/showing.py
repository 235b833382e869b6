"""python -m app artifacts ls, and show"""

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.cli.remote import EXIT_CODES, REFUSED, TokenFile, Url, as_client, leave

if TYPE_CHECKING:
    from app.client import Client

AsJson = Annotated[bool, typer.Option("--json", help="As JSON, for programs.")]

PAGE = 100

OF_ARTIFACT = "id category data createdAt expireAt complete workspace { name }"

LIST = f"""query Artifacts($first: Int!, $after: Cursor, $filter: ArtifactFilter) {{
  artifacts(first: $first, after: $after, filter: $filter) {{
    nodes {{ {OF_ARTIFACT} }} pageInfo {{ hasNextPage endCursor }} }} }}"""

SHOW = f"""query Artifact($id: ID!) {{ artifact(id: $id) {{
  {OF_ARTIFACT} createdByWorkRequest {{ id }}
  relations(first: 100) {{ nodes {{ type target {{ id category }} }} }}
  targetedBy(first: 100) {{ nodes {{ type artifact {{ id category }} }} }} }} }}"""


def add_commands(artifacts: typer.Typer) -> None:
    artifacts.command("ls", epilog=EXIT_CODES)(list_artifacts)
    artifacts.command(epilog=EXIT_CODES)(show)


def list_artifacts(
    workspace: Annotated[str | None, typer.Option(help="Only those of this workspace.")] = None,
    category: Annotated[str | None, typer.Option(help="Only those of this category.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="At most so many, the newest first.")] = 100,
    as_json: AsJson = False,
    url: Url = None,
    token_file: TokenFile = None,
) -> None:
    """List artifacts, the newest first."""

    async def run(client: "Client") -> None:
        from app.cli.artifacts.putting import workspace_id

        filter: dict[str, Any] = {"category": {"eq": category}} if category else {}
        if id := await workspace_id(client, workspace):
            filter["workspace"] = {"eq": id}
        found = await listed(client, filter, limit)
        if as_json:
            print(json.dumps(found))
        else:
            print_table(
                ("id", "category", "workspace", "made", "until", "complete"),
                [
                    (row["id"], row["category"], row["workspace"]["name"], moment(row["createdAt"]),
                     moment(row["expireAt"]), yes(row["complete"]))
                    for row in found
                ],
            )  # fmt: skip

    as_client(url, token_file, run)


def show(
    id: Annotated[str, typer.Argument(help="The artifact's id.")],
    as_json: AsJson = False,
    url: Url = None,
    token_file: TokenFile = None,
) -> None:
    """Show an artifact with its files and relations."""

    async def run(client: "Client") -> None:
        from app.client import files_of

        found = (await client.execute(SHOW, {"id": id}))["artifact"]
        if found is None:
            leave(REFUSED, "there is no such artifact, or you may not see it")
        found["files"] = [
            {
                "path": file.path,
                "size": file.content.size,
                "sha256": file.content.sha256,
                "contentType": file.content_type,
                "complete": file.complete,
            }
            async for file in files_of(client, id)
        ]
        print(json.dumps(found)) if as_json else print_artifact(found)

    as_client(url, token_file, run)


async def listed(client: "Client", filter: dict[str, Any], limit: int) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    after: str | None = None
    while len(found) < limit:
        given = {"first": min(PAGE, limit - len(found)), "after": after, "filter": filter}
        page = (await client.execute(LIST, given))["artifacts"]
        found += page["nodes"]
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break
    return found


def print_artifact(found: dict[str, Any]) -> None:
    made_by = found["createdByWorkRequest"]
    for name, value in (
        ("id", found["id"]),
        ("category", found["category"]),
        ("workspace", found["workspace"]["name"]),
        ("data", json.dumps(found["data"], ensure_ascii=False)),
        ("made", moment(found["createdAt"])),
        ("made by", f"work request {made_by['id']}" if made_by else "-"),
        ("until", moment(found["expireAt"])),
        ("complete", yes(found["complete"])),
    ):
        print(f"{name:<10} {harmless(value)}")
    for row in found["relations"]["nodes"]:
        print(f"{row['type']:<10} {row['target']['id']} {row['target']['category']}")
    for row in found["targetedBy"]["nodes"]:
        print(f"is {row['type']} of {row['artifact']['id']} {row['artifact']['category']}")
    files = [
        (file["path"], f"{file['size']:,}", yes(file["complete"]), file["sha256"]) for file in found["files"]
    ]
    print_table(("file", "bytes", "complete", "sha256"), files)


def print_table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> None:
    """In columns as wide as they need to be, so that what is piped on is not cut."""
    lines = [tuple(map(harmless, row)) for row in [head, *rows]]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


def harmless(text: str) -> str:
    """Without what a terminal would take for an order: names come from anybody."""
    return "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in text)


def moment(time: str | None) -> str:
    return time[:19].replace("T", " ") if time else "-"


def yes(true: bool) -> str:
    return "yes" if true else "no"
