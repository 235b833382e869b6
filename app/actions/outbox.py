"""Writing the event log. An event's data is read from the subject's row, so that there is one description of it: the
catalogue's."""

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from functools import lru_cache
from typing import NamedTuple, TypeVar
from uuid import UUID

import orjson

from app.database import fetch, fetch_records, on_commit
from app.events import CATALOGUE, SOURCE, Audience, EventType
from app.models import Entity

Row = TypeVar("Row", bound=Entity)
MOST_KEPT = 1000
CHANNEL = "workyard_events"
"""NOTIFY here tells the servers that the log grew."""

_wakers: list[Callable[[], None]] = []
_to_tell_of_access: list[Callable[[], None]] = []


def call_when_written(waker: Callable[[], None]) -> Callable[[], None]:
    """Have `waker` called after each commit that wrote events in this process. Returns what ends that."""
    _wakers.append(waker)
    return lambda: _wakers.remove(waker)


def call_when_access_changes(waker: Callable[[], None]) -> Callable[[], None]:
    """As `call_when_written`, for events that change somebody's access: called before anybody hears of the commit."""
    _to_tell_of_access.append(waker)
    return lambda: _to_tell_of_access.remove(waker)


def written() -> None:
    """Tell the readers in this process that the log grew. After the commit: see docs/decisions/0004."""
    for waker in _wakers:
        waker()


async def record(
    event: EventType, *ids: int | UUID, extra: dict[str, object] | None = None, tenant_id: int | None = None
) -> None:
    """Write one event for each of the rows, in the caller's transaction. Call it after the rows are saved.

    `extra` joins the data; `tenant_id` is needed for subjects that belong to no tenant.
    """
    # With a list, PostgreSQL would plan the statement anew each time, which takes longer than the statement.
    one, subjects = (_RECORD_ONE, ids[0]) if len(ids) == 1 else (_RECORD, list(ids))
    await fetch(one[event.name], subjects, orjson.dumps(extra or {}).decode(), tenant_id)
    _tell_after_commit(event)


Values = Mapping[str, object]
"""Of columns, by their attributes' names; the others get their defaults in the database."""


class Source(NamedTuple):
    """What new rows take from other rows: expressions by column, the JOIN and WHERE that they are of, and their values."""

    columns: tuple[tuple[str, str], ...]
    sql: str
    values: tuple[object, ...]


ANYWHERE = Source((), "", ())


async def insert(model: type[Row], event: EventType, values: Values) -> Row:
    """A new row with its first event, in one statement, which is a transaction of its own unless there is one.

    Raises Tortoise's IntegrityError.
    """
    [made] = await insert_from(ANYWHERE, model, event, [values])
    return made


async def insert_from(
    source: Source, model: type[Row], event: EventType, rows: Sequence[Values]
) -> list[Row]:
    """As `insert`, for rows with values of the same columns, in their order: all of them, if the source has the one row
    that it looks for; otherwise none."""
    given = orjson.dumps(rows, default=_written).decode()
    sql = _insertion(model, event, tuple(rows[0]), source.columns, source.sql, len(source.values) + 1)
    made = await fetch_records(sql, *source.values, given)
    if made:
        _tell_after_commit(event)
    return [model.from_record(row) for row in made]


def _written(value: object) -> str:
    """What JSON has no form for, as PostgreSQL reads it."""
    if isinstance(value, timedelta):
        return f"{value // timedelta(microseconds=1)} microseconds"
    raise TypeError(f"no value for a column: {value!r}")


@lru_cache(maxsize=MOST_KEPT)
def _insertion(
    model: type[Entity],
    event: EventType,
    names: tuple[str, ...],
    found: tuple[tuple[str, str], ...],
    source: str,
    parameter: int,
) -> str:
    columns = [model._meta.fields_db_projection[name] for name in names]
    into = ", ".join(f'"{column}"' for column in [*columns, *(column for column, _ in found)])
    selected = ", ".join([*(f'given."{column}"' for column in columns), *(taken for _, taken in found)])
    return f"""WITH made AS (
        INSERT INTO "{event.table}" ({into}) SELECT {selected}
        FROM jsonb_populate_recordset(NULL::"{event.table}", ${parameter}::jsonb) WITH ORDINALITY AS given {source}
        ORDER BY given.ordinality RETURNING *
    ), told AS ({insert_events(event, "made")}) SELECT * FROM made ORDER BY id"""


