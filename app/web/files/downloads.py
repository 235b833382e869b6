"""Bytes that go: files whole or in parts, and artifacts as archives. By identity, or by an address that is signed."""

import base64
import hashlib
import re
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response

from app.access import Viewer
from app.actions.files.places import Stores
from app.actions.files.reading import Content, begun, contents_of
from app.actions.files.signing import Signer, is_signed
from app.errors import Forbidden, InvalidState, NotFound
from app.headers import header
from app.identity import Identities
from app.models import FileInArtifact
from app.settings import Settings
from app.web.files import tus
from app.web.files.addresses import Callers, find_artifact, find_file
from app.web.files.archives import Compressors, Member, tar_gz, zip_file
from app.web.files.problems import Refused
from app.web.files.ranges import Parts, Span, may_be_partial, refused_status, spans
from app.web.files.streaming import Stream

ANY_TYPE = "application/octet-stream"
MEDIA_TYPE = re.compile(
    r'[\w!#$&^.+-]+/[\w!#$&^.+-]+(?:; ?[\w.+-]+=(?:[\w.+-]+|"[\w .,:;=/+-]*"))*', re.ASCII
)
SHOWN = re.compile(
    r"text/plain|application/(?:json|pdf)|image/(?:png|jpeg|gif|webp|avif)|(?:audio|video)/[\w.+-]+", re.ASCII
)
"""What browsers show and nothing can act in; of anything else they are told to save it."""
UNTRUSTED = {
    "X-Content-Type-Options": "nosniff",
    # What people uploaded is shown without scripts, forms or requests, and as if it were of another origin.
    "Content-Security-Policy": "sandbox; default-src 'none'; style-src 'unsafe-inline'",
    "Referrer-Policy": "no-referrer",
}
CACHE = "private, no-cache"
"""What is here never changes, but who may see it does: so caches have to ask, and are told that it is the same."""

HANDED_ON = timedelta(minutes=15)
"""For how long an object store's own address is good: a download that has begun by then goes on."""
ARCHIVES = {"tar.gz": (tar_gz, "application/gzip"), "zip": (zip_file, "application/zip")}

State = Callable[[FileInArtifact], Awaitable[Response | None]]


class Downloads:
    """What addresses do for those who read. `state` answers HEAD of a file whose bytes have not all come."""

    def __init__(self, settings: Settings, identities: Identities, stores: Stores, state: State) -> None:
        self._settings = settings
        self._stores = stores
        self._callers = Callers(settings, identities)
        self._state = state
        self._compressors = Compressors()

    async def read(self, request: Request) -> Response:
        """GET or HEAD of a file."""
        if request.method == "HEAD":
            tus.check_version(request, needed=False)
        viewer = await viewer_or_signature(self._settings, self._callers, request)
        entry = await find_file(viewer, request)
        if request.method == "HEAD" and not entry.complete:
            answer = await self._state(entry)
            if answer is not None:
                return answer
        elif not entry.complete:
            raise InvalidState("Not all bytes of this file have come yet.", current_state="INCOMPLETE")
        return await self._complete(request, entry, signed=viewer is None)

    async def archive(self, request: Request) -> Response:
        """GET or HEAD of a whole artifact."""
        make, kind = ARCHIVES.get(request.path_params["format"], (None, ""))
        if make is None:
            raise NotFound(f"An artifact can be had as {' and '.join(ARCHIVES)}.")
        viewer = await viewer_or_signature(self._settings, self._callers, request)
        artifact = await find_artifact(viewer, request)
        if not artifact.complete:
            raise InvalidState("Not all files of this artifact have come yet.", current_state="INCOMPLETE")
        entries = await FileInArtifact.filter(artifact_id=artifact.id).select_related("file")
        entries.sort(key=lambda entry: entry.path.encode())
        # Weak: another version of the compressor may make other bytes of the same files.
        etag = f'W/"{_digest(entries)}"'
        headers = {"ETag": etag, "Cache-Control": CACHE, "Accept-Ranges": "none", **UNTRUSTED}
        if is_known(request, etag):
            return Response(status_code=304, headers=headers)
        name = f"artifact-{artifact.id}.{request.path_params['format']}"
        headers |= {"Content-Type": kind, "Content-Disposition": disposition(name, kind)}
        if request.method == "HEAD":
            return Stream(200, headers, None)
        contents = await contents_of(self._stores, artifact.workspace_id, entries)
        for content in contents.values():
            content.require_places()
        members = [Member(entry.path, contents[entry.id]) for entry in entries]
        at = artifact.completed_at or artifact.created_at
        return Stream(200, headers, await begun(make(members, at, self._compressors)))

    async def _complete(self, request: Request, entry: FileInArtifact, *, signed: bool) -> Response:
        etag = f'"{entry.file.hash}"'
        headers = {"ETag": etag, "Cache-Control": CACHE, "Accept-Ranges": "bytes", **UNTRUSTED}
        if is_known(request, etag):
            return Response(status_code=304, headers=headers)
        digest = base64.b64encode(entry.file.hash_digest).decode()
        headers |= {
            "Content-Type": media_type(entry.content_type),
            "Content-Disposition": disposition(entry.path.rpartition("/")[2], media_type(entry.content_type)),
            "Repr-Digest": f"sha-256=:{digest}:",
        }
        if request.method == "HEAD":
            headers |= {"Content-Length": str(entry.file.size), **tus.headers_of(entry, entry.file.size)}
            return Stream(200, headers, None)
        wanted = _wanted(request, etag, entry.file.size)
        content = (await contents_of(self._stores, entry.artifact.workspace_id, [entry]))[entry.id]
        # Others than browsers may send on what proves who they are; and the store knows the file by another tag than we.
        if signed and "if-range" not in request.headers and (url := await content.own_url(HANDED_ON)):
            return Response(status_code=307, headers={"Location": url, "Cache-Control": "no-store"})
        return await self._bytes(content, wanted, headers)

    async def _bytes(self, content: Content, wanted: list[Span] | None, headers: dict[str, str]) -> Response:
        size = content.key.size
        if wanted is None:
            headers["Content-Length"] = str(size)
            return Stream(200, headers, await begun(content.blocks()))
        if len(wanted) == 1:
            (span,) = wanted
            headers |= {"Content-Length": str(span.length), "Content-Range": span.content_range(size)}
            return Stream(206, headers, await begun(content.blocks(span.start, span.stop)))
        parts = Parts(wanted, size, headers["Content-Type"])
        headers |= {"Content-Length": str(parts.length), "Content-Type": parts.content_type}
        return Stream(206, headers, await begun(parts.body(content)))


