"""Schedules: declared by code, changed by people, sent when they are due by whichever runner looks first."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import orjson
import structlog
from dramatiq import Message

from app import events
from app.access import Capability, Viewer
from app.actions.accounts import default_tenant_id
from app.actions.audit import note
from app.actions.outbox import record
from app.actions.tasks.enqueueing import enqueue
from app.database import atomic, fetch, transaction
from app.errors import Invalid, InvalidCrontab
from app.models import ContentType, Entity, LogAction, Schedule, Task
from app.tasks.crontabs import check_crontab, next_time
from app.tasks.making import new_task
from app.tasks.messages import NewTask, Triple, find_actor, to_json, triple_of
from app.tasks.schedules import Key, ScheduleSpec

AT_ONCE = 100
"""So many due schedules are sent in one transaction."""
DECLARING = 4
"""Key of the advisory lock under which schedules are declared."""
ON_STARTUP, ON_SAVE = "send_on_startup", "send_on_save"
"""The fields of a spec that have it sent when it is declared."""
STARTED_TOGETHER = timedelta(minutes=1)
"""Runners that start within this time count as one start."""
BROKEN_FOR = timedelta(hours=1)
"""A schedule whose crontab cannot be read is looked at again after this time."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Declared:
    """What declaring schedules has changed."""

    created: int = 0
    changed: int = 0
    deleted: int = 0
    sent: int = 0


@dataclass(frozen=True)
class Due:
    """What became of the schedules that were due. `unfinished`: their last task is not done yet; `broken`: see the log."""

    sent: int = 0
    unfinished: int = 0
    broken: int = 0

    @property
    def found(self) -> int:
        return self.sent + self.unfinished + self.broken


# Declared by code ------------------------------------------------------------------------------------------------------


@atomic()
async def declare_schedules(specs: Sequence[ScheduleSpec]) -> Declared:
    """Have the rows say what the code declares: all that it declares, as the others are deleted, and their tasks with them.

    A crontab that somebody has changed stays, and so does a pause. Schedules that belong to an object stay as well: they go
    with it. Any number of runners may call it at once.
    """
    await fetch("SELECT pg_advisory_xact_lock($1, 0)", DECLARING)
    query = Schedule.filter(declared_crontab__isnull=False, rel_obj_id__isnull=True).order_by("id")
    time = await _time()
    if not await _differ(await query, specs, time):
        return (
            Declared()
        )  # most starts: a runner that was stopped amid sending schedules holds up no other's start
    rows = await query.select_for_update(no_key=True)
    return await _declare(rows, specs, ON_STARTUP, await default_tenant_id(), time)


@atomic()
async def declare_schedules_of(owner: Entity, specs: Sequence[ScheduleSpec]) -> Declared:
    """Have exactly these schedules belong to the object. Call it in the transaction that saves the object.

    Identifiers need to be unique among these only. What somebody has changed stays; `send_on_save` is heeded.
    """
    await fetch("SELECT pg_advisory_xact_lock($1, 0)", DECLARING)
    app_label, model, id = of = triple_of(owner)
    query = Schedule.filter(
        declared_crontab__isnull=False,
        rel_obj_id=id,
        rel_obj_content_type__app_label=app_label,
        rel_obj_content_type__model=model,
    )
    rows = await query.select_for_update(of=("schedule",), no_key=True).order_by("id")
    place = ".".join(of)
    own = [
        replace(spec, rel_obj=of, identifier=f"{place}:{spec.identifier}" if spec.identifier else place)
        for spec in specs
    ]
    tenant_id = getattr(owner, "tenant_id", None) or await default_tenant_id()
    return await _declare(rows, own, ON_SAVE, tenant_id, await _time())


async def _differ(rows: Sequence[Schedule], specs: Sequence[ScheduleSpec], time: datetime) -> bool:
    """Whether these rows, which serve for nothing else afterwards, are not what the specs say, or one is to be sent."""
    left: dict[Key, Schedule] = {(row.actor_name, row.identifier): row for row in rows}
    for spec in specs:
        row = left.pop(spec.key, None)
        if row is None or getattr(spec, ON_STARTUP) or await _follow(row, spec, time):
            return True
    return bool(left)


