"""The bytes of artifacts: how they come and how they go, at one address for each file."""

from collections.abc import Awaitable, Callable

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import Receive, Scope, Send

from app.actions.files.places import Stores
from app.identity import Identities
from app.settings import Settings
from app.web.files.addresses import FILE
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


def file_routes(settings: Settings, identities: Identities, stores: Stores) -> list[BaseRoute]:
    """The addresses of files."""
    uploads = Uploads(settings, identities, stores)
    methods: dict[str, Handler] = {
        "OPTIONS": uploads.options,
    }
    return [Route(FILE, ByMethod(methods))]


class ByMethod:
    """What is at one address: a handler for each method. Errors become problems here, and nowhere else.

    `X-HTTP-Method-Override` counts instead of the method, as tus demands for clients that cannot send PATCH.
    """

    def __init__(self, handlers: dict[str, Handler]) -> None:
        self._handlers = handlers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        try:
            response = await self._answer(request)
        except ClientDisconnect:
            return
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
    return request.headers.get("x-http-method-override", request.method).upper()