def _wanted(request: Request, etag: str, size: int) -> list[Span] | None:
    """The spans that are asked for, None for all; refuses those of which nothing is there."""
    if not may_be_partial(header(request.scope, b"if-range"), etag):
        return None
    wanted = spans(header(request.scope, b"range"), size)
    if wanted == []:
        headers = {"Content-Range": f"bytes */{size}", "Accept-Ranges": "bytes"}
        raise Refused(416, f"This file has {size} bytes, and none of them was asked for.", headers=headers)
    return wanted


async def viewer_or_signature(settings: Settings, callers: Callers, request: Request) -> Viewer | None:
    """Who asks; None when the address says itself that they may. Raises `Forbidden` for one that is wrongly signed."""
    query: bytes = request.scope["query_string"]
    if not is_signed(query):
        return await (await callers.of(request, request.method)).viewer()
    refusal = Signer.of(settings).refusal(request.scope["path"], query)
    if refusal is not None:
        raise Forbidden(refusal)
    return None


def is_known(request: Request, etag: str) -> bool:
    """Whether the client has this representation, and needs to be told no more. Refuses when it asked for another."""
    status = refused_status(header(request.scope, b"if-match"), header(request.scope, b"if-none-match"), etag)
    if status == 412:
        raise Refused(412, "What is here is not what If-Match names.", headers={"ETag": etag})
    return status == 304


def _digest(entries: Sequence[FileInArtifact]) -> str:
    digest = hashlib.sha256()
    for entry in entries:
        digest.update(f"{entry.path}\0{entry.file.hash}\0".encode())
    return digest.hexdigest()


def media_type(declared: str | None) -> str:
    """The media type that an uploader gave, when it is one."""
    return declared if declared and MEDIA_TYPE.fullmatch(declared) else ANY_TYPE


def disposition(name: str, media_type: str) -> str:
    """Content-Disposition, with the name in the old form, and in the new one (RFC 6266, RFC 8187) when that says more."""
    kind = "inline" if SHOWN.fullmatch(media_type.partition(";")[0].lower()) else "attachment"
    plain = re.sub(r'[^\x20-\x7e]|["\\%]', "_", name)
    extended = "" if plain == name else f"; filename*=UTF-8''{quote(name, safe='')}"
    return f'{kind}; filename="{plain}"{extended}'
