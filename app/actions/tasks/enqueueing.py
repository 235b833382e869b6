"""Sending tasks: their rows, the first line of their logs, and their events, in one statement and the caller's transaction."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

from tortoise.exceptions import IntegrityError
from uuid_utils import uuid7

from app.actions.gathering import Gatherings
from app.actions.outbox import written
from app.actions.tasks.alike import MAKES_TASKS, alike, store_alike
from app.actions.tasks.clocks import Fetch, difference, shifted
from app.actions.tasks.events import queued_data
from app.actions.tasks.groups import store_groups
from app.clock import now
from app.database import fetch, in_transaction, on_commit, transaction
from app.errors import Conflict, Invalid
from app.events import SOURCE, TaskQueued
from app.tasks.messages import Enqueued, NewGroup, NewTask
from app.tasks.running import MACHINERY, QUEUED_LINE

AT_ONCE = 5000
"""So many tasks go into one statement."""
MOST_TOGETHER = 1000
"""So many tasks of several senders are stored together."""
MAX_RACES = 3

_together: Gatherings[NewTask, Enqueued] = Gatherings(MOST_TOGETHER)


async def enqueue(tasks: Sequence[NewTask], groups: Sequence[NewGroup] = ()) -> list[Enqueued]:
    """Store tasks, all or none: with the caller's transaction if there is one. Runners are told when it commits.

    A task whose `dedupe_key` an unfinished one of the same tenant, queue and actor has is absorbed: what is returned
    for it is the other. Raises `Invalid` for an object of an unknown kind, and `Conflict` when a message was sent before.
    """
    if not tasks and not groups:
        return []
    try:
        if len(tasks) <= AT_ONCE and not groups and not any(task.dedupe_key for task in tasks):
            stored = await (
                store_tasks(fetch, tasks) if in_transaction() else _together.of(_store_apart).store(tasks)
            )
        else:
            async with transaction():
                if groups:
                    await store_groups(fetch, groups)
                stored = await store_tasks(fetch, tasks)
    except IntegrityError as error:
        raise _explained(error) from error
    if any(task.events for task in tasks):
        on_commit(written)
    return stored


async def _store_apart(tasks: Sequence[NewTask]) -> list[Enqueued]:
    return await store_tasks(fetch, tasks)


async def store_tasks(run: Fetch, tasks: Sequence[NewTask]) -> list[Enqueued]:
    """`enqueue`, on any connection. Needs a transaction when a task has a key, or there are more than AT_ONCE of them."""
    stored: list[Enqueued] = []
    if any(task.delayed for task in tasks):
        tasks = await _by_its_clock(run, tasks)
    for start in range(0, len(tasks), AT_ONCE):
        part = tasks[start : start + AT_ONCE]
        if any(task.dedupe_key for task in part):
            stored += await _store_keyed(run, part)
        elif alike(part):
            stored += await store_alike(run, part)
        else:
            stored += await _store_unlike(run, part)
    return stored


async def _store_unlike(run: Fetch, tasks: Sequence[NewTask]) -> list[Enqueued]:
    statement = _STORE[any(task.log for task in tasks), any(task.events for task in tasks)]
    [row] = await run(statement, *_arguments(tasks))
    return [Enqueued(id, task.message_id) for id, task in zip(row["ids"], tasks, strict=True)]


async def _by_its_clock(run: Fetch, tasks: Sequence[NewTask]) -> Sequence[NewTask]:
    """The tasks, with what a delay led to by our clock brought to PostgreSQL's, which decides when they are due."""
    ahead = await difference(run)
    return [
        replace(task, eta=shifted(task.eta, ahead)) if task.delayed and task.eta is not None else task
        for task in tasks
    ]


