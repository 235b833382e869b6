"""What is too old is cleared away as fast as it comes to be."""

import pytest

from app.actions import retention
from app.daemons import reaper
from app.database import Database, fetch
from app.settings import Settings
from tests.api import rows_of


@pytest.fixture
def batch(monkeypatch: pytest.MonkeyPatch) -> int:
    for module in (retention, reaper):
        monkeypatch.setattr(module, "BATCH", 3)
    return 3


async def test_more_than_a_batch_is_cleared_away_without_waiting_for_the_next_hour(
    db: Database, batch: int
) -> None:
    await fetch(
        "INSERT INTO idempotency_key (owner, key, mutation, fingerprint, object_id, created_at)"
        " SELECT 'user/1', number, '', '', 1, now() - interval '2 days' FROM generate_series(1, $1) AS number",
        3 * batch + 1,
    )
    await fetch(
        "INSERT INTO idempotency_key (owner, key, mutation, fingerprint, object_id) VALUES ('user/1', 'new', '', '', 1)"
    )
    reaping = reaper.Reaper(Settings())

    removed = [(await reaping.run_once()).keys for _ in range(5)]

    assert removed == [batch, batch, batch, 1, 0]
    assert await rows_of("idempotency_key") == 1
