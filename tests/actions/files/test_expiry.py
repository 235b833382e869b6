"""What expires goes, what is needed stays, and nobody loses what they refer to."""

import asyncio
import math
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from tortoise.exceptions import IntegrityError

from app.actions.files import expiry, marking, sweeping
from app.actions.files.expiry import expire
from app.actions.files.marking import Spared, Stored, in_order
from app.clock import now
from app.database import apart, fetch, transaction
from app.models import (
    Artifact,
    File,
    FileInArtifact,
    FileInStore,
    FileStore,
    FileToRemove,
    FileUpload,
    OutboxEvent,
    WorkRequest,
)
from tests.actions.files.rows import FUTURE, NEVER, PAST, Yard, everything, there, yard
from tests.tasks_yard import until

__all__ = ["yard"]


async def test_an_expired_target_stays_as_long_as_its_source(yard: Yard) -> None:
    target = await yard.artifact(PAST)
    source = await yard.artifact(FUTURE, to=[target])

    first = await expire()
    stayed = await there(target, source)
    await Artifact.filter(id=source.id).update(expire_at=now())
    second = await expire()

    assert stayed == [True, True]
    assert await there(target, source) == [False, False]
    assert (first.counts.artifacts, dict(first.counts.spared)) == (0, {Spared.RELATED: 1})
    assert (second.counts.artifacts, second.counts.relations, dict(second.counts.spared)) == (2, 1, {})


async def test_an_expired_source_goes_though_its_target_stays(yard: Yard) -> None:
    target = await yard.artifact(NEVER)
    source = await yard.artifact(PAST, to=[target])

    report = await expire()

    assert await there(target, source) == [True, False]
    assert (report.counts.artifacts, report.counts.relations) == (1, 1)


async def test_what_is_kept_is_followed_through_expired_and_unexpired_alike(yard: Yard) -> None:
    last = await yard.artifact(PAST)
    middle = await yard.artifact(FUTURE, to=[last])
    next_ = await yard.artifact(PAST, to=[middle])
    further = await yard.artifact(PAST)
    second = await yard.artifact(PAST, to=[further])
    first = await yard.artifact(NEVER, to=[second])

    report = await expire()

    assert await there(last, middle, next_, further, second, first) == [True, True, False, True, True, True]
    assert dict(report.counts.spared) == {Spared.RELATED: 3}


async def test_a_cycle_goes_as_a_whole_or_stays_as_a_whole(yard: Yard) -> None:
    kept = [await yard.artifact(PAST) for _ in range(3)]
    gone = [await yard.artifact(PAST) for _ in range(3)]
    for cycle in (kept, gone):
        for source, target in zip(cycle, cycle[1:] + cycle[:1], strict=True):
            await yard.relate(source, target)
    await yard.artifact(FUTURE, to=[kept[1]])

    await expire()

    assert await there(*kept, *gone) == [True, True, True, False, False, False]


