"""Who sees which event: the rule by which subscribers are served is the rule by which the log is read."""

from typing import Any

from app import models
from app.actions.outbox import record
from app.daemons.log_reader import scan
from app.database import atomic
from app.events import CATALOGUE, START
from app.models import Entity, OutboxEvent
from app.subscriptions.following import Sight
from tests.access.test_visibility import SEES
from tests.access.world import ROLES, STAFF, USERS, World
from tests.api import Api

MODELS: dict[str, type[Entity]] = {
    model._meta.db_table: model
    for model in (
        models.WorkRequest,
        models.Worker,
        models.Token,
        models.User,
        models.Team,
        models.Workspace,
        models.TaskType,
        models.Task,
        models.Schedule,
        models.WorkerStatus,
        models.Artifact,
        models.ArtifactCategory,
        models.FileStore,
        models.NotificationChannel,
    )
}


OF_NO_TENANT = (models.TaskType, models.WorkerStatus, models.ArtifactCategory, models.FileStore)


async def one_of_each(world: World) -> None:
    """Every type of event about every row that it may be about."""
    for event in CATALOGUE.values():
        for (model, word), row in world.rows.items():
            if model is MODELS[event.table]:
                tenant = world.cast.tenant if word != "theirs" else world.rows[models.Tenant, "theirs"]
                await _record(event, row.id, tenant.id if model in OF_NO_TENANT else None)


@atomic()
async def _record(event: Any, id: int, tenant_id: int | None) -> None:
    await record(event, id, tenant_id=tenant_id, extra={"first": 1, "last": 1})


async def test_a_subscriber_is_served_exactly_what_the_models_rule_shows(api: Api, world: World) -> None:
    await one_of_each(world)
    events = await scan(START, 10_000)
    assert {event.type for event in events} == set(CATALOGUE)

    for role in ROLES:
        viewer = await world.viewer(role)
        sight = Sight(api.hub)
        served = {event.id for event in events if await sight.sees(viewer, event)}

        shown = {str(id) for id in await OutboxEvent.visible_to(viewer).values_list("id", flat=True)}
        assert served == shown, role


async def test_events_of_work_are_for_those_who_see_the_workspace(api: Api, world: World) -> None:
    """A worker sees no events but those of its inbox."""
    for role in ROLES:
        for (model, word), row in world.rows.items():
            if model in (models.WorkRequest, models.Workspace, models.Artifact):
                subject = f"{model._meta.db_table}/{row.id}"
                seen = await OutboxEvent.visible_to(await world.viewer(role)).filter(subject=subject).count()
                there = await OutboxEvent.filter(subject=subject).count()
                expected = role in SEES[model, word] and role != "machine"
                assert seen == (there if expected else 0), (model, word)


async def test_events_of_workers_are_for_the_tenants_users_and_those_of_tokens_for_staff_and_owners(
    api: Api, world: World
) -> None:
    for role in ROLES:
        viewer = await world.viewer(role)
        for key, expected in (
            ((models.Worker, "machine"), role in USERS),
            ((models.Token, "ann's"), role in STAFF | {"ann"}),
            ((models.Token, "machine's"), role in STAFF),
            ((models.Token, "zoe's"), role == "zoe"),
        ):
            subject = f"{key[0]._meta.db_table}/{world.rows[key].id}"
            there = await OutboxEvent.filter(subject=subject).count()
            seen = await OutboxEvent.visible_to(viewer).filter(subject=subject).count()
            assert there > 0
            assert seen == (there if expected else 0), (role, key)
