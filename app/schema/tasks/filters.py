"""Which tasks and schedules are meant, and in what order."""

import contextlib
from typing import Any
from uuid import UUID

import strawberry
from strawberry.types.unset import UNSET
from tortoise.expressions import Q

from app import models
from app.access import Viewer
from app.errors import BadInput
from app.graphql.connections import ConnectionOf, to_many
from app.graphql.filters import (
    MAX_VALUES,
    Own,
    filter_of,
    flag,
    has_nul,
    id_condition,
    operators,
    order_of,
    present,
)
from app.graphql.ids import Path
from app.schema.tasks.rel_obj import REL_OBJ, STANDALONE, of_kind

SUCCESSFUL = (models.TaskStatus.DONE, models.TaskStatus.INFO)


def _has_uid(viewer: Viewer, value: Any, path: Path) -> Q:
    wanted = [*([] if value.in_ in (UNSET, None) else value.in_)]
    if len(wanted) > MAX_VALUES:
        raise BadInput(f"`in` takes at most {MAX_VALUES} values.", path=(*path, "in"))
    if has_nul([value.eq, *wanted]):
        raise BadInput("Text has no NUL characters.", path=path)
    q = Q() if value.eq in (UNSET, None) else _uid_is(value.eq)
    if value.in_ not in (UNSET, None):
        q &= Q(*[_uid_is(each) for each in wanted], join_type=Q.OR) if wanted else Q(id__in=[])
    return q


def _uid_is(uid: str) -> Q:
    """The actor's name up to a colon, and the label after it. No actor has a colon in its name."""
    actor, _, label = uid.partition(":")
    unlabelled = Q(Q(_uid__isnull=True), Q(_uid=""), join_type=Q.OR)
    return Q(actor_name=actor) & (Q(_uid=label) & Q(_uid__isnull=False) if label else unlabelled)


def _search(viewer: Viewer, value: Any, path: Path) -> Q:
    """As upstream searches: wherever a person would look."""
    text = value.contains
    if text in (UNSET, None):
        return Q()
    if has_nul(text):
        raise BadInput("Text has no NUL characters.", path=(*path, "contains"))
    parts = [
        Q(actor_name__icontains=text),
        Q(queue_name__icontains=text),
        present("_uid", Q(_uid__icontains=text), nullable=True),
        present("rel_obj_id", Q(rel_obj_id=text), nullable=True),
        Q(state__in=[each for each in models.TaskState if text.lower() in each.value]),
        Q(aggregated_status__in=[each for each in models.TaskStatus if text.lower() in each.value]),
        of_kind(app_label__icontains=text),
        of_kind(model__icontains=text),
    ]
    with contextlib.suppress(ValueError):
        parts.append(Q(message_id=UUID(text)))
    return Q(*[part for part in parts if part.children or part.filters], join_type=Q.OR)


def _has_runner(viewer: Viewer, value: Any, path: Path) -> Q:
    q = _RUNNER(viewer, value, path)
    return q if value.eq in (UNSET, None) and value.in_ in (UNSET, None) else q & models.Task.in_work()


_RUNNER = id_condition("worker_id", models.WorkerStatus, nullable=True)
UID = Own(
    operators("UidFilter", str, "eq in_", "a uid"),
    "By its uid: the actor's name, and after a colon the caller's label.",
    _has_uid,
)

TaskFilter = filter_of(
    models.Task,
    "id",
    "message_id",
    "queue_name",
    "actor_name",
    "state",
    "aggregated_status",
    "mtime",
    "eta",
    "created_at",
    "retries",
    "attempt",
    "crashes",
    "priority",
    "workspace",
    own={
        "worker": Own(
            operators("IDFilter", strawberry.ID, "eq in_ is_null", "an id"),
            "By the id of the task runner that has it.",
            _has_runner,
        ),
        "uid": UID,
        "rel_obj": REL_OBJ,
        "search": Own(
            operators("SearchFilter", str, "contains", "a text, wherever it stands"),
            "By a part of the actor's, the queue's or the object's name, of the label or the state, in any case; "
            "or by the whole message id.",
            _search,
        ),
    },
    standalone=STANDALONE,
    exclude_successful=flag(
        "True: it is not done, or worse than information was logged.",
        lambda _: ~Q(aggregated_status__in=list(SUCCESSFUL)),
    ),
)
TaskOrder = order_of(
    models.Task,
    "created_at",
    "mtime",
    "eta",
    "actor_name",
    "queue_name",
    "retries",
    "priority",
    "aggregated_status",
)
ScheduleFilter = filter_of(
    models.Schedule,
    "id",
    "actor_name",
    "identifier",
    "paused",
    "next_run",
    own={"rel_obj": REL_OBJ, "uid": UID},
    standalone=STANDALONE,
)
ScheduleOrder = order_of(models.Schedule, "next_run", "actor_name", "identifier")


def tasks_of(app_label: str, model: str) -> Any:
    """The tasks of an object, as a connection: for the type that shows it."""
    return to_many(
        "The tasks that belong to it, the newest first unless ordered otherwise.",
        ConnectionOf(
            models.Task,
            "rel_obj_id",
            TaskFilter,
            TaskOrder,
            default_order=(("id", True),),
            only=lambda: of_kind(app_label=app_label, model=model),
            as_text=True,
        ),
    )
