"""Counts the words of texts on another machine: count_words.py DIRECTORY_WITH_TEXTS DIRECTORY_FOR_THE_RESULT"""

import asyncio
import os
import sys
from contextlib import aclosing
from typing import Any

from app.client import Client, download_artifact, upload_artifact

SUBMIT = """mutation Submit($input: CreateWorkRequestInput!) {
  createWorkRequest(input: $input) { workRequest { id } userErrors { code message path } } }"""

WATCH = """subscription Watch($after: Cursor, $id: ID!) {
  workRequestChanged(after: $after, filter: { id: { eq: $id } }) {
    cursor status workRequest { result errors { message } artifacts { nodes { id category } } } } }"""

COUNT = "mkdir outputs && cd inputs/corpus && wc -w *.txt > ../../outputs/words.txt"


async def main(texts: str, result: str) -> None:
    async with Client(os.environ["WORKYARD_URL"], os.environ["WORKYARD_TOKEN"]) as client:
        corpus = await upload_artifact(client, texts, category="workyard:files", progress=show)
        ended = await run(client, "shell", {"inputs": {"corpus": corpus.id}, "command": COUNT})
        if ended["result"] != "SUCCESS":
            sys.exit(f"{ended['result']}: {ended['errors']}")
        (counts,) = ended["artifacts"]["nodes"]
        for file in await download_artifact(client, counts["id"], result):
            print(file.read_text(), end="")


def show(path: str, done: int, size: int) -> None:
    print(f"{path}: {done} of {size} bytes", file=sys.stderr)


async def run(client: Client, task_name: str, task_data: dict[str, Any]) -> dict[str, Any]:
    """Submit work and wait until it has ended."""
    cursor = (await client.execute("{ eventCursor }"))["eventCursor"]
    made = await client.mutate(SUBMIT, {"input": {"taskName": task_name, "taskData": task_data}})
    changes = client.subscribe(WATCH, {"id": made["workRequest"]["id"]}, after=cursor)
    async with aclosing(changes) as events:
        async for event in events:
            if event["status"] in ("COMPLETED", "ABORTED"):
                return event["workRequest"]
    raise RuntimeError("the server ended the subscription")


asyncio.run(main(*sys.argv[1:]))
