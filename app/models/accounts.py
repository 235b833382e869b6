"""Who there is: tenants, people, teams, their tokens, and the book of what administrators did.

Source: the User and Token of debusine (`docs/reference/entities.md`), on Django's model of users, groups, permissions.
"""

from enum import StrEnum

from tortoise import fields
from tortoise.contrib.postgres.fields import ArrayField
from tortoise.expressions import Q

from app.access import Capability, Scope, Viewer
from app.models.entity import EVERYTHING, NOTHING, Entity, in_tenant


class TokenKind(StrEnum):
    """What a token is for."""

    API = "api"
    SESSION = "session"
    WORKER = "worker"
    ACTIVATION = "activation"


class LogAction(StrEnum):
    """What an administrator did to an object."""

    ADDITION = "addition"
    CHANGE = "change"
    DELETION = "deletion"


class Tenant(Entity):
    """An organisation. It owns workspaces, users and workers; nothing crosses from one tenant to another."""

    word = "tenant"
    id = fields.BigIntField(primary_key=True)
    name = fields.CharField(255, unique=True, description="Name of the organisation, unique.")
    created_at = fields.DatetimeField(auto_now_add=True, description="When the tenant was made.")

    class Meta:
        table = "tenant"

    @classmethod
    def visibility(cls, viewer: Viewer) -> Q:
        """Whoever is in it."""
        return NOTHING if viewer.anonymous else Q(id=viewer.tenant_id)


class Permission(Entity):
    """A capability that can be given to a user or a group by name, beyond what roles and staff status give."""

    word = "permission"
    id = fields.BigIntField(primary_key=True)
    codename = fields.CharField(
        100, unique=True, description="The capability's name, such as administer_workers."
    )
    name = fields.CharField(255, description="What it allows, for people.")

    class Meta:
        table = "permission"

    @classmethod
    def visibility(cls, viewer: Viewer) -> Q:
        """Every user."""
        return NOTHING if viewer.user_id is None else EVERYTHING


class Group(Entity):
    """Users who share permissions."""

    word = "group"
    id = fields.BigIntField(primary_key=True)
    tenant: fields.ForeignKeyRelation[Tenant] = fields.ForeignKeyField(
        "models.Tenant", related_name="groups", on_delete=fields.RESTRICT
    )
    tenant_id: int
    name = fields.CharField(150, description="Name, unique in the tenant.")
    permissions: fields.ManyToManyRelation[Permission] = fields.ManyToManyField(
        "models.Permission",
        through="group_permission",
        forward_key="permission_id",
        backward_key="group_id",
        related_name="groups",
    )

    class Meta:
        table = "group"
        unique_together = (("tenant", "name"),)

    @classmethod
    def visibility(cls, viewer: Viewer) -> Q:
        """The users of its tenant."""
        return in_tenant()(viewer)


class User(Entity):
    """A person, or a program acting as one, who signs in."""

    word = "user"
    id = fields.BigIntField(primary_key=True)
    tenant: fields.ForeignKeyRelation[Tenant] = fields.ForeignKeyField(
        "models.Tenant", related_name="users", on_delete=fields.RESTRICT
    )
    tenant_id: int
    username = fields.CharField(150, unique=True, description="The name to sign in with, unique.")
    password = fields.CharField(
        255, description="Argon2 hash; never shown. Empty: cannot sign in with a password."
    )
    email = fields.CharField(254, default="", description="E-mail address; shown to the user and to staff.")
    first_name = fields.CharField(150, default="", description="Given name.")
    last_name = fields.CharField(150, default="", description="Family name.")
    is_active = fields.BooleanField(
        default=True, description="False: may not sign in, and every token is refused."
    )
    is_staff = fields.BooleanField(
        default=False, description="Administers workers, tokens and users of the tenant."
    )
    is_superuser = fields.BooleanField(default=False, description="May do everything in the tenant.")
    date_joined = fields.DatetimeField(auto_now_add=True, description="When the user was made.")
    last_login = fields.DatetimeField(
        null=True, description="When the user last signed in with the password."
    )
    version = fields.IntField(default=1, description="Counts the changes of this row; give it as ifVersion.")
    groups: fields.ManyToManyRelation[Group] = fields.ManyToManyField(
        "models.Group",
        through="user_group",
        forward_key="group_id",
        backward_key="user_id",
        related_name="users",
    )
    user_permissions: fields.ManyToManyRelation[Permission] = fields.ManyToManyField(
        "models.Permission",
        through="user_permission",
        forward_key="permission_id",
        backward_key="user_id",
        related_name="users",
    )

    class Meta:
        table = "user"

    @classmethod
    def visibility(cls, viewer: Viewer) -> Q:
        """The users of the same tenant. E-mail address and names: the user and staff."""
        return in_tenant()(viewer)


