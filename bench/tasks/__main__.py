"""python -m bench.tasks ENGINE COMMAND OPTIONS: one measurement of one engine, in the environment that has it."""

import asyncio
import importlib
import json
import os
import sys
from collections.abc import Awaitable
from typing import Any

import uvloop

from bench.tasks.engine import say


async def _answer(command: Awaitable[Any]) -> None:
    say(await command)
    os._exit(0)  # what it holds goes away with the database


def main() -> None:
    os.dup2(2, 1)  # what engines print is no answer
    name, command, options = sys.argv[1:]
    engine = importlib.import_module(f"bench.tasks.engines.{name}").ENGINE()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_answer(getattr(engine, command)(**json.loads(options))))


if __name__ == "__main__":
    main()
