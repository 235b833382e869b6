"""How a message becomes a task that is to be stored: where it goes, and when, and whose it is. What cannot be is refused here."""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, TypedDict, Unpack
from uuid import UUID

import dramatiq
import orjson
from asyncpg.pgproto import pgproto

from app.clock import now
from app.models import Entity, Tenant, Workspace
from app.tasks.messages import (
    Message,
    NewTask,
    RelObj,
    Triple,
    Unique,
    encode_with,
    find_actor,
    invalid,
    triple_of,
)
from app.tasks.running import MAX_UID_LENGTH, current
from app.tasks.tracing import carried

MAX_KEY_LENGTH = 255
INT4 = range(-(2**31), 2**31)

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


class Given(TypedDict, total=False):
    """What is said where a message is sent. It goes before the message's own options."""

    delay_ms: float | None
    eta: datetime | None
    uid: str | UUID | None
    unique: Unique | None
    rel_obj: RelObj | None
    workspace_id: int | None
    tenant_id: int | None
    priority: int | None
    broker: dramatiq.Broker | None


def new_task(message: Message, **given: Unpack[Given]) -> NewTask:
    """The row for a message. What is not given is taken from the message's options, then the actor's, then `rel_obj`,
    then the task that runs here.

    Raises `UnknownActor`, `MessageTooLarge`, or `Invalid` for arguments that are no JSON and for times and names that cannot be.
    """
    return _form(message, given).task(message)


def new_tasks(
    messages: Iterable[Message], delays_ms: Iterable[float | None], **given: Unpack[Given]
) -> list[NewTask]:
    """`new_task` for each, with a delay for each. For messages to one actor that have no options of their own, all but
    what is their own is found out and checked once."""
    made: list[NewTask] = []
    forms: dict[tuple[str, str, float | None], _Form] = {}
    for message, delay_ms in zip(messages, delays_ms, strict=True):
        key = message.actor_name, message.queue_name, delay_ms
        form = None if message.options else forms.get(key)
        if form is None:
            form = _form(message, {**given, "delay_ms": delay_ms})
            if not message.options:
                forms[key] = form
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
            encode_with(message, self.actor_name, self.options),
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


def _form(message: Message, said: Given) -> _Form:
    actor = find_actor(message.actor_name, said.get("broker"))
    options = message.options
    if options:
        _check(options)
    given: dict[str, Any] = {name: options[name] for name in ROUTING & options.keys()}
    if given:
        options = {name: value for name, value in options.items() if name not in ROUTING}
    given |= {name: value for name, value in said.items() if value is not None}
    trace = carried()
    if trace is not None and "traceparent" not in options:
        options = {**options, **trace}
    uid, chosen, rel_obj = given.get("uid"), given.get("eta"), given.get("rel_obj")
    due = _eta(given.get("delay_ms", given.get("delay")), chosen)
    workspace_id, tenant_id = _whereabouts(given)
    return _Form(
        queue_name=_queue(message.queue_name),
        actor_name=actor.actor_name,
        options=options,
        unique=given.get("unique", actor.options.get("unique")),
        priority=_priority(given.get("priority", actor.priority)),
        retries=options.get("retries", 0),
        eta=due,
        delayed=due is not None and chosen is None,
        uid=None if uid is None or uid == "" else _label(uid),
        rel_obj=triple_of(rel_obj) if rel_obj is not None else None,
        workspace_id=workspace_id,
        tenant_id=tenant_id,
        log=bool(options.get("log", actor.options.get("log", True))),
        events=bool(options.get("events", actor.options.get("events", True))),
    )


_NUMBERS = frozenset(
    {"retries", "max_retries", "min_backoff", "max_backoff", "time_limit", "max_age", "result_ttl"}
)


def _check(options: Mapping[str, Any]) -> None:
    """Refuse now what would fail when the task runs."""
    for name in _NUMBERS & options.keys():
        value = options[name]
        if not (value is None or (isinstance(value, int | float) and value >= 0)) or isinstance(value, bool):
            raise invalid("options", f"The option {name} is a number that is not negative, not {value!r}.")


def _whereabouts(given: Mapping[str, Any]) -> tuple[int | None, int | None]:
    """The workspace and the tenant: those given, or those of the object, or those of the task that runs here."""
    workspace_id = _id(given.get("workspace_id", given.get("workspace")))
    tenant_id = _id(given.get("tenant_id", given.get("tenant")))
    rel_obj = given.get("rel_obj")
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
        raise invalid("messageId", f"{message_id!r} is no UUID, as a message's id must be.") from None


@lru_cache(maxsize=1000)
def _queue(name: str) -> str:
    if not _QUEUE.fullmatch(name):
        raise invalid(
            "queueName",
            "The name of a queue is a letter or _, then letters, digits, and . _ -, and at most 100 of them.",
        )
    return name


def _priority(priority: object) -> int:
    if type(priority) is not int or priority not in INT4:
        raise invalid("priority", "A priority is a whole number of 32 bits; the lowest runs first.")
    return priority


def _label(uid: str | UUID) -> str:
    label = str(uid).replace("\0", "")
    if len(label) > MAX_UID_LENGTH:
        raise invalid("uid", f"A uid has at most {MAX_UID_LENGTH} characters.")
    return label


def _eta(delay: float | timedelta | None, eta: datetime | None) -> datetime | None:
    if eta is not None:
        if eta.tzinfo is None:
            raise invalid("eta", "A time to run at needs its time zone.")
        return eta
    if not delay:
        return None
    if isinstance(delay, timedelta):
        delay = delay.total_seconds() * 1000
    try:
        return now() + timedelta(milliseconds=delay) if delay > 0 else None
    except OverflowError:
        raise invalid("delayMs", "The delay leads beyond the year 9999.") from None


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
