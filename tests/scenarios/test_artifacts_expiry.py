"""Scenario 29 and defects D14 and D15, as an administrator meets them: what has expired goes, what is needed stays."""

import asyncio
from datetime import timedelta
from typing import Any

from app.actions.files.expiry import expire
from app.clock import now
from app.database import fetch
from app.models import Artifact, OutboxEvent
from tests.actions.files.rows import FUTURE, NEVER, PAST, Yard, everything, there, yard
from tests.api import Api, gid

__all__ = ["yard"]

REPORT = """report {
  dryRun artifacts relations uploads files stores { store files bytes } spared { reason artifacts } more }"""

LOCKS = """
SELECT DISTINCT mode FROM pg_locks WHERE locktype = 'relation' AND relation::regclass::text IN (
    'artifact', 'artifact_relation', 'file', 'file_in_artifact', 'file_in_store', 'file_upload', 'work_request_input')
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
    AND NOT EXISTS (SELECT FROM pg_stat_activity WHERE pid = pg_locks.pid AND backend_type <> 'client backend')
"""


async def run(api: Api, who: Any, **input: Any) -> dict[str, Any]:
    report: dict[str, Any] = (await api.mutate(who, "runExpiry", REPORT, **input)).done["report"]
    return report


async def test_29_a_target_stays_as_long_as_its_source(api: Api, yard: Yard) -> None:
    target = await yard.artifact(PAST, files=[b"content"])
    source = await yard.artifact(FUTURE, to=[target])

    first = await run(api, yard.cast.sam)
    stayed = await there(target, source)
    await Artifact.filter(id=source.id).update(expire_at=now())
    second = await run(api, yard.cast.sam)

    assert stayed == [True, True]
    assert first["spared"] == [{"reason": "RELATED", "artifacts": 1}]
    assert await there(target, source) == [False, False]
    assert (second["artifacts"], second["relations"], second["files"]) == (2, 1, 1)
    assert second["stores"] == [{"store": "Default", "files": 1, "bytes": 7}]


async def test_29_with_a_time_to_come_what_will_have_expired_is_told(api: Api, yard: Yard) -> None:
    target = await yard.artifact(PAST)
    source = await yard.artifact(FUTURE, to=[target])
    later = (now() + timedelta(days=1)).isoformat()

    foretold = await run(api, yard.cast.sam, at=later, dryRun=True)

    assert (foretold["artifacts"], foretold["spared"]) == (2, [])
    assert await there(target, source) == [True, True]


async def test_d14_a_dry_run_tells_the_same_and_has_no_effect_whatever(api: Api, yard: Yard) -> None:
    kept = await yard.artifact(PAST, files=[b"kept"])
    await yard.artifact(NEVER, to=[kept])
    await yard.artifact(PAST, files=[b"gone", b"kept"])
    coming = await yard.artifact(PAST, complete=False, completed_at=None)
    name = "00000000-0000-4000-8000-000000000006"
    await yard.uploading(coming, b"content", 3, name)
    at, before = now().isoformat(), await everything()

    foretold = await run(api, yard.cast.sam, at=at, dryRun=True)

    assert await everything() == before
    assert await yard.has(b"gone")
    assert (yard.settings.uploads_directory / name).read_bytes() == b"con"
    done = await run(api, yard.cast.sam, at=at)
    assert {**foretold, "dryRun": False} == done
    assert (done["artifacts"], done["uploads"], done["relations"]) == (2, 1, 0)


async def test_d15_nobody_waits_while_artifacts_expire(api: Api, yard: Yard) -> None:
    """Whoever reads, relates and makes artifacts goes on while half of all expire: no table is locked, no row for long."""
    lasting = [await yard.artifact(NEVER) for _ in range(20)]
    await fetch(
        "INSERT INTO artifact (category, workspace_id, complete, completed_at, expire_at)"
        " SELECT 'test:any', $1, true, now(), now() - interval '1 h' FROM generate_series(1, 2000)",
        yard.cast.lab.id,
    )
    expiring = asyncio.create_task(expire())
    done, modes = 0, set()

    while not expiring.done():
        await fetch("UPDATE artifact SET version = version + 1 WHERE id = $1", lasting[done % 20].id)
        await fetch("INSERT INTO artifact (category, workspace_id) VALUES ('test:any', $1)", yard.cast.lab.id)
        modes |= {row["mode"] for row in await fetch(LOCKS)}
        done += 1
    report = await expiring

    assert report.counts.artifacts == 2000
    assert done > 5
    assert modes <= {"AccessShareLock", "RowShareLock", "RowExclusiveLock"}
    assert await OutboxEvent.filter(event_type="artifact.deleted").count() == 2000
    assert await there(*lasting) == [True] * 20


async def test_nobody_but_staff_runs_it_and_nothing_of_another_tenant_goes(api: Api, yard: Yard) -> None:
    theirs = await yard.artifact(PAST, workspace=yard.cast.theirs)

    refused = await api.mutate(yard.cast.ann, "runExpiry", REPORT)
    await run(api, yard.cast.sam)
    stayed = await there(theirs)
    await run(api, yard.cast.zoe)

    assert refused.refused["code"] == "FORBIDDEN"
    assert stayed == [True]
    assert await there(theirs) == [False]


async def test_who_watches_the_workspace_is_told(api: Api, yard: Yard) -> None:
    await yard.artifact(PAST)
    document = "subscription($in: ID!) { artifactChanged(workspace: $in) { type artifact { id } complete } }"

    async with api.subscribe(yard.cast.vic, document, **{"in": gid(yard.cast.lab)}) as events:
        await expire()
        event = await events.next()

    assert event == {"type": "artifact.deleted", "artifact": None, "complete": True}
