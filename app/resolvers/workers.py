"""Workers: what they say and do, and what administrators do with them."""

import asyncio
import contextlib
from contextlib import aclosing
from datetime import datetime

import strawberry

from app import models
from app.actions import work as actions
from app.context import Info
from app.errors import Invalid
from app.events import MAY_BRING_WORK, Position
from app.graphql.connections import ConnectionOf, connection
from app.graphql.ids import row_id
from app.graphql.mutations import Payload, argument, changed, mutation
from app.graphql.roots import one_by_name
from app.graphql.scalars import JSON
from app.models.work import ABORTED
from app.publishers.hub import Hub
from app.schema.work import WorkerFilter, WorkerOrder

MAX_WAIT = 30
LOOK_AGAIN = 1.0
"""Seconds after which a waiting worker looks again by itself: nobody tells when a retry that was put off is due."""


@strawberry.type
class Query:
    """Workers."""

    worker = one_by_name(
        "Worker",
        models.Worker,
        "The worker of that name; null when there is none or you may not see it.",
    )

    workers = connection(
        "Worker",
        "The workers that you may see.",
        ConnectionOf(models.Worker, filters=WorkerFilter, orders=WorkerOrder),
    )


@strawberry.input(description="A worker that makes itself known.")
class RegisterWorkerInput:
    """For registerWorker."""

    fqdn: str = argument(
        "Fully qualified name of its host, at most 400 characters; its name is made from it."
    )
    token_key: str | None = argument(
        "The secret that it made for itself: 64 small hex characters. Null: the server makes one.", None
    )
    activation_token: str | None = argument(
        "An activation token's secret; with it the worker is enabled at once.", None
    )
    concurrency: int = argument("How many work requests it runs at once, at most.", 1)


@strawberry.type(description="What registerWorker answers.")
class RegisterWorkerPayload(Payload):
    """A worker, and its key."""

    worker: models.Worker | None = changed(
        "Worker", "The worker. It is not enabled, unless an activation token was given."
    )
    key: str | None = strawberry.field(
        default=None, description="Its secret, shown this once; null when it brought its own."
    )


@strawberry.input(description="What a worker says of itself.")
class UpdateWorkerDynamicMetadataInput:
    """For updateWorkerDynamicMetadata."""

    metadata: JSON = argument("All that it says: an object of at most 64 KiB. `tags` lists its tags.")


@strawberry.type(description="What mutations of workers answer.")
class WorkerPayload(Payload):
    """A worker."""

    worker: models.Worker | None = changed("Worker", "The worker as it is now.")


@strawberry.input(description="Which worker.")
class WorkerInput:
    """For mutations of one worker."""

    id: strawberry.ID = argument("The worker.")


@strawberry.input(description="What administrators say of a worker.")
class SetWorkerStaticMetadataInput:
    """For setWorkerStaticMetadata."""

    id: strawberry.ID = argument("The worker.")
    metadata: JSON = argument(
        "All that is said: an object of at most 64 KiB. It wins over what the worker says of itself."
    )
    if_version: int | None = argument("Refuse unless it still has this version.", None)


@strawberry.input(description="How long to wait, and for how long to claim.")
class AcquireWorkRequestInput:
    """For acquireWorkRequest."""

    wait_seconds: int = argument(f"Wait so long for work, at most {MAX_WAIT}.", 0)
    lease_seconds: int = argument("The claim is lost unless it is renewed within so many seconds.", 60)


@strawberry.type(description="What acquireWorkRequest answers.")
class AcquireWorkRequestPayload(Payload):
    """A claimed work request."""

    work_request: models.WorkRequest | None = changed(
        "WorkRequest", "The work request, RUNNING; null when there is none for this worker."
    )


@strawberry.input(description="A claim to keep.")
class RenewWorkRequestLeaseInput:
    """For renewWorkRequestLease."""

    id: strawberry.ID = argument("The work request.")
    attempt: int = argument("The attempt that the worker runs.")
    lease_seconds: int = argument("The claim is lost unless it is renewed again within so many seconds.", 60)


@strawberry.type(description="What renewWorkRequestLease answers.")
class RenewWorkRequestLeasePayload(Payload):
    """Whether to go on."""

    work_request: models.WorkRequest | None = changed("WorkRequest", "The work request as it is now.")
    aborted: bool | None = strawberry.field(default=None, description="True: stop, it was aborted.")


@strawberry.input(description="A line that a task printed.")
class LogLineInput:
    """For appendWorkRequestLog."""

    text: str = argument("The line without its end, at most 8 KiB.")
    stream: models.LogStream = argument("Where it came from.", models.LogStream.STDOUT)
    time: datetime = argument("When it was printed.")