async def _declare(
    rows: Sequence[Schedule], specs: Sequence[ScheduleSpec], occasion: str, tenant_id: int, time: datetime
) -> Declared:
    """Bring these rows to what the specs say. `occasion` is the field of a spec that has it sent now."""
    left: dict[Key, Schedule] = {(row.actor_name, row.identifier): row for row in rows}
    created: list[int] = []
    changed: list[int] = []
    sent = 0
    for spec in specs:
        row = left.pop(spec.key, None)
        send_now = bool(getattr(spec, occasion))
        if row is None:  # due at once, if it is not sent now anyway
            row = await _create(spec, tenant_id, time if not send_now else next_time(spec.crontab, time))
            created.append(row.id)
        elif fields := await _follow(row, spec, time):
            await row.save_changes(*fields)
            changed.append(row.id)
        if send_now and not row.paused:
            sent += await (_send_safely(row) if occasion == ON_SAVE else _send_unless_sent(row))
    gone = [row.id for row in left.values()]
    for event, ids in (
        (events.ScheduleCreated, created),
        (events.ScheduleChanged, changed),
        (events.ScheduleDeleted, gone),
    ):
        if ids:
            await record(event, *ids)
    if gone:
        await Schedule.filter(id__in=gone).delete()
    return Declared(len(created), len(changed), len(gone), sent)


async def _create(spec: ScheduleSpec, tenant_id: int, next_run: datetime) -> Schedule:
    return await Schedule.create(
        tenant_id=tenant_id,
        actor_name=spec.actor_name,
        identifier=spec.identifier,
        crontab=spec.crontab,
        declared_crontab=spec.crontab,
        paused=spec.paused,
        next_run=next_run,
        **await _contents(spec),
    )


async def _follow(row: Schedule, spec: ScheduleSpec, time: datetime) -> list[str]:
    """Change the row as the spec has changed. Returns which columns that were."""
    wanted = await _contents(spec)
    if row.declared_crontab != spec.crontab:
        if row.crontab == row.declared_crontab:  # nobody has changed it: it goes on following the code
            wanted |= {"crontab": spec.crontab, "next_run": next_time(spec.crontab, time)}
        wanted["declared_crontab"] = spec.crontab
    fields = [name for name, value in wanted.items() if getattr(row, name) != value]
    for name in fields:
        setattr(row, name, wanted[name])
    return fields


async def _contents(spec: ScheduleSpec) -> dict[str, Any]:
    """The columns that are as the code says, whatever anybody else wants."""
    kind, id = await _place(spec.triple)
    return {
        "args": _as_json(spec, list(spec.args)),
        "kwargs": _as_json(spec, dict(spec.kwargs)),
        "options": _as_json(spec, dict(spec.options)),
        "_uid": spec.uid,
        "rel_obj_content_type_id": kind,
        "rel_obj_id": id,
    }


def _as_json(spec: ScheduleSpec, value: object) -> Any:
    data = to_json(value)
    if data is None:
        raise Invalid.field(
            "args", f"Arguments and options of the schedule of {spec.actor_name} must be JSON."
        )
    return orjson.loads(data)


async def _place(triple: Triple | None) -> tuple[int | None, str | None]:
    if triple is None:
        return None, None
    app_label, model, id = triple
    kind = await ContentType.get_or_none(app_label=app_label, model=model)
    if kind is None:
        raise Invalid.field("relObj", f"There are no objects of the kind {app_label}.{model}.")
    return kind.id, id


async def _send_unless_sent(row: Schedule) -> bool:
    """Send it, unless another runner that started with this one has, or what was sent before is unfinished."""
    if await fetch(_SENT_LATELY, str(row.id), STARTED_TOGETHER.total_seconds()):
        return False
    return await _send_safely(row)


# Sent when due ---------------------------------------------------------------------------------------------------------


async def make_due(actor_names: Collection[str]) -> None:
    """Have the schedules of these actors be due now, but for those that are paused."""
    await fetch(_MAKE_DUE, list(actor_names))


@atomic()
async def send_due_schedules(*, limit: int = AT_ONCE) -> Due:
    """Send what is due, once over all runners, and set when each is due next: call it again while it finds `limit`.

    However many runs were missed, one is sent; none as long as a task of the schedule is unfinished. A schedule that cannot
    be sent is logged, and waits for its next time like the others.
    """
    due = await fetch(_DUE, limit)
    schedules = {row.id: row for row in await Schedule.filter(id__in=[row["id"] for row in due])}
    sent: list[int] = []
    broken = 0
    next_runs: list[datetime] = []
    for row in due:
        schedule = schedules[row["id"]]
        next_run = _next_run(schedule, row["time"])
        next_runs.append(next_run or row["time"] + BROKEN_FOR)
        if row["unfinished"]:
            continue
        if next_run is not None and await _send_safely(schedule):
            sent.append(schedule.id)
        else:
            broken += 1
    if due:
        await fetch(_SET_NEXT_RUNS, [row["id"] for row in due], next_runs)
        await _tell_of_runs([schedules[id] for id in sent])
    return Due(len(sent), len(due) - len(sent) - broken, broken)


def _next_run(schedule: Schedule, time: datetime) -> datetime | None:
    try:
        return next_time(schedule.crontab, time)
    except InvalidCrontab as error:  # the database lets anything in
        log.error(
            "a schedule cannot be read", schedule=schedule.id, actor=schedule.actor_name, error=str(error)
        )
        return None