async def test_a_cycle_larger_than_any_batch_goes_too(yard: Yard, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(marking, "LARGEST", 4)
    monkeypatch.setattr(sweeping, "SMALLEST", 2)
    cycle = [await yard.artifact(PAST) for _ in range(9)]
    for source, target in zip(cycle, cycle[1:] + cycle[:1], strict=True):
        await yard.relate(source, target)

    report = await expire()

    assert await there(*cycle) == [False] * 9
    assert (report.counts.artifacts, report.counts.relations) == (9, 9)


async def test_the_input_of_an_unfinished_work_request_stays_with_all_it_leads_to(yard: Yard) -> None:
    further = await yard.artifact(PAST)
    taken = await yard.artifact(PAST, to=[further])
    request = await yard.cast.request()
    await fetch("INSERT INTO work_request_input VALUES ($1, $2)", request.id, taken.id)

    first = await expire()
    stayed = await there(further, taken)
    await WorkRequest.filter(id=request.id).update(status="aborted", completed_at=now())
    await expire()

    assert stayed == [True, True]
    assert dict(first.counts.spared) == {Spared.USED: 1, Spared.RELATED: 1}
    assert await there(further, taken) == [False, False]
    assert await WorkRequest.exists(id=request.id)


@pytest.mark.parametrize(("offset", "stays"), [(timedelta(), False), (timedelta(microseconds=1), True)])
async def test_an_artifact_expires_at_the_very_instant(yard: Yard, offset: timedelta, stays: bool) -> None:
    at = now()
    artifact = await yard.artifact()
    await Artifact.filter(id=artifact.id).update(expire_at=at + offset)

    await expire(at)

    assert await there(artifact) == [stays]


async def test_files_go_when_no_artifact_names_them_and_are_noted_for_removal(yard: Yard) -> None:
    gone = await yard.artifact(PAST, files=[b"mine alone", b"shared", b""])
    kept = await yard.artifact(NEVER, files=[b"shared"])

    report = await expire()

    assert await there(gone, kept) == [False, True]
    assert [row.size async for row in File.all()] == [len(b"shared")]
    assert [row.size async for row in FileToRemove.all().order_by("size")] == [0, len(b"mine alone")]
    assert await yard.has(b"mine alone")  # until the commit is certain, and an hour more
    assert report.counts.files == 2
    assert dict(report.counts.stores) == {"Default": Stored(2, len(b"mine alone"))}
    assert (await FileStore.get(name="Default")).total_size == len(b"shared")


async def test_a_file_in_two_stores_goes_from_both(yard: Yard, tmp_path: Path) -> None:
    other = await yard.store("other", tmp_path / "other")
    await yard.artifact(PAST, files=[b"content"])
    await yard.stored(b"content", other)

    report = await expire()

    assert report.counts.files == 1
    assert dict(report.counts.stores) == {"Default": Stored(1, 7), "other": Stored(1, 7)}
    assert await FileToRemove.all().count() == 2
    assert [row.total_size async for row in FileStore.all()] == [0, 0]


async def test_files_that_nobody_names_go_though_no_artifact_does(yard: Yard) -> None:
    await yard.stored(b"left behind")

    report = await expire()

    assert (report.counts.artifacts, report.counts.files) == (0, 1)
    assert not await FileInStore.exists()


async def test_an_upload_goes_with_its_artifact(yard: Yard) -> None:
    name = "00000000-0000-4000-8000-000000000001"
    artifact = await yard.artifact(PAST, complete=False, completed_at=None)
    await yard.uploading(artifact, b"content", 3, name)

    report = await expire(uploads=yard.settings.uploads_directory)

    assert report.counts.uploads == 1
    assert not await FileUpload.exists()
    assert not (yard.settings.uploads_directory / name).exists()


async def test_bytes_that_an_upload_is_storing_just_then_are_noted_for_removal(yard: Yard) -> None:
    artifact = await yard.artifact(PAST, complete=False, completed_at=None)
    upload = await yard.uploading(artifact, b"content", 7, "00000000-0000-4000-8000-000000000002")
    await FileUpload.filter(id=upload.id).update(verified=True)

    await expire()

    assert [(row.store_id, row.size) async for row in FileToRemove.all()] == [(yard.default.id, 7)]


async def test_everybody_who_watches_is_told_of_each_artifact(yard: Yard) -> None:
    artifacts = [await yard.artifact(PAST) for _ in range(3)]

    await expire()

    found = await OutboxEvent.filter(event_type="artifact.deleted")
    assert {row.subject for row in found} == {f"artifact/{each.id}" for each in artifacts}
    assert {row.workspace_id for row in found} == {yard.cast.lab.id}
    assert all(row.data and row.data["category"] == "test:any" for row in found)


async def test_a_dry_run_foretells_and_changes_nothing(yard: Yard) -> None:
    target = await yard.artifact(PAST, files=[b"one", b"two"])
    await yard.artifact(PAST, to=[target], files=[b"two", b"three"])
    await yard.artifact(FUTURE, to=[await yard.artifact(PAST, files=[b"three"])])
    upload = await yard.artifact(PAST, complete=False, completed_at=None)
    name = "00000000-0000-4000-8000-000000000003"
    await yard.uploading(upload, b"content", 3, name)
    await yard.stored(b"left behind")
    before = await everything()

    at = now()
    foretold = await expire(at, uploads=yard.settings.uploads_directory, dry_run=True)

    assert await everything() == before
    assert (yard.settings.uploads_directory / name).exists()
    assert all([await yard.has(content) for content in (b"one", b"two", b"three", b"left behind")])
    done = await expire(at, uploads=yard.settings.uploads_directory)
    assert foretold.counts == done.counts
    assert done.counts.artifacts == 3


async def test_with_a_tenant_only_what_is_its_own_goes(yard: Yard) -> None:
    ours = await yard.artifact(PAST, files=[b"ours"])
    theirs = await yard.artifact(PAST, files=[b"theirs"], workspace=yard.cast.theirs)
    await yard.stored(b"left behind")
    at = now()

    foretold = await expire(at, tenant_id=yard.cast.tenant.id, dry_run=True)
    done = await expire(at, tenant_id=yard.cast.tenant.id)

    assert await there(ours, theirs) == [False, True]
    assert foretold.counts == done.counts
    assert (done.counts.artifacts, done.counts.files) == (1, 1)


async def test_a_relation_or_a_use_that_comes_after_the_marking_wins(
    yard: Yard, monkeypatch: pytest.MonkeyPatch
) -> None:
    related, used, extended, gone = [await yard.artifact(PAST) for _ in range(4)]
    beyond = await yard.artifact(PAST)
    await yard.relate(related, beyond)
    request = await yard.cast.request()

    async def marked(at: datetime, tenant_id: int | None) -> marking.Doomed:
        doomed = await marking.mark(at, tenant_id)
        await yard.artifact(NEVER, to=[related])
        await fetch("INSERT INTO work_request_input VALUES ($1, $2)", request.id, used.id)
        await Artifact.filter(id=extended.id).update(expire_at=None)
        return doomed

    monkeypatch.setattr(expiry, "mark", marked)
    report = await expire()

    assert await there(related, used, extended, beyond, gone) == [True, True, True, True, False]
    assert dict(report.counts.spared) == {Spared.RELATED: 2, Spared.USED: 1}


async def test_a_relation_that_comes_later_waits_and_is_refused(yard: Yard) -> None:
    target = await yard.artifact(PAST)
    source = await yard.artifact(NEVER)

    async with transaction():
        await sweeping._remove_batch([target.id], {}, now())
        relating = asyncio.create_task(apart(yard.relate(source, target)))
        await until(_somebody_waits)
    with pytest.raises(IntegrityError):
        await relating

    assert await there(target, source) == [False, True]


async def _somebody_waits() -> bool:
    return bool(
        await fetch(
            "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
        )
    )


async def test_a_file_that_is_named_again_after_the_look_stays(yard: Yard) -> None:
    file = await yard.stored(b"content")
    artifact = await yard.artifact(NEVER)
    sweep = sweeping.Sweep(now(), math.inf)

    async with transaction():
        await FileInArtifact.create(artifact_id=artifact.id, path="again", file_id=file.id, complete=True)
        await apart(sweeping.sweep_unnamed_files(sweep))  # which sees the file without an artifact
    await sweeping.sweep_files(sweep, [file.id])

    assert sweep.counts.files == 0
    assert await File.exists(id=file.id)
    assert await FileInStore.exists(file_id=file.id)


async def test_what_others_have_locked_waits_for_the_next_time(yard: Yard) -> None:
    target = await yard.artifact(PAST)
    held = await yard.artifact(PAST, to=[target])
    free = await yard.artifact(PAST)

    async with transaction():
        await fetch("SELECT 1 FROM artifact WHERE id = $1 FOR KEY SHARE", held.id)
        report = await apart(expire())
    again = await expire()

    assert dict(report.counts.spared) == {Spared.BUSY: 1, Spared.RELATED: 1}
    assert await there(target, held, free) == [False, False, False]
    assert again.counts.artifacts == 2


async def test_an_artifact_whose_upload_is_locked_is_put_off_and_the_rest_of_its_batch_goes(
    yard: Yard,
) -> None:
    busy = await yard.artifact(PAST, complete=False, completed_at=None)
    upload = await yard.uploading(busy, b"content", 3, "00000000-0000-4000-8000-000000000004")
    others = [await yard.artifact(PAST) for _ in range(20)]

    async with transaction():
        await fetch("SELECT 1 FROM file_upload WHERE id = $1 FOR UPDATE", upload.id)
        report = await apart(expire())

    assert dict(report.counts.spared) == {Spared.BUSY: 1}
    assert await there(busy, *others) == [True] + [False] * 20


async def test_a_run_whose_time_is_up_says_that_there_is_more(yard: Yard) -> None:
    artifact = await yard.artifact(PAST)

    report = await expire(seconds=-1)

    assert (report.more, report.counts.artifacts) == (True, 0)
    assert await there(artifact) == [True]


def test_sources_come_before_targets_and_cycles_are_together() -> None:
    groups = in_order([1, 2, 3, 4, 5, 6], [(6, 5), (5, 4), (4, 5), (4, 3), (1, 3), (2, 2)])

    place = {id: number for number, group in enumerate(groups) for id in group}
    assert sorted(map(sorted, groups)) == [[1], [2], [3], [4, 5], [6]]
    assert place[6] < place[5] == place[4] < place[3] > place[1]


def test_a_chain_of_any_length_is_ordered() -> None:
    count = 50_000

    groups = in_order(list(range(count)), [(number + 1, number) for number in range(count - 1)])

    assert groups == [[number] for number in reversed(range(count))]
