"""docs/reference/entities.md: each documented member, what it is here, and where GraphQL shows it.

What has the documented name is found by that name; the tables below say the rest. A later domain takes its entities out of
`NOT_YET` and into `MODELS`.
"""

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from app.cli.docs import REFERENCE
from app.cli.docs.markdown import code, document, table

DOCUMENTED = REFERENCE / "documented.toml"

INTRODUCTION = """\
Workyard brings five kinds of system together, and keeps the names that their documentation gives. This page says, entity by
entity, where each documented member is: the model and its member (`app/models`), or the function, and what shows it in
GraphQL (`schema.graphql`). A member that is not here in that form has a reason instead.

The documented names are in [documented.toml](documented.toml). A test holds that list, this page, the models and
the schema together."""


@dataclass(frozen=True)
class Here:
    """Where a documented member is: `ours` is an importable path (below app), `shown` a coordinate of the schema."""

    ours: str = ""
    shown: str = ""


@dataclass(frozen=True)
class Absent:
    """Why a documented member is not here."""

    reason: str


NOT_YET: Mapping[str, str] = {
    "beat.(functions)": "experiments",
    "beat.Block": "experiments",
    "beat.BlockInput": "experiments",
    "beat.CachedFile": "experiments",
    "beat.DeclarationStorage": "experiments",
    "beat.Experiment": "experiments",
    "beat.Result": "experiments",
    "dasf.BrokerMessage": "broker",
    "dasf.BrokerTopic": "broker",
    "dasf.BrokerTopicManager": "broker",
    "dasf.BrokerTopicQuerySet": "broker",
    "dasf.ResponseTopic": "broker",
}
"""Entities of domains that are not built yet, and the domain."""

MODELS: Mapping[str, str] = {
    "authentik.Task": "Task",
    "authentik.TaskLog": "TaskLog",
    "authentik.TaskStatus": "TaskStatus",
    "authentik.TasksModel": "Task",
    "authentik.WorkerStatus": "WorkerStatus",
    "debusine.Artifact": "Artifact",
    "debusine.ArtifactManager": "Artifact",
    "debusine.ArtifactRelation": "ArtifactRelation",
    "debusine.File": "File",
    "debusine.FileInArtifact": "FileInArtifact",
    "debusine.FileInStore": "FileInStore",
    "debusine.FileStore": "FileStore",
    "debusine.FileUpload": "FileUpload",
    "debusine.NotificationChannel": "NotificationChannel",
    "debusine.Token": "Token",
    "debusine.User": "User",
    "debusine.WorkRequest": "WorkRequest",
    "debusine.WorkRequestManager": "WorkRequest",
    "debusine.Worker": "Worker",
    "debusine.WorkerManager": "Worker",
    "debusine.Workspace": "Workspace",
    "django-broadcaster.OutboxEvent": "OutboxEvent",
}
"""Documented entity → our model. GraphQL shows a model in the type of the same name."""

ACCESSORS: Mapping[str, str] = {
    r"DoesNotExist|MultipleObjectsReturned": "Django's exceptions; here an absent or invisible row is `NotFound`.",
    r"objects": "Django's manager; here `visible_to(viewer)` begins every read.",
    r"get_(next|previous)_by_\w+": "Django accessor; here the list's `orderBy` and cursors.",
    r"get_\w+_display": "Django accessor; here the enum value's description in the schema.",
    r"__init__": "Django's constructor.",
}
"""Members that Django makes for every model: pattern → what is here instead."""


