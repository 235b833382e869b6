"""Which bytes a PUT brings: the whole file, or what its Content-Range says."""

import re
from dataclasses import dataclass

from starlette.requests import Request

from app.web.files.problems import Refused

_NUMBER = "0|[1-9][0-9]{0,18}"
_PART = re.compile(rf"bytes ({_NUMBER})-({_NUMBER})/({_NUMBER}|\*)", re.ASCII)
_PROBE = re.compile(rf"bytes \*/({_NUMBER}|\*)", re.ASCII)
_LENGTH = re.compile("[0-9]{1,19}", re.ASCII)


@dataclass(frozen=True)
class Probe:
    """A question how many bytes have come; `size` is what the sender takes the file's to be."""

    size: int | None


@dataclass(frozen=True)
class Part:
    """Bytes from `start` up to, not including, `stop`."""

    start: int
    stop: int

    @property
    def length(self) -> int:
        return self.stop - self.start


def asked_part(request: Request, size: int) -> Part | Probe:
    """What the request brings of a file of that size. Refuses what contradicts itself, or the file."""
    _refuse_encodings(request)
    header = request.headers.get("content-range")
    part = Part(0, size) if header is None else _parse(header, size)
    if isinstance(part, Part):
        _check_length(part, content_length(request), header is None)
    return part


def content_length(request: Request) -> int | None:
    """How long the body will be; None when that is not said."""
    text = request.headers.get("content-length", "")
    return int(text) if _LENGTH.fullmatch(text) else None


def _parse(header: str, size: int) -> Part | Probe:
    if probe := _PROBE.fullmatch(header):
        return Probe(_checked_size(probe[1], size))
    match = _PART.fullmatch(header)
    if match is None or int(match[1]) > int(match[2]):
        raise Refused(400, f"This Content-Range cannot be read: {header[:200]!r}.")
    start, last = int(match[1]), int(match[2])
    _checked_size(match[3], size)
    if start > size:
        raise Refused(400, f"The range begins at {start}, but the file has {size} bytes.")
    if last >= size:
        raise Refused(400, f"The range goes on to byte {last}, but the file's last one is byte {size - 1}.")
    return Part(start, last + 1)


def _checked_size(text: str, size: int) -> int | None:
    if text == "*":
        return None
    if int(text) != size:
        raise Refused(400, f"The file was announced with {size} bytes; the Content-Range says {text}.")
    return size


def _check_length(part: Part, length: int | None, whole: bool) -> None:
    if length is None or length == part.length:
        return
    if whole:
        raise Refused(
            400, f"The file has {part.length} bytes, the body {length}: send a part with a Content-Range."
        )
    raise Refused(400, f"The Content-Range announces {part.length} bytes, the body has {length}.")


def _refuse_encodings(request: Request) -> None:
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise Refused(415, "Send the bytes as they are, without a Content-Encoding.")
