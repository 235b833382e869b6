"""The page at /graphiql: GraphiQL as built from ui/graphiql, which fetches nothing from anywhere else."""

import os
import re
from pathlib import Path

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

BUILT = Path(__file__).parent.parent / "static" / "graphiql"
NOT_BUILT = "The GraphiQL page is not built. Run `make ui` in the folder of Workyard, then reload.\n"

YEAR = 365 * 24 * 3600
HARDENED = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


def graphiql_routes(built: Path = BUILT) -> list[BaseRoute]:
    """The page and its files. Without a build the page answers 503 and says how to make one."""

    async def page(request: Request) -> Response:
        try:
            # Read each time: a build made while the server runs is served at the next reload.
            html = await run_in_threadpool((built / "index.html").read_text, "utf-8")
        except FileNotFoundError:
            return PlainTextResponse(
                NOT_BUILT, status_code=503, headers={**HARDENED, "Cache-Control": "no-store"}
            )
        return HTMLResponse(html, headers={**HARDENED, **page_headers(request.headers.get("host", ""))})

    return [
        Route("/graphiql", page, name="graphiql"),
        Mount("/static/graphiql/assets", HashedFiles(built / "assets"), name="graphiql-assets"),
    ]


def page_headers(host: str) -> dict[str, str]:
    """What only the page itself needs: never from a cache, never in a frame, scripts from us alone."""
    return {
        "Cache-Control": "no-store",
        "X-Frame-Options": "DENY",
        "Content-Security-Policy": content_security_policy(host),
    }


def content_security_policy(host: str) -> str:
    """Everything from our own origin. Monaco, the editor, sets styles on its elements and has images in its style."""
    sources = {
        "default-src": "'none'",
        "script-src": "'self'",
        "worker-src": "'self'",
        "style-src": "'self' 'unsafe-inline'",
        "img-src": "'self' data:",
        "font-src": "'self' data:",
        "connect-src": f"'self'{_web_sockets(host)}",
        "base-uri": "'none'",
        "form-action": "'self'",
        "frame-ancestors": "'none'",
    }
    return "; ".join(f"{directive} {allowed}" for directive, allowed in sources.items())


def _web_sockets(host: str) -> str:
    # Not every browser takes 'self' to mean ws: as well. The header is the client's text, so it may only be a host.
    return (
        f" ws://{host} wss://{host}"
        if re.fullmatch(r"[A-Za-z0-9.-]+(:\d+)?|\[[0-9a-fA-F:.]+\](:\d+)?", host)
        else ""
    )


class HashedFiles(StaticFiles):
    """Files whose names change with their content, so that browsers may keep them for good.

    A browser that takes gzip gets the compressed form that the build left beside the file.
    """

    def __init__(self, directory: Path) -> None:
        super().__init__(directory=directory, check_dir=False)

    async def check_config(self) -> None:
        """A folder that is not there (yet) is a 404, not a fault."""

    def file_response(
        self,
        full_path: str | os.PathLike[str],
        stat_result: os.stat_result,
        scope: Scope,
        status_code: int = 200,
    ) -> Response:
        headers = {
            **HARDENED,
            "Cache-Control": f"public, max-age={YEAR}, immutable",
            "Vary": "Accept-Encoding",
        }
        compressed = f"{os.fspath(full_path)}.gz"
        if "gzip" in Headers(scope=scope).get("accept-encoding", "") and os.path.exists(compressed):
            full_path, stat_result = compressed, os.stat(compressed)
            headers["Content-Encoding"] = "gzip"
        response = super().file_response(full_path, stat_result, scope, status_code)
        response.headers.update(headers)
        return response
