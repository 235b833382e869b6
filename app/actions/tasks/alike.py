"""Storing tasks that have all in common but their messages, as most do that are sent together, and one alone: one statement for
their rows, the first lines of their logs, and their events.

A list of values costs who makes it and who reads it; so what is the same for all is given once, and PostgreSQL puts together what
is not.
"""

from collections.abc import Sequence
from datetime import datetime
from operator import attrgetter
from typing import Any

from uuid_utils import uuid7

from app.actions.tasks.clocks import Fetch
from app.actions.tasks.events import queued_data
from app.clock import now
from app.events import SOURCE, TaskQueued
from app.tasks.messages import Enqueued, NewTask
from app.tasks.running import MACHINERY, QUEUED_LINE

MAKES_TASKS = "set_config('workyard.makes_tasks', statement_timestamp()::text, true)"
"""Of the lines it need not be asked whether their tasks are there, nor of the events whose they are, which is asked of the tasks:
see the triggers of task_log and outbox_event."""


def alike(tasks: Sequence[NewTask]) -> bool:
    """Whether these, which have no keys, differ in nothing but their messages."""
    common = _COMMON(tasks[0])
    return all(_COMMON(task) == common for task in tasks)


async def store_alike(run: Fetch, tasks: Sequence[NewTask]) -> list[Enqueued]:
    """Store tasks that are `alike`, in the order in which they are given."""
    first = tasks[0]
    [row] = await run(_STORE[len(tasks) > 1, first.log, first.events], *_arguments(tasks, now()))
    return [Enqueued(id, task.message_id) for id, task in zip(row["ids"], tasks, strict=True)]


def _arguments(tasks: Sequence[NewTask], time: datetime) -> list[Any]:
    first = tasks[0]
    messages: list[Any] = [first.message_id, first.message]
    if len(tasks) > 1:
        messages = [[task.message_id for task in tasks], [task.message for task in tasks]]
    return [
        *messages,
        *(first.queue_name, first.actor_name, first.priority, first.retries, first.eta, first.uid),
        *(first.rel_obj or (None, None, None)),
        *(first.workspace_id, first.tenant_id),
        *([uuid7().hex[:20]] if first.log or first.events else ()),
        *([time] if first.log else ()),
        *([queued_data(first, time)] if first.events else ()),
    ]


_COMMON = attrgetter(
    *("queue_name", "actor_name", "priority", "retries", "eta", "uid", "rel_obj"),
    *("workspace_id", "tenant_id", "log", "events"),
)

_MANY = "unnest($1::uuid[], $2::bytea[])"
# Of lists PostgreSQL does not know how long they are, and would plan the statement for one task anew each time.
_ONE = "(SELECT $1::uuid, $2::bytea)"


def _store(many: bool, log: bool, tell: bool) -> str:
    """What has nothing to write fires no trigger, which for a single task is most of the work.

    Lines and events have ids of their own, made of what is new with each statement ($14, the beginning of a uuid that grows with
    time) and the task's id: PostgreSQL takes as long to make a random one as to store all else of an event.
    """
    writes = ""
    if log:
        writes += f""",
        logged AS (INSERT INTO task_log (id, task_id, event, log_level, logger, timestamp, number)
            SELECT new_id, id, '{QUEUED_LINE}', 'info', '{MACHINERY}', $15::timestamptz, 1 FROM stored)"""
    if tell:
        writes += f""",
        told AS (INSERT INTO outbox_event
                (id, event_type, source, subject, partition_key, data, tenant_id, workspace_id, audience)
            SELECT new_id, '{TaskQueued.name}', '{SOURCE}', 'task/' || id, 'task/' || id,
                ('{{"message_id":"' || message_id || '",' || ${16 if log else 15}::text)::json, tenant_id, workspace_id,
                '{TaskQueued.audience.value}' FROM stored)"""
    new_id = ", ($14::text || lpad(to_hex(id), 12, '0'))::uuid AS new_id" if log or tell else ""
    return f"""WITH stored AS (
        INSERT INTO task (message_id, message, queue_name, actor_name, priority, retries, eta, ready, _uid,
            rel_obj_content_type_id, rel_obj_id, workspace_id, tenant_id, log_count, worst_level, purge_at)
        SELECT own.message_id, own.message, $3::text, $4::text, $5::int, $6::bigint, $7::timestamptz,
            $7 IS NULL OR $7 <= now(), $8::text,
            (SELECT id FROM content_type WHERE app_label = $9::text AND model = $10::text), $11::text, $12::bigint,
            coalesce($13::bigint, (SELECT tenant_id FROM workspace WHERE id = $12),
                (SELECT id FROM tenant WHERE name = 'default')),
            {int(log)}, '{"info" if log else "done"}', NULL
        FROM {_MANY if many else _ONE} AS own(message_id, message)
        RETURNING id, message_id, workspace_id, tenant_id{new_id}){writes}
    SELECT array_agg(id) AS ids{f", {MAKES_TASKS}" if log or tell else ""} FROM stored"""


_STORE = {
    (many, log, tell): _store(many, log, tell)
    for many in (True, False)
    for log in (True, False)
    for tell in (True, False)
}
"""By whether they are many, whether they have lines, and whether they have events."""
