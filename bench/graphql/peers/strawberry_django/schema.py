"""The schema: types of models, which the optimizer reads in as few statements as there are levels of lists."""

from typing import Any

import strawberry
import strawberry_django
from django.db import transaction
from django.db.models import Q, QuerySet
from strawberry import auto, relay
from strawberry.extensions import ParserCache, ValidationCache
from strawberry_django.optimizer import DjangoOptimizerExtension
from strawberry_django.relay import DjangoCursorConnection

from bench.graphql.peers.strawberry_django import models


def seen(queryset: QuerySet[Any], info: Any) -> QuerySet[Any]:
    """What the one who asks may see of it."""
    user = info.context.request.headers["x-user"]
    mine = models.WorkspaceMembership.objects.filter(user_id=user).values("workspace_id")
    return queryset.filter(
        workspace__in=models.Workspace.objects.filter(Q(public=True) | Q(id__in=mine)).values("id")
    )


@strawberry_django.type(models.User)
class User:
    username: auto


@strawberry_django.type(models.Worker)
class Worker:
    name: auto


@strawberry_django.type(models.Workspace)
class Workspace:
    name: auto


@strawberry_django.type(models.File)
class File:
    size: auto


@strawberry_django.type(models.FileInArtifact)
class FileInArtifact:
    path: auto
    file: File


@strawberry_django.type(models.Artifact)
class Artifact(relay.Node):
    category: auto
    files: list[FileInArtifact] = strawberry_django.field(pagination=True)

    @classmethod
    def get_queryset(cls, queryset: QuerySet[Any], info: Any, **_: Any) -> QuerySet[Any]:
        return seen(queryset, info)


@strawberry_django.filter_type(models.WorkRequest)
class WorkRequestFilter:
    status: auto


@strawberry_django.order_type(models.WorkRequest)
class WorkRequestOrder:
    created_at: auto
    id: auto


@strawberry_django.type(models.WorkRequest, filters=WorkRequestFilter, ordering=WorkRequestOrder)
class WorkRequest(relay.Node):
    task_name: auto
    status: auto
    result: auto
    priority_base: auto
    created_at: auto
    completed_at: auto
    attempt: auto
    created_by: User
    worker: Worker | None
    workspace: Workspace
    artifacts: list[Artifact] = strawberry_django.field(pagination=True)

    @classmethod
    def get_queryset(cls, queryset: QuerySet[Any], info: Any, **_: Any) -> QuerySet[Any]:
        return seen(queryset, info)


@strawberry.input
class CreateWorkRequestInput:
    task_name: str
    task_data: strawberry.scalars.JSON
    workspace: strawberry.ID


@strawberry.type
class WorkRequestPayload:
    work_request: WorkRequest


@strawberry.type
class Query:
    work_request: WorkRequest | None = strawberry_django.node()
    work_requests: DjangoCursorConnection[WorkRequest] = strawberry_django.connection()


@strawberry.type
class Mutation:
    @strawberry.mutation
    @transaction.atomic
    def create_work_request(self, info: strawberry.Info, input: CreateWorkRequestInput) -> WorkRequestPayload:
        user = int(info.context.request.headers["x-user"])
        membership = models.WorkspaceMembership.objects.select_related("workspace").get(
            workspace_id=input.workspace, user_id=user, role__gte=2
        )
        made = models.WorkRequest.objects.create(
            task_name=input.task_name,
            task_data=input.task_data,
            tag_set=models.TagSet.objects.get(tags=[]),
            created_by_id=user,
            workspace=membership.workspace,
        )
        subject = f"work_request/{made.id}"
        columns = ("status", "result", "worker_id", "attempt", "task_name", "required_tags", "version")
        models.OutboxEvent.objects.create(
            event_type="work_request.created",
            subject=subject,
            partition_key=subject,
            data={column: getattr(made, column) for column in columns},
            tenant_id=membership.workspace.tenant_id,
            workspace=membership.workspace,
        )
        return WorkRequestPayload(work_request=made)


schema = strawberry.Schema(
    Query, Mutation, extensions=[DjangoOptimizerExtension, ParserCache(), ValidationCache()]
)
