"""Which files a piece of work has left."""

from collections.abc import Iterator
from pathlib import Path

from app.client import BadPath
from app.client.paths import local_files
from app.worker.context import inner
from app.worker.handler import OUTPUTS, Outputs


def output_files(directory: Path, outputs: Outputs, *, missing: bool) -> dict[str, Path]:
    """The local file for each path in the artifact. Raises BadPath.

    What is below `outputs/` goes under its path there, the rest under its path in the directory. Unless some may be
    `missing`, each of the declared paths must be there.
    """
    files: dict[str, Path] = {}
    if (directory / OUTPUTS).is_dir():
        files |= local_files(directory / OUTPUTS)
    for path in outputs.paths:
        found = dict(matching(directory, path))
        if not found and not missing:
            raise BadPath(f"the work has not made {path!r}, which is to be kept")
        files |= found
    return files


def matching(directory: Path, path: str) -> Iterator[tuple[str, Path]]:
    """The files of a path: itself, or everything below it, or all that fit it as a pattern."""
    try:
        wanted = inner(path)
    except ValueError as error:
        raise BadPath(str(error)) from error
    named = directory / wanted
    for found in [named] if named.exists() else sorted(directory.glob(str(wanted))):
        if not found.resolve().is_relative_to(directory.resolve()):
            raise BadPath(f"{found.relative_to(directory)} leads out of the working directory")
        for source in local_files(found).values():
            yield source.relative_to(directory).as_posix(), source