async def _store_keyed(run: Fetch, tasks: Sequence[NewTask]) -> list[Enqueued]:
    """Store what no unfinished task absorbs. Whoever absorbed may be gone before it is looked up: then again."""
    found: dict[UUID, Enqueued] = {}
    missing = list(tasks)
    for _ in range(MAX_RACES):
        new = {row["message_id"]: row["id"] for row in await run(_STORE_UNLESS_THERE, *_arguments(missing))}
        found |= {message_id: Enqueued(id, message_id) for message_id, id in new.items()}
        stored = [task for task in missing if task.message_id in new]
        if stored:
            await run(_DESCRIBE, [new[task.message_id] for task in stored], *_arguments(stored)[14:])
        absorbed = [task for task in missing if task.message_id not in new]
        if absorbed:
            found |= await _absorbing(run, absorbed)
        missing = [task for task in absorbed if task.message_id not in found]
        if not missing:
            return [found[task.message_id] for task in tasks]
    raise Conflict("A message with this id was sent before, or tasks with its key come and go too fast.")


async def _absorbing(run: Fetch, tasks: Sequence[NewTask]) -> dict[UUID, Enqueued]:
    """The unfinished tasks that have the keys of these, by the message ids of these."""
    rows = await run(
        _FIND,
        [task.message_id for task in tasks],
        [task.queue_name for task in tasks],
        [task.actor_name for task in tasks],
        [task.dedupe_key for task in tasks],
        [task.workspace_id for task in tasks],
        [task.tenant_id for task in tasks],
    )
    return {row["sent_id"]: Enqueued(row["id"], row["message_id"], absorbed=True) for row in rows}


def _arguments(tasks: Sequence[NewTask]) -> list[Any]:
    """What the statements take: one list for each column."""
    time = now()
    data = partial(_data, time, {})
    kinds = [task.rel_obj or _NOTHING for task in tasks]
    return [
        [task.message_id for task in tasks],
        [task.queue_name for task in tasks],
        [task.actor_name for task in tasks],
        [task.message for task in tasks],
        [task.priority for task in tasks],
        [task.retries for task in tasks],
        [task.eta for task in tasks],
        [task.uid for task in tasks],
        [task.dedupe_key for task in tasks],
        [kind[0] for kind in kinds],
        [kind[1] for kind in kinds],
        [kind[2] for kind in kinds],
        [task.workspace_id for task in tasks],
        [task.tenant_id for task in tasks],
        [task.log for task in tasks],
        [uuid7() if task.events else None for task in tasks],
        [data(task) if task.events else None for task in tasks],
        time,
    ]


def _data(time: datetime, made: dict[Any, str], task: NewTask) -> str:
    """The data of the event. Of many tasks most is the same: `made` has what was made of that already."""
    key = task.actor_name, task.queue_name, task.retries, task.eta, task.log
    rest = made.get(key)
    if rest is None:
        rest = made[key] = queued_data(task, time)
    return f'{{"message_id":"{task.message_id}",{rest}'


def _explained(error: IntegrityError) -> Exception:
    text = str(error)
    if "task_message_id" in text:
        return Conflict("A message with this id was sent before.")
    if "task_rel_obj" in text:
        return Invalid.field("relObj", "There is no such kind of object: see the content types.")
    return error


_NOTHING = (None, None, None)

# The tenant that is given, or that of the workspace, or the default one.
_TENANT = """coalesce(sent.tenant_id, (SELECT workspace.tenant_id FROM workspace WHERE workspace.id = sent.workspace_id),
               (SELECT tenant.id FROM tenant WHERE tenant.name = 'default'))"""

_COLUMNS = (
    ("message_id", "uuid"),
    ("queue_name", "text"),
    ("actor_name", "text"),
    ("message", "bytea"),
    ("priority", "int"),
    ("retries", "bigint"),
    ("eta", "timestamptz"),
    ("uid", "text"),
    ("dedupe_key", "text"),
    ("app_label", "text"),
    ("model", "text"),
    ("rel_obj_id", "text"),
    ("workspace_id", "bigint"),
    ("tenant_id", "bigint"),
    ("log", "bool"),
    ("event_id", "uuid"),
    ("event_data", "text"),
)
"""What is given of each task, in the order of the statements' parameters."""

_NUMBERED = tuple((number, *column) for number, column in enumerate(_COLUMNS, 1))
_MANY = f"""unnest({", ".join(f"${number}::{kind}[]" for number, _, kind in _NUMBERED)})
        AS sent({", ".join(name for name, _ in _COLUMNS)})"""
