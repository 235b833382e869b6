"""What is sent: a message to an actor, as dramatiq makes it, and the row that it becomes."""

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, NamedTuple, TypeAlias
from uuid import UUID

import dramatiq
import orjson
from asyncpg.pgproto import pgproto
from dramatiq.errors import ActorNotFound, DecodeError

from app.clock import now
from app.errors import FieldError, Invalid, MessageTooLarge, UnknownActor
from app.models import Entity, Tenant, Workspace
from app.tasks.running import MAX_UID_LENGTH, current
from app.tasks.tracing import carried

MAX_MESSAGE_BYTES = 256 * 1024
MAX_KEY_LENGTH = 255
INT4 = range(-(2**31), 2**31)

Message: TypeAlias = dramatiq.Message[Any]
Triple: TypeAlias = tuple[str, str, str]
RelObj: TypeAlias = Entity | Triple
Unique: TypeAlias = bool | str | Callable[..., object]

ROUTING = frozenset(
    {
        "delay",
        "eta",
        "uid",
        "unique",
        "rel_obj",
        "workspace",
        "workspace_id",
        "tenant",
        "tenant_id",
        "priority",
    }
)
"""Options of a message that say where and when it goes. They become columns, and are not stored in the message."""

_QUEUE = re.compile(r"[a-zA-Z_][a-zA-Z0-9._-]{0,99}")


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


def new_task(
    message: Message,
    *,
    delay_ms: float | None = None,
    eta: datetime | None = None,
    uid: str | UUID | None = None,
    unique: Unique | None = None,
    rel_obj: RelObj | None = None,
    workspace_id: int | None = None,
    tenant_id: int | None = None,
    priority: int | None = None,
    broker: dramatiq.Broker | None = None,
) -> NewTask:
    """The row for a message. What is not given is taken from the message's options, then the actor's, then `rel_obj`,
    then the task that runs here.

    Raises `UnknownActor`, `MessageTooLarge`, or `Invalid` for arguments that are no JSON and for times and names that cannot be.
    """
    return _form(
        message, delay_ms, eta, uid, unique, rel_obj, workspace_id, tenant_id, priority, broker
    ).task(message)


def new_tasks(messages: Iterable[Message], delays_ms: Iterable[float | None], **given: Any) -> list[NewTask]:
    """`new_task` for each, with a delay for each. For messages to one actor that have no options of their own, all but
    what is their own is found out and checked once."""
    made: list[NewTask] = []
    forms: dict[tuple[str, str, float | None], _Form] = {}
    for message, delay_ms in zip(messages, delays_ms, strict=True):
        if message.options:
            made.append(new_task(message, delay_ms=delay_ms, **given))
            continue
        key = message.actor_name, message.queue_name, delay_ms
        form = forms.get(key)
        if form is None:
            form = forms[key] = _form(message, delay_ms, **given)
        made.append(form.task(message))
    return made


@dataclass(slots=True)
class _Form:
    """What tasks have in common whose messages go to one actor with the same options."""

    queue_name: str
    actor_name: str
    options: dict[str, Any]
    """Of the message as it is stored."""
    unique: Unique | None
    priority: int
    retries: int
    eta: datetime | None
    delayed: bool
    uid: str | None
    rel_obj: Triple | None
    workspace_id: int | None
    tenant_id: int | None
    log: bool
    events: bool

    def task(self, message: Message) -> NewTask:
        return NewTask(
            _uuid(message.message_id),
            self.queue_name,
            self.actor_name,
            _encode(message, self.actor_name, self.options),
            self.priority,
            self.retries,
            self.eta,
            self.delayed,
            self.uid,
            _key(self.unique, message, self.uid) if self.unique else None,
            self.rel_obj,
            self.workspace_id,
            self.tenant_id,
            self.log,
            self.events,
        )


def _form(
    message: Message,
    delay_ms: float | None = None,
    eta: datetime | None = None,
    uid: str | UUID | None = None,
    unique: Unique | None = None,
    rel_obj: RelObj | None = None,
    workspace_id: int | None = None,
    tenant_id: int | None = None,
    priority: int | None = None,
    broker: dramatiq.Broker | None = None,
) -> _Form:
    actor = find_actor(message.actor_name, broker)
    options = message.options
    given = {name: options[name] for name in ROUTING & options.keys()} if options else {}
    if options:
        _check(options)
    if given:
        options = {name: value for name, value in options.items() if name not in ROUTING}
    rel_obj = given.get("rel_obj") if rel_obj is None else rel_obj
    uid = given.get("uid") if uid is None else uid
    unique = given.get("unique", actor.options.get("unique")) if unique is None else unique
    priority = given.get("priority", actor.priority) if priority is None else priority
    if given or rel_obj is not None or current.get() is not None:
        workspace_id, tenant_id = _whereabouts(given, rel_obj, workspace_id, tenant_id)
    trace = carried()
    if trace is not None and "traceparent" not in options:
        options = {**options, **trace}
    label = None if uid is None or uid == "" else _label(uid)
    chosen = eta or given.get("eta")
    due = _eta(delay_ms if delay_ms is not None else given.get("delay"), chosen)
    return _Form(
        queue_name=_queue(message.queue_name),
        actor_name=actor.actor_name,
        options=options,
        unique=unique,
        priority=_priority(priority),
        retries=options.get("retries", 0),
        eta=due,
        delayed=due is not None and chosen is None,
        uid=label,
        rel_obj=triple_of(rel_obj) if rel_obj is not None else None,
        workspace_id=workspace_id,
        tenant_id=tenant_id,
        log=bool(options.get("log", actor.options.get("log", True))),
        events=bool(options.get("events", actor.options.get("events", True))),
    )


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
    return _encode(message, message.actor_name, message.options)


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
        raise _invalid("relObj", "A related object is a row, or its app label, model and id.")
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


