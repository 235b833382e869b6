"""Whom an administrator may act upon: nobody who may do more than they may themselves."""

from tortoise.expressions import Q

from app.access import GRANTS, Viewer
from app.errors import Forbidden
from app.models import Permission, User

_OF_STAFF = frozenset(capability.value for capability, grant in GRANTS.items() if grant.staff)


async def require_standing(viewer: Viewer, user: User) -> None:
    """Raise `Forbidden` when the user's status or permissions go beyond the viewer's.

    Whoever sets somebody's password or makes a token for them can do all that they can. Roles in workspaces are left
    out: staff are trusted with those.
    """
    if viewer.is_superuser:
        return
    if user.is_superuser:
        raise Forbidden("Only a superuser may do this for a superuser.")
    if user.is_staff and not viewer.is_staff:
        raise Forbidden("Only a member of staff may do this for a member of staff.")
    given = await Permission.filter(Q(users__id=user.id) | Q(groups__users__id=user.id)).distinct()
    own = viewer.permissions | (_OF_STAFF if viewer.is_staff else frozenset())
    if not {permission.codename for permission in given} <= own:
        raise Forbidden("This user has permissions that you lack: only a superuser may do this for them.")
