"""Work requests, live."""

from typing import Annotated, Any

import strawberry

from app import models
from app.context import Info
from app.errors import NotFound
from app.events import CATALOGUE
from app.graphql.ids import row_id
from app.publishers.hub import Event
from app.schema.work import LogLine, WorkRequest, WorkRequestFilter
from app.subscriptions.following import After, Following, Happening, Wanted, common, follow

LOG_APPENDED = "work_request.log_appended"
CHANGES = frozenset(name for name in CATALOGUE if name.startswith("work_request.") and name != LOG_APPENDED)
MAX_LINES = 1000


@strawberry.type(
    description="A change of a work request. status, result, attempt and version are as of then; workRequest is as it is now."
)
class WorkRequestEvent(Happening):
    """For workRequestChanged."""

    status: models.WorkRequestStatus = strawberry.field(description="Its status after this change.")
    result: models.WorkRequestResult = strawberry.field(description="Its result after this change.")
    attempt: int = strawberry.field(description="How often it had been started.")
    version: int = strawberry.field(
        description="Counts its changes: the later one is greater, whatever comes first."
    )
    row_id: strawberry.Private[int]

    @strawberry.field(
        description="The work request as it is now; null when you may no longer see it.",
        graphql_type=WorkRequest | None,
    )
    @staticmethod
    async def work_request(event: strawberry.Parent[Any], info: Info) -> models.WorkRequest | None:
        return await info.context.one(models.WorkRequest, event.row_id)


@strawberry.type(description="Lines that a work request's task printed.")
class WorkRequestLogEvent(Happening):
    """For workRequestLog."""

    attempt: int = strawberry.field(description="The attempt that printed them.")
    first: strawberry.Private[int]
    last: strawberry.Private[int]
    row_id: strawberry.Private[int]

    @strawberry.field(description="The lines, in order.", graphql_type=list[LogLine])
    @staticmethod
    async def lines(event: strawberry.Parent[Any], info: Info) -> list[models.LogLine]:
        lines = models.LogLine.visible_to(info.context.viewer).filter(
            work_request_id=event.row_id,
            attempt=event.attempt,
            number__gte=event.first,
            number__lte=event.last,
        )
        return await lines.order_by("number").limit(MAX_LINES)

    @strawberry.field(
        description="The work request as it is now; null when you may no longer see it.",
        graphql_type=WorkRequest | None,
    )
    @staticmethod
    async def work_request(event: strawberry.Parent[Any], info: Info) -> models.WorkRequest | None:
        return await info.context.one(models.WorkRequest, event.row_id)


@strawberry.type
class Subscription:
    """Work requests."""

    @strawberry.subscription(
        description="Every change of the work requests that you may see.", graphql_type=WorkRequestEvent
    )
    @staticmethod
    async def work_request_changed(
        info: Info,
        filter: Annotated[
            WorkRequestFilter | None,
            strawberry.argument(description="Only work requests that satisfy this as they are now."),
        ] = None,
        after: After = None,
    ) -> Following:
        return await follow(info, after, _change, CHANGES, wanted=Wanted(info, models.WorkRequest, filter))

    @strawberry.subscription(
        description="What the task of one work request prints, all attempts.",
        graphql_type=WorkRequestLogEvent,
    )
    @staticmethod
    async def work_request_log(
        info: Info,
        id: Annotated[strawberry.ID, strawberry.argument(description="The work request.")],
        after: After = None,
    ) -> Following:
        request = await models.WorkRequest.visible_to(info.context.viewer).get_or_none(
            id=row_id(id, models.WorkRequest, ("id",))
        )
        if request is None:
            raise NotFound("There is no such work request, or you may not see it.", path=("id",))
        asked = request.id
        return await follow(info, after, _lines, {LOG_APPENDED}, only=lambda event: event.subject_id == asked)


def _change(event: Event) -> WorkRequestEvent:
    fields: dict[str, Any] = common(event)
    return WorkRequestEvent(
        **fields,
        row_id=event.subject_id,
        attempt=event.data["attempt"],
        version=event.data["version"],
        status=models.WorkRequestStatus(event.data["status"]),
        result=models.WorkRequestResult(event.data["result"]),
    )


def _lines(event: Event) -> WorkRequestLogEvent:
    fields: dict[str, Any] = common(event)
    return WorkRequestLogEvent(
        **fields,
        row_id=event.subject_id,
        attempt=event.data["attempt"],
        first=event.data["first"],
        last=event.data["last"],
    )
