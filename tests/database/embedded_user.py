"""A program that uses a cluster until its standard input ends: python embedded_user.py EMBEDDED BASE PROGRAMS.

It needs the standard library only, so that any Python on the machine can run it, as any user.
"""

import asyncio
import importlib.util
import json
import sys
from pathlib import Path

FAST = {"fsync": "off", "full_page_writes": "off", "autovacuum": "off", "shared_buffers": "8MB"}


async def main(launcher: Path, base: Path, programs: Path) -> None:
    spec = importlib.util.spec_from_file_location("embedded", launcher)
    assert spec
    assert spec.loader
    embedded = importlib.util.module_from_spec(spec)
    sys.modules["embedded"] = embedded
    spec.loader.exec_module(embedded)
    try:
        cluster = embedded.Cluster.at(base, programs, FAST)
        async with cluster.use() as credentials:
            print(json.dumps(credentials), flush=True)
            await asyncio.to_thread(sys.stdin.read)
    except embedded.EmbeddedPostgresError as error:
        print(json.dumps({"error": str(error)}), flush=True)


if __name__ == "__main__":
    asyncio.run(main(*map(Path, sys.argv[1:])))
