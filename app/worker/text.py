"""Bytes of programs as text that the server can store: UTF-8, without NUL, in lines of bounded length."""

import math
from collections.abc import Iterator
from typing import Any

LONGEST_LINE = 8192
"""Bytes of UTF-8 in one log line; what is longer goes on in the next."""

TAIL = 65536
"""Bytes of each stream that an outcome shows."""

# However a piece is decoded, this many characters are at most LONGEST_LINE bytes.
SAFE_CHARACTERS = LONGEST_LINE // 4


def readable(raw: bytes) -> str:
    """Invalid UTF-8 becomes U+FFFD; NUL, which PostgreSQL cannot store, goes."""
    return raw.decode("utf-8", "replace").replace("\0", "")


class Lines:
    """Cuts a stream of bytes into lines."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, chunk: bytes) -> Iterator[str]:
        """Every line that the chunk completes, and what has grown too long to wait for its end."""
        *whole, self._rest = (self._rest + chunk).split(b"\n")
        for line in whole:
            yield from pieces(line)
        while len(self._rest) > LONGEST_LINE:
            end = boundary(self._rest)
            yield from fitting(self._rest[:end])
            self._rest = self._rest[end:]

    def end(self) -> Iterator[str]:
        """The last line, if the stream did not end with a newline."""
        if self._rest:
            yield from pieces(self._rest)
        self._rest = b""


def pieces(line: bytes) -> Iterator[str]:
    line = line.removesuffix(b"\r")
    while len(line) > LONGEST_LINE:
        end = boundary(line)
        yield from fitting(line[:end])
        line = line[end:]
    yield from fitting(line)


def boundary(line: bytes) -> int:
    """Where to cut so that no character is torn apart."""
    for end in range(LONGEST_LINE, LONGEST_LINE - 4, -1):
        if line[end] & 0xC0 != 0x80:
            return end
    return LONGEST_LINE


def fitting(piece: bytes) -> Iterator[str]:
    """The piece as text; U+FFFD has three bytes, so it may have grown."""
    text = readable(piece)
    if len(text.encode()) <= LONGEST_LINE:
        yield text
    else:
        yield from (text[at : at + SAFE_CHARACTERS] for at in range(0, len(text), SAFE_CHARACTERS))


class Tail:
    """The last TAIL bytes of a stream."""

    def __init__(self) -> None:
        self._kept = bytearray()
        self._cut = False

    def add(self, chunk: bytes) -> None:
        self._kept += chunk
        if len(self._kept) > TAIL:
            del self._kept[:-TAIL]
            self._cut = True

    def text(self) -> str:
        kept = bytes(self._kept)
        if self._cut:  # do not begin in the middle of a character
            start = next((at for at in range(min(4, len(kept))) if kept[at] & 0xC0 != 0x80), 0)
            kept = kept[start:]
        return readable(kept)


def storable(value: Any) -> Any:
    """The same JSON without what PostgreSQL or JSON itself cannot hold: NUL, lone surrogates, NaN and infinities."""
    if isinstance(value, str):
        return value.replace("\0", "").encode("utf-8", "replace").decode()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {storable(str(name)): storable(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [storable(each) for each in value]
    return value
