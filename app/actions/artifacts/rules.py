"""What the files of an artifact may be called, and what must be known of them."""

import hashlib
import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from app.errors import FieldError, Invalid

MAX_FILES = 1000
MAX_PATH = 500
MAX_PROBLEMS = 10
NOTHING = hashlib.sha256().hexdigest()
"""The hash of a file of no bytes."""

_HASH = re.compile(r"[0-9a-f]{64}", re.ASCII)
_WORD = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_CONTENT_TYPE = re.compile(rf'{_WORD}/{_WORD}(?:[ \t]*;[ \t]*{_WORD}=(?:{_WORD}|"[ !#-\[\]-~]*"))*', re.ASCII)


@dataclass(frozen=True)
class NewFile:
    """A file that is announced: its bytes come later, and must be these."""

    path: str
    size: int
    sha256: str
    content_type: str | None = None

    @property
    def digest(self) -> bytes:
        """The hash as 32 bytes."""
        return bytes.fromhex(self.sha256)


def check_files(files: Sequence[NewFile], max_file_bytes: int) -> None:
    """Raise `Invalid`, with the first ten broken rules, unless every file may be announced."""
    if len(files) > MAX_FILES:
        raise Invalid.field("files", f"An artifact has at most {MAX_FILES:,} files.", "TOO_LARGE")
    problems: list[FieldError] = []
    for index, file in enumerate(files):
        for name, check in _CHECKS.items():
            if found := check(file, max_file_bytes):
                problems.append(FieldError(("input", "files", str(index), name), *found))
    problems += _clashes([file.path for file in files])
    if problems:
        raise Invalid(*problems[:MAX_PROBLEMS])


Problem = tuple[str, str] | None
"""What is wrong, and the broken rule for programs."""


def _path(file: NewFile, _: int) -> Problem:
    path = file.path
    if not 1 <= len(path) <= MAX_PATH:
        return f"A path has 1 to {MAX_PATH} characters.", "INVALID"
    if "\0" in path or "\\" in path:
        return "A path has no NUL characters and no backslashes.", "INVALID"
    if path.startswith("/"):
        return "A path is relative: it does not begin with a slash.", "INVALID"
    if any(segment in ("", ".", "..") for segment in path.split("/")):
        return "Between the slashes of a path are names, not nothing, '.' or '..'.", "INVALID"
    if not unicodedata.is_normalized("NFC", path):
        return "A path is in the Unicode normal form NFC.", "INVALID"
    return None


def _size(file: NewFile, max_file_bytes: int) -> Problem:
    if not 0 <= file.size <= max_file_bytes:
        return f"A file has 0 to {max_file_bytes:,} bytes.", "TOO_LARGE" if file.size > 0 else "INVALID"
    return None


def _sha256(file: NewFile, _: int) -> Problem:
    if not _HASH.fullmatch(file.sha256):
        return "A SHA-256 is 64 characters of 0-9 a-f.", "INVALID"
    if file.size == 0 and file.sha256 != NOTHING:
        return f"The SHA-256 of a file of 0 bytes is {NOTHING}.", "INVALID"
    return None


def _content_type(file: NewFile, _: int) -> Problem:
    given = file.content_type
    if given is not None and not (len(given) <= 255 and _CONTENT_TYPE.fullmatch(given)):
        return "A content type is a media type such as text/plain; charset=utf-8.", "INVALID"
    return None


_CHECKS: dict[str, Callable[[NewFile, int], Problem]] = {
    "path": _path,
    "size": _size,
    "sha256": _sha256,
    "contentType": _content_type,
}


def _clashes(paths: Sequence[str]) -> list[FieldError]:
    """The paths that cannot be beside others in one directory tree."""
    problems, known = [], set(paths)
    seen: set[str] = set()
    for index, path in enumerate(paths):
        here = ("input", "files", str(index), "path")
        if path in seen:
            problems.append(FieldError(here, f"'{path[:100]}' is there twice.", "TAKEN"))
        seen.add(path)
        file = next((each for each in _directories(path) if each in known), None)
        if file is not None:
            problems.append(
                FieldError(here, f"'{file[:100]}' is a file, and cannot be a directory too.", "TAKEN")
            )
    return problems


def _directories(path: str) -> list[str]:
    """The directories that a path leads through."""
    parts = path.split("/")[:-1]
    return ["/".join(parts[: length + 1]) for length in range(len(parts))]