MEMBERS: Mapping[str, Here | Absent] = {
    "authentik.Task._make_log": Here("tasks.running.RunningTask.log", "Task.logs"),
    "authentik.Task._messages": Here("models.Task._messages", "Task.messages"),
    "authentik.Task._previous_messages": Here("models.Task._previous_messages", "Task.previousMessages"),
    "authentik.Task._uid": Here("models.Task._uid", "Task.uid"),
    "authentik.Task.error": Here("tasks.running.RunningTask.error", "Task.logs"),
    "authentik.Task.info": Here("tasks.running.RunningTask.info", "Task.logs"),
    "authentik.Task.log": Here("tasks.running.RunningTask.log", "Task.logs"),
    "authentik.Task.logs": Here("tasks.running.RunningTask.logs", "Task.logs"),
    "authentik.Task.rel_obj": Here("tasks.running.RunningTask.rel_obj", "Task.relObj"),
    "authentik.Task.rel_obj_content_type": Here("models.Task.rel_obj_content_type", "RelObj.model"),
    "authentik.Task.rel_obj_content_type_id": Here("models.Task.rel_obj_content_type_id", "RelObj.appLabel"),
    "authentik.Task.rel_obj_id": Here("models.Task.rel_obj_id", "RelObj.id"),
    "authentik.Task.serializer": Absent("Of Django REST framework; here the GraphQL type shows the row."),
    "authentik.Task.set_uid": Here("models.Task.set_uid", "Task.uid"),
    "authentik.Task.tasklogs": Here("models.Task.tasklogs", "Task.logs"),
    "authentik.Task.warning": Here("tasks.running.RunningTask.warning", "Task.logs"),
    "authentik.TaskLog.__str__": Here("models.TaskLog.__str__", "TaskLog.id"),
    "authentik.TaskLog.bulk_create_from_log_events": Here("tasks.running.RunningTask.logs", "Task.logs"),
    "authentik.TaskLog.create_from_log_event": Here("tasks.running.RunningTask.log", "Task.logs"),
    "authentik.TaskLog.to_log_event": Here("models.TaskLog.to_log_event", "TaskLog.event"),
    "authentik.TasksModel.tasks": Here("schema.tasks.tasks_of", "WorkRequest.tasks"),
    "authentik.WorkerStatus.__str__": Here("models.WorkerStatus.__str__", "WorkerStatus.hostname"),
    "debusine.Artifact.fileinartifact_set": Here("models.Artifact.fileinartifact_set", "Artifact.files"),
    "debusine.ArtifactRelation.Relations": Here("models.ArtifactRelationType", "ArtifactRelationType"),
    "debusine.File.current_hash_algorithm": Here("models.File.current_hash_algorithm", "File.sha256"),
    "debusine.File.get_or_create": Here("models.File.get_or_create", "Mutation.createArtifact"),
    "debusine.File.hash_digest": Here("models.File.hash_digest", "File.sha256"),
    "debusine.FileInArtifact.fileupload": Here("models.FileInArtifact.fileupload", "FileInArtifact.upload"),
    "debusine.FileStore.BackendChoices": Here("models.FileStoreBackend", "FileStoreBackend"),
    "debusine.FileUpload.absolute_file_path": Here(
        "models.FileUpload.absolute_file_path", "FileUpload.receivedBytes"
    ),
    "debusine.FileUpload.current_size": Here("models.FileUpload.current_size", "FileUpload.receivedBytes"),
    "debusine.FileUpload.path": Here("models.FileUpload.path", "FileUpload.receivedBytes"),
    "debusine.WorkRequest.artifact_set": Here("models.WorkRequest.artifact_set", "WorkRequest.artifacts"),
    "debusine.Workspace.artifact_set": Here("models.Workspace.artifact_set", "Workspace.artifacts"),
    "debusine.Workspace.is_file_in_workspace": Here(
        "actions.files.places.is_file_in_workspace", "Workspace.isFileInWorkspace"
    ),
    "debusine.NotificationChannel.Methods": Here("models.NotificationMethod", "NotificationMethod"),
    "debusine.NotificationChannel.clean": Here(
        "models.NotificationChannel.clean", "Mutation.createNotificationChannel"
    ),
    "debusine.NotificationChannel.data_jsonschemas": Here(
        "models.NotificationChannel.data_jsonschemas", "CreateNotificationChannelInput.data"
    ),
    "debusine.Token.key": Here("models.Token.key", "CreateTokenPayload.key"),
    "debusine.User.workrequest_set": Here("models.User.workrequest_set", "User.workrequestSet"),
    "debusine.WorkRequest.Results": Here("models.WorkRequestResult", "WorkRequestResult"),
    "debusine.WorkRequest.Statuses": Here("models.WorkRequestStatus", "WorkRequestStatus"),
    "debusine.WorkRequest.mark_aborted": Here("models.WorkRequest.mark_aborted", "Mutation.abortWorkRequest"),
    "debusine.WorkRequestManager.pending": Here(
        "models.WorkRequest.pending", "Query.workRequests(filter: {status, assigned, worker})"
    ),
    "debusine.Worker.set_dynamic_metadata": Here(
        "models.Worker.set_dynamic_metadata", "Mutation.updateWorkerDynamicMetadata"
    ),
    "debusine.WorkerManager.create_with_fqdn": Here(
        "actions.work.workers.create_with_fqdn", "Mutation.registerWorker"
    ),
    "debusine.WorkerManager.get_worker_by_token_key_or_none": Here(
        "actions.work.workers.get_worker_by_token_key_or_none", "Viewer.worker"
    ),
    "debusine.Workspace.workrequest_set": Here("models.Workspace.workrequest_set", "Workspace.workRequests"),
    "django-broadcaster.OutboxEvent.created_at": Here("models.OutboxEvent.created_at", "LoggedEvent.time"),
    "django-broadcaster.OutboxEvent.data": Here("models.OutboxEvent.data", "LoggedEvent.data"),
    "django-broadcaster.OutboxEvent.event_type": Here("models.OutboxEvent.event_type", "LoggedEvent.type"),
    "django-broadcaster.OutboxEvent.id": Here("models.OutboxEvent.id", "LoggedEvent.id"),
    "django-broadcaster.OutboxEvent.source": Here("models.OutboxEvent.source", "LoggedEvent.source"),
    "django-broadcaster.OutboxEvent.subject": Here("models.OutboxEvent.subject", "LoggedEvent.subject"),
}
"""Members that have another name or another place here than the documented one, by system.Entity.member."""