@strawberry.input(description="Lines that a task printed.")
class AppendWorkRequestLogInput:
    """For appendWorkRequestLog."""

    id: strawberry.ID = argument("The work request.")
    attempt: int = argument("The attempt that printed them.")
    first: int = argument(
        "Number of the first of the lines, from 1 in each attempt. Numbers already stored are skipped."
    )
    lines: list[LogLineInput] = argument("The lines, at most 1,000.")


@strawberry.type(description="What appendWorkRequestLog answers.")
class AppendWorkRequestLogPayload(Payload):
    """Where to go on."""

    next_number: int | None = strawberry.field(default=None, description="The number that the next line has.")


@strawberry.input(description="Something that went wrong.")
class WorkRequestErrorInput:
    """For completeWorkRequest."""

    code: str = argument("What kind of fault, for programs, at most 100 characters.")
    message: str = argument("What went wrong, for people; cut at 10,000 characters.")


@strawberry.input(description="How a work request ended.")
class CompleteWorkRequestInput:
    """For completeWorkRequest."""

    id: strawberry.ID = argument("The work request.")
    attempt: int = argument("The attempt that ended.")
    result: models.WorkRequestResult = argument("How it ended; not NONE.")
    output_data: JSON | None = argument("What the task returned: an object of at most 1 MiB.", None)
    errors: list[WorkRequestErrorInput] = argument("What went wrong, at most 20.", [])


@strawberry.input(description="A claim to give up.")
class HandBackWorkRequestInput:
    """For handBackWorkRequest."""

    id: strawberry.ID = argument("The work request.")
    attempt: int = argument("The attempt that is given up.")


@strawberry.input(description="What a task asks people.")
class AskForInputInput:
    """For askForInput."""

    id: strawberry.ID = argument("The work request.")
    attempt: int = argument("The attempt that asks.")
    question: str = argument("What is asked, at most 4,000 characters.")


@strawberry.type(description="What reports of workers answer.")
class ReportPayload(Payload):
    """A work request."""

    work_request: models.WorkRequest | None = changed(
        "WorkRequest", "The work request as it is now; null once it is no longer this worker's."
    )


