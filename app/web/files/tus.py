"""The core of tus 1.0, the protocol for uploads that can be resumed: https://tus.io/protocols/resumable-upload"""

from starlette.requests import Request

from app.web.files.problems import Refused

VERSION = "1.0.0"
MEDIA_TYPE = "application/offset+octet-stream"


def check_version(request: Request, *, needed: bool = True) -> None:
    """Refuse another version than ours; and none, where it is `needed`."""
    asked = request.headers.get("tus-resumable")
    if asked == VERSION or (asked is None and not needed):
        return
    raise Refused(412, f"Send Tus-Resumable: {VERSION}.", headers={"Tus-Version": VERSION})
