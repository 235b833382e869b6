"""The bytes of artifacts: how they come and how they go, at one address for each file."""

from collections.abc import Awaitable, Callable

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import Message, Receive, Scope, Send

from app.actions.files.places import Stores
from app.graphql.draining import Connections
from app.identity import Identities
from app.settings import Settings
from app.web.files import tus
from app.web.files.addresses import ARCHIVE, FILE
from app.web.files.downloads import Downloads
from app.web.files.problems import Refused, answer_to
from app.web.files.uploads import Uploads

FILE_REQUEST_HEADERS = (
    *("content-range", "if-none-match", "if-range", "range"),
    *("tus-resumable", "upload-length", "upload-offset", "x-http-method-override"),
)
"""Headers that pages of other origins may send here."""

FILE_RESPONSE_HEADERS = (
    *("accept-ranges", "content-disposition", "content-length", "content-range", "range", "location"),
    *("tus-max-size", "tus-resumable", "tus-version", "upload-length", "upload-offset"),
)
"""Headers that such pages may read in what we answer."""

Handler = Callable[[Request], Awaitable[Response]]


def file_routes(
    settings: Settings, identities: Identities, stores: Stores, connections: Connections | None = None
) -> list[BaseRoute]:
    """The addresses of files. `connections` are those that a shutdown ends."""
    uploads = Uploads(settings, identities, stores, connections or Connections())
    downloads = Downloads(settings, identities, stores, uploads.state)
    methods: dict[str, Handler] = {
        "OPTIONS": uploads.options,
        "HEAD": downloads.read,
        "GET": downloads.read,
        "PUT": uploads.put,
        "PATCH": uploads.patch,
    }
    archives: dict[str, Handler] = {"HEAD": downloads.archive, "GET": downloads.archive}
    return [Route(FILE, ByMethod(methods)), Route(ARCHIVE, ByMethod(archives))]


class ByMethod:
    """What is at one address: a handler for each method. Errors become problems here, and nowhere else.

    A POST may say by X-HTTP-Method-Override what it means: tus demands it, for clients that cannot send PATCH.
    """

    def __init__(self, handlers: dict[str, Handler]) -> None:
        self._handlers = handlers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        asked = False

        async def receive_and_note() -> Message:
            nonlocal asked
            asked = True
            return await receive()

        request = Request(scope, receive_and_note)
        try:
            response = await self._answer(request)
        except ClientDisconnect:
            return
        if "tus-resumable" in request.headers:
            response.headers.setdefault("Tus-Resumable", tus.VERSION)
        if not asked and "expect" in request.headers:
            # The client need not send the body now, so that nobody knows where its next request would begin.
            response.headers["Connection"] = "close"
        await response(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        try:
            handler = self._handlers.get(meant_method(request))
            if handler is None:
                allowed = ", ".join(self._handlers)
                raise Refused(405, f"Use one of {allowed}.", headers={"Allow": allowed})
            return await handler(request)
        except ClientDisconnect:
            raise
        except Exception as error:
            return answer_to(error)


def meant_method(request: Request) -> str:
    """The method that the client means."""
    meant = request.headers.get("x-http-method-override", "").upper()
    return meant if request.method == "POST" and meant in ("PATCH", "PUT") else request.method
