"""The book of what administrators did."""

from app.access import Viewer
from app.models import Entity, LogAction, LogEntry


async def note(viewer: Viewer, action: LogAction, row: Entity, name: str, **change: object) -> None:
    """Write one entry, in the caller's transaction. `change` says field → new value; never a secret."""
    await LogEntry.create(
        tenant_id=viewer.tenant_id,
        user_id=viewer.user_id,
        action_flag=action,
        object_type=type(row).__name__,
        object_id=row.id,
        object_repr=name[:200],
        change_message=change,
    )


async def note_many(
    viewer: Viewer, action: LogAction, model: type[Entity], first_id: int, what: str, **change: object
) -> None:
    """Write one entry for what was done to many rows at once; it stands with the first of them."""
    await LogEntry.create(
        tenant_id=viewer.tenant_id,
        user_id=viewer.user_id,
        action_flag=action,
        object_type=model.__name__,
        object_id=first_id,
        object_repr=what,
        change_message=change,
    )
