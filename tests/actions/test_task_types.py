"""What the data of a task type may be made to do to the server."""

import asyncio
from typing import Any

import pytest

from app.actions import work
from app.actions.json_schemas import MAX_PROBLEMS
from app.actions.work.task_types import check_task_data
from app.errors import Invalid
from app.models import TaskType
from tests.cast import Cast


async def test_a_schema_that_refers_elsewhere_makes_the_server_fetch_nothing(cast: Cast) -> None:
    asked: list[bytes] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.readline())
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as elsewhere:
        url = f"http://127.0.0.1:{elsewhere.sockets[0].getsockname()[1]}/schema"
        task_type = TaskType(name="curious", data_schema={"$ref": url})
        with pytest.raises(Invalid) as refused:
            await asyncio.to_thread(check_task_data, task_type, {})

    assert refused.value.path == ("input", "taskName")
    assert asked == []


def test_of_very_many_problems_the_first_are_looked_for() -> None:
    looked_at: list[Any] = []
    word = TaskType(name="words", data_schema={"additionalProperties": {"type": "string"}})

    class Data(dict[str, Any]):
        def __getitem__(self, key: str) -> Any:
            looked_at.append(key)
            return super().__getitem__(key)

    with pytest.raises(Invalid) as refused:
        check_task_data(word, Data({str(number): number for number in range(20_000)}))

    assert len(refused.value.errors) == MAX_PROBLEMS
    assert 0 < len(looked_at) < 100


@pytest.mark.parametrize("data_schema", [True, [1], "x", None])
async def test_a_schema_that_is_no_object_is_refused(cast: Cast, data_schema: Any) -> None:
    with pytest.raises(Invalid) as refused:
        await work.register_task_type(await cast.sam.viewer(), name="odd", data_schema=data_schema)

    assert refused.value.path == ("input", "dataSchema")
    assert not await TaskType.exists(name="odd")


@pytest.mark.parametrize(
    ("schema", "right", "wrong"),
    [
        ({"properties": {"n": {"type": "integer", "minimum": 1}}}, {"n": 1}, {"n": 0}),
        ({"required": ["n"], "additionalProperties": False}, None, {"n": 1}),
        (
            {"properties": {"s": {"pattern": r"\Ax+\Z"}}},
            {"s": "xx"},
            {"s": "xx\n"},
        ),  # a pattern that only Python reads
        ({"properties": {"n": {"multipleOf": 0.1}}}, {"n": 0.3}, {"n": 0.35}),
        ({"properties": {"at": {"format": "date-time"}}}, {"at": "never"}, None),
        ({"$schema": "http://127.0.0.1:1/nowhere", "type": "object"}, {"n": 1}, None),
    ],
)
def test_data_fulfils_a_schema_or_does_not(schema: dict[str, Any], right: Any, wrong: Any) -> None:
    kind = TaskType(name="kind", data_schema=schema)
    if right is not None:
        check_task_data(kind, right)
    if wrong is not None:
        with pytest.raises(Invalid):
            check_task_data(kind, wrong)
