"""Work requests: submitted, followed, stopped, tried again."""

from datetime import timedelta
from typing import Any, cast

import strawberry

from app import models
from app.access import Viewer
from app.actions import work as actions
from app.actions.notifications import NewNotificationRule
from app.actions.work.requests import check_work_request
from app.context import Info
from app.graphql.connections import ConnectionOf, ListOf, connection, whole
from app.graphql.ids import maybe_row_id, row_id, row_ids
from app.graphql.mutations import Payload, argument, changed, mutation
from app.graphql.roots import one_by_id, told
from app.graphql.scalars import JSON
from app.models.work import PENDING, RUNNING
from app.schema.work import WorkRequestFilter, WorkRequestOrder


@strawberry.type(description="How much work there is just now, of what you may see.")
class QueueStatus:
    """Counts."""

    blocked: int = strawberry.field(description="Work requests that wait for others.")
    pending: int = strawberry.field(description="Work requests that wait for a worker.")
    running: int = strawberry.field(description="Work requests that run.")
    connected_workers: int = strawberry.field(description="Workers that hold a connection.")


@strawberry.type
class Query:
    """Work requests and what may be requested."""

    work_request = one_by_id(
        "WorkRequest",
        models.WorkRequest,
        "The work request; null when it is absent or you may not see it.",
    )

    work_requests = connection(
        "WorkRequest",
        "The work requests that you may see, oldest first unless ordered otherwise.",
        ConnectionOf(
            models.WorkRequest,
            filters=WorkRequestFilter,
            orders=WorkRequestOrder,
            default_order=(("created_at", False),),
        ),
    )

    task_types = whole(
        "TaskType",
        "All kinds of work that may be requested, by name.",
        ListOf(models.TaskType, None, (("name", False),), 1000),
    )

    @told("How much work there is just now.")
    async def queue_status(viewer: Viewer) -> QueueStatus:
        visible = models.WorkRequest.visible_to(viewer)
        workers = models.Worker.visible_to(viewer)
        return QueueStatus(
            blocked=await visible.filter(status=models.WorkRequestStatus.BLOCKED).count(),
            pending=await visible.filter(status=PENDING).count(),
            running=await visible.filter(status=RUNNING).count(),
            connected_workers=await workers.filter(connected_at__isnull=False).count(),
        )


@strawberry.input(
    description="When word of a work request is sent, and what is to be other than the channel says."
)
class NotificationRuleInput:
    """For createWorkRequest."""

    channel: str = argument(
        "Name of a notification channel; or `creator`, which is built in, to mail whoever submits the work request."
    )
    on: list[models.NotificationEvent] = argument(
        "When word is sent.", [models.NotificationEvent.FAILURE, models.NotificationEvent.ERROR]
    )
    from_: str | None = argument("Another sender; for channels with allowOverride.", None, name="from")
    to: list[str] | None = argument("Other receivers, 1 to 100; for channels with allowOverride.", None)
    cc: list[str] | None = argument("Others who get a copy, at most 100.", None)
    subject: str | None = argument(
        "Another subject, in which $work_request_id, $work_request_result, $task_name and $workspace stand for what they "
        "say.",
        None,
    )


@strawberry.input(description="Work to be done.")
class CreateWorkRequestInput:
    """For createWorkRequest."""

    task_name: str = argument("Name of the task type: see taskTypes.")
    # no object as default: graphql-core cannot say it when it is asked for the schema
    task_data: JSON | None = argument(
        "Input of the task: an object that satisfies the task type's JSON Schema, at most 256 KiB; null: an empty one.",
        None,
    )
    workspace: strawberry.ID | None = argument("Where it lives; null: the workspace called System.", None)
    required_tags: list[str] = argument("Tags that a worker needs for it, beside those of the task type.", [])
    pinned_worker: strawberry.ID | None = argument(
        "The only worker that may run it; null: any that can.", None
    )
    priority_adjustment: int = argument("Added to its priority; above 0 for staff only.", 0)
    dependencies: list[strawberry.ID] = argument(
        "Work requests of the same workspace that it waits for, at most 100.", []
    )
    parent: strawberry.ID | None = argument("The work request that it is a part of.", None)
    allow_failure: bool = argument("True: what depends on it runs even if it does not succeed.", False)
    max_attempts: int = argument("After so many lost attempts it ends with ERROR.", 3)
    retry_delays: list[timedelta] = argument(
        "After a failure it is tried again by itself after each of these pauses in turn.", []
    )
    notifications: list[NotificationRuleInput] = argument(
        "Who is told of it, and when: at most 20 rules.", []
    )
    idempotency_key: str | None = argument(
        "A key of your choice: sent twice, it makes one work request.", None
    )
    dry_run: bool = argument("True: only check it; workRequest is null.", False)


