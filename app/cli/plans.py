"""python -m app plans"""

import typer


def register(cli: typer.Typer) -> None:
    cli.command()(plans)


def plans() -> None:
    """Say of each field of the schema whether reading it is compiled, or why not."""
    from app.graphql.plan.report import coverage
    from app.web.schema import build_schema

    found = coverage(build_schema())
    for each in found:
        print(f"{each.type}.{each.field}: {'compiled' if each.reason is None else each.reason}")
    compiled = sum(each.reason is None for each in found)
    print(f"{compiled} of {len(found)} fields are compiled ({compiled / len(found):.0%}).")
