"""Signing in from a browser: a form or JSON to POST /session gets an HttpOnly cookie; DELETE /session ends it."""

from urllib.parse import parse_qsl

import orjson
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from app.actions.accounts import SESSION_LENGTH, end_session
from app.actions.sign_in import sign_in
from app.errors import AppError, BadInput, Forbidden, LimitExceeded
from app.graphql.origins import Origins
from app.identity import COOKIE, Identities
from app.settings import Settings

MAX_BODY = 16 * 1024
HOME = "/graphiql"


def session_routes(settings: Settings, identities: Identities) -> list[BaseRoute]:
    """The route /session."""
    origins = Origins.of(settings)
    secure = (settings.public_url or "").startswith("https:")

    async def start(request: Request) -> Response:
        if not origins.may_use_cookie(request.scope):
            return _refusal(403, "This page may not sign in here: it is of another origin.")
        try:
            form, fields = await _fields(request)
            address = request.client.host if request.client else ""
            token, _ = await sign_in(fields.get("username", ""), fields.get("password", ""), address)
        except LimitExceeded as error:
            return _refusal(429, error.message, {"Retry-After": str(int(error.retry_after or 1))})
        except AppError as error:
            return _refusal(401 if isinstance(error, Forbidden) else 400, error.message)
        response: Response = (
            RedirectResponse(_local(fields.get("next")), 303) if form else Response(status_code=204)
        )
        response.set_cookie(
            COOKIE,
            token.key or "",
            max_age=int(SESSION_LENGTH.total_seconds()),
            httponly=True,
            samesite="lax",
            secure=secure,
            path="/",
        )
        return response

    async def end(request: Request) -> Response:
        if not origins.may_use_cookie(request.scope):
            return _refusal(403, "This page may not sign out here: it is of another origin.")
        try:
            await end_session(await (await identities.from_request(request.scope)).viewer())
        except AppError as error:
            return _refusal(401, error.message)
        response = Response(status_code=204)
        response.delete_cookie(COOKIE, path="/", httponly=True, samesite="lax", secure=secure)
        return response

    return [Route("/session", start, methods=["POST"]), Route("/session", end, methods=["DELETE"])]


async def _fields(request: Request) -> tuple[bool, dict[str, str]]:
    """Whether a form was sent, and the fields of the form or of the JSON object."""
    body = bytearray()
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > MAX_BODY:
                raise BadInput("This is too long for a name and a password.")
    except ClientDisconnect:
        raise BadInput("The request was cut off.") from None
    try:
        if (
            request.headers.get("content-type", "").partition(";")[0].strip()
            == "application/x-www-form-urlencoded"
        ):
            return True, dict(parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=20))
        fields = orjson.loads(bytes(body))
    except (ValueError, UnicodeDecodeError):
        raise BadInput("Send a form or a JSON object with username and password.") from None
    if not isinstance(fields, dict) or not all(isinstance(value, str) for value in fields.values()):
        raise BadInput("Send a form or a JSON object with username and password.")
    return False, fields


def _local(target: str | None) -> str:
    """Where to go after signing in: a path of this server, and nothing else."""
    safe = (
        target is not None
        and target.startswith("/")
        and not target.startswith(("//", "/\\"))
        and target.isprintable()
    )
    return target if safe and target else HOME


def _refusal(status: int, message: str, headers: dict[str, str] | None = None) -> Response:
    return JSONResponse({"message": message}, status, headers)
