"""The temporary files of uploads, from the outside. Their directory is the servers' that serve uploads; other machines may
lack it."""

import asyncio
import os
import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from app.actions.files.incoming import Incoming
from app.database import fetch
from app.errors import UploadBusy

NAME = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)
"""What our temporary files are called: a UUID. Others are left alone."""


async def unlink_temporary_files(directory: Path, names: Iterable[str]) -> None:
    """Remove temporary files. One that is not there is removed already; who still writes to one writes to nothing."""
    await asyncio.to_thread(_unlink, directory, list(names))


async def sweep_temporary_files(directory: Path, before: datetime) -> int:
    """Remove those that belong to no upload, and to which nobody has written since. Returns how many."""
    old = await asyncio.to_thread(lambda: list(_older(directory, before)))
    known = {row["path"] for row in await fetch("SELECT path FROM file_upload WHERE path = ANY($1)", old)}
    return sum([await _remove(directory / name) for name in old if name not in known])


async def _remove(path: Path) -> bool:
    try:
        incoming = await Incoming.open(path, create=False)
    except UploadBusy:
        return False
    if incoming is None:
        return False
    try:
        await incoming.remove()
    finally:
        await incoming.close()
    return True


def _older(directory: Path, before: datetime) -> Iterator[str]:
    with suppress(FileNotFoundError), os.scandir(directory) as entries:
        for entry in entries:
            if NAME.fullmatch(entry.name) and entry.is_file(follow_symlinks=False):
                with suppress(FileNotFoundError):
                    if datetime.fromtimestamp(entry.stat().st_mtime, UTC) < before:
                        yield entry.name


def _unlink(directory: Path, names: Iterable[str]) -> None:
    for name in names:
        with suppress(FileNotFoundError):
            os.unlink(directory / name)