@strawberry.type(description="What mutations of work requests answer.")
class WorkRequestPayload(Payload):
    """A work request."""

    work_request: models.WorkRequest | None = changed("WorkRequest", "The work request as it is now.")


@strawberry.input(description="Which work request to stop, and why.")
class AbortWorkRequestInput:
    """For abortWorkRequest."""

    id: strawberry.ID = argument("The work request.")
    reason: str = argument("Why, at most 1,000 characters.", "")
    if_version: int | None = argument("Refuse unless it still has this version.", None)


@strawberry.input(description="Which work request to run again.")
class RetryWorkRequestInput:
    """For retryWorkRequest."""

    id: strawberry.ID = argument("The work request that was aborted or did not succeed.")


@strawberry.input(description="An answer to what the task of a work request asks.")
class AnswerWorkRequestInput:
    """For answerWorkRequest."""

    id: strawberry.ID = argument("The work request, whose needsInput says what is asked.")
    answer: str = argument("The answer, at most 4,000 characters.")
    if_version: int | None = argument("Refuse unless it still has this version.", None)


@strawberry.input(description="A place in the queue.")
class SetWorkRequestPriorityInput:
    """For setWorkRequestPriority."""

    id: strawberry.ID = argument("The work request.")
    priority_adjustment: int = argument("From -1000 to 1000; above 0 for staff only.")
    if_version: int | None = argument("Refuse unless it still has this version.", None)


@strawberry.input(description="What a work request waits for.")
class SetWorkRequestDependenciesInput:
    """For setWorkRequestDependencies."""

    id: strawberry.ID = argument("The work request, which has not started.")
    dependencies: list[strawberry.ID] = argument("All that it waits for, instead of what it waits for now.")
    if_version: int | None = argument("Refuse unless it still has this version.", None)


@strawberry.input(description="A kind of work.")
class RegisterTaskTypeInput:
    """For registerTaskType."""

    name: str = argument("A small letter, then at most 99 of a-z 0-9 _ . -")
    data_schema: JSON = argument("JSON Schema (2020-12) of taskData.")
    task_version: int = argument("Version of what taskData means.", 1)
    description: str = argument("What it does, for people.", "")
    required_tags: list[str] = argument("Tags that a worker needs for it.", [])


@strawberry.type(description="What registerTaskType answers.")
class TaskTypePayload(Payload):
    """A task type."""

    task_type: models.TaskType | None = changed("TaskType", "The task type as it is now.")


