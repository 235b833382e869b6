"""Workers, and the tags by which work finds them. Source: Worker of debusine."""

from collections.abc import Iterable, Mapping
from copy import deepcopy
from typing import Any

from tortoise import fields
from tortoise.contrib.postgres.fields import ArrayField
from tortoise.expressions import Q

from app.access import Viewer
from app.clock import now
from app.models.accounts import Tenant, Token
from app.models.entity import NOTHING, Entity, in_tenant


class Worker(Entity):
    """A program somewhere that runs work requests. It proves itself by its token."""

    word = "worker"
    domain = "work"
    id = fields.BigIntField(primary_key=True)
    tenant: fields.ForeignKeyRelation[Tenant] = fields.ForeignKeyField(
        "models.Tenant", related_name="workers", on_delete=fields.RESTRICT
    )
    tenant_id: int
    name = fields.CharField(50, unique=True, description="Unique name, made from the host's FQDN.")
    registered_at = fields.DatetimeField(auto_now_add=True, description="When it registered.")
    connected_at = fields.DatetimeField(
        null=True, description="Since when it has been connected; null: it is not."
    )
    token: fields.OneToOneRelation[Token] = fields.OneToOneField(
        "models.Token", related_name="worker", on_delete=fields.RESTRICT
    )
    token_id: int
    static_metadata: dict[str, Any] = fields.JSONField(
        default=dict, description="Facts set by administrators; they win over the worker's own."
    )
    dynamic_metadata: dict[str, Any] = fields.JSONField(
        default=dict, description="Facts reported by the worker."
    )
    dynamic_metadata_updated_at = fields.DatetimeField(
        null=True, description="When the worker last reported its facts."
    )
    concurrency = fields.IntField(default=1, description="How many work requests it runs at once, at most.")
    last_seen_at = fields.DatetimeField(null=True, description="When it was last heard of.")
    provided_tags: list[str] = ArrayField(
        "text",
        default=list,
        description="Tags it has, from its metadata; a request needs all of its required tags among them.",
    )
    connection_id = fields.UUIDField(
        null=True, description="Its present connection; only that one may mark it disconnected."
    )
    connection_server = fields.BigIntField(
        null=True, description="The server process that holds the connection."
    )
    version = fields.IntField(default=1, description="Counts the changes of this row; give it as ifVersion.")

    class Meta:
        table = "worker"

    @classmethod
    def visibility(cls, viewer: Viewer) -> Q:
        """The users of its tenant. A worker sees itself."""
        return Q(id=viewer.worker_id) if viewer.worker_id is not None else in_tenant()(viewer)

    def metadata(self) -> dict[str, Any]:
        """All facts: the reported ones overlaid by the administrators', key by key at the top level. A copy."""
        return merged_metadata(self.dynamic_metadata, self.static_metadata)

    def set_dynamic_metadata(self, metadata: dict[str, Any]) -> None:
        """Replace what the worker reported of itself."""
        self.dynamic_metadata = metadata
        self.dynamic_metadata_updated_at = now()
        self.provided_tags = provided_tags(self.metadata())

    def set_static_metadata(self, metadata: dict[str, Any]) -> None:
        """Replace what administrators say of it."""
        self.static_metadata = metadata
        self.provided_tags = provided_tags(self.metadata())

    def connected(self) -> bool:
        return self.connected_at is not None

    def mark_connected(self) -> None:
        self.connected_at = self.last_seen_at = now()

    def mark_disconnected(self) -> None:
        self.connected_at = self.connection_id = self.connection_server = None


class TagSet(Entity):
    """One distinct set of required tags. Waiting requests are indexed by it, so that a worker looks at sets, not at requests."""

    word = "tag set"
    id = fields.BigIntField(primary_key=True)
    tags: list[str] = ArrayField("text", unique=True, description="Sorted, without repeats.")

    class Meta:
        table = "tag_set"

    @classmethod
    def visibility(cls, viewer: Viewer) -> Q:
        """Nobody."""
        return NOTHING


def merged_metadata(dynamic: Mapping[str, Any], static: Mapping[str, Any]) -> dict[str, Any]:
    """Dynamic facts overlaid by static ones at the top level; a deep copy, so that changing it changes neither."""
    return deepcopy({**dynamic, **static})


def provided_tags(metadata: Mapping[str, Any]) -> list[str]:
    """The tags that a worker with these facts has: `tags`, less the tasks that it may not run.

    `tasks_allowlist` names the only tasks it may run (an empty one: none at all) and wins over `tasks_denylist`.
    """
    tags = {tag for tag in _strings(metadata.get("tags")) if tag}
    allowed, denied = metadata.get("tasks_allowlist"), set(_strings(metadata.get("tasks_denylist")))
    if isinstance(allowed, list):
        names = set(_strings(allowed))
        tags = {tag for tag in tags if not tag.startswith("task:") or tag.removeprefix("task:") in names}
    else:
        tags = {tag for tag in tags if tag.removeprefix("task:") not in denied or not tag.startswith("task:")}
    return sorted(tags)


def _strings(value: Any) -> Iterable[str]:
    return (item for item in value if isinstance(item, str)) if isinstance(value, list) else ()
