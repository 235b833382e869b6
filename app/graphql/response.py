"""What goes back: outcomes, refusals, and the errors in them, each with `extensions.code`.

An error that the caller may know of (an `AppError`, or one of graphql-core's about the request) keeps its words.
Anything else is a fault of ours: it is logged once with an id, and the caller sees only the id.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import asyncpg
import orjson
import structlog
from graphql import GraphQLError
from tortoise.exceptions import DBConnectionError

from app.errors import AppError, ErrorCode

log = structlog.get_logger("graphql")

FormattedError = dict[str, Any]

# Codes of requests that the engine refuses; app.errors.ErrorCode has those that everything else uses.
PARSE_FAILED = "GRAPHQL_PARSE_FAILED"
VALIDATION_FAILED = "GRAPHQL_VALIDATION_FAILED"
MALFORMED_REQUEST = "MALFORMED_REQUEST"
OPERATION_NAME_REQUIRED = "OPERATION_NAME_REQUIRED"
OPERATION_NOT_FOUND = "OPERATION_NOT_FOUND"
OPERATION_NOT_ALLOWED = "OPERATION_NOT_ALLOWED"
DOCUMENT_NOT_FOUND = "PERSISTED_QUERY_NOT_FOUND"
DOCUMENT_NOT_TRUSTED = "PERSISTED_QUERY_REQUIRED"
BAD_INPUT = ErrorCode.BAD_INPUT.value
LIMIT_EXCEEDED = ErrorCode.LIMIT_EXCEEDED.value
UNAVAILABLE = ErrorCode.UNAVAILABLE.value
UNAUTHENTICATED = ErrorCode.UNAUTHENTICATED.value
CONTENT_LOST = ErrorCode.CONTENT_LOST.value
INTERNAL = ErrorCode.INTERNAL.value

STATUS_OF = {UNAUTHENTICATED: 401, UNAVAILABLE: 503, CONTENT_LOST: 500, INTERNAL: 500}


class Refused(Exception):
    """A request that yields no `data`, or a subscription that ended with an error.

    `status` is the HTTP status under application/graphql-response+json; `malformed` says that it was no GraphQL request
    at all, which is an error of HTTP whatever the client accepts.
    """

    def __init__(
        self, errors: list[FormattedError], *, status: int | None = None, malformed: bool = False
    ) -> None:
        super().__init__(errors[0]["message"])
        self.errors = errors
        self.status = status or STATUS_OF.get(self.code, 400 if self.retry_after is None else 429)
        self.malformed = malformed

    @property
    def code(self) -> str:
        return str(self.errors[0]["extensions"]["code"])

    @property
    def retry_after(self) -> float | None:
        seconds = self.errors[0]["extensions"].get("retryAfter")
        return None if seconds is None else float(seconds)

    @classmethod
    def because(cls, message: str, code: str, *, status: int | None = None, **extensions: Any) -> "Refused":
        """One error of that code, in words."""
        return cls([error(message, code, **extensions)], status=status)

    @classmethod
    def not_a_request(cls, message: str, *, status: int = 400) -> "Refused":
        """What came is no GraphQL request: bad JSON, or a parameter of the wrong kind."""
        return cls([error(message, MALFORMED_REQUEST)], status=status, malformed=True)


@dataclass(slots=True)
class Outcome:
    """What executing one operation gave."""

    data: Any
    errors: list[FormattedError] = field(default_factory=list)
    extensions: dict[str, Any] = field(default_factory=dict)
    _json: bytes | None = None

    def data_as_json(self) -> bytes:
        """`data` as it is sent. Written once."""
        if self._json is None:
            self._json = encode(self.data)
        return self._json

    def encode(self) -> bytes:
        """The response as JSON."""
        data = self.data_as_json()
        rest: dict[str, Any] = {}
        if self.errors:
            rest["errors"] = self.errors
        if self.extensions:
            rest["extensions"] = self.extensions
        return b'{"data":%b,%b' % (data, encode(rest)[1:]) if rest else b'{"data":%b}' % data


def encode(value: Any) -> bytes:
    """JSON, compact, in UTF-8."""
    try:
        return orjson.dumps(value)
    except TypeError:  # an integer of more than 64 bits, which jsonb may hold and orjson does not write
        text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=_as_text)
        return text.encode()


def _as_text(value: Any) -> str:
    """A time, which compiled reads leave to orjson: as it writes it."""
    text: str = value.isoformat()
    return text


def error(message: str, code: str, **extensions: Any) -> FormattedError:
    """An error about the request as a whole."""
    return {"message": message, "extensions": {"code": code, **extensions}}


def refuse(found: Iterable[GraphQLError], code: str) -> Refused:
    """Refuse a request for what graphql-core says about it; errors of ours within keep their own code."""
    errors = [_located(each, _extensions(each, code)) for each in found]
    log.info("graphql.refused", code=errors[0]["extensions"]["code"], message=errors[0]["message"])
    return Refused(errors)


def refusal(exception: Exception) -> Refused:
    """The refusal that an exception outside any field amounts to."""
    if isinstance(exception, Refused):
        return exception
    return Refused([report(GraphQLError(str(exception), original_error=exception))])


def report(found: GraphQLError) -> FormattedError:
    """How an error that execution met is told to the caller. Writes the log line for it."""
    cause = _cause(found)
    if cause is None or isinstance(cause, AppError):
        formatted = _located(found, _extensions(found, BAD_INPUT))
        code = formatted["extensions"]["code"]
        log.info("graphql.client_error", code=code, message=found.message, path=found.path)
        return formatted
    if known := _known_trouble(cause):
        log.warning("graphql.trouble", code=known["extensions"]["code"], path=found.path, error=repr(cause))
        return _located(found, known["extensions"], known["message"])
    return _fault(found, cause)


def _fault(found: GraphQLError, cause: BaseException) -> FormattedError:
    reference = uuid4().hex[:12]
    log.error("graphql.fault", id=reference, path=found.path, exc_info=cause)
    message = f"Internal error, reference {reference}."
    return _located(found, {"code": INTERNAL, "id": reference}, message)


def _located(
    found: GraphQLError, extensions: Mapping[str, Any], message: str | None = None
) -> FormattedError:
    formatted: FormattedError = {"message": found.message if message is None else message}
    if found.locations is not None:
        formatted["locations"] = [location.formatted for location in found.locations]
    if found.path is not None:
        formatted["path"] = found.path
    formatted["extensions"] = dict(extensions)
    return formatted


def _extensions(found: GraphQLError, default_code: str) -> dict[str, Any]:
    cause = _cause(found)
    if isinstance(cause, AppError):
        return cause.extensions
    return {"code": default_code, **(found.extensions or {})}


def _cause(found: GraphQLError) -> BaseException | None:
    """What was raised, below graphql-core's wrappings; None when graphql-core itself complains about the request."""
    cause: BaseException | None = found
    while isinstance(cause, GraphQLError):
        cause = cause.original_error
    return cause


