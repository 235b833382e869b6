"""The event log, to be read from where one stands."""

import strawberry

from app.context import Info
from app.graphql.ids import event_cursor
from app.graphql.scalars import Cursor
from app.models.outbox import end_of_log


@strawberry.type
class Query:
    """Where the event log ends just now."""

    @strawberry.field(
        description="The cursor of this moment. Read it before a snapshot and subscribe `after` it: nothing in between is missed."
    )
    @staticmethod
    async def event_cursor(info: Info) -> Cursor:
        return Cursor(event_cursor(await end_of_log()))
