"""Who asks, and for which file: what every request to a file's address begins with."""

import re

from starlette.convertors import PathConvertor, register_url_convertor
from starlette.requests import Request

from app.access import Viewer
from app.errors import Forbidden, NotFound
from app.graphql.origins import Origins
from app.identity import Caller, Identities
from app.models import Artifact, FileInArtifact
from app.settings import Settings


class AnyPath(PathConvertor):
    """Starlette's has no lines; the name of a file may."""

    regex = "(?s:.*)"


register_url_convertor("any", AnyPath())

FILE = "/artifacts/{artifact}/files/{path:any}"
"""Where a file of an artifact is, by the number of the artifact's row and its path there."""

ARCHIVE = "/artifacts/{artifact}/archive.{format}"
"""Where a whole artifact is, in one of the formats of archives."""

READING = frozenset({"GET", "HEAD", "OPTIONS"})
_NUMBER = re.compile("[1-9][0-9]{0,18}", re.ASCII)
_MOST = 2**63 - 1
LONGEST_PATH = 500


class Callers:
    """Finds out who sent a request, as /graphql does."""

    def __init__(self, settings: Settings, identities: Identities) -> None:
        self._identities = identities
        self._origins = Origins.of(settings)

    async def of(self, request: Request, method: str) -> Caller:
        """The caller. `method` is what they mean, which may be another than the request's own."""
        caller = await self._identities.from_request(request.scope)
        reads_only = method in READING
        if caller.by_cookie and not self._origins.may_use_cookie(request.scope, reads_only=reads_only):
            raise Forbidden("A request with a session cookie must come from a page of this server.")
        return caller


async def find_artifact(viewer: Viewer | None, request: Request) -> Artifact:
    """The artifact of the address; `NotFound` when there is none that the viewer may see. Without one, as above."""
    number = _number(request)
    found = (
        await Artifact.get_or_none(id=number)
        if viewer is None
        else await Artifact.get_visible(viewer, number)
    )
    if found is None:
        raise NotFound("There is no such artifact, or you may not see it.")
    return found


async def find_file(viewer: Viewer | None, request: Request) -> FileInArtifact:
    """The file of the address, with its `artifact` and its `file`; `NotFound` when the viewer may see none there.

    Without a viewer, for addresses that are signed, whatever is there.
    """
    path: str = request.path_params["path"]
    seen = FileInArtifact.all() if viewer is None else FileInArtifact.visible_to(viewer)
    query = seen.filter(artifact_id=_number(request), path=path)
    found = None
    if "\0" not in path and len(path) <= LONGEST_PATH:
        found = await query.select_related("artifact", "file").first()
    if found is None:
        raise NotFound("There is no such file, or you may not see it.")
    return found


def _number(request: Request) -> int:
    """The number of the artifact. One that no row can have is one that no row has."""
    text: str = request.path_params["artifact"]
    number = int(text) if _NUMBER.fullmatch(text) else 0
    if not 0 < number <= _MOST:
        raise NotFound("There is no such artifact, or you may not see it.")
    return number
