"""Tenants: made by the operator, who alone stands above them."""

from tortoise.exceptions import IntegrityError

from app import events
from app.access import Viewer
from app.actions.audit import note
from app.actions.outbox import record
from app.actions.workspaces import DEFAULT_WORKSPACE, default_file_store_id
from app.database import atomic
from app.errors import Forbidden, Invalid, NotFound
from app.models import LogAction, Tenant, Workspace


@atomic()
async def create_tenant(viewer: Viewer, name: str) -> Tenant:
    """A new organisation, with its own workspace `System`. Only for the operator on the server's machine."""
    if not viewer.system:
        raise Forbidden("Only the operator of the server makes tenants, by `python -m app tenants create`.")
    if not 1 <= len(name) <= 255:
        raise Invalid.field("name", "A tenant's name has 1 to 255 characters.")
    try:
        tenant = await Tenant.create(name=name)
    except IntegrityError:
        raise Invalid.field("name", f"There is a tenant called '{name}' already.", "TAKEN") from None
    workspace = await Workspace.create(
        tenant_id=tenant.id, name=DEFAULT_WORKSPACE, default_file_store_id=await default_file_store_id()
    )
    await record(events.WorkspaceCreated, workspace.id)
    await note(Viewer.operator(tenant.id), LogAction.ADDITION, tenant, name)
    return tenant


async def tenant_named(name: str) -> Tenant:
    """The tenant of that name, for the operator; `NotFound` when there is none."""
    tenant = await Tenant.get_or_none(name=name)
    if tenant is None:
        raise NotFound(f"There is no tenant called '{name}'.")
    return tenant
