"""Is the process alive; can it serve? For supervisors and load balancers."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route
from tortoise import connections as databases

from app.actions.tasks.counting import count_runners
from app.graphql.draining import Connections

Check = Callable[[], Awaitable[str | None]]
"""Returns what is wrong in a few words, or None when all is well."""

SECONDS = 2.0
NO_STORE = {"Cache-Control": "no-store"}


def health_routes(
    checks: Mapping[str, Check], connections: Connections, notes: Mapping[str, Check] | None = None
) -> list[BaseRoute]:
    """/health/live answers while the event loop turns; /health/ready says 503 and why while a check fails.

    What `notes` find is told there too, but keeps no request away: this server can serve all the same.
    """

    async def live(_request: Request) -> Response:
        return JSONResponse({"status": "live"}, headers=NO_STORE)

    async def ready(_request: Request) -> Response:
        found = dict(zip(checks, await asyncio.gather(*map(_run, checks.values())), strict=True))
        if connections.draining:
            found["shutdown"] = "the server is stopping"
        troubles = {name: trouble for name, trouble in found.items() if trouble is not None}
        body = {
            "status": "not ready" if troubles else "ready",
            "checks": {n: t or "ok" for n, t in found.items()},
        }
        if noted := {name: note for name, check in (notes or {}).items() if (note := await _run(check))}:
            body["notes"] = noted
        return JSONResponse(body, status_code=503 if troubles else 200, headers=NO_STORE)

    return [Route("/health/live", live), Route("/health/ready", ready)]


async def _run(check: Check) -> str | None:
    try:
        async with asyncio.timeout(SECONDS):
            return await check()
    except TimeoutError:
        return f"no answer within {SECONDS:g} s"


async def check_database() -> str | None:
    """Can the pool give a connection that answers?"""
    try:
        await databases.get("default").execute_query("SELECT 1")
    except TimeoutError:
        raise
    except Exception as error:  # whatever it is, it keeps us from serving
        return f"cannot be used: {type(error).__name__}"
    return None


async def note_on_tasks() -> str | None:
    """Is anybody there to run tasks?"""
    try:
        return None if await count_runners() else "no task runner lives: tasks wait"
    except Exception:  # the check of the database says it
        return None
