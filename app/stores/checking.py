"""Holds bytes to the key under which they were announced, while they pass."""

import hashlib

from app.stores.errors import Mismatch
from app.stores.keys import Key


class Verifier:
    """Counts and hashes what passes."""

    def __init__(self, key: Key) -> None:
        self._key = key
        self._hash = hashlib.sha256()
        self._size = 0

    def update(self, block: bytes) -> None:
        """Raise `Mismatch` as soon as there is more than was announced: nobody has to receive the rest."""
        self._size += len(block)
        if self._size > self._key.size:
            raise Mismatch(self._key, f"got more than {self._key.size} bytes")
        self._hash.update(block)

    def finish(self) -> None:
        """Raise `Mismatch` unless what passed is the content of the key."""
        received = Key(self._hash.hexdigest(), self._size)
        if received != self._key:
            raise Mismatch(self._key, f"got {received}", received)
