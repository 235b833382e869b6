"""python -m app tenants …"""

from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.operator import as_operator

if TYPE_CHECKING:
    from app.access import Viewer

tenants = typer.Typer(
    help="Organisations that share this installation and see nothing of each other.", no_args_is_help=True
)


def register(cli: typer.Typer) -> None:
    cli.add_typer(tenants, name="tenants")


@tenants.command()
def create(name: Annotated[str, typer.Argument(help="Name of the organisation.")]) -> None:
    """Make a tenant. `users create --tenant` makes its first user."""

    async def run(viewer: "Viewer") -> None:
        from app.actions.tenants import create_tenant

        print(f"tenant '{(await create_tenant(viewer, name)).name}' was made")

    as_operator(run)


@tenants.command("ls")
def list_tenants() -> None:
    """List the tenants, at most 1,000."""

    async def run(_: "Viewer") -> None:
        from app.models import Tenant

        for tenant in await Tenant.all().order_by("name").limit(1000):
            print(tenant.name)

    as_operator(run)