class Team(Entity):
    """Users who get a role in a workspace together."""

    word = "team"
    id = fields.BigIntField(primary_key=True)
    tenant: fields.ForeignKeyRelation[Tenant] = fields.ForeignKeyField(
        "models.Tenant", related_name="teams", on_delete=fields.RESTRICT
    )
    tenant_id: int
    name = fields.CharField(150, description="Name, unique in the tenant.")
    created_at = fields.DatetimeField(auto_now_add=True, description="When the team was made.")
    version = fields.IntField(default=1, description="Counts the changes of this row; give it as ifVersion.")
    members: fields.ManyToManyRelation[User] = fields.ManyToManyField(
        "models.User",
        through="team_member",
        forward_key="user_id",
        backward_key="team_id",
        related_name="teams",
    )

    class Meta:
        table = "team"
        unique_together = (("tenant", "name"),)

    @classmethod
    def visibility(cls, viewer: Viewer) -> Q:
        """The users of its tenant."""
        return in_tenant()(viewer)


class Token(Entity):
    """A secret that stands for a user or a worker. The key itself is shown once and kept nowhere: only its SHA-256 is."""

    word = "token"
    id = fields.BigIntField(primary_key=True)
    tenant: fields.ForeignKeyRelation[Tenant] = fields.ForeignKeyField(
        "models.Tenant", related_name="tokens", on_delete=fields.RESTRICT
    )
    tenant_id: int
    hash = fields.CharField(
        64, unique=True, description="SHA-256 of the key, 64 lower-case hex characters; never shown."
    )
    prefix = fields.CharField(8, description="The key's first 8 characters, to tell tokens apart.")
    kind = fields.CharEnumField(
        TokenKind, max_length=10, default=TokenKind.API, description="What the token is for."
    )
    user: fields.ForeignKeyNullableRelation[User] = fields.ForeignKeyField(
        "models.User",
        null=True,
        related_name="token_set",
        on_delete=fields.CASCADE,
        description="Whom it stands for; null for a worker's token.",
    )
    user_id: int | None
    comment = fields.CharField(100, default="", description="Why it was made.")
    scopes: list[str] = ArrayField(
        "text", default=[scope.value for scope in Scope], description="What it may be used for, at most."
    )
    created_at = fields.DatetimeField(auto_now_add=True, description="When it was made.")
    enabled = fields.BooleanField(default=False, description="Only an enabled token is accepted.")
    expire_at = fields.DatetimeField(null=True, description="From this moment on it is refused; null: never.")
    last_seen_at = fields.DatetimeField(null=True, description="When it was last used, to the minute.")
    version = fields.IntField(default=1, description="Counts the changes of this row; give it as ifVersion.")

    key: str | None = None
    """The secret, in memory only, just after it was made."""

    class Meta:
        table = "token"

    @classmethod
    def visibility(cls, viewer: Viewer) -> Q:
        """Its owner, and staff of the tenant with a token of the scope `admin`. A worker sees its own."""
        if viewer.worker_id is not None:
            return Q(id=viewer.token_id)
        if viewer.can(Capability.ADMINISTER_TOKENS):
            return Q(tenant_id=viewer.tenant_id)
        return NOTHING if viewer.user_id is None else Q(user_id=viewer.user_id)

    def enable(self) -> None:
        self.enabled = True

    def disable(self) -> None:
        self.enabled = False


class LogEntry(Entity):
    """One administrative change: who did what to which object, when. Written in the transaction of the change."""

    word = "log entry"
    id = fields.BigIntField(primary_key=True)
    tenant: fields.ForeignKeyRelation[Tenant] = fields.ForeignKeyField(
        "models.Tenant", related_name="log_entries", on_delete=fields.RESTRICT
    )
    tenant_id: int
    action_time = fields.DatetimeField(auto_now_add=True, description="When it was done.")
    user: fields.ForeignKeyNullableRelation[User] = fields.ForeignKeyField(
        "models.User",
        null=True,
        related_name="logentry_set",
        on_delete=fields.SET_NULL,
        description="Who did it; null: the command line.",
    )
    user_id: int | None
    object_type = fields.CharField(100, description="The type of the object, as in GraphQL.")
    object_id = fields.BigIntField(description="The object's number.")
    object_repr = fields.CharField(200, description="The object's name at that time.")
    action_flag = fields.CharEnumField(
        LogAction, max_length=8, description="Whether it was added, changed or deleted."
    )
    change_message: dict[str, object] = fields.JSONField(
        default=dict, description="The change: field → new value. No secrets."
    )

    class Meta:
        table = "log_entry"

    @classmethod
    def visibility(cls, viewer: Viewer) -> Q:
        """Staff of its tenant."""
        return Q(tenant_id=viewer.tenant_id) if viewer.can(Capability.READ_AUDIT_LOG) else NOTHING


class IdempotencyKey(Entity):
    """What a creating mutation made for a key that its caller chose, so that a repeat answers the same object."""

    word = "idempotency key"
    id = fields.BigIntField(primary_key=True)
    owner = fields.CharField(64, description="Whose key: user/<id> or worker/<id>.")
    key = fields.CharField(255, description="The caller's key.")
    mutation = fields.CharField(100, description="The mutation it was given to.")
    fingerprint = fields.CharField(
        64, description="SHA-256 of the input, to refuse the key for another input."
    )
    object_id = fields.BigIntField(description="The object that was made.")
    created_at = fields.DatetimeField(auto_now_add=True, description="When; keys are forgotten after a day.")

    class Meta:
        table = "idempotency_key"
        unique_together = (("owner", "key"),)

    @classmethod
    def visibility(cls, viewer: Viewer) -> Q:
        """Nobody."""
        return NOTHING
