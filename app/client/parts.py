"""A file while it is being fetched, beside the place where it will be."""

import fcntl
import hashlib
import os
from pathlib import Path
from typing import Self

from app.client.content import CHUNK, Content
from app.client.errors import TransferError


class Part:
    """The beginning of a file, under a name of its own that the next program finds again. One program at a time."""

    def __init__(self, target: Path, content: Content) -> None:
        self._target = target
        self._content = content
        self._path = target.with_name(part_name(target.name, content))
        self._digest = hashlib.sha256()
        self._finished = False
        self.length = 0

    def __enter__(self) -> Self:
        try:
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o666)
        except OSError as error:
            raise TransferError(f"cannot write {self._target}: {error.strerror}") from error
        self._file = os.fdopen(descriptor, "r+b", buffering=0)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if not os.path.samestat(os.fstat(descriptor), self._path.stat()):
                raise FileNotFoundError
        except (BlockingIOError, FileNotFoundError) as error:  # it may have been finished meanwhile
            self._file.close()
            raise TransferError(f"another program is fetching {self._target} just now") from error
        return self

    def __exit__(self, *exc: object) -> None:
        if not self._finished and not self.length:
            self._path.unlink(missing_ok=True)
        self._file.close()

    def read(self) -> None:
        """Go on from what is there."""
        while self.length < self._content.size and (chunk := self._file.read(CHUNK)):
            self._digest.update(chunk)
            self.length += len(chunk)
        if self.length > self._content.size:
            self.restart()

    def restart(self) -> None:
        """Throw away what is there."""
        self._file.seek(0)
        self._file.truncate()
        self._digest = hashlib.sha256()
        self.length = 0

    def add(self, chunk: bytes) -> None:
        """The next bytes; raises TransferError when the disk does not take them."""
        try:
            rest = memoryview(chunk)
            while rest:
                rest = rest[self._file.write(rest) :]
        except OSError as error:
            raise TransferError(f"cannot write {self._target}: {error.strerror}") from error
        self._digest.update(chunk)
        self.length += len(chunk)

    def finish(self) -> bool:
        """Put the file where it belongs; False when its bytes are the wrong ones, which are thrown away."""
        if (self.length, self._digest.hexdigest()) != (self._content.size, self._content.sha256):
            self.restart()
            return False
        os.fsync(self._file.fileno())
        os.replace(self._path, self._target)
        self._finished = True
        return True


def part_name(name: str, content: Content) -> str:
    """Short, hidden, and another one for each file and content."""
    return f".{hashlib.sha256(f'{content.sha256} {name}'.encode()).hexdigest()[:32]}.part"
