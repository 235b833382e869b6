"""python -m app artifacts expire"""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.operator import as_operator
from app.settings import load_settings

if TYPE_CHECKING:
    from app.access import Viewer
    from app.actions.files.expiry import ExpiryReport

WHY = {
    "used": "work requests that have not ended take them",
    "related": "something that is kept leads to them",
    "busy": "somebody was doing something with them; the next run looks again",
}


def add_commands(artifacts: typer.Typer) -> None:
    artifacts.command()(expire)


def expire(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be removed.")] = False,
    at: Annotated[
        str | None,
        typer.Option(help="Remove what has expired at this time, as 2026-01-31T12:00Z. Default: now."),
    ] = None,
) -> None:
    """Remove what has expired, of all tenants: on the server's machine. A task does the same every hour."""
    time = _time(at)

    async def run(_: "Viewer") -> None:
        from app.actions.files.expiry import expire

        uploads = load_settings().uploads_directory
        print(text_of(await expire(time, uploads=uploads, dry_run=dry_run, seconds=float("inf"))))

    as_operator(run)


def text_of(report: "ExpiryReport") -> str:
    """The report, for a terminal."""
    counts = report.counts
    lines = [
        f"{'Would remove' if report.dry_run else 'Removed'} {counts.artifacts:,} artifacts, {counts.relations:,} relations, "
        f"{counts.uploads:,} unfinished uploads, {counts.files:,} files."
    ]
    lines += [
        f"  {name}: {of.files:,} files, {of.bytes:,} bytes" for name, of in sorted(counts.stores.items())
    ]
    lines += [
        f"Spared {number:,}: {WHY[reason.value]}."
        for reason, number in sorted(counts.spared.items())
        if number
    ]
    if counts.stores and not report.dry_run:
        lines.append("Their bytes go in an hour.")
    return "\n".join(lines)


def _time(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"expected a time such as 2026-01-31T12:00Z, got {text!r}") from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