async def _send_safely(schedule: Schedule) -> bool:
    """Send it in a savepoint, so that one that cannot be sent spoils nothing for the others. False: it could not."""
    try:
        async with transaction():
            await enqueue([task_of(schedule)])
    except Exception as error:
        log.error(
            "a schedule cannot be sent", schedule=schedule.id, actor=schedule.actor_name, error=str(error)
        )
        return False
    return True


def task_of(schedule: Schedule) -> NewTask:
    """The task that the schedule sends; it belongs to the schedule. Raises as `new_task` does."""
    actor = find_actor(schedule.actor_name)
    message: Message[Any] = actor.message_with_options(
        args=tuple(schedule.args), kwargs=dict(schedule.kwargs), **schedule.options
    )
    return new_task(message, uid=schedule._uid, rel_obj=schedule, tenant_id=schedule.tenant_id)


async def _tell_of_runs(schedules: Iterable[Schedule]) -> None:
    """Events of these, but for actors that want none: those of ours run every few seconds."""
    ids = [each.id for each in schedules if find_actor(each.actor_name).options.get("events", True)]
    if ids:
        await record(events.ScheduleChanged, *ids)


_UNFINISHED = """SELECT FROM task WHERE rel_obj_content_type_id = (
        SELECT id FROM content_type WHERE app_label = 'tasks' AND model = 'schedule')
    AND rel_obj_id = {id}"""

_DUE = f"""
SELECT id, now() AS time,
    EXISTS ({_UNFINISHED.format(id="schedule.id::text")} AND state NOT IN ('done', 'rejected')) AS unfinished
FROM schedule WHERE NOT paused AND next_run <= now() ORDER BY next_run, id LIMIT $1 FOR NO KEY UPDATE OF schedule SKIP LOCKED
"""

_MAKE_DUE = (
    "UPDATE schedule SET next_run = now() WHERE actor_name = ANY ($1) AND NOT paused AND next_run > now()"
)

_SET_NEXT_RUNS = """
UPDATE schedule SET next_run = computed.next_run
FROM unnest($1::bigint[], $2::timestamptz[]) AS computed(id, next_run) WHERE schedule.id = computed.id
"""

_SENT_LATELY = f"""
{_UNFINISHED.format(id="$1")} AND (state NOT IN ('done', 'rejected') OR created_at > now() - make_interval(secs => $2)) LIMIT 1
"""


# Changed and sent by people ---------------------------------------------------------------------------------------------


@atomic()
async def update_schedule(
    viewer: Viewer,
    id: int,
    *,
    crontab: str | None = None,
    paused: bool | None = None,
    if_version: int | None = None,
) -> Schedule:
    """Change when it is sent, or whether. What is None stays.

    A new crontab counts from now. Pausing leaves `next_run` as it is; un-pausing makes it due at once. Raises
    `InvalidCrontab`, and `Conflict` when it is no longer of that version.
    """
    schedule = await Schedule.lock_visible(viewer, id, if_version=if_version)
    viewer.require(Capability.CHANGE_SCHEDULE)
    change = _change(schedule, crontab, paused, await _time())
    if change:
        await schedule.save_changes(*change)
        await record(events.ScheduleChanged, schedule.id)
        shown = {name: value for name, value in change.items() if name != "next_run"}
        await note(viewer, LogAction.CHANGE, schedule, schedule.uid, **shown)
    return schedule


def _change(
    schedule: Schedule, crontab: str | None, paused: bool | None, time: datetime
) -> Mapping[str, Any]:
    """Change the row. Returns which columns, and to what."""
    change: dict[str, Any] = {}
    if crontab is not None and (checked := check_crontab(crontab)) != schedule.crontab:
        change |= {"crontab": checked, "next_run": next_time(checked, time)}
    if paused is not None and paused != schedule.paused:
        change["paused"] = paused
        if not paused:
            change["next_run"] = time
    for name, value in change.items():
        setattr(schedule, name, value)
    return change


@atomic()
async def send_schedule(viewer: Viewer, id: int) -> Task:
    """Send it now, paused or not, beside what it sends by itself: `next_run` stays. Returns the task.

    Raises `UnknownActor` when no module that is loaded here has its actor.
    """
    schedule = await Schedule.lock_visible(viewer, id)
    viewer.require(Capability.SEND_SCHEDULE)
    (sent,) = await enqueue([task_of(schedule)])
    return await Task.get(id=sent.id)


async def _time() -> datetime:
    """The time by the database's clock, by which schedules are due: a host's may be wrong."""
    [row] = await fetch("SELECT now() AS time")
    time: datetime = row["time"]
    return time
