"""GraphQL over HTTP: POST and GET /graphql, answered by one response or, by `streams`, by many.

Follows https://graphql.github.io/graphql-over-http/draft/; tests/conformance runs the audits of graphql-http on it.
"""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any
from urllib.parse import parse_qs

import orjson
from graphql import OperationType
from starlette.types import Message, Receive, Scope, Send

from app.graphql.documents import Operation
from app.graphql.draining import Connections
from app.graphql.engine import Caller, Engine, Identify
from app.graphql.negotiation import Media, accepted
from app.graphql.origins import Origins
from app.graphql.presence import Presence
from app.graphql.repeated import Repeated
from app.graphql.request import GraphQLRequest
from app.graphql.response import OPERATION_NOT_ALLOWED, Refused, encode, refusal
from app.graphql.streams import Begin, refuse_by_stream, serve_stream
from app.headers import header, headers_of
from app.settings import Settings
from app.tracing import CARRIERS, tracing

COST_HEADER = b"x-workyard-cost"  # "1" asks for extensions.cost
PLAN_HEADER = b"x-workyard-plan"  # "1" asks for extensions.plan
BODY_SECONDS = 30  # in which a body must have arrived
PATIENCE = 8  # times the limit: so much of a body that is too long is read before the client is cut off

INCREMENTS = tuple(media for media in Media if media.increments)
OF_PARTS = tuple(media for media in Media if media.streams or media.increments)

WHOLE = "workyard.whole"
"""Where a scope has what sends a whole response with status 200, when our own protocol serves it (app/web/protocol.py)."""

BODY = "workyard.body"
"""Where a scope has the body, when all of it came with the head."""

SendWhole = Callable[[bytes, bytes], bool]
"""Takes the lines of the head and the body; False when it could not."""

Headers = list[tuple[bytes, bytes]]
Answer = Callable[[Send], Awaitable[None]]


class ClientGone(Exception):
    """The client left before its request was read."""


