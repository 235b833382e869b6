"""Strawberry's ASGI handler, on uvicorn as it comes: an event in memory goes through a queue to each subscriber."""

import asyncio
from collections.abc import AsyncGenerator
from datetime import UTC, datetime

import strawberry
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, WebSocketRoute
from strawberry.asgi import GraphQL

from bench.graphql.peers.running import run


@strawberry.type
class WorkRequest:
    id: strawberry.ID
    status: str
    result: str
    attempt: int
    task_name: str
    priority: int
    created_at: datetime


@strawberry.type
class WorkRequestEvent:
    cursor: str
    time: datetime
    type: str
    status: str
    work_request: WorkRequest


queues: set[asyncio.Queue[WorkRequestEvent]] = set()


@strawberry.type
class Query:
    subscribers: int = strawberry.field(resolver=lambda: len(queues))


@strawberry.type
class Subscription:
    @strawberry.subscription
    async def work_request_changed(self) -> AsyncGenerator[WorkRequestEvent, None]:
        queue: asyncio.Queue[WorkRequestEvent] = asyncio.Queue()
        queues.add(queue)
        try:
            while True:
                yield await queue.get()
        finally:
            queues.remove(queue)


async def publish(request: Request) -> Response:
    """So many events, for everybody."""
    for number in range(int(request.query_params["count"])):
        now = datetime.now(UTC)
        event = WorkRequestEvent(
            cursor=f"ZTEyMzQ1Njc4LjEyMzQ1{number}",
            time=now,
            type="work_request.priority_changed",
            status="PENDING",
            work_request=WorkRequest(
                id=strawberry.ID("V29ya1JlcXVlc3Q6MTAwMDAwMQ"),
                status="PENDING",
                result="NONE",
                attempt=0,
                task_name="noop",
                priority=0,
                created_at=now,
            ),
        )
        for queue in queues:
            queue.put_nowait(event)
    return Response()


if __name__ == "__main__":
    graphql = GraphQL[None, None](strawberry.Schema(Query, subscription=Subscription), graphql_ide=None)
    routes = [
        Route("/publish", publish, methods=["POST"]),
        Route("/graphql", graphql),
        WebSocketRoute("/graphql", graphql),
    ]
    run(Starlette(routes=routes))
