"""Kinds of work: what may be requested, and what its `taskData` must look like."""

import re
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from app import events
from app.access import Capability, Viewer
from app.actions.audit import note
from app.actions.json_schemas import check_data, check_object, check_schema
from app.actions.outbox import record
from app.database import atomic, fetch
from app.errors import Invalid
from app.models import LogAction, TaskType

MAX_TASK_DATA = 256 * 1024
MAX_TAGS = 50
MOST_KNOWN = 1000
_TAG = re.compile(r"[A-Za-z0-9][A-Za-z0-9:._/@+=-]{0,99}")
_NAME = re.compile(r"[a-z][a-z0-9_.-]{0,99}")


@dataclass(frozen=True)
class BuiltIn:
    """A task type that every installation has, and the reference worker can run."""

    name: str
    description: str
    data_schema: dict[str, Any]


_SECONDS = {"type": "number", "minimum": 0, "maximum": 86400}

_NAME_OF_FILE = "^[A-Za-z0-9_][A-Za-z0-9._-]{0,99}$"

_INPUTS = {
    "type": "object",
    "maxProperties": 100,
    "description": "Artifacts that it takes, by name: their files are below inputs/<name>/.",
    "propertyNames": {"pattern": _NAME_OF_FILE},
    "additionalProperties": {"type": "string", "description": "The id of an artifact."},
}

_OUTPUTS = {
    "type": "object",
    "additionalProperties": False,
    "description": "The artifact that it leaves: all that is below outputs/, and these paths.",
    "properties": {
        "category": {
            "type": "string",
            "minLength": 1,
            "description": "Its category; workyard:work-request-output when none is named.",
        },
        "data": {"type": "object", "description": "What is known of it, as its category says."},
        "paths": {
            "type": "array",
            "maxItems": 100,
            "items": {"type": "string", "minLength": 1, "maxLength": 500},
            "description": "Further files, directories, and patterns such as *.log in its directory.",
        },
    },
}

TASK_TYPES = (
    BuiltIn(
        "noop",
        "Does nothing, for as long as it is told, and ends as it is told.",
        {
            "type": "object",
            "additionalProperties": False,
            "properties": {"result": {"enum": ["SUCCESS", "FAILURE", "ERROR"]}, "seconds": _SECONDS},
        },
    ),
    BuiltIn(
        "shell",
        "Runs a command line with /bin/sh in a new, empty directory. Exit code 0 is SUCCESS.",
        {
            "type": "object",
            "additionalProperties": False,
            "required": ["command"],
            "properties": {
                "command": {"type": "string", "minLength": 1, "description": "The command line."},
                "input": {"type": "string", "description": "Text given to it at standard input."},
                "files": {
                    "type": "object",
                    "maxProperties": 100,
                    "description": "Files written into the directory: name → text.",
                    "propertyNames": {"pattern": _NAME_OF_FILE},
                    "additionalProperties": {"type": "string"},
                },
                "inputs": _INPUTS,
                "outputs": _OUTPUTS,
                "timeoutSeconds": {**_SECONDS, "exclusiveMinimum": 0},
                "memoryBytes": {"type": "integer", "minimum": 16 * 1024 * 1024},
            },
        },
    ),
    BuiltIn(
        "python",
        "Calls an importable function of the worker's Python; what it returns is the output.",
        {
            "type": "object",
            "additionalProperties": False,
            "required": ["function"],
            "properties": {
                "function": {
                    "type": "string",
                    "pattern": "^[A-Za-z_][A-Za-z0-9_.]*:[A-Za-z_][A-Za-z0-9_.]*$",
                },
                "args": {"type": "array"},
                "kwargs": {"type": "object"},
                "inputs": _INPUTS,
                "outputs": _OUTPUTS,
                "timeoutSeconds": {**_SECONDS, "exclusiveMinimum": 0},
                "memoryBytes": {"type": "integer", "minimum": 16 * 1024 * 1024},
            },
        },
    ),
)


@atomic()
async def register_builtin_task_types() -> None:
    """Make the built-in task types known; run at every start."""
    for built_in in TASK_TYPES:
        await TaskType.update_or_create(
            name=built_in.name,
            defaults={"description": built_in.description, "data_schema": built_in.data_schema},
        )


@atomic()
async def register_task_type(
    viewer: Viewer,
    *,
    name: str,
    data_schema: Any,
    task_version: int = 1,
    description: str = "",
    required_tags: Sequence[str] = (),
) -> TaskType:
    """Make a kind of work known, or change what its data must look like. Requests that exist stay as they are."""
    viewer.require(Capability.ADMINISTER_WORKERS)
    if not _NAME.fullmatch(name):
        raise Invalid.field("name", "A task type's name is a small letter, then at most 99 of a-z 0-9 _ . -")
    if name in {built_in.name for built_in in TASK_TYPES}:
        raise Invalid.field("name", f"'{name}' is built in.", "TAKEN")
    task_type, made = await TaskType.update_or_create(
        name=name,
        defaults={
            "data_schema": check_schema("dataSchema", data_schema),
            "task_version": task_version,
            "description": description,
            "required_tags": check_tags("requiredTags", required_tags),
        },
    )
    await task_type.save_changes()
    await record(events.TaskTypeRegistered, task_type.id, tenant_id=viewer.tenant_id)
    await note(
        viewer, LogAction.ADDITION if made else LogAction.CHANGE, task_type, name, task_version=task_version
    )
    return task_type


class KnownTaskType(NamedTuple):
    """A task type as this process knows it: as it is, while the row has this `xmin`, as each change gives it another."""

    row: TaskType
    xmin: str


_known: OrderedDict[str, KnownTaskType] = OrderedDict()


async def known_task_type(viewer: Viewer, name: str) -> KnownTaskType | None:
    """The task type as it was at some time; for statements that write only while it is so. None when there is none."""
    if (known := _known.get(name)) is not None:
        return known
    found = await fetch("SELECT xmin::text FROM task_type WHERE name = $1", name)
    row = await TaskType.find_visible(viewer, name)
    if not found or row is None:
        return None
    _known[name] = KnownTaskType(row, found[0]["xmin"])
    if len(_known) > MOST_KNOWN:
        _known.popitem(last=False)
    return _known[name]


def forget_task_type(name: str) -> None:
    """It is no longer as it was known."""
    _known.pop(name, None)


async def task_type_named(viewer: Viewer, name: str) -> TaskType:
    """The task type, or `Invalid` on taskName with the names that there are."""
    task_type = await TaskType.find_visible(viewer, name)
    if task_type is None:
        names = [row.name for row in await TaskType.visible_to(viewer).order_by("name").limit(100)]
        raise Invalid.field(
            "taskName", f"There is no task type '{name[:100]}'. There are: {', '.join(names)}.", "UNKNOWN"
        )
    return task_type


def check_task_data(task_type: TaskType, data: Any) -> None:
    """Raise `Invalid` unless the data is an object of at most 256 KiB that satisfies the task type's schema."""
    check_object("taskData", data, MAX_TASK_DATA)
    check_data("taskData", data, task_type.data_schema, named_by="taskName", name=task_type.name)


def check_tags(field: str, tags: Sequence[str]) -> list[str]:
    """The tags, sorted and without repeats; `Invalid` when one is malformed or there are too many."""
    if len(tags) > MAX_TAGS:
        raise Invalid.field(field, f"There may be at most {MAX_TAGS} tags.")
    for tag in tags:
        if not _TAG.fullmatch(tag):
            raise Invalid.field(
                field, f"'{tag[:40]}' is no tag: at most 100 letters, digits and : . _ / @ + = -"
            )
    return sorted(set(tags))
