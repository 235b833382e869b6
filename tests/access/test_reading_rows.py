"""Rows become objects as Tortoise makes them."""

from app.database import fetch_records
from tests.access.world import World


async def test_a_row_of_any_table_is_read_as_tortoise_reads_it(world: World) -> None:
    read = set()
    for model, _ in world.rows:
        table = model._meta.db_table
        for record in await fetch_records(f'SELECT * FROM "{table}" LIMIT 50'):
            expected = model._init_from_db(**dict(record.items()))
            assert model.from_record(record).__dict__ == expected.__dict__
            read.add(table)

    assert {"work_request", "task", "token", "artifact", "workspace"} <= read
