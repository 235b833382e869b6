from pathlib import Path

import pytest

from app.stores import StoreFull, StoreSettings, open_store
from tests.stores.content import put, read


async def test_a_store_of_one_name_is_one_however_often_it_is_opened() -> None:
    settings = StoreSettings(Path("/nowhere"))
    key = await put(open_store("memory", "twice-opened", {}, settings), b"content")

    assert await read(open_store("memory", "twice-opened", {}, settings), key) == b"content"


async def test_it_takes_no_more_than_it_was_told() -> None:
    store = open_store("memory", "small", {"max_bytes": 10}, StoreSettings(Path("/nowhere")))
    key = await put(store, b"0123456")

    with pytest.raises(StoreFull):
        await put(store, b"4567")

    await put(store, b"789")
    await store.delete(key)
    await put(store, b"4567")
