"""Stores are added, changed and forgotten by the operator, and only when they work."""

from pathlib import Path
from typing import Any

import pytest

from app.access import Viewer
from app.actions.files.places import store_for
from app.actions.files.stores import add_store, change_store, remove_store
from app.errors import Forbidden, Invalid, InvalidState, NotFound
from app.models import FileStore, LogEntry, OutboxEvent
from app.stores import Key, StoreFull, StoreUnavailable
from tests.actions.files.rows import Yard, yard

__all__ = ["yard"]


def operator(yard: Yard) -> Viewer:
    return Viewer.operator(yard.cast.tenant.id)


async def add(yard: Yard, directory: Path, **values: Any) -> FileStore:
    given: dict[str, Any] = {
        "name": "disk",
        "backend": "local",
        "configuration": {"base_directory": str(directory)},
    }
    return await add_store(operator(yard), yard.stores, **{**given, **values})


async def test_a_store_that_works_is_added_and_the_staff_of_all_tenants_is_told(
    yard: Yard, tmp_path: Path
) -> None:
    row = await add(yard, tmp_path, max_size=100)

    assert (await FileStore.get(name="disk")).max_size == 100
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []  # what was tried out is gone again
    told = await OutboxEvent.filter(event_type="file_store.created", subject=f"file_store/{row.id}")
    assert {each.tenant_id for each in told} == {yard.cast.tenant.id, yard.cast.theirs.tenant_id}
    assert {str(each.audience.value) for each in told} == {"staff"}
    assert (await LogEntry.all().order_by("-id").first()).object_type == "FileStore"  # type: ignore[union-attr]


async def test_a_store_that_does_not_work_is_not_added(yard: Yard, tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable):
        await add(yard, tmp_path / "missing")
    mistakes: tuple[dict[str, Any], ...] = (
        {"backend": "tape"},
        {"name": "no name"},
        {"configuration": {}},
        {"configuration": {"base_directory": "relative"}},
        {"soft_max_size": 2, "max_size": 1},
        {"max_size": -1},
        {"name": "Default"},
    )
    for wrong in mistakes:
        with pytest.raises(Invalid):
            await add(yard, tmp_path, **wrong)

    assert [row.name async for row in FileStore.all()] == ["Default"]


async def test_a_store_is_changed_and_what_is_said_of_where_it_is_is_tried_out(
    yard: Yard, tmp_path: Path
) -> None:
    row = await add(yard, tmp_path)

    changed = await change_store(operator(yard), yard.stores, "disk", read_only=True, soft_max_size=5)
    with pytest.raises(StoreUnavailable):
        await change_store(
            operator(yard), yard.stores, "disk",
            configuration={"base_directory": str(tmp_path / "missing")}, read_only=False,
        )  # fmt: skip

    assert (changed.read_only, changed.soft_max_size, changed.version) == (True, 5, row.version + 1)
    assert (await FileStore.get(name="disk")).configuration == {"base_directory": str(tmp_path)}
    assert await OutboxEvent.filter(event_type="file_store.changed").count() == 2


async def test_a_store_in_use_is_not_forgotten(yard: Yard, tmp_path: Path) -> None:
    row = await yard.store("disk", tmp_path / "disk")

    with pytest.raises(InvalidState, match="1 workspaces have it"):
        await remove_store(operator(yard), "disk")
    await yard.cast.lab.other_file_stores.clear()
    await yard.artifact(files=[b"content"], store=row)
    with pytest.raises(InvalidState, match="1 files are in it"):
        await remove_store(operator(yard), "disk")
    with pytest.raises(Forbidden):
        await remove_store(operator(yard), "Default")

    assert await FileStore.all().count() == 2


async def test_a_store_that_nobody_uses_is_forgotten(yard: Yard, tmp_path: Path) -> None:
    await add(yard, tmp_path)

    await remove_store(operator(yard), "disk")

    assert not await FileStore.exists(name="disk")
    assert await OutboxEvent.filter(event_type="file_store.deleted").count() == 2
    with pytest.raises(NotFound):
        await remove_store(operator(yard), "disk")


async def test_only_the_operator_changes_stores(yard: Yard, tmp_path: Path) -> None:
    viewer = await yard.cast.root.viewer()

    for attempt in (
        add_store(
            viewer, yard.stores, name="disk", backend="local", configuration={"base_directory": str(tmp_path)}
        ),
        change_store(viewer, yard.stores, "Default", read_only=True),
        remove_store(viewer, "Default"),
    ):
        with pytest.raises(Forbidden):
            await attempt

    assert not (await FileStore.get(name="Default")).read_only


async def test_new_files_go_where_there_is_room(yard: Yard, tmp_path: Path) -> None:
    other = await yard.store("other", tmp_path / "other")
    lab = yard.cast.lab.id
    await yard.stored(b"x" * 50)

    async def place(size: int) -> str:
        return (await store_for(lab, Key("0" * 64, size))).name

    unlimited = await place(10**9)
    await FileStore.filter(id=yard.default.id).update(soft_max_size=60, max_size=80)
    within, beyond_soft = await place(10), await place(11)
    await FileStore.filter(id=other.id).update(soft_max_size=5)
    nobody_gladly = await place(30)
    await FileStore.filter(id=other.id).update(max_size=5)
    with pytest.raises(StoreFull):
        await place(31)
    await FileStore.filter(id=yard.default.id).update(read_only=True)
    with pytest.raises(StoreFull):
        await place(6)

    assert (unlimited, within, beyond_soft, nobody_gladly) == ("Default", "Default", "other", "Default")
