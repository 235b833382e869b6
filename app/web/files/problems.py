"""How these addresses say no: RFC 9457 problems, with the codes that GraphQL's errors have."""

from collections.abc import Mapping
from http import HTTPStatus

import structlog
from starlette.responses import JSONResponse, Response

from app.errors import ErrorCode, LimitExceeded, UploadBusy, UploadDiscarded
from app.graphql.response import refusal
from app.stores import StoreError, StoreFull

MEDIA_TYPE = "application/problem+json"
SOON = "2"
"""Seconds after which to ask again, where nothing says when it will be better."""

CODES = {code.value: code for code in ErrorCode}
STATUS_OF = {
    ErrorCode.UNAUTHENTICATED: 401,
    ErrorCode.FORBIDDEN: 403,
    ErrorCode.NOT_FOUND: 404,
    ErrorCode.CONFLICT: 409,
    ErrorCode.INVALID_STATE: 409,
    ErrorCode.STALE_ATTEMPT: 409,
    ErrorCode.LIMIT_EXCEEDED: 429,
    ErrorCode.CONTENT_LOST: 500,
    ErrorCode.INTERNAL: 500,
    ErrorCode.UNAVAILABLE: 503,
}
"""What is not here is 400."""

log = structlog.get_logger("files")


class Refused(Exception):
    """A request that HTTP has a word for: its status, what to tell, and headers that help to do better."""

    def __init__(
        self,
        status: int,
        detail: str,
        code: ErrorCode = ErrorCode.BAD_INPUT,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status, self.detail, self.code, self.headers = status, detail, code, dict(headers or {})


def answer_to(error: Exception) -> Response:
    """The response that an error amounts to. What is not the caller's to know is logged, and only a reference told."""
    return _answer(refused(error))


def refused(error: Exception) -> Refused:
    """The same, before it becomes a response."""
    if isinstance(error, Refused):
        return error
    if isinstance(error, StoreError):
        return _trouble_with_store(error)
    if isinstance(error, UploadBusy):
        return Refused(423, error.message, error.code, {"Retry-After": SOON})
    known = refusal(error)
    code = CODES.get(known.code, ErrorCode.BAD_INPUT)
    headers = {"WWW-Authenticate": "Bearer"} if code is ErrorCode.UNAUTHENTICATED else {}
    if isinstance(error, UploadDiscarded):
        headers["Upload-Offset"] = "0"
    if code is ErrorCode.UNAVAILABLE or isinstance(error, LimitExceeded):
        headers["Retry-After"] = str(int(known.retry_after or 0)) if known.retry_after else SOON
    return Refused(STATUS_OF.get(code, 400), str(known.errors[0]["message"]), code, headers)


def _trouble_with_store(error: StoreError) -> Refused:
    # Which store, and where it is, is the operator's to know.
    log.warning("files.store_trouble", error=str(error))
    if isinstance(error, StoreFull):
        return Refused(507, "There is no room for this file just now.", ErrorCode.LIMIT_EXCEEDED)
    detail = "The place of this file cannot be reached just now; try again in a moment."
    return Refused(503, detail, ErrorCode.UNAVAILABLE, {"Retry-After": SOON})


def _answer(found: Refused) -> Response:
    body = {
        "type": f"urn:workyard:problem:{found.code.value.lower().replace('_', '-')}",
        "title": HTTPStatus(found.status).phrase,
        "status": found.status,
        "detail": found.detail,
        "code": found.code.value,
    }
    headers = {"Cache-Control": "no-store", **found.headers}
    return JSONResponse(body, found.status, headers, media_type=MEDIA_TYPE)
