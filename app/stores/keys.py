"""What content is known by."""

import re
from dataclasses import dataclass
from typing import Self

DIGEST_BYTES = 32
HEX = re.compile(r"[0-9a-f]{64}", re.ASCII)
PATH = re.compile(r"([0-9a-f]{2})/([0-9a-f]{2})/([0-9a-f]{2})/([0-9a-f]{64})-(0|[1-9][0-9]{0,18})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Key:
    """Content, by its SHA-256 as 64 small hex characters and its size in bytes. Raises ValueError for anything else."""

    sha256: str
    size: int

    def __post_init__(self) -> None:
        if not HEX.fullmatch(self.sha256):
            raise ValueError(f"expected a SHA-256 as 64 small hex characters, got {self.sha256[:80]!r}")
        if not 0 <= self.size < 2**63:
            raise ValueError(f"expected a size from 0 to 2**63 - 1, got {self.size}")

    @classmethod
    def of_digest(cls, digest: bytes, size: int) -> Self:
        """From the 32 bytes that a database row holds."""
        return cls(digest.hex(), size)

    @property
    def path(self) -> str:
        """Its name in a store, as debusine's: aa/bb/cc/<sha256>-<size>. It cannot lead out of the store."""
        return f"{self.sha256[:2]}/{self.sha256[2:4]}/{self.sha256[4:6]}/{self}"

    @classmethod
    def parse(cls, path: str) -> Self | None:
        """The key whose path this is; None when it is the path of none."""
        match = PATH.fullmatch(path)
        if match is None or match[1] + match[2] + match[3] != match[4][:6] or int(match[5]) >= 2**63:
            return None
        return cls(match[4], int(match[5]))

    def __str__(self) -> str:
        return f"{self.sha256}-{self.size}"
