"""What expiry has removed, or would remove."""

import strawberry

from app.actions.files.expiry import ExpiryReport as Report
from app.actions.files.marking import Spared
from app.graphql.enums import describe_enum
from app.graphql.scalars import BigInt, DateTime

describe_enum(
    Spared,
    "Why an expired artifact stays.",
    USED="A work request that has not ended takes it.",
    RELATED="Something that is kept leads to it, be it by way of others.",
    BUSY="Somebody was doing something with it just then: the next run looks at it again.",
)


@strawberry.type(description="What goes from one file store.")
class ExpiryOfStore:
    """One store."""

    store: str = strawberry.field(description="Name of the store.")
    files: int = strawberry.field(description="How many files.")
    bytes: BigInt = strawberry.field(description="How many bytes; they are removed an hour later.")


@strawberry.type(description="Expired artifacts that stay.")
class SparedArtifacts:
    """For one reason."""

    reason: Spared = strawberry.field(description="Why they stay.")
    artifacts: int = strawberry.field(description="How many.")


@strawberry.type(description="What expiry has removed or, of a dry run, would remove.")
class ExpiryReport:
    """Counts."""

    at: DateTime = strawberry.field(description="What had expired at that time was looked at.")
    dry_run: bool = strawberry.field(description="True: nothing was changed.")
    artifacts: int = strawberry.field(description="Artifacts that go.")
    relations: int = strawberry.field(description="Relations that go with them, from them or to them.")
    uploads: int = strawberry.field(description="Unfinished uploads that go with them.")
    files: int = strawberry.field(description="Files that no artifact names any more.")
    stores: list[ExpiryOfStore] = strawberry.field(description="What of these lies in which store, by name.")
    spared: list[SparedArtifacts] = strawberry.field(description="Expired artifacts that stay, by reason.")
    more: bool = strawberry.field(description="True: the time was up before all was done. Run it again.")


def show_report(report: Report) -> ExpiryReport:
    """The report as GraphQL shows it."""
    counts = report.counts
    return ExpiryReport(
        at=report.at,
        dry_run=report.dry_run,
        artifacts=counts.artifacts,
        relations=counts.relations,
        uploads=counts.uploads,
        files=counts.files,
        stores=[
            ExpiryOfStore(store=name, files=of.files, bytes=BigInt(of.bytes))
            for name, of in sorted(counts.stores.items())
        ],
        spared=[
            SparedArtifacts(reason=reason, artifacts=counts.spared[reason])
            for reason in Spared
            if counts.spared[reason]
        ],
        more=report.more,
    )
