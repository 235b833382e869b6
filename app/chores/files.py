"""Files and artifacts: what has expired goes, bytes that nobody names go after it, uploads that nobody goes on with are ended,
and stores are held to their rows."""

from datetime import timedelta

from app.actions.files import checking, copying, expiry, reaping, removal
from app.actions.files.places import open_stores
from app.actions.files.stores import store_named
from app.chores.batches import DAYS, QUEUE, TIME_LIMIT_MS
from app.errors import NotFound
from app.models import FileStore, FileStoreBackend, Workspace
from app.settings import load_settings
from app.stores import StoreError
from app.tasks import actor, current_task
from app.tasks.schedules import ScheduleSpec

HOURS = 3600
FOREVER = float("inf")
STORES_QUEUE = "stores"
"""Checks and copies take hours: chores, which take seconds, do not wait for them."""


class StoresFail(Exception):
    """Stores did not do what they should; the task is tried again."""


@actor(queue_name=QUEUE, max_retries=0, time_limit=TIME_LIMIT_MS, keep=30 * DAYS)
async def expire_artifacts() -> None:
    """Removes artifacts that have expired, unless something that is kept leads to them or unfinished work takes them, and
    files that no artifact names any more."""
    report = await expiry.expire(uploads=load_settings().uploads_directory)
    counts = report.counts
    spared = {reason.value: number for reason, number in counts.spared.items() if number}
    if counts.artifacts or counts.files:
        current_task().info(
            f"Removed {counts.artifacts:,} artifacts, {counts.relations:,} relations and {counts.files:,} files.",
            spared=spared,
            stores={name: {"files": of.files, "bytes": of.bytes} for name, of in counts.stores.items()},
            more=report.more,
            longest_lock_ms=round(report.longest_lock * 1000),
        )


@actor(
    queue_name=QUEUE,
    max_retries=5,
    min_backoff=30_000,
    max_backoff=600_000,
    time_limit=TIME_LIMIT_MS,
    keep=DAYS,
)
async def remove_bytes() -> None:
    """Removes bytes from stores an hour after nobody named them any more. Tried again, unlike other chores, while a store does
    not do it."""
    task = current_task()
    async with open_stores(load_settings()) as stores:
        removed = await removal.remove_bytes(stores)
    if removed.files:
        task.info(f"Removed {removed.files:,} files with {removed.bytes:,} bytes.", more=removed.more)
    for name, trouble in removed.troubles.items():
        task.warning(trouble, store=name)
    if removed.failed:
        raise StoresFail(f"{removed.failed:,} files could not be removed from {', '.join(removed.troubles)}.")


@actor(queue_name=QUEUE, max_retries=0, time_limit=TIME_LIMIT_MS, log=False, events=False, keep=HOURS)
async def finish_uploads() -> None:
    """Finishes uploads all of whose bytes had come when their request was ended early."""
    task, settings = current_task(), load_settings()
    async with open_stores(settings) as stores:
        reaped = await reaping.finish_uploads(stores, settings)
    if reaped.finished:
        task.info(f"Finished {reaped.finished} uploads.")
    for trouble in reaped.troubles:
        task.warning(trouble)


@actor(queue_name=QUEUE, max_retries=0, time_limit=TIME_LIMIT_MS, keep=DAYS)
async def reap_uploads() -> None:
    """Forgets uploads that nobody has gone on with for UPLOAD_RETENTION_HOURS, artifacts that have waited for files as long,
    and temporary files that belong to no upload."""
    reaped = await reaping.reap_uploads(load_settings())
    if reaped.uploads or reaped.artifacts or reaped.temporary_files:
        current_task().info(
            f"Forgot {reaped.uploads:,} uploads, {reaped.artifacts:,} artifacts that never became complete, and "
            f"{reaped.temporary_files:,} temporary files."
        )


@actor(queue_name=STORES_QUEUE, max_retries=0, time_limit=FOREVER, keep=30 * DAYS)
async def check_stores(read_all: bool = False) -> None:
    """Compares what lies in each store with what should, and tells of what is missing, wrong or unknown. Removes nothing but
    what interrupted puts left a day ago. With read_all every file is read and held to its hash. Stores in memory are those of
    the process that has them, and are not looked at."""
    task = current_task()
    async with open_stores(load_settings()) as stores:
        for row in await FileStore.exclude(backend=FileStoreBackend.MEMORY).order_by("name"):
            try:
                report = await checking.check_store(stores, row, read_all=read_all, say=task.info)
                swept = 0 if row.read_only else await (await stores.of(row)).sweep(timedelta(days=1))
            except StoreError as error:
                task.error(f"The store {row.name} cannot be checked: {error}")
                continue
            said = {"missing": report.missing, "corrupt": report.corrupt, "unknown": report.unknown}
            tell = task.info if report.well else task.error
            tell(
                f"The store {row.name}: {report.files:,} files with {report.bytes:,} bytes; {report.missing.count:,} missing, "
                f"{report.corrupt.count:,} wrong, {report.unknown.count:,} unknown, {report.foreign.count:,} not ours.",
                interrupted=swept,
                **{kind: found.names for kind, found in said.items() if found.count},
            )


@actor(queue_name=STORES_QUEUE, max_retries=20, time_limit=FOREVER, keep=30 * DAYS)
async def copy_files(source: str, target: str, workspace_id: int | None = None, move: bool = False) -> None:
    """Copies or moves the files of a store, or of one workspace in it, to another store. Goes on from where it was ended."""
    task = current_task()
    workspace = None if workspace_id is None else await Workspace.get_or_none(id=workspace_id)
    if workspace_id is not None and workspace is None:
        raise NotFound("There is no such workspace any more.")
    async with open_stores(load_settings()) as stores:
        copied = await copying.copy_files(
            stores,
            await store_named(source),
            await store_named(target),
            workspace=workspace,
            move=move,
            say=task.info,
        )
    tell = task.warning if copied.failed or copied.needed else task.info
    tell(copied.sentence(), lost=copied.lost, needed_by=sorted(copied.needed_by))


schedules = [
    ScheduleSpec(expire_artifacts, "17 * * * *"),
    ScheduleSpec(remove_bytes, "2-59/5 * * * *"),
    ScheduleSpec(finish_uploads, "*/2 * * * *"),
    ScheduleSpec(reap_uploads, "4-59/10 * * * *"),
    ScheduleSpec(check_stores, "43 4 * * sun"),
]
