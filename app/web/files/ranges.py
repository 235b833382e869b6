"""Which bytes of a representation a request asks for, and whether it is still what the client knows: RFC 9110, 13 and 14.

Representations have a strong entity tag and no date of change; so conditions by date are never true, as the RFC has it.
"""

import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass

from app.actions.files.reading import Blocks, Content

MOST_RANGES = 10
"""More ranges than these in one request get the whole."""
MOST_CHARACTERS = 1000

RANGE = re.compile(r"(?:([0-9]+)-([0-9]*)|-([0-9]+))", re.ASCII)
ENTITY_TAG = re.compile(r'[ \t]*+(?:((?:W/)?"[\x21\x23-\x7e\x80-\xff]*+")[ \t]*+)?+(?:,|$)')


@dataclass(frozen=True, slots=True)
class Span:
    """Bytes from start up to, not including, stop."""

    start: int
    stop: int

    @property
    def length(self) -> int:
        return self.stop - self.start

    def content_range(self, size: int) -> str:
        """As Content-Range says it, which names the last byte."""
        return f"bytes {self.start}-{self.stop - 1}/{size}"


def spans(header: str, size: int) -> list[Span] | None:
    """What a Range header asks for of so many bytes; an empty list when nothing of it is there: that is 416.

    None: send the whole, because there is no such header, it cannot be read, is of another unit, has too many ranges, or
    asks for more than the whole.
    """
    unit, equals, text = header.partition("=")
    if not equals or unit.lower() != "bytes" or len(header) > MOST_CHARACTERS:
        return None
    wanted = [part for part in (each.strip(" \t") for each in text.split(",")) if part]
    if not 0 < len(wanted) <= MOST_RANGES:
        return None
    found = []
    for each in wanted:
        match = RANGE.fullmatch(each)
        if match is None:
            return None
        first, last, suffix = match.groups()
        if suffix is not None:
            start, stop = max(0, size - int(suffix)), size if int(suffix) else 0
        elif last and int(last) < int(first):
            return None
        else:
            start, stop = int(first), min(int(last) + 1, size) if last else size
        if start < stop:
            found.append(Span(start, stop))
        elif suffix is not None and int(suffix):
            return None  # the last bytes of nothing are nothing, all of it
    return None if len(found) > 1 and sum(span.length for span in found) > size else found


class Parts:
    """Several spans in one body of multipart/byteranges."""

    def __init__(self, spans: Sequence[Span], size: int, content_type: str) -> None:
        boundary = secrets.token_hex(16)
        self.content_type = f"multipart/byteranges; boundary={boundary}"
        self.spans = spans
        self._heads = [
            f"\r\n--{boundary}\r\nContent-Type: {content_type}\r\n"
            f"Content-Range: {span.content_range(size)}\r\n\r\n".encode("latin-1")
            for span in spans
        ]
        self._tail = f"\r\n--{boundary}--\r\n".encode()
        self.length = sum(map(len, self._heads)) + sum(span.length for span in spans) + len(self._tail)

    async def body(self, content: Content) -> Blocks:
        """The body, of `length` bytes."""
        for span, head in zip(self.spans, self._heads, strict=True):
            async for block in content.blocks(span.start, span.stop):
                # Not before its bytes are there: until then the whole may still become an error.
                yield head + block if head else block
                head = b""
        yield self._tail


def refused_status(if_match: str, if_none_match: str, etag: str) -> int | None:
    """412 or 304 when the conditions of a GET or HEAD say so, empty headers being absent ones; None to go on."""
    strong = set() if etag.startswith("W/") else {etag}
    if if_match and if_match.strip(" \t") != "*" and strong.isdisjoint(_tags(if_match)):
        return 412
    known = if_none_match.strip(" \t")
    if known and (
        known == "*" or etag.removeprefix("W/") in {tag.removeprefix("W/") for tag in _tags(known)}
    ):
        return 304
    return None


def may_be_partial(if_range: str, etag: str) -> bool:
    """Whether a Range counts: without If-Range, or when what the client has a part of is what we have, to the byte."""
    return not if_range or (if_range.strip(" \t") == etag and not etag.startswith("W/"))


def _tags(header: str) -> list[str]:
    """The entity tags of a list; none when it is no such list."""
    tags, at = [], 0
    while at < len(header):
        match = ENTITY_TAG.match(header, at)
        if match is None:
            return []
        if match[1]:
            tags.append(match[1])
        at = match.end()
    return tags
