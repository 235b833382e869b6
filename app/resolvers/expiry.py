"""Removing what has expired."""

import strawberry

from app.actions.files.expiry import run_expiry
from app.context import Info
from app.graphql.mutations import Payload, argument, mutation
from app.graphql.scalars import DateTime
from app.schema.expiry import ExpiryReport, show_report

SECONDS = 20.0
"""A request is not kept waiting for longer; the report says when there is more."""


@strawberry.input(description="What to look at.")
class RunExpiryInput:
    """For runExpiry."""

    dry_run: bool = argument("True: only say what would be removed.", False)
    at: DateTime | None = argument(
        "Remove what has expired at this time; null: now. With a time to come, that which will have by then.",
        None,
    )


@strawberry.type(description="What runExpiry answers.")
class RunExpiryPayload(Payload):
    """The report."""

    report: ExpiryReport | None = strawberry.field(
        default=None, description="What was removed or, of a dry run, would be."
    )


@strawberry.type
class Mutation:
    """Expiry."""

    @mutation(
        RunExpiryPayload,
        "Remove the expired artifacts of the tenant that nothing kept leads to and no unfinished work request takes, and the "
        "files that only they have. It also happens by itself, every hour. For staff. Emits artifact.deleted.",
    )
    @staticmethod
    async def run_expiry(info: Info, input: RunExpiryInput) -> RunExpiryPayload:
        report = await run_expiry(
            info.context.viewer,
            input.at,
            dry_run=input.dry_run,
            uploads=info.context.settings.uploads_directory,
            seconds=SECONDS,
        )
        return RunExpiryPayload(report=show_report(report))
