"""python -m app docs: the pages of docs/reference, made from what they describe."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

REFERENCE = Path(__file__).parents[3] / "docs" / "reference"


def register(cli: typer.Typer) -> None:
    cli.command()(docs)


def docs(
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; fail when a page is not what it would be.")
    ] = False,
) -> None:
    """Write the generated pages of docs/reference anew."""
    stale = [path for path, text in pages().items() if not path.exists() or path.read_text() != text]
    for path in stale:
        if not check:
            path.write_text(pages()[path])
        print(f"{'stale' if check else 'wrote'} {path.relative_to(REFERENCE.parents[1])}")
    if check and stale:
        print("make docs writes them anew.")
        raise typer.Exit(1)


def pages() -> dict[Path, str]:
    """Each generated page and its text."""
    from app.cli.docs import access, commands, entities, errors, events, settings

    makers: dict[str, Callable[[], str]] = {
        "settings": settings.page,
        "events": events.page,
        "errors": errors.page,
        "access": access.page,
        "cli": commands.page,
        "entities": entities.page,
    }
    return {REFERENCE / f"{name}.md": make() for name, make in makers.items()}
