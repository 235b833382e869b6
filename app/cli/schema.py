"""python -m app schema"""

import typer


def register(cli: typer.Typer) -> None:
    cli.command()(schema)


def schema() -> None:
    """Print the GraphQL schema."""
    from app.web.schema import build_schema

    print(build_schema().as_str())
