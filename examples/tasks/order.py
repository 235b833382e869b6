"""Sends a task from inside a transaction: the order and the task are stored together, or neither is.

python order.py http://127.0.0.1:8099/page [--fail]
"""

import asyncio
import sys

from reports import count_words

from app.database import fetch, open_database, transaction
from app.settings import load_settings

TABLE = "CREATE TABLE IF NOT EXISTS reading (id bigserial PRIMARY KEY, url text NOT NULL, task uuid NOT NULL)"


async def order(url: str, *, fail: bool) -> None:
    async with transaction():
        task = await count_words.send_async(url)
        await fetch("INSERT INTO reading (url, task) VALUES ($1, $2)", url, task.message_id)
        if fail:
            raise RuntimeError("something else went wrong: no order, and no task")
    print("task", task.id)


async def main(url: str, *options: str) -> None:
    async with open_database(load_settings()):
        await fetch(TABLE)
        await order(url, fail="--fail" in options)


asyncio.run(main(*sys.argv[1:]))
