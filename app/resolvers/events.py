"""The event log, to be read from where one stands."""

import strawberry

from app.graphql.ids import event_cursor
from app.graphql.roots import told
from app.graphql.scalars import Cursor
from app.models.outbox import end_of_log


@strawberry.type
class Query:
    """Where the event log ends just now."""

    @told(
        "The cursor of this moment. Read it before a snapshot and subscribe `after` it: nothing in between is missed."
    )
    async def event_cursor() -> Cursor:
        return Cursor(event_cursor(await end_of_log()))