def _tell_after_commit(event: EventType) -> None:
    if event.changes_access:
        on_commit(_access_changed)
    on_commit(written)


def _access_changed() -> None:
    for waker in _to_tell_of_access:
        waker()


def insert_events(
    event: EventType,
    rows: str,
    extra: str = "'{}'::jsonb",
    tenant: str = "NULL::bigint",
    *,
    in_turn: bool = False,
) -> str:
    """The INSERT that writes one event for each row of the CTE or table `rows`, for statements that do all in one.

    `extra` is an SQL expression of type jsonb over `row`. The caller calls `written()` after the commit. `in_turn` puts the
    event behind all others of its subject, whose row the transaction must have locked in a statement before.
    """
    data = ", ".join(f"'{column}', row.{column}" for column in event.data)
    workspace, join, tenant_id = _whereabouts(event, tenant)
    owner = _OWNER.get(event.table, "NULL::bigint")
    subject = f"'{event.table}/' || row.id"
    xid = (
        f"greatest(pg_current_xact_id(), ({_LATEST.format(subject=subject)}))"
        if in_turn
        else "pg_current_xact_id()"
    )
    return f"""INSERT INTO outbox_event
        (event_type, source, subject, partition_key, data, tenant_id, workspace_id, audience, owner_id, xid)
        SELECT '{event.name}', '{SOURCE}', {subject}, {subject},
               jsonb_build_object({data}) || {extra}, {tenant_id}, {workspace}, '{event.audience.value}', {owner}, {xid}
        FROM {rows} AS row {join}"""


# A transaction that waited for a row may have got its id before the one that it waited for. Its event takes a place
# behind the other's all the same: a later place than that of its own id is as safe, because readers stay below its id too.
_LATEST = "SELECT xid FROM outbox_event WHERE outbox_event.subject = {subject} ORDER BY xid DESC LIMIT 1"
_FIRST = frozenset(
    {
        "work_request.created",
        "worker.registered",
        "token.created",
        "user.created",
        "workspace.created",
        "schedule.created",
        "artifact.created",
        "file_store.created",
        "notification_channel.created",
    }
)
"""Events before which their subject has none."""

_OWNER = {"token": "row.user_id", "user": "row.id"}
_OF_NO_TENANT = ("task_type", "worker_status", "artifact_category", "file_store")


def _whereabouts(event: EventType, tenant: str) -> tuple[str, str, str]:
    """How SQL finds the workspace and the tenant of an event's subject: (workspace id, join, tenant id)."""
    if event.table == "workspace":
        return "row.id", "", f"coalesce({tenant}, row.tenant_id)"
    if event.audience is Audience.WORKSPACE:
        return (
            "row.workspace_id",
            "JOIN workspace ON workspace.id = row.workspace_id",
            f"coalesce({tenant}, workspace.tenant_id)",
        )
    if event.audience is Audience.WORKSPACE_AND_STAFF:
        return "row.workspace_id", "", f"coalesce({tenant}, row.tenant_id)"
    return (
        "NULL::bigint",
        "",
        tenant if event.table in _OF_NO_TENANT else f"coalesce({tenant}, row.tenant_id)",
    )


def _record(event: EventType, which: str) -> str:
    id_type = "uuid" if event.table == "worker_status" else "bigint"
    rows = f'(SELECT * FROM "{event.table}" WHERE {which.format(type=id_type)})'
    return insert_events(event, rows, "$2::jsonb", "$3::bigint", in_turn=event.name not in _FIRST)


_RECORD = {name: _record(event, "id = ANY($1::{type}[]) ORDER BY id") for name, event in CATALOGUE.items()}
_RECORD_ONE = {name: _record(event, "id = $1::{type}") for name, event in CATALOGUE.items()}
