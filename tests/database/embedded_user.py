"""A program that uses a cluster until its standard input ends: python embedded_user.py EMBEDDED BASE PROGRAMS.

It needs the standard library only, so that any Python on the machine can run it, as any user.
"""

import asyncio
import importlib
import json
import sys
from pathlib import Path

FAST = {"fsync": "off", "full_page_writes": "off", "autovacuum": "off", "shared_buffers": "8MB"}


async def main(launcher: Path, base: Path, programs: Path) -> None:
    sys.path.insert(0, str(launcher.parent))
    embedded = importlib.import_module(launcher.name)
    try:
        cluster = embedded.Cluster.at(base, programs, FAST)
        async with cluster.use() as credentials:
            print(json.dumps(credentials), flush=True)
            await asyncio.to_thread(sys.stdin.read)
    except embedded.EmbeddedPostgresError as error:
        print(json.dumps({"error": str(error)}), flush=True)


if __name__ == "__main__":
    asyncio.run(main(*map(Path, sys.argv[1:])))