class GraphQLHTTP:
    """The ASGI application at /graphql for HTTP."""

    def __init__(
        self,
        engine: Engine,
        identify: Identify,
        connections: Connections,
        settings: Settings,
        *,
        heartbeat: float = 12,
    ) -> None:
        self._engine = engine
        self._identify = identify
        self._connections = connections
        self._origins = Origins.of(settings)
        self._most_bytes = settings.max_body_bytes
        self._heartbeat = heartbeat
        self._repeated = Repeated()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        asks = Asks.of(scope)
        try:
            answer = await self._answer(scope, receive, asks)
        except ClientGone:
            return
        except Exception as error:
            await _send_refusal(send, refusal(error), asks.accepts)
        else:
            if answer is not None:
                await answer(send)

    async def _answer(self, scope: Scope, receive: Receive, asks: "Asks") -> Answer | None:
        """What sends the answer; None when it has been sent."""
        body = await self._read(scope, receive, asks)
        known = None if body is None else self._repeated.get(body)
        request = known[0] if known is not None else _request(scope, body)
        if tracing():
            request = _traced(request, scope)
        caller = await self._identify.from_request(scope)
        operation = known[1] if known is not None else self._engine.find(request)
        if known is None and body is not None:
            self._repeated.keep(body, request, operation)
        self._check(scope, operation, caller)
        media = _choose(asks.accepts, operation)
        if media in OF_PARTS:
            begin = self._begin(scope, operation, request, caller, media)
            return partial(serve_stream, begin, media, caller, receive, self._connections, self._heartbeat)
        if asks.plan:
            request = replace(request, extensions={**request.extensions, "plan": True})
        with Presence(receive) as presence:
            outcome = await self._engine.execute(operation, request, caller, wants_cost=asks.cost)
        if presence.gone:
            raise ClientGone
        if scope["method"] == "GET" and request.document_id is not None and not outcome.errors:
            return partial(_send_unless_known, header(scope, b"if-none-match"), outcome.encode(), media)
        result = outcome.encode()
        send_whole: SendWhole | None = scope.get(WHOLE)
        if send_whole is not None and send_whole(_HEADS[media.name], result):
            return None
        return partial(_send_result, result, media)

    def _begin(
        self, scope: Scope, operation: Operation, request: GraphQLRequest, caller: Caller, media: Media
    ) -> Begin:
        if media.increments:
            older = media is Media.INCREMENTS_2022
            return lambda _: self._engine.deliver(operation, request, caller, older=older)
        after = header(scope, b"last-event-id") or None
        return partial(self._engine.stream, operation, request, caller, after)

    async def _read(self, scope: Scope, receive: Receive, asks: "Asks") -> bytes | None:
        """The body; None where there is none to read, by GET."""
        if scope["method"] == "GET":
            return None
        if scope["method"] != "POST":
            raise Refused.not_a_request("Use POST, or GET for queries.", status=405)
        if not asks.of_json:
            _check_content_type(header(scope, b"content-type"))
        if BODY in scope:
            return self._checked(scope[BODY])
        announced = asks.announced
        message = await receive()
        if (
            message["type"] == "http.request"
            and not message.get("more_body")
            and not announced > self._most_bytes
        ):
            return self._checked(message.get("body", b""))
        try:
            async with asyncio.timeout(BODY_SECONDS):
                return self._checked(await self._read_rest(message, receive, announced))
        except TimeoutError:
            raise Refused.not_a_request("The body took too long to arrive.", status=408) from None

    async def _read_rest(self, message: Message, receive: Receive, announced: int) -> bytes:
        """What is too long is read on for a while, and dropped: many clients look for an answer only afterwards."""
        body = bytearray()
        size = 0
        patience = PATIENCE * self._most_bytes
        while True:
            if message["type"] == "http.disconnect":
                raise ClientGone
            chunk = message.get("body", b"")
            size += len(chunk)
            if size <= self._most_bytes:
                body += chunk
            if size > patience or announced > patience:
                raise self._too_large()
            if not message.get("more_body"):
                if size > self._most_bytes:
                    raise self._too_large()
                return bytes(body)
            message = await receive()

    def _checked(self, body: bytes) -> bytes:
        if len(body) > self._most_bytes:
            raise self._too_large()
        return body

    def _too_large(self) -> Refused:
        return Refused.not_a_request(f"The body is longer than {self._most_bytes:,} bytes.", status=413)

    def _check(self, scope: Scope, operation: Operation, caller: Caller) -> None:
        reads_only = scope["method"] == "GET"
        if reads_only and operation.type is OperationType.MUTATION:
            raise Refused.because("Send mutations by POST.", OPERATION_NOT_ALLOWED, status=405)
        if caller.by_cookie and not self._origins.may_use_cookie(scope, reads_only=reads_only):
            message = "A request with a session cookie must come from a page of this server (header Origin)."
            raise Refused.because(message, OPERATION_NOT_ALLOWED, status=403)


@dataclass(frozen=True, slots=True)
class Asks:
    """What a request's head asks for."""

    accepts: tuple[Media, ...]
    of_json: bool
    """True when it says that the body is JSON in the words that nearly all use."""
    announced: int
    cost: bool
    plan: bool

    @classmethod
    def of(cls, scope: Scope) -> "Asks":
        """That of this request: made once for all that have the same head."""
        headers = headers_of(scope)
        asks: Asks | None = headers.made.get(cls)
        if asks is None:
            length = headers.get(b"content-length", b"")
            asks = headers.made[cls] = cls(
                accepts=accepted(header(scope, b"accept")),
                of_json=headers.get(b"content-type") == b"application/json",
                announced=int(length) if length.isdigit() else 0,
                cost=headers.get(COST_HEADER) == b"1",
                plan=headers.get(PLAN_HEADER) == b"1",
            )
        return asks


def _request(scope: Scope, body: bytes | None) -> GraphQLRequest:
    if body is None:
        return GraphQLRequest.parse(_query_parameters(scope["query_string"]))
    return GraphQLRequest.parse(_json(body, "The body"))


def _traced(request: GraphQLRequest, scope: Scope) -> GraphQLRequest:
    found = {name: header(scope, name.encode()) for name in CARRIERS}
    return replace(request, trace={name: value for name, value in found.items() if value})


