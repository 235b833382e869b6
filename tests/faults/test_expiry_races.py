"""Defect D15, from the other side: while the same few contents are uploaded, used, related, expired, removed, copied and moved by
many at once, nobody ever loses bytes that something still names, and nothing stays that nobody does.

The hour for which bytes are kept is left out: what keeps them must be the rows."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import asyncpg
import pytest
from tortoise.exceptions import IntegrityError

from app.actions.artifacts.creating import NewArtifact, create_artifact
from app.actions.artifacts.relations import create_artifact_relation
from app.actions.artifacts.rules import NewFile
from app.actions.files.copying import copy_files
from app.actions.files.expiry import expire
from app.actions.files.finishing import finish
from app.actions.files.places import stores_with
from app.actions.files.reaping import finish_uploads
from app.actions.files.removal import remove_bytes
from app.actions.files.uploads import hold_upload
from app.actions.work import NewWorkRequest, create_work_request
from app.clock import now
from app.database import fetch
from app.errors import AppError
from app.models import (
    Artifact,
    ArtifactRelation,
    ArtifactRelationType,
    FileInArtifact,
    FileStore,
    FileToRemove,
)
from app.stores import StoreError
from tests.actions.files.rows import Yard, key_of, yard
from tests.stores.content import read

__all__ = ["yard"]

AT_ONCE = timedelta()
CONTENTS = [f"content {number} ".encode() * (number + 1) for number in range(5)]
STEPS, WORKERS = 40, 6


class Crowd:
    """Many who do things at random, with a few contents and two stores."""

    def __init__(self, yard: Yard, other: FileStore, seed: int) -> None:
        self.yard, self.other = yard, other
        self.random = random.Random(seed)
        self.lost: list[str] = []
        self.refused: list[str] = []
        self.read = 0
        self.related: list[tuple[int, int]] = []
        self.taken: list[int] = []

    async def work(self) -> None:
        deeds: list[Callable[[], Awaitable[object]]] = [
            *[self.make] * 6, *[self.look] * 4, self.relate, self.age, self.age, self.age,
            self.expire, self.expire, self.remove, self.remove, self.move, self.ask_for_work,
        ]  # fmt: skip
        for _ in range(STEPS):
            try:
                await self.random.choice(deeds)()
            except (AppError, StoreError) as refusal:
                self.refused.append(f"{type(refusal).__name__}: {refusal}")

    async def make(self) -> None:
        """An artifact with some of the contents; what is not there already is uploaded."""
        chosen = self.random.sample(CONTENTS, self.random.randint(1, 3))
        files = [NewFile(f"f{n}", len(each), key_of(each).sha256) for n, each in enumerate(chosen)]
        new = NewArtifact("test:any", workspace_id=self.yard.cast.lab.id, files=files)
        made = await create_artifact(await self.yard.cast.bob.viewer(), new, max_file_bytes=1 << 20)
        for file in await FileInArtifact.filter(artifact_id=made.id).select_related("artifact", "file"):
            if not file.complete:
                await self.upload(file, chosen[int(file.path[1:])])

    async def upload(self, file: FileInArtifact, content: bytes) -> None:
        async with hold_upload(self.yard.settings, file) as held:
            if held is not None and held.incoming is not None:
                await held.incoming.write(0, content)
                await finish(self.yard.stores, held)

    async def look(self) -> None:
        """Read what an artifact names. An artifact that is there, and complete, can be read."""
        files = await FileInArtifact.filter(complete=True).select_related("artifact", "file")
        if not files:
            return
        file = self.random.choice(files)
        trouble = ""
        for _ in range(20):  # a file may be moved between the look and the read
            try:
                for store in await stores_with(file.artifact.workspace_id, file.file_id):
                    key = file.file
                    found = await read(await self.yard.stores.of(store), key_of(_content(bytes(key.sha256))))
                    assert found == _content(bytes(key.sha256))
                    self.read += 1
                    return
                trouble = "no store is named"
            except StoreError as error:
                trouble = str(error)
            if not await FileInArtifact.exists(id=file.id):
                return
        self.lost.append(f"{file.artifact_id}/{file.path}: {trouble}")

    async def relate(self) -> None:
        artifacts = await Artifact.filter(complete=True)
        if len(artifacts) > 1:
            source, target = self.random.sample(artifacts, 2)
            ann = await self.yard.cast.ann.viewer()
            await create_artifact_relation(ann, source.id, target.id, ArtifactRelationType.RELATES_TO)
            self.related.append((source.id, target.id))

    async def ask_for_work(self) -> None:
        """A work request that takes an artifact: from then on it stays."""
        artifacts = await Artifact.filter(complete=True)
        if artifacts:
            chosen = self.random.choice(artifacts)
            request = await create_work_request(
                await self.yard.cast.bob.viewer(),
                NewWorkRequest(task_name="noop", workspace_id=self.yard.cast.lab.id),
            )
            with suppress(asyncpg.ForeignKeyViolationError, IntegrityError):  # the artifact went first
                await fetch("INSERT INTO work_request_input VALUES ($1, $2)", request.id, chosen.id)
                self.taken.append(chosen.id)

    async def age(self) -> None:
        ids = [each.id for each in await Artifact.all()]
        await Artifact.filter(id__in=self.random.sample(ids, len(ids) // 3)).update(expire_at=now())

    async def expire(self) -> None:
        await expire(uploads=self.yard.settings.uploads_directory)

    async def remove(self) -> None:
        await remove_bytes(self.yard.stores, grace=AT_ONCE, batch=self.random.randint(1, 5))

    async def move(self) -> None:
        source, target = self.random.sample([self.yard.default, self.other], 2)
        await copy_files(self.yard.stores, source, target, move=self.random.random() < 0.7)


def _content(digest: bytes) -> bytes:
    return next(each for each in CONTENTS if key_of(each).sha256 == digest.hex())


@pytest.mark.parametrize("seed", range(3))
async def test_nothing_that_is_named_is_lost_and_nothing_else_stays(
    yard: Yard, tmp_path: Path, seed: int
) -> None:
    other = await yard.store("other", tmp_path / "other")
    await fetch("UPDATE workspace SET free_categories = true WHERE id = $1", yard.cast.lab.id)
    crowd = Crowd(yard, other, seed)

    await asyncio.gather(*[crowd.work() for _ in range(WORKERS)])

    await _settle(yard)
    assert crowd.lost == []
    assert crowd.read > 0
    assert not [each for each in crowd.refused if each.startswith("Corrupt")]
    there = {each.id for each in await Artifact.all()}
    relations = {(each.artifact_id, each.target_id) for each in await ArtifactRelation.all()}
    assert relations == {
        each for each in crowd.related if each[0] in there
    }  # no target went before its source
    assert set(crowd.taken) <= there
    for file in await FileInArtifact.filter(complete=True).select_related("artifact", "file"):
        content = _content(bytes(file.file.sha256))
        places = await stores_with(file.artifact.workspace_id, file.file_id)
        assert places, f"nothing is said to have {file.path} of {file.artifact_id}"
        for place in places:
            assert await read(await yard.stores.of(place), key_of(content)) == content
    await _assert_rows_and_bytes_agree(yard, other)


async def _settle(yard: Yard) -> None:
    """What was interrupted by refusals is ended, and what is to go goes."""
    await fetch("UPDATE file_upload SET last_activity_at = now() - interval '1 h'")
    reaped = await finish_uploads(yard.stores, yard.settings)
    assert reaped.troubles == []
    await expire(uploads=yard.settings.uploads_directory)
    await fetch("UPDATE file_to_remove SET removing_at = NULL")
    assert (await remove_bytes(yard.stores, grace=AT_ONCE)).failed == 0


async def _assert_rows_and_bytes_agree(yard: Yard, other: FileStore) -> None:
    assert not await FileToRemove.exists()
    for row in (yard.default, other):
        store = await yard.stores.of(row)
        named = await fetch(
            "SELECT file.sha256, file.size FROM file_in_store JOIN file ON file.id = file_id WHERE store_id = $1",
            row.id,
        )
        lies_there = {each.key async for each in store.list()}
        assert {(key.sha256, key.size) for key in lies_there if key} == {
            (bytes(each["sha256"]).hex(), each["size"]) for each in named
        }
        assert (await FileStore.get(id=row.id)).total_size == sum(each["size"] for each in named)
