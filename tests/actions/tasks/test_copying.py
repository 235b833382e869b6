"""What is written as bytes is what the database would have made of it."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from app.actions.tasks.copying import log_row
from app.clock import now
from app.database import Database, fetch
from app.models.tasks import LogEvent, LogLevel

_ID = slice(6, 22)
"""Where a row has its id: after the number of columns and the length."""


@pytest.mark.parametrize("number", [1, 16_383, 16_384, 70_000])
async def test_the_id_of_a_line_tells_its_task_and_differs_from_all_others(db: Database, number: int) -> None:
    task_id, time = 2**40 + 77, now()

    row = log_row(LogEvent("e", LogLevel.INFO, "l", time), task_id, number, 1, False)

    id = UUID(bytes=row[_ID])
    [made] = await fetch(
        "SELECT line_id($1, $2, $3) AS id, task_of_line($4) AS task_id", task_id, number, time, id
    )
    assert made == {"id": id, "task_id": task_id}
    assert (id.version, id.variant) == (7, "specified in RFC 4122")
    assert int.from_bytes(id.bytes[:6]) == (time - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(
        milliseconds=1
    )
    others = log_row(LogEvent("e", LogLevel.INFO, "l", time), task_id, number + 1, 1, False)
    assert others[_ID] != row[_ID]


def test_a_line_may_have_any_time_that_there_is() -> None:
    for time in (datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, tzinfo=UTC)):
        assert log_row(LogEvent("e", LogLevel.INFO, "l", time), 1, 1, 1, False)
