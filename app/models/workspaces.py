"""Where work lives: a workspace owns work requests; its members' roles say who may see and do what."""

from typing import Any

from tortoise import fields
from tortoise.expressions import Q, Subquery

from app.access import Role, Viewer
from app.models.accounts import Team, Tenant, User
from app.models.entity import NOTHING, Entity
from app.models.files import FileStore


class Workspace(Entity):
    """A place for work with its own members. A public one may be read by everybody, members or not."""

    word = "workspace"
    id = fields.BigIntField(primary_key=True)
    tenant: fields.ForeignKeyRelation[Tenant] = fields.ForeignKeyField(
        "models.Tenant", related_name="workspaces", on_delete=fields.RESTRICT
    )
    tenant_id: int
    name = fields.CharField(
        255, description="Name, unique in the tenant: a letter, then letters, digits, and + . _ -"
    )
    public = fields.BooleanField(default=False, description="True: everybody may read what is in it.")
    created_at = fields.DatetimeField(auto_now_add=True, description="When it was made.")
    version = fields.IntField(default=1, description="Counts the changes of this row; give it as ifVersion.")
    default_file_store: fields.ForeignKeyRelation[FileStore] = fields.ForeignKeyField(
        "models.FileStore", related_name="default_workspaces", on_delete=fields.RESTRICT
    )
    default_file_store_id: int
    other_file_stores: fields.ManyToManyRelation[FileStore] = fields.ManyToManyField(
        "models.FileStore",
        through="workspace_other_file_store",
        forward_key="filestore_id",
        backward_key="workspace_id",
        related_name="other_workspaces",
    )
    default_expiration_delay: Any = fields.TimeDeltaField(
        null=True, description="How long artifacts made here are kept unless said otherwise; null: for ever."
    )
    free_categories = fields.BooleanField(
        default=False, description="True: artifacts may be of categories that nobody registered."
    )

    class Meta:
        table = "workspace"
        unique_together = (("tenant", "name"),)

    @classmethod
    def visibility(cls, viewer: Viewer) -> Q:
        """Members and superusers; when it is public everybody, signed in or not; the worker of work there."""
        if viewer.reads_all:
            return Q(tenant_id=viewer.tenant_id)
        if viewer.worker_id is not None:
            # work requests are in workspaces, not the other way round
            from app.models.work import WorkRequest

            return Q(id__in=Subquery(WorkRequest.filter(worker_id=viewer.worker_id).values("workspace_id")))
        return Q(Q(public=True), Q(id__in=list(viewer.roles)), join_type="OR") & Q(tenant_id=viewer.tenant_id)


class WorkspaceMembership(Entity):
    """The role of one user or one team in a workspace."""

    workspace_path = "workspace_id"
    word = "membership"
    id = fields.BigIntField(primary_key=True)
    workspace: fields.ForeignKeyRelation[Workspace] = fields.ForeignKeyField(
        "models.Workspace", related_name="memberships", on_delete=fields.CASCADE
    )
    workspace_id: int
    user: fields.ForeignKeyNullableRelation[User] = fields.ForeignKeyField(
        "models.User", null=True, related_name="memberships", on_delete=fields.CASCADE
    )
    user_id: int | None
    team: fields.ForeignKeyNullableRelation[Team] = fields.ForeignKeyField(
        "models.Team", null=True, related_name="memberships", on_delete=fields.CASCADE
    )
    team_id: int | None
    role = fields.IntEnumField(Role, description="What the user or the team's members may do there.")

    class Meta:
        table = "workspace_membership"

    @classmethod
    def visibility(cls, viewer: Viewer) -> Q:
        """Users who may see the workspace."""
        return NOTHING if viewer.user_id is None else super().visibility(viewer)