NOT_SHOWN: Mapping[str, str] = {"OutboxEvent": "not shown: it comes with publishing"}
"""Models that GraphQL does not show as a type, and why."""


def page() -> str:
    parts = [INTRODUCTION]
    for system, entities in documented().items():
        parts.append(f"## {system}")
        parts += [_section(f"{system}.{name}", members) for name, members in entities.items()]
    return document("Entities", "docs/reference/documented.toml, app/models and the schema", *parts)


def documented() -> dict[str, dict[str, list[str]]]:
    """System → entity → names of its members."""
    found = tomllib.loads(DOCUMENTED.read_text())
    return {
        system: {name: each["members"] for name, each in entities.items()}
        for system, entities in found.items()
    }


def place(entity: str, member: str) -> Here | Absent:
    """Where a member of an entity ("debusine.Worker") is, or why it is not."""
    if entity in NOT_YET:
        return Absent(f"Comes with the domain `{NOT_YET[entity]}`, which is not built yet.")
    if found := MEMBERS.get(f"{entity}.{member}"):
        return found
    for pattern, reason in ACCESSORS.items():
        if re.fullmatch(pattern, member):
            return Absent(reason)
    model = MODELS[entity]
    enum, dot, value = member.partition(".")
    if dot:
        above = place(entity, enum)
        assert isinstance(above, Here)
        return Here(f"{above.ours}.{value}", f"{above.shown}.{value}")
    return Here(f"models.{model}.{member}", _shown(model, member))


def _shown(model: str, member: str) -> str:
    fields = schema_fields().get(model, frozenset())
    if camel(member) in fields:
        return f"{model}.{camel(member)}"
    relation = member.removesuffix("_id")
    return f"{model}.{camel(relation)} {{ id }}" if camel(relation) in fields else ""


@cache
def schema_fields() -> Mapping[str, frozenset[str]]:
    """GraphQL type or enum → its fields or values."""
    from app.web.schema import build_schema

    types: dict[str, Any] = build_schema()._schema.type_map
    return {
        name: frozenset(getattr(each, "fields", None) or getattr(each, "values", None) or ())
        for name, each in types.items()
    }


def camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


def _section(entity: str, members: list[str]) -> str:
    places = {member: place(entity, member) for member in members}
    rows = [
        (code(member), code(found.ours.removeprefix("models.")), _seen(MODELS[entity], found))
        for member, found in places.items()
        if isinstance(found, Here)
    ]
    parts = [f"### {entity.partition('.')[2]}"]
    if rows:
        parts.append(table(("documented", "ours", "GraphQL"), rows))
    parts += _absences(places) or ([] if rows else [_empty(entity)])
    if added := _added(entity):
        parts.append(f"Ours beside these: {code(*added)}.")
    return "\n\n".join(parts)


def _seen(model: str, found: Here) -> str:
    return code(found.shown) if found.shown else NOT_SHOWN.get(model, "–")


def _absences(places: Mapping[str, Here | Absent]) -> list[str]:
    """One line for each reason, with the members that it is about."""
    reasons: dict[str, list[str]] = {}
    for member, found in places.items():
        if isinstance(found, Absent):
            reasons.setdefault(found.reason, []).append(member)
    lines = [f"- {code(*members)}: {reason}" for reason, members in reasons.items()]
    return ["\n".join(lines)] if lines else []


def _empty(entity: str) -> str:
    found = place(entity, "objects")
    assert isinstance(found, Absent)
    return f"No members of its own. {found.reason}"


def _added(entity: str) -> list[str]:
    """The columns and relations of the model that no document has."""
    if entity not in MODELS or entity.endswith(("Manager", "TasksModel", "TaskStatus")):
        return []
    system, _, name = entity.partition(".")
    known = {*documented()[system][name], *_places(entity)}
    return sorted(column for column in _declared(MODELS[entity]) if column not in known)


def _declared(model: str) -> Iterator[str]:
    """The fields that a model's class body declares: Tortoise adds others once a database is open."""
    from tortoise.fields.relational import BackwardFKRelation, ManyToManyFieldInstance

    from app import models

    found = getattr(models, model)._meta.fields_map
    for name, field in found.items():
        made = isinstance(field, BackwardFKRelation) or (
            isinstance(field, ManyToManyFieldInstance) and field._generated
        )
        if not made and name.removesuffix("_id") not in found.keys() - {name}:
            yield name


def _places(entity: str) -> Iterator[str]:
    """The columns that documented members of another name are here."""
    for member, found in MEMBERS.items():
        if member.startswith(f"{entity}.") and isinstance(found, Here):
            yield found.ours.rpartition(".")[2]