@strawberry.type
class Mutation:
    """What workers do, and what is done with them."""

    @mutation(
        RegisterWorkerPayload,
        "Make a worker known. Needs no identity: the worker can do nothing until it is enabled. Emits worker.registered.",
    )
    @staticmethod
    async def register_worker(info: Info, input: RegisterWorkerInput) -> RegisterWorkerPayload:
        worker = await actions.register_worker(
            fqdn=input.fqdn,
            key=input.token_key,
            activation_key=input.activation_token,
            concurrency=input.concurrency,
        )
        info.context.see_as_worker(worker.tenant_id, worker.id, worker.token_id)
        return RegisterWorkerPayload(worker=worker, key=None if input.token_key else worker.token.key)

    @mutation(
        WorkerPayload, "Replace what a worker says of itself. For workers. Emits worker.metadata_changed."
    )
    @staticmethod
    async def update_worker_dynamic_metadata(
        info: Info, input: UpdateWorkerDynamicMetadataInput
    ) -> WorkerPayload:
        return WorkerPayload(
            worker=await actions.update_worker_dynamic_metadata(info.context.viewer, input.metadata)
        )

    @mutation(
        AcquireWorkRequestPayload,
        "Claim the first work request that this worker can run. For enabled, connected workers with a free slot. "
        "Emits work_request.started.",
    )
    @staticmethod
    async def acquire_work_request(info: Info, input: AcquireWorkRequestInput) -> AcquireWorkRequestPayload:
        if not 0 <= input.wait_seconds <= MAX_WAIT:
            raise Invalid.field("waitSeconds", f"Wait from 0 to {MAX_WAIT} seconds.")
        return AcquireWorkRequestPayload(
            work_request=await _acquire(info, input.wait_seconds, input.lease_seconds)
        )

    @mutation(RenewWorkRequestLeasePayload, "Keep a claim. For the worker that runs it.")
    @staticmethod
    async def renew_work_request_lease(
        info: Info, input: RenewWorkRequestLeaseInput
    ) -> RenewWorkRequestLeasePayload:
        request = await actions.renew_work_request_lease(
            info.context.viewer,
            row_id(input.id, models.WorkRequest),
            input.attempt,
            lease_seconds=input.lease_seconds,
        )
        return RenewWorkRequestLeasePayload(work_request=request, aborted=request.status is ABORTED)

    @mutation(
        AppendWorkRequestLogPayload,
        "Store lines that a task printed; those who watch see them at once. For the worker that runs it. "
        "Emits work_request.log_appended.",
    )
    @staticmethod
    async def append_work_request_log(
        info: Info, input: AppendWorkRequestLogInput
    ) -> AppendWorkRequestLogPayload:
        lines = [actions.NewLogLine(line.stream, line.text, line.time) for line in input.lines]
        return AppendWorkRequestLogPayload(
            next_number=await actions.append_work_request_log(
                info.context.viewer, row_id(input.id, models.WorkRequest), input.attempt, input.first, lines
            )
        )

    @mutation(
        ReportPayload,
        "Report how a work request ended. The same report may be sent again. For the worker that runs it. "
        "Emits work_request.completed.",
    )
    @staticmethod
    async def complete_work_request(info: Info, input: CompleteWorkRequestInput) -> ReportPayload:
        errors = [{"code": error.code[:100], "message": error.message[:10_000]} for error in input.errors]
        return ReportPayload(
            work_request=await actions.complete_work_request(
                info.context.viewer,
                row_id(input.id, models.WorkRequest),
                input.attempt,
                input.result,
                output_data=input.output_data,
                errors=errors,
            )
        )

    @mutation(
        ReportPayload,
        "Give a work request up unfinished, so that another worker may have it at once. For the worker that runs it. "
        "Emits work_request.requeued.",
    )
    @staticmethod
    async def hand_back_work_request(info: Info, input: HandBackWorkRequestInput) -> ReportPayload:
        return ReportPayload(
            work_request=await actions.hand_back_work_request(
                info.context.viewer, row_id(input.id, models.WorkRequest), input.attempt
            )
        )

    @mutation(
        ReportPayload,
        "Say that a task cannot go on before somebody answers; whoever wants to know is told. Keep the claim meanwhile: "
        "the answer comes to the inbox, and to the work request. For the worker that runs it. Emits work_request.needs_input.",
    )
    @staticmethod
    async def ask_for_input(info: Info, input: AskForInputInput) -> ReportPayload:
        return ReportPayload(
            work_request=await actions.ask_for_input(
                info.context.viewer, row_id(input.id, models.WorkRequest), input.attempt, input.question
            )
        )

    @mutation(WorkerPayload, "Let a worker work. For staff. Emits worker.enabled.")
    @staticmethod
    async def enable_worker(info: Info, input: WorkerInput) -> WorkerPayload:
        return WorkerPayload(
            worker=await actions.enable_worker(info.context.viewer, row_id(input.id, models.Worker))
        )

    @mutation(
        WorkerPayload,
        "Stop a worker: it is told and disconnected; what it runs goes back into the queue. For staff. Emits worker.disabled.",
    )
    @staticmethod
    async def disable_worker(info: Info, input: WorkerInput) -> WorkerPayload:
        return WorkerPayload(
            worker=await actions.disable_worker(info.context.viewer, row_id(input.id, models.Worker))
        )

    @mutation(
        WorkerPayload, "Say what administrators know of a worker. For staff. Emits worker.metadata_changed."
    )
    @staticmethod
    async def set_worker_static_metadata(info: Info, input: SetWorkerStaticMetadataInput) -> WorkerPayload:
        return WorkerPayload(
            worker=await actions.set_worker_static_metadata(
                info.context.viewer,
                row_id(input.id, models.Worker),
                input.metadata,
                if_version=input.if_version,
            )
        )


async def _acquire(info: Info, wait_seconds: int, lease_seconds: int) -> models.WorkRequest | None:
    """Claim; when there is nothing, again whenever something happens that may bring work, until the time is over."""
    hub, clock = info.context.hub, asyncio.get_running_loop().time
    position, until = hub.end, clock() + wait_seconds
    while True:
        # Never cut short by the waiting's end: what a cancelled statement has claimed all the same, nobody would run.
        request = await actions.acquire_work_request(info.context.viewer, lease_seconds=lease_seconds)
        left = until - clock()
        if request is not None or left <= 0:
            return request
        position = await _work_brought(hub, position, min(left, LOOK_AGAIN))


async def _work_brought(hub: Hub, position: Position, seconds: float) -> Position:
    """Return when something has happened that may bring work, with its position, or when the time is over."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds), aclosing(hub.follow(position, MAY_BRING_WORK)) as happenings:
            async for event in happenings:
                return event.position
    return position