@strawberry.type
class Mutation:
    """What can be done with work requests."""

    @mutation(
        WorkRequestPayload, "Submit work. For contributors of the workspace. Emits work_request.created."
    )
    @staticmethod
    async def create_work_request(info: Info, input: CreateWorkRequestInput) -> WorkRequestPayload:
        new = _new(input)
        if input.dry_run:
            await check_work_request(info.context.viewer, new)
            return WorkRequestPayload()
        return WorkRequestPayload(
            work_request=await actions.create_work_request(
                info.context.viewer, new, idempotency_key=input.idempotency_key
            )
        )

    @mutation(
        WorkRequestPayload,
        "Stop a work request that has not finished, its children, and what can no longer run. Its worker is told. "
        "For its creator and the workspace's owners. Emits work_request.aborted.",
    )
    @staticmethod
    async def abort_work_request(info: Info, input: AbortWorkRequestInput) -> WorkRequestPayload:
        return WorkRequestPayload(
            work_request=await actions.abort_work_request(
                info.context.viewer,
                row_id(input.id, models.WorkRequest),
                reason=input.reason,
                if_version=input.if_version,
            )
        )

    @mutation(
        WorkRequestPayload,
        "Make a new work request in the place of one that was aborted or did not succeed. For contributors. "
        "Emits work_request.created.",
    )
    @staticmethod
    async def retry_work_request(info: Info, input: RetryWorkRequestInput) -> WorkRequestPayload:
        return WorkRequestPayload(
            work_request=await actions.retry_work_request(
                info.context.viewer, row_id(input.id, models.WorkRequest)
            )
        )

    @mutation(
        WorkRequestPayload,
        "Answer what the task of a running work request asks. Its worker is told. For contributors. "
        "Emits work_request.answered.",
    )
    @staticmethod
    async def answer_work_request(info: Info, input: AnswerWorkRequestInput) -> WorkRequestPayload:
        return WorkRequestPayload(
            work_request=await actions.answer_work_request(
                info.context.viewer,
                row_id(input.id, models.WorkRequest),
                input.answer,
                if_version=input.if_version,
            )
        )

    @mutation(
        WorkRequestPayload,
        "Move a work request in the queue: one's own down, and by staff any up. Emits work_request.priority_changed.",
    )
    @staticmethod
    async def set_work_request_priority(info: Info, input: SetWorkRequestPriorityInput) -> WorkRequestPayload:
        return WorkRequestPayload(
            work_request=await actions.set_work_request_priority(
                info.context.viewer,
                row_id(input.id, models.WorkRequest),
                input.priority_adjustment,
                if_version=input.if_version,
            )
        )

    @mutation(
        WorkRequestPayload,
        "Say anew what a work request that has not started waits for. For contributors. "
        "Emits work_request.dependencies_changed.",
    )
    @staticmethod
    async def set_work_request_dependencies(
        info: Info, input: SetWorkRequestDependenciesInput
    ) -> WorkRequestPayload:
        return WorkRequestPayload(
            work_request=await actions.set_work_request_dependencies(
                info.context.viewer,
                row_id(input.id, models.WorkRequest),
                row_ids(list(input.dependencies), models.WorkRequest, ("input", "dependencies")),
                if_version=input.if_version,
            )
        )

    @mutation(
        TaskTypePayload,
        "Make a kind of work known, or change what its data must look like. For staff. Emits task_type.registered.",
    )
    @staticmethod
    async def register_task_type(info: Info, input: RegisterTaskTypeInput) -> TaskTypePayload:
        return TaskTypePayload(
            task_type=await actions.register_task_type(
                info.context.viewer,
                name=input.name,
                data_schema=cast(dict[str, Any], input.data_schema),
                task_version=input.task_version,
                description=input.description,
                required_tags=input.required_tags,
            )
        )


def _new(input: CreateWorkRequestInput) -> actions.NewWorkRequest:
    return actions.NewWorkRequest(
        task_name=input.task_name,
        task_data={} if input.task_data is None else input.task_data,
        required_tags=tuple(input.required_tags),
        workspace_id=maybe_row_id(input.workspace, models.Workspace, ("input", "workspace")),
        pinned_worker_id=maybe_row_id(input.pinned_worker, models.Worker, ("input", "pinnedWorker")),
        parent_id=maybe_row_id(input.parent, models.WorkRequest, ("input", "parent")),
        dependency_ids=tuple(
            row_ids(list(input.dependencies), models.WorkRequest, ("input", "dependencies"))
        ),
        priority_adjustment=input.priority_adjustment,
        allow_failure=input.allow_failure,
        max_attempts=input.max_attempts,
        retry_delays=tuple(input.retry_delays),
        notifications=tuple(_rule(rule) for rule in input.notifications),
    )


def _rule(input: NotificationRuleInput) -> NewNotificationRule:
    changes = {"from": input.from_, "to": input.to, "cc": input.cc, "subject": input.subject}
    return NewNotificationRule(
        on=tuple(input.on),
        channel=input.channel,
        changes={key: value for key, value in changes.items() if value is not None},
    )
