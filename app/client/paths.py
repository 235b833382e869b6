"""Paths of files in artifacts, and where they lead on this machine. What a server says of them is not trusted."""

import os
import stat
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path, PurePosixPath

from app.client.errors import BadPath

LONGEST = 500

Sources = str | os.PathLike[str] | Iterable[str | os.PathLike[str]] | Mapping[str, str | os.PathLike[str]]
"""What to upload: a file or a directory, several of them, or a local file for each path in the artifact."""


def checked(path: str) -> str:
    """The path, if it may stand in an artifact: relative, plain, and the same on every machine. Raises BadPath."""
    if reason := unfit(path):
        raise BadPath(f"{path[:200]!r} is no path of a file in an artifact: it {reason}")
    return path


def unfit(path: str) -> str:
    """What is wrong with it; nothing, when it may stand in an artifact."""
    parts = path.split("/")
    if not path or len(path) > LONGEST:
        return f"has {len(path)} characters, and 1 to {LONGEST} are allowed"
    if path.startswith("/"):
        return "begins with a slash"
    if not {"", ".", ".."}.isdisjoint(parts):
        return "has a part that is empty or made of dots"
    if "\0" in path or "\\" in path:
        return "has a NUL or a backslash"
    if any("\ud800" <= each <= "\udfff" for each in path):
        return "is no UTF-8"
    return "" if unicodedata.is_normalized("NFC", path) else "is not in Unicode's normal form NFC"


def place(directory: Path, path: str) -> Path:
    """Where a file of an artifact goes below a directory, with the directories above it made.

    Raises BadPath when it would lie elsewhere, be it by the path itself or by a symbolic link that is there already.
    """
    target = directory / PurePosixPath(checked(path))
    if not target.parent.resolve().is_relative_to(directory.resolve()):
        raise BadPath(f"{path!r} would lie outside of {directory}: a symbolic link leads there")
    make_directory(target.parent)
    if target.is_symlink() or target.is_dir():
        raise BadPath(f"{target} is there already, and is no file")
    return target


def make_directory(directory: Path) -> None:
    """Make it, with those above it. Raises BadPath."""
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadPath(f"cannot make the directory {directory}: {error.strerror}") from error


def local_files(sources: Sources) -> dict[str, Path]:
    """The local file for each path in the artifact, in order of the paths.

    A file goes under its name; of a directory goes everything below it, under the paths below it. Symbolic links below
    a directory, pipes, devices and sockets are refused with BadPath, and so are two files with the same path.
    """
    if isinstance(sources, Mapping):
        found = [(path, regular(Path(source))) for path, source in sources.items()]
    else:
        several = [sources] if isinstance(sources, str | os.PathLike) else sources
        found = [pair for source in several for pair in below(Path(source))]
    files: dict[str, Path] = {}
    for path, source in found:
        path = checked(unicodedata.normalize("NFC", path))
        if path in files:
            raise BadPath(f"{files[path]} and {source} would both be {path!r} in the artifact")
        files[path] = source
    return dict(sorted(files.items()))


def below(source: Path) -> Iterator[tuple[str, Path]]:
    if not source.is_dir():
        yield source.name, regular(source)
        return
    for folder, directories, names in os.walk(source):
        for name in sorted(names) + [each for each in directories if Path(folder, each).is_symlink()]:
            file = Path(folder, name)
            if file.is_symlink():
                raise BadPath(f"{file} is a symbolic link: an artifact holds files only")
            yield file.relative_to(source).as_posix(), regular(file)


def regular(file: Path) -> Path:
    try:
        mode = file.stat().st_mode
    except OSError as error:
        raise BadPath(f"cannot read {file}: {error.strerror}") from error
    if not stat.S_ISREG(mode):
        raise BadPath(f"{file} is no file")
    return file
