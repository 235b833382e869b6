"""Work that stands alone is submitted by one statement, which holds only while all that was known before is still so."""

from typing import Any

import orjson
import pytest

from app.actions import work
from app.actions.work.requests import NewWorkRequest, create_work_request
from app.database import fetch
from app.errors import Forbidden, Invalid, NotFound
from app.models import OutboxEvent, WorkRequest
from tests.cast import Cast
from tests.statements import statements

NUMBERS = {"type": "object", "properties": {"n": {"type": "integer"}}}
WORDS = {"type": "object", "properties": {"n": {"type": "string"}}}


async def submit(cast: Cast, **other: Any) -> WorkRequest:
    new = NewWorkRequest(
        **{"task_name": "count", "workspace_id": cast.lab.id, "task_data": {"n": 1}, **other}
    )
    return await create_work_request(await cast.ann.viewer(), new)


@pytest.fixture
async def counted(cast: Cast) -> None:
    """The task type is known to this process, with a set of tags."""
    await work.register_task_type(await cast.sam.viewer(), name="count", data_schema=NUMBERS)
    await submit(cast)


async def test_it_takes_one_statement(cast: Cast, counted: None, monkeypatch: pytest.MonkeyPatch) -> None:
    await submit(cast)
    viewer = await cast.ann.viewer()

    with statements(monkeypatch) as sent:
        made = await create_work_request(viewer, NewWorkRequest("count", {"n": 2}, cast.lab.id))

    assert len(sent) == 1
    kept = await WorkRequest.get(id=made.id)
    assert {name: getattr(made, name) for name in WorkRequest._meta.db_fields} == {
        name: getattr(kept, name) for name in WorkRequest._meta.db_fields
    }
    told = await OutboxEvent.filter(subject=f"work_request/{made.id}")
    assert [event.event_type for event in told] == ["work_request.created"]


async def test_a_schema_that_somebody_else_changed_is_the_one_that_counts(cast: Cast, counted: None) -> None:
    await submit(cast)
    await fetch("UPDATE task_type SET data_schema = $1 WHERE name = 'count'", orjson.dumps(WORDS).decode())

    with pytest.raises(Invalid):
        await submit(cast)
    assert (await submit(cast, task_data={"n": "one"})).task_data == {"n": "one"}
    assert (await submit(cast, task_data={"n": "two"})).task_data == {"n": "two"}


async def test_tags_that_somebody_else_changed_are_those_that_count(cast: Cast, counted: None) -> None:
    await submit(cast)
    await fetch("UPDATE task_type SET required_tags = '{gpu}' WHERE name = 'count'")

    made = await submit(cast)

    assert made.required_tags == ["gpu", "task:count"]
    await made.fetch_related("tag_set")
    assert made.tag_set.tags == made.required_tags


async def test_a_set_of_tags_that_nobody_asked_for_before_is_made(cast: Cast, counted: None) -> None:
    made = await submit(cast, required_tags=["rare"])

    assert made.required_tags == ["rare", "task:count"]


async def test_who_may_not_is_told_why(cast: Cast, counted: None) -> None:
    new = NewWorkRequest("count", {"n": 1}, cast.lab.id)
    before = await WorkRequest.all().count()

    with pytest.raises(NotFound):
        await create_work_request(await cast.eve.viewer(), new)
    with pytest.raises(Forbidden):
        await create_work_request(await cast.vic.viewer(), new)
    with pytest.raises(NotFound):
        await create_work_request(await cast.root.viewer(), NewWorkRequest("count", {"n": 1}, cast.theirs.id))

    assert await WorkRequest.all().count() == before