TOO_SLOW = error(
    "The database stopped a statement that took too long. Ask for less at once: a smaller `first`, fewer nested "
    "lists, a narrower filter.",
    LIMIT_EXCEEDED,
)
AWAY = error("The database cannot be reached just now; try again in a moment.", UNAVAILABLE)

NUL = error("Text must have no NUL character (U+0000): PostgreSQL cannot keep it.", BAD_INPUT)

NUL_TROUBLE = (asyncpg.CharacterNotInRepertoireError, asyncpg.UntranslatableCharacterError)
CONNECTION_TROUBLE = (
    DBConnectionError,
    asyncpg.PostgresConnectionError,
    asyncpg.CannotConnectNowError,
    asyncpg.TooManyConnectionsError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.InternalClientError,  # PostgreSQL has taken leave of an idle connection that is used before it is cut
    ConnectionError,
)


def _known_trouble(cause: BaseException) -> FormattedError | None:
    for each in _chain(cause):
        if isinstance(each, asyncpg.QueryCanceledError):
            return TOO_SLOW
        if isinstance(each, NUL_TROUBLE):
            return NUL
        if isinstance(each, CONNECTION_TROUBLE):
            return AWAY
        if isinstance(each, asyncpg.InterfaceError) and "clos" in str(
            each
        ):  # the connection, or the pool, is closed
            return AWAY
    return None


def _chain(cause: BaseException) -> Iterator[BaseException]:
    """The exception and what it came from: Tortoise keeps the driver's as its first argument."""
    current: BaseException | None = cause
    while current is not None:
        yield current
        inner = current.args[0] if current.args else None
        if isinstance(inner, BaseException):
            yield inner
        current = current.__cause__
