"""What both endpoints have in common: they know the four documents, and the user by a header, and check nothing else."""

import base64
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bench.graphql.documents import CREATE, DOCUMENTS, NESTED, ONE, PAGE
from bench.graphql.peers.running import Connections, run

Answer = Callable[[int, dict[str, Any]], Awaitable[bytes]]
"""Takes the user and the variables, gives the data."""


def serve(connections: Connections, one: Answer, page: Answer, nested: Answer, create: Answer) -> None:
    """Serve these."""
    answers: Mapping[str, Answer] = {
        DOCUMENTS[ONE].document: one,
        DOCUMENTS[PAGE].document: page,
        DOCUMENTS[NESTED].document: nested,
        DOCUMENTS[CREATE].document: create,
        "{ __typename }": _typename,
    }

    async def graphql(request: Request) -> Response:
        asked = orjson.loads(await request.body())
        user = int(request.headers["x-user"])
        data = await answers[asked["query"]](user, asked["variables"])
        return Response(b'{"data":' + data + b"}", media_type="application/json")

    app = Starlette(routes=[Route("/graphql", graphql, methods=["POST"])], lifespan=connections.lifespan)
    run(app, tuned=True)


async def _typename(user: int, variables: dict[str, Any]) -> bytes:
    return b'{"__typename":"Query"}'


def end_cursor(created_at: Any, id: Any) -> str:
    """Where a page ends."""
    return base64.urlsafe_b64encode(orjson.dumps([created_at, id])).decode()
