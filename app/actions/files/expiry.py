"""Removing what has expired: artifacts, and files that no artifact names any more. Their bytes go later (`removal`)."""

from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from time import monotonic

from app.access import Capability, Viewer
from app.actions.audit import note_many
from app.actions.files.marking import Counts, foresee, mark
from app.actions.files.sweeping import Sweep, sweep_artifacts, sweep_files, sweep_unnamed_files
from app.actions.files.temporary import unlink_temporary_files
from app.clock import now
from app.models import Artifact, LogAction

LONGEST = 300.0
"""Seconds after which a run leaves the rest to the next one."""


@dataclass(frozen=True)
class ExpiryReport:
    """What expiry removed, or, of a dry run, would remove."""

    at: datetime
    """What had expired at this time was looked at."""
    dry_run: bool
    counts: Counts
    more: bool = False
    """True: time was up; another run does the rest."""
    longest_lock: float = field(default=0.0, compare=False)
    """Seconds for which the slowest batch held its locks."""


async def expire(
    at: datetime | None = None,
    *,
    uploads: Path | None = None,
    tenant_id: int | None = None,
    dry_run: bool = False,
    seconds: float = LONGEST,
) -> ExpiryReport:
    """Remove the artifacts that have expired, and that nothing needs which is kept: see `marking`.

    `at` is now unless given. With a tenant only its artifacts are looked at, and the files that only they name. A dry run
    changes nothing, in the database or elsewhere. `uploads` is the directory of uploads, if this machine has it.
    """
    at = at or now()
    if dry_run:
        return ExpiryReport(at, True, await foresee(at, tenant_id))
    sweep = Sweep(at, monotonic() + seconds)
    doomed = await mark(at, tenant_id)
    sweep.counts.spared.update(doomed.spared)
    await sweep_artifacts(sweep, doomed)
    if tenant_id is None:
        await sweep_unnamed_files(sweep)
    else:
        await sweep_files(sweep, sweep.files)
    if uploads is not None:
        await unlink_temporary_files(uploads, sweep.paths)
    return ExpiryReport(at, False, sweep.counts, sweep.more, sweep.pace.longest)


async def run_expiry(
    viewer: Viewer, at: datetime | None, *, dry_run: bool, uploads: Path, seconds: float
) -> ExpiryReport:
    """Expiry in the viewer's tenant, and an entry in the book of what administrators did."""
    viewer.require(Capability.ADMINISTER_FILES)
    report = await expire(at, uploads=uploads, tenant_id=viewer.tenant_id, dry_run=dry_run, seconds=seconds)
    if not dry_run:
        done = {
            "at": report.at.isoformat(),
            "artifacts": report.counts.artifacts,
            "files": report.counts.files,
        }
        await note_many(viewer, LogAction.DELETION, Artifact, 0, "expired artifacts", **done)
    return report
