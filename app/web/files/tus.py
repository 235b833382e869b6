"""The core of tus 1.0, the protocol for uploads that can be resumed: https://tus.io/protocols/resumable-upload"""

import re

from starlette.requests import Request

from app.models import FileInArtifact
from app.web.files.problems import Refused

VERSION = "1.0.0"
MEDIA_TYPE = "application/offset+octet-stream"
_OFFSET = re.compile("[0-9]{1,19}", re.ASCII)


def check_version(request: Request, *, needed: bool = True) -> None:
    """Refuse another version than ours; and none, where it is `needed`."""
    asked = request.headers.get("tus-resumable")
    if asked == VERSION or (asked is None and not needed):
        return
    raise Refused(412, f"Send Tus-Resumable: {VERSION}.", headers={"Tus-Version": VERSION})


def asked_offset(request: Request) -> int:
    """Where the bytes of a PATCH begin."""
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != MEDIA_TYPE:
        raise Refused(415, f"Send Content-Type: {MEDIA_TYPE}.")
    text = request.headers.get("upload-offset", "")
    if not _OFFSET.fullmatch(text):
        raise Refused(400, f"Send Upload-Offset with the place where the bytes begin, not {text[:40]!r}.")
    return int(text)


def headers_of(file: FileInArtifact, received: int) -> dict[str, str]:
    """What tus tells of an upload."""
    return {
        "Tus-Resumable": VERSION,
        "Upload-Offset": str(received),
        "Upload-Length": str(file.file.size),
    }


def headers_of_complete(file: FileInArtifact) -> dict[str, str]:
    """The same of a file that is complete."""
    return headers_of(file, file.file.size)
