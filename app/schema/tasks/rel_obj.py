"""The generic relation: any object may have tasks, and a task or a schedule belongs to one object or to none."""

from collections.abc import Sequence
from typing import Any

import strawberry
from strawberry.types.unset import UNSET
from tortoise.expressions import Q, Subquery

from app import models
from app.access import Viewer
from app.errors import BadInput
from app.graphql.entity import NAMES, TYPES, Node
from app.graphql.filters import MAX_VALUES, Own, flag, has_nul
from app.graphql.ids import Path, decode_id, global_id, key_of, row_id
from app.graphql.roots import node_of
from app.models import Entity

OWNERS: tuple[type[Entity], ...] = (
    models.Artifact,
    models.FileStore,
    models.NotificationChannel,
    models.Schedule,
    models.Team,
    models.Tenant,
    models.User,
    models.Worker,
    models.WorkRequest,
    models.Workspace,
)
"""Whose objects may have tasks: they go when the object goes."""


@strawberry.type(description="The object that a task or a schedule belongs to.")
class RelObj:
    """The generic relation, read."""

    app_label: str = strawberry.field(description="Its domain, such as work.")
    model: str = strawberry.field(description="Its model, such as workrequest.")
    id: str = strawberry.field(description="Its number or UUID in its table; `node` has its global id.")

    node: Any = node_of("The object; null when it is gone or you may not see it.", lambda obj: _place(obj))


NAMES["RelObj"] = RelObj


def _place(obj: RelObj) -> tuple[type[Entity], Any] | None:
    """The model and the id of the object."""
    for model, type_ in TYPES.items():
        if issubclass(type_, Node) and model.natural_key() == (obj.app_label, obj.model):
            try:
                return model, row_id(global_id(model.__name__, obj.id), model)
            except BadInput:  # whoever sent the task names what never was
                return None
    return None


async def rel_objs_of(rows: Sequence[Any]) -> dict[Any, RelObj | None]:
    """What these rows belong to. Content types are few, and say nothing of anybody's objects."""
    ids = {row.rel_obj_content_type_id for row in rows} - {None}
    kinds = {kind.id: kind for kind in await models.ContentType.filter(id__in=list(ids))} if ids else {}
    return {
        row.id: RelObj(app_label=kind.app_label, model=kind.model, id=row.rel_obj_id)
        for row in rows
        if (kind := kinds.get(row.rel_obj_content_type_id)) is not None
    }


# Filters --------------------------------------------------------------------------------------------------------------


@strawberry.input(description="Conditions on the object that something belongs to.")
class RelObjFilter:
    """For the generic relation."""

    eq: strawberry.ID | None = strawberry.field(default=UNSET, description="This object, by its global id.")
    in_: list[strawberry.ID] | None = strawberry.field(
        default=UNSET, name="in", description="One of these objects, by their global ids, at most 1,000."
    )
    app_label: str | None = strawberry.field(
        default=UNSET, description="An object of this domain, such as work."
    )
    model: str | None = strawberry.field(
        default=UNSET, description="An object of this model, such as workrequest."
    )
    id: str | None = strawberry.field(
        default=UNSET, description="An object with this number or UUID in its table: with `model`."
    )


def owner_of(global_id: str, path: Path) -> tuple[str, str, str]:
    """Domain, model and key of the object with that global id. `BadInput` when its kind has no tasks."""
    name, key = decode_id(global_id, path)
    model = next((each for each in OWNERS if each.__name__ == name), None)
    if model is None:
        raise BadInput(f"A {name} has no tasks of its own.", path=path)
    return (*model.natural_key(), str(key_of(model, name, key, path)))


def _belongs_to(viewer: Viewer, value: Any, path: Path) -> Q:
    q = Q()
    if value.in_ not in (UNSET, None) and len(value.in_) > MAX_VALUES:
        raise BadInput(f"`in` takes at most {MAX_VALUES} values.", path=(*path, "in"))
    if value.eq not in (UNSET, None):
        q &= _is_one_of([owner_of(value.eq, (*path, "eq"))])
    if value.in_ not in (UNSET, None):
        q &= _is_one_of([owner_of(each, (*path, "in", str(index))) for index, each in enumerate(value.in_)])
    for name in ("app_label", "model", "id"):
        wanted = getattr(value, name)
        if wanted in (UNSET, None):
            continue
        if has_nul(wanted):
            raise BadInput("Text has no NUL characters.", path=(*path, name))
        q &= Q(rel_obj_id=wanted) if name == "id" else of_kind(**{name: wanted})
    return q & Q(rel_obj_id__isnull=False)


def _is_one_of(owners: list[tuple[str, str, str]]) -> Q:
    ids: dict[tuple[str, str], list[str]] = {}
    for app_label, model, id in owners:
        ids.setdefault((app_label, model), []).append(id)
    parts = [
        of_kind(app_label=app_label, model=model) & Q(rel_obj_id__in=found)
        for (app_label, model), found in ids.items()
    ]
    return Q(*parts, join_type=Q.OR) if parts else Q(id__in=[])


def of_kind(**kind: str) -> Q:
    """The rows that belong to an object of such a content type; false of those that belong to none."""
    kinds = Subquery(models.ContentType.filter(**kind).values("id"))
    return Q(rel_obj_content_type_id__in=kinds) & Q(rel_obj_content_type_id__isnull=False)


REL_OBJ = Own(RelObjFilter, "By the object that it belongs to.", _belongs_to)
STANDALONE = flag("True: it belongs to no object.", lambda _: Q(rel_obj_content_type_id__isnull=True))
