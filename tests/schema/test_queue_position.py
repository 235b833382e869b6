"""Where a work request stands in the queue."""

import pytest

from app.database import fetch
from tests.api import Api
from tests.cast import Cast
from tests.statements import statements

PLACES = """query { workRequests(filter: {status: {in: [PENDING, RUNNING]}}) {
  nodes { priorityAdjustment queuePosition } } }"""


async def test_places_follow_priority_then_age_and_are_found_in_one_statement(
    api: Api, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    for adjustment in (0, -1, 0, -2, 0):
        await cast.request(priority_adjustment=adjustment)
    await api.mutate(cast.machine, "acquireWorkRequest")

    with statements(monkeypatch) as sent:
        nodes = (await api.execute(cast.bob, PLACES))["workRequests"]["nodes"]

    places = [(node["priorityAdjustment"], node["queuePosition"]) for node in nodes]
    assert places == [(0, None), (-1, 3), (0, 1), (-2, 4), (0, 2)]
    assert sum("row_number" in statement or "COUNT" in statement for statement in sent) == 1


async def test_work_that_one_may_not_see_takes_no_place(api: Api, cast: Cast) -> None:
    await fetch("UPDATE workspace SET public = true WHERE name = 'System'")
    await cast.request()
    await cast.request(cast.root, workspace_id=None)

    seen_by_eve = (await api.execute(cast.eve, PLACES))["workRequests"]["nodes"]
    seen_by_root = (await api.execute(cast.root, PLACES))["workRequests"]["nodes"]

    assert [node["queuePosition"] for node in seen_by_eve] == [1]
    assert [node["queuePosition"] for node in seen_by_root] == [1, 2]
