"""What is sent: a message to an actor, as dramatiq makes it, and the row that it becomes."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple, TypeAlias
from uuid import UUID

import dramatiq
import orjson
from dramatiq.errors import ActorNotFound, DecodeError

from app.errors import FieldError, Invalid, MessageTooLarge, UnknownActor
from app.models import Entity

MAX_MESSAGE_BYTES = 256 * 1024

Message: TypeAlias = dramatiq.Message[Any]
Triple: TypeAlias = tuple[str, str, str]
RelObj: TypeAlias = Entity | Triple
Unique: TypeAlias = bool | str | Callable[..., object]


class UndecodableMessage(DecodeError):
    """What the row holds is no message: nothing can run it, and nothing ever will."""

    def __init__(self, reason: str, data: bytes) -> None:
        super().__init__(reason, data, None)  # type: ignore[no-untyped-call]


@dataclass(slots=True)  # and not frozen, which makes it three times as slow to make, and many are made
class NewTask:
    """A task that is to be stored: all that its row needs and the database does not know by itself."""

    message_id: UUID
    queue_name: str
    actor_name: str
    message: bytes
    priority: int = 0
    retries: int = 0
    eta: datetime | None = None
    delayed: bool = False
    """`eta` is what a delay leads to by the clock of this process, and no time that somebody chose."""
    uid: str | None = None
    dedupe_key: str | None = None
    rel_obj: Triple | None = None
    """(app_label, model, id)"""
    workspace_id: int | None = None
    tenant_id: int | None = None
    """None: the default tenant."""
    log: bool = True
    events: bool = True


@dataclass(frozen=True, slots=True)
class NewGroup:
    """A group that calls back once so many of its members have been done."""

    id: UUID
    pending: int
    due: datetime | None = None
    """When the last of its members is due; None: they wait for no time."""


@dataclass(frozen=True, slots=True)
class Counted:
    """That a member of a group has been done, and what is to be sent if it was the last."""

    group_id: UUID
    callbacks: list[NewTask]


class Enqueued(NamedTuple):
    """What became of a message that was sent. `absorbed`: an unfinished task with the same key was there, and is meant."""

    id: int
    message_id: UUID
    absorbed: bool = False


def find_actor(name: str, broker: dramatiq.Broker | None = None) -> dramatiq.Actor[..., Any]:
    """The actor of that name. Raises `UnknownActor`."""
    try:
        return (broker or dramatiq.get_broker()).get_actor(name)
    except ActorNotFound:
        raise UnknownActor(
            f"No actor is called {name!r}: is its module among TASK_MODULES?", path=("input", "actorName")
        ) from None


def encode(message: Message) -> bytes:
    """The message as stored. Raises `MessageTooLarge`, or `Invalid` when something in it is no JSON.

    What JSON has not, but writes as text, arrives as text: dates, UUIDs, the value of an enum. NaN arrives as None.
    """
    return encode_with(message, message.actor_name, message.options)


def decode(data: bytes) -> Message:
    """The stored message. Raises `UndecodableMessage`."""
    try:
        fields = json.loads(data) if data.startswith(_SLOW) else orjson.loads(data)
    except ValueError as error:
        raise UndecodableMessage(f"The message is no JSON: {error}", data) from error
    if type(fields) is not dict or not _well_formed(fields):
        raise UndecodableMessage("The message lacks what a message needs, or has it in another form.", data)
    fields["args"] = tuple(fields["args"])
    return make_message(fields)


def make_message(fields: dict[str, Any]) -> Message:
    """A message of these fields, all seven, as they are. The frozen dataclass itself would take ten times as long."""
    message: Message = object.__new__(dramatiq.Message)
    object.__setattr__(message, "__dict__", fields)
    return message


def reset_retries(data: bytes) -> bytes:
    """The stored message as if it had never been tried. Raises `UndecodableMessage`."""
    message = decode(data)
    for name in ("retries", "traceback", "requeue_timestamp"):
        message.options.pop(name, None)
    return encode(message)


def triple_of(obj: RelObj) -> Triple:
    """How tasks name an object: its domain, its model in small letters, its id."""
    if isinstance(obj, Entity):
        return (*obj.natural_key(), str(obj.id))
    if len(obj) != 3:
        raise invalid("relObj", "A related object is a row, or its app label, model and id.")
    return str(obj[0]), str(obj[1]).lower(), str(obj[2])


def _well_formed(fields: dict[str, Any]) -> bool:
    return (  # written out: this is done for every task, and a loop takes three times as long
        len(fields) == 7
        and type(fields.get("queue_name")) is str
        and type(fields.get("actor_name")) is str
        and type(fields.get("args")) is list
        and type(fields.get("kwargs")) is dict
        and type(fields.get("options")) is dict
        and type(fields.get("message_id")) is str
        and type(fields.get("message_timestamp")) is int
    )


def encode_with(message: Message, actor_name: str, options: dict[str, Any]) -> bytes:
    """As `encode`, with this name and these options in the place of the message's own."""
    fields = {
        "queue_name": message.queue_name,
        "actor_name": actor_name,
        "args": message.args,
        "kwargs": message.kwargs,
        "options": options,
        "message_id": message.message_id,
        "message_timestamp": message.message_timestamp,
    }
    data = to_json(fields)
    if data is None:
        raise invalid("args", f"The arguments of {actor_name} must be JSON, and so must its options.")
    if len(data) > MAX_MESSAGE_BYTES:
        raise MessageTooLarge(
            f"The message to {actor_name} has {len(data):,} bytes; at most {MAX_MESSAGE_BYTES:,} are stored. "
            "Send a reference to the data instead.",
            path=("input", "args"),
        )
    return data


def to_json(value: object) -> bytes | None:
    """A value as JSON, or None when it is none."""
    try:
        return orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS)
    except TypeError:
        return _to_json_slowly(value)  # integers of more than 64 bits, which orjson does not write


_SLOW = b" "
"""What JSON begins with that orjson must not read: it would make floats of large integers."""


def _to_json_slowly(value: object) -> bytes | None:
    try:
        text = json.dumps(
            value, separators=(",", ":"), allow_nan=False, ensure_ascii=False, default=_as_orjson
        )
        return _SLOW + text.encode()
    except (TypeError, ValueError, RecursionError):
        return None


def _as_orjson(value: object) -> object:
    return orjson.loads(orjson.dumps(value))


def invalid(name: str, message: str) -> Invalid:
    """What is wrong with one thing that was given."""
    return Invalid(FieldError(("input", name), message))