# Ids are drawn here, in the order in which the tasks were given, and not by the INSERT: the logs and events need them too.
_GIVEN = f"""
given AS MATERIALIZED (
    SELECT nextval('task_id_seq') AS id, sent.*, {_TENANT} AS its_tenant_id, $18::timestamptz AS sent_at,
           CASE WHEN sent.app_label IS NOT NULL THEN (SELECT content_type.id FROM content_type
               WHERE content_type.app_label = sent.app_label AND content_type.model = sent.model) END AS kind
    FROM {_MANY})"""

_INSERT = """
    INSERT INTO task (id, message_id, queue_name, actor_name, message, priority, retries, eta, _uid, dedupe_key,
        rel_obj_content_type_id, rel_obj_id, workspace_id, tenant_id, ready, log_count, worst_level,
        purge_at)
    SELECT id, message_id, queue_name, actor_name, message, priority, retries, eta, uid, dedupe_key,
        kind, rel_obj_id, workspace_id, its_tenant_id, eta IS NULL OR eta <= now(), log::int,
        CASE WHEN log THEN 'info' ELSE 'done' END, NULL
    FROM given"""

_LOG = f"""
    INSERT INTO task_log (id, task_id, event, log_level, logger, timestamp, number)
    SELECT line_id({{source}}.id, 1, {{time}}), {{source}}.id, '{QUEUED_LINE}', 'info', '{MACHINERY}', {{time}}, 1
    FROM {{source}} WHERE log"""

_TELL = f"""
    INSERT INTO outbox_event (id, event_type, source, subject, partition_key, data, tenant_id, workspace_id, audience)
    SELECT event_id, '{TaskQueued.name}', '{SOURCE}', 'task/' || {{source}}.id, 'task/' || {{source}}.id, event_data::json,
           {{tenant}}, workspace_id, '{TaskQueued.audience.value}'
    FROM {{source}} WHERE event_id IS NOT NULL"""


def _store(log: bool, tell: bool) -> str:
    """What has nothing to write fires no trigger."""
    logged = f", logged AS ({_LOG.format(source='given', time='sent_at')})" if log else ""
    told = f", told AS ({_TELL.format(source='given', tenant='its_tenant_id')})" if tell else ""
    return (
        f"WITH {_GIVEN}, stored AS ({_INSERT}){logged}{told}"
        f" SELECT array_agg(id ORDER BY id) AS ids{f', {MAKES_TASKS}' if log or tell else ''} FROM given"
    )


_STORE = {(log, tell): _store(log, tell) for log in (True, False) for tell in (True, False)}
"""By whether any has a line, and whether any has an event."""

_STORE_UNLESS_THERE = f"""
WITH {_GIVEN}
{_INSERT} ORDER BY id ON CONFLICT DO NOTHING RETURNING id, message_id
"""

_DESCRIBE = f"""
WITH stored AS MATERIALIZED (
    SELECT task.id, task.workspace_id, task.tenant_id, sent.log, event_id, event_data
    FROM unnest($1::bigint[], $2::bool[], $3::uuid[], $4::text[]) AS sent(id, log, event_id, event_data)
    CROSS JOIN LATERAL (SELECT * FROM task WHERE task.id = sent.id LIMIT 1) AS task),
logged AS ({_LOG.format(source="stored", time="$5::timestamptz")})
{_TELL.format(source="stored", tenant="tenant_id")}
"""

_FIND = f"""
SELECT sent.message_id AS sent_id, found.id, found.message_id
FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::bigint[])
    AS sent(message_id, queue_name, actor_name, dedupe_key, workspace_id, tenant_id)
CROSS JOIN LATERAL (
    SELECT task.id, task.message_id FROM task
    WHERE task.tenant_id = {_TENANT} AND task.queue_name = sent.queue_name AND task.actor_name = sent.actor_name
      AND task.dedupe_key = sent.dedupe_key LIMIT 1) AS found
"""
