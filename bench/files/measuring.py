"""MB/s of uploads and downloads, one stream and many, beside dd and nginx; artifacts declared in a second."""

import asyncio
import hashlib
import itertools
import os
import shutil
import subprocess
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import AsyncExitStack, contextmanager
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any
from urllib.parse import urlsplit

from bench.files import nginx
from bench.files.transfers import download, rate, upload
from bench.http import Connection
from bench.place import Server, place
from bench.table import ratio, show, spread

MIB = 1 << 20
STREAMS = {1: 256 * MIB, 16: 16 * MIB}
"""So many at once, of files of this size."""
ARTIFACTS = 200
FILES = 10

CREATE = """mutation ($in: CreateArtifactInput!) { createArtifact(input: $in) {
  artifact { id files(first: 1) { nodes { uploadUrl } } } userErrors { code message } } }"""
NUMBERS = itertools.count()


async def measure(rounds: int) -> None:
    """Print the tables."""
    async with AsyncExitStack() as stack:
        disk = stack.enter_context(directory())
        # Bytes lie on the disk; PostgreSQL, as in all measurements here, in memory.
        os.environ["WORKYARD_FILES_DIR"] = str(disk / "ours")
        os.environ["WORKYARD_DATA_DIR"] = str(disk / "data")
        here = await stack.enter_async_context(place())
        server = await stack.enter_async_context(here.server("files"))
        yard = Yard(server, disk)
        program = nginx.find()
        if program is None:
            print("No nginx on this machine, and none to be fetched: downloads are compared with nothing.\n")
        else:
            root = disk / "theirs"
            root.mkdir()
            yard.nginx = await stack.enter_async_context(nginx.serve(program, root, disk / "nginx"))
        samples = await _sample(yard, rounds)
        _show(samples, nginx.version(program) if program else None)
        await _show_artifacts(server, rounds)


class Yard:
    """The server, and files to send there and to get from there."""

    def __init__(self, server: Server, disk: Path) -> None:
        self.server = server
        self.disk = disk
        self.nginx: int | None = None
        self._noise = os.urandom(max(STREAMS.values()))

    def sources(self, streams: int) -> list[Path]:
        """New files that nobody has."""
        made = []
        for number in range(streams):
            path = self.disk / "sources" / str(number)
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(next(NUMBERS).to_bytes(16, "big") + self._noise[16 : STREAMS[streams]])
            made.append(path)
        os.sync()  # what is written next does not wait for these
        return made

    async def declared(self, sources: Sequence[Path]) -> list[str]:
        """Artifacts with one of these files each; the paths of their addresses."""
        found = []
        for source in sources:
            digest = hashlib.sha256(source.read_bytes()).hexdigest()
            file = {"path": "file", "size": source.stat().st_size, "sha256": digest}
            answer = await self.server.admin.mutate(CREATE, {"in": _artifact([file])})
            found.append(urlsplit(answer["artifact"]["files"]["nodes"][0]["uploadUrl"]).path)
        return found


async def _sample(yard: Yard, rounds: int) -> dict[tuple[str, int], list[float]]:
    """MB/s of each way, in turns. The first round is to warm up."""
    samples: dict[tuple[str, int], list[float]] = defaultdict(list)
    port, key = yard.server.port, yard.server.key
    for count, streams in itertools.product(range(1 + rounds), STREAMS):
        sources = yard.sources(streams)
        addresses = await yard.declared(sources)
        ways: dict[str, list[Callable[[], int]]] = {
            "dd": [partial(_dd, each, yard.disk / "dd" / each.name) for each in sources],
            "put": [
                partial(upload, port, address, key, each)
                for address, each in zip(addresses, sources, strict=True)
            ],
            "get": [partial(download, port, address, key) for address in addresses],
        }
        if yard.nginx is not None:
            for each in sources:
                shutil.copy(each, yard.disk / "theirs" / each.name)
            ways["nginx"] = [partial(download, yard.nginx, f"/{each.name}", "") for each in sources]
        (yard.disk / "dd").mkdir(exist_ok=True)
        for way, transfers in ways.items():
            taken = await rate(transfers)
            if count:
                samples[way, streams].append(taken)
    return samples


def _dd(source: Path, target: Path) -> int:
    subprocess.run(["dd", f"if={source}", f"of={target}", "bs=1M", "conv=fsync", "status=none"], check=True)
    return target.stat().st_size


def _show(samples: dict[tuple[str, int], list[float]], version: str | None) -> None:
    rows = []
    for way, name, base in (
        ("put", "upload: hashed, synced, in its place", "dd"),
        ("dd", "dd conv=fsync", "dd"),
        ("get", "download", "nginx"),
        ("nginx", f"{version}, sendfile", "nginx"),
    ):
        if (way, 1) not in samples:
            continue
        cells = [name]
        for streams in STREAMS:
            against = samples.get((base, streams))
            cells += [spread(samples[way, streams]), ratio(samples[way, streams], against) if against else ""]
        rows.append(cells)
    titles = [
        title
        for streams, size in STREAMS.items()
        for title in (f"{streams} × {size // MIB} MiB, MB/s", "to dd or nginx")
    ]
    show("Bytes", ["", *titles], rows)


async def _show_artifacts(server: Server, rounds: int) -> None:
    rows = []
    for senders in (1, 8):
        taken = [await _artifacts_per_second(server, senders) for _ in range(1 + rounds)][1:]
        rows.append([str(senders), spread(taken)])
    show(f"Artifacts with {FILES} files each", ["senders", "artifacts/s"], rows)


async def _artifacts_per_second(server: Server, senders: int) -> float:
    connections = [await Connection(server.port, server.key).open() for _ in range(senders)]
    left = iter(range(ARTIFACTS))

    async def send(connection: Connection) -> None:
        for _ in left:
            answer = await connection.execute(CREATE, {"in": _artifact([_file() for _ in range(FILES)])})
            assert answer["createArtifact"]["userErrors"] == []

    began = perf_counter()
    await asyncio.gather(*map(send, connections))
    taken = perf_counter() - began
    for connection in connections:
        connection.close()
    return ARTIFACTS / taken


def _artifact(files: list[dict[str, Any]]) -> dict[str, Any]:
    return {"category": "workyard:test", "data": {}, "files": files}


def _file() -> dict[str, Any]:
    number = next(NUMBERS)
    digest = hashlib.sha256(number.to_bytes(8, "big")).hexdigest()
    return {"path": f"some/file-{number}", "size": 8, "sha256": digest}


@contextmanager
def directory() -> Iterator[Path]:
    """A directory on a disk, not in memory; nothing of it is left."""
    found = Path(tempfile.mkdtemp(prefix="workyard-bench-", dir="/var/tmp"))
    try:
        yield found
    finally:
        shutil.rmtree(found, ignore_errors=True)
