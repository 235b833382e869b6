"""What PostgreSQL gives for a column becomes what the ordinary executor answers."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from app.database import Database, fetch_records
from app.graphql.ids import global_id
from app.graphql.plan.declared import Declined
from app.graphql.plan.leaves import instant, instant_text
from app.graphql.plan.rendering import INSTANT, Code, numbered_ids

INSTANTS = [
    datetime(2026, 11, 21, 23, 59, 59, 123456, UTC),
    datetime(2026, 11, 21, 23, 59, 59, 123450, UTC),
    datetime(2026, 11, 21, 23, 59, 59, 100000, UTC),
    datetime(2026, 11, 21, 23, 59, 59, 1, UTC),
    datetime(2026, 11, 21, tzinfo=UTC),
    datetime(2, 1, 1, tzinfo=UTC),
    datetime(9999, 12, 31, 23, 59, 59, 999998, UTC),
]


async def test_an_instant_is_told_as_python_tells_it(db: Database) -> None:
    show: Callable[..., Any] = Code().function("r", INSTANT.format("r"))
    for each in INSTANTS:
        ((text,),) = await fetch_records("SELECT $1::timestamptz::text", each)
        assert show(text) == instant(text) == instant(instant_text(each)) == each.isoformat()


@pytest.mark.parametrize(
    "text", ["infinity", "-infinity", "0044-03-15 00:00:00+00 BC", "12026-11-21 00:00:00+00"]
)
async def test_an_instant_that_python_does_not_have_is_left_to_the_executor(db: Database, text: str) -> None:
    ((given,),) = await fetch_records("SELECT $1::text::timestamptz::text", text)
    assert given == text
    with pytest.raises(Declined):
        instant(given)


def test_the_id_of_a_number_is_its_global_id() -> None:
    for name in ("WorkRequest", "Worker"):
        for number in (1, 22, 333, 2**63 - 1, 22):
            assert numbered_ids(name)(number) == global_id(name, number)