def _encode(message: Message, actor_name: str, options: dict[str, Any]) -> bytes:
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
        raise _invalid("args", f"The arguments of {actor_name} must be JSON, and so must its options.")
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


_NUMBERS = frozenset(
    {"retries", "max_retries", "min_backoff", "max_backoff", "time_limit", "max_age", "result_ttl"}
)


def _check(options: Mapping[str, Any]) -> None:
    """Refuse now what would fail when the task runs."""
    for name in _NUMBERS & options.keys():
        value = options[name]
        if not (value is None or (isinstance(value, int | float) and value >= 0)) or isinstance(value, bool):
            raise _invalid("options", f"The option {name} is a number that is not negative, not {value!r}.")


def _whereabouts(
    given: Mapping[str, Any], rel_obj: RelObj | None, workspace_id: int | None, tenant_id: int | None
) -> tuple[int | None, int | None]:
    """The workspace and the tenant: those given, or those of the object, or those of the task that runs here."""
    if workspace_id is None:
        workspace_id = _id(given.get("workspace_id", given.get("workspace")))
    if tenant_id is None:
        tenant_id = _id(given.get("tenant_id", given.get("tenant")))
    if isinstance(rel_obj, Entity):
        workspace_id = workspace_id or (
            rel_obj.id if isinstance(rel_obj, Workspace) else getattr(rel_obj, "workspace_id", None)
        )
        tenant_id = tenant_id or (
            rel_obj.id if isinstance(rel_obj, Tenant) else getattr(rel_obj, "tenant_id", None)
        )
    running = current.get()
    if running is not None:
        if tenant_id is None:
            tenant_id = running.tenant_id
        if workspace_id is None and tenant_id == running.tenant_id and rel_obj is None:
            workspace_id = running.workspace_id
    return workspace_id, tenant_id


def _id(value: object) -> int | None:
    return value.id if isinstance(value, Entity) else value  # type: ignore[return-value]


def _uuid(message_id: str) -> UUID:
    try:
        made: UUID = pgproto.UUID(message_id)  # of a subclass that is made several times as fast
        return made
    except ValueError:
        raise _invalid("messageId", f"{message_id!r} is no UUID, as a message's id must be.") from None


@lru_cache(maxsize=1000)
def _queue(name: str) -> str:
    if not _QUEUE.fullmatch(name):
        raise _invalid(
            "queueName",
            "The name of a queue is a letter or _, then letters, digits, and . _ -, and at most 100 of them.",
        )
    return name


def _priority(priority: object) -> int:
    if type(priority) is not int or priority not in INT4:
        raise _invalid("priority", "A priority is a whole number of 32 bits; the lowest runs first.")
    return priority


def _label(uid: str | UUID) -> str:
    label = str(uid).replace("\0", "")
    if len(label) > MAX_UID_LENGTH:
        raise _invalid("uid", f"A uid has at most {MAX_UID_LENGTH} characters.")
    return label


def _eta(delay: float | timedelta | None, eta: datetime | None) -> datetime | None:
    if eta is not None:
        if eta.tzinfo is None:
            raise _invalid("eta", "A time to run at needs its time zone.")
        return eta
    if not delay:
        return None
    if isinstance(delay, timedelta):
        delay = delay.total_seconds() * 1000
    try:
        return now() + timedelta(milliseconds=delay) if delay > 0 else None
    except OverflowError:
        raise _invalid("delayMs", "The delay leads beyond the year 9999.") from None


def _key(unique: Unique, message: Message, uid: str | None) -> str | None:
    """What tells tasks of an actor apart: the key given or computed; with True the uid, or else the arguments."""
    wanted = unique(*message.args, **message.kwargs) if callable(unique) else unique
    if wanted is None or wanted is False:
        return None
    if wanted is not True:
        key = str(wanted).replace("\0", "")
    elif uid is not None:
        key = f"uid:{uid}"
    else:
        key = "args:" + _digest(_canonical([message.args, message.kwargs]))
    if len(key) > MAX_KEY_LENGTH:
        return _digest(key.encode())
    return key or None


def _canonical(value: object) -> bytes:
    """Equal values as equal bytes."""
    try:
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS)
    except TypeError:
        return json.dumps(value, sort_keys=True).encode()


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _invalid(name: str, message: str) -> Invalid:
    return Invalid(FieldError(("input", name), message))