def _choose(accepts: tuple[Media, ...], operation: Operation) -> Media:
    if operation.type is OperationType.SUBSCRIPTION:
        for media in accepts:
            if media.streams:
                return media
        raise Refused.because(
            "Subscriptions are served over WebSocket (graphql-transport-ws) at this address, and over HTTP with "
            "Accept: text/event-stream or Accept: multipart/mixed;subscriptionSpec=1.0.",
            OPERATION_NOT_ALLOWED,
            status=406,
        )
    for media in accepts:
        if operation.puts_off and _can_put_off(media, operation):
            return media
    for media in accepts:
        if media not in INCREMENTS:
            return media
    message = "Responses are application/graphql-response+json, application/json or text/event-stream."
    raise Refused.not_a_request(message, status=406)


def _can_put_off(media: Media, operation: Operation) -> bool:
    if media is Media.INCREMENTS_2022:
        return operation.puts_off == {"defer"}
    return media is Media.INCREMENTS and bool(operation.puts_off)


def _check_content_type(value: str) -> None:
    name, _, parameters = value.lower().partition(";")
    if name.strip() != "application/json":
        raise Refused.not_a_request("Send the request as application/json.", status=415)
    charset = parameters.partition("charset=")[2].strip('" ')
    if charset not in ("", "utf-8", "utf8"):
        raise Refused.not_a_request("Send JSON in UTF-8.", status=415)


def _query_parameters(query_string: bytes) -> dict[str, Any]:
    try:
        pairs = parse_qs(query_string.decode("ascii"), max_num_fields=20, errors="strict")
    except ValueError:
        raise Refused.not_a_request("The query string does not decode.") from None
    payload: dict[str, Any] = {name: values[-1] for name, values in pairs.items()}
    for name in ("variables", "extensions"):
        if name in payload:
            payload[name] = _json(payload[name], f"`{name}`")
    return payload


def _json(text: str | bytes, what: str) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise Refused.not_a_request(f"{what} is no JSON: {error}.") from None


async def _send_refusal(send: Send, refused: Refused, accepts: tuple[Media, ...]) -> None:
    single = [media for media in accepts if not media.streams and not media.increments]
    if accepts and not single and refused.status == 400 and not refused.malformed:
        await refuse_by_stream(send, refused, accepts[0])
        return
    media = single[0] if single else Media.JSON
    # A client of application/json learns of errors from the body: for it, 400 means that there is no GraphQL response.
    status = (
        200 if media is Media.JSON and refused.status == 400 and not refused.malformed else refused.status
    )
    body = encode({"errors": refused.errors})
    await _send(send, status, body, media, [*_refusal_headers(refused), (b"cache-control", b"no-store")])


def _refusal_headers(refused: Refused) -> Headers:
    headers: Headers = []
    if refused.status == 401:
        headers.append((b"www-authenticate", b'Bearer realm="workyard"'))
    if refused.status == 405:
        headers.append((b"allow", b"POST" if refused.code == OPERATION_NOT_ALLOWED else b"GET, POST"))
    if refused.status == 413:
        headers.append((b"connection", b"close"))  # the rest of the body is not read
    if refused.retry_after is not None:
        headers.append((b"retry-after", str(int(refused.retry_after)).encode()))
    return headers


async def _send_result(body: bytes, media: Media, send: Send) -> None:
    headers = [*_HEADERS_OF_RESULT[media.name], (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


_HEADERS_OF_RESULT: dict[str, Headers] = {
    media.name: [
        (b"vary", b"Accept"),
        (b"cache-control", b"no-store"),
        (b"content-type", media.value.encode()),
    ]
    for media in Media
}
_HEADS = {
    name: b"".join(b"%b: %b\r\n" % header for header in headers)
    for name, headers in _HEADERS_OF_RESULT.items()
}


async def _send_unless_known(known: str, body: bytes, media: Media, send: Send) -> None:
    """Send the result of a trusted document by GET, which may be kept by the client and asked for by its tag."""
    tag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    headers = [(b"etag", tag.encode()), (b"cache-control", b"private, no-cache")]
    if tag in [each.strip().removeprefix("W/") for each in known.split(",")]:
        await _send(send, 304, b"", media, headers)
    else:
        await _send(send, 200, body, media, headers)


async def _send(send: Send, status: int, body: bytes, media: Media, headers: Headers) -> None:
    all_headers = [(b"vary", b"Accept"), *headers]
    if status != 304:
        all_headers += [(b"content-type", media.value.encode()), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": all_headers})
    await send({"type": "http.response.body", "body": body})
