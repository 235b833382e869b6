"""Bytes that come: PUT, whole or in parts, and PATCH as tus has it; HEAD tells from where to go on."""

from starlette.requests import Request
from starlette.responses import Response

from app.actions.files.places import Stores
from app.identity import Identities
from app.settings import Settings
from app.web.files import tus
from app.web.files.addresses import Callers


class Uploads:
    """What a file's address does for those who send it."""

    def __init__(self, settings: Settings, identities: Identities, stores: Stores) -> None:
        self._settings = settings
        self._stores = stores
        self._callers = Callers(settings, identities)

    async def options(self, request: Request) -> Response:
        """What of tus is spoken here. It asks nobody who they are."""
        headers = {
            "Tus-Resumable": tus.VERSION,
            "Tus-Version": tus.VERSION,
            "Tus-Max-Size": str(self._settings.max_file_bytes),
        }
        return Response(status_code=204, headers=headers)
