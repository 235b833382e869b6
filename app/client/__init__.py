"""A small GraphQL client: HTTP for what is asked once, one shared WebSocket for what is followed.

    async with Client("http://127.0.0.1:8000", token) as client:
        data = await client.execute("query { viewer { user { username } } }")
        payload = await client.mutate(ABORT, {"input": {"id": id}})
        async with aclosing(client.subscribe(WORK_REQUEST_CHANGED)) as events:
            async for event in events:
                ...

It knows nothing of Workyard's insides, only the public API, and so may be copied into any program.
"""

from app.client.backoff import Backoff
from app.client.client import Client
from app.client.errors import (
    ClientError,
    CursorExpired,
    GraphQLError,
    ProtocolError,
    Unauthenticated,
    Unavailable,
    UserErrors,
)

__all__ = [
    "Backoff",
    "Client",
    "ClientError",
    "CursorExpired",
    "GraphQLError",
    "ProtocolError",
    "Unauthenticated",
    "Unavailable",
    "UserErrors",
]
