"""Who sees what: every model × every role, by every way that leads to a row."""

from collections.abc import Iterator
from typing import Any

from graphql import (
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    get_named_type,
    is_required_argument,
)

from app import models
from app.context import Context
from app.graphql.entity import TYPES, Node
from app.graphql.ids import decode_id
from app.models import Entity, OutboxEvent
from app.models.workers import TagSet
from tests.access.world import MEMBERS, NOBODY, ROLES, STAFF, USERS, World
from tests.api import Api, gid

SEES: dict[tuple[type[Entity], str], set[str]] = {
    (models.Tenant, "ours"): USERS | {"machine"},
    (models.Tenant, "theirs"): {"zoe"},
    (models.Permission, "any"): USERS | {"zoe"},
    (models.Group, "ours"): USERS,
    (models.Group, "theirs"): {"zoe"},
    (models.Team, "ours"): USERS,
    (models.Team, "theirs"): {"zoe"},
    (models.User, "ours"): USERS,
    (models.User, "theirs"): {"zoe"},
    (models.Token, "ann's"): STAFF | {"ann"},
    (models.Token, "machine's"): STAFF | {"machine"},
    (models.Token, "activation"): STAFF,
    (models.Token, "zoe's"): {"zoe"},
    (models.Token, "their worker's"): {"zoe"},
    (models.IdempotencyKey, "ann's"): NOBODY,
    (models.LogEntry, "ours"): STAFF,
    (models.LogEntry, "theirs"): {"zoe"},
    (models.Workspace, "lab"): MEMBERS | {"machine"},  # where it has work
    (models.Workspace, "open"): USERS | {"anonymous"},
    (models.Workspace, "theirs"): {"zoe"},
    (models.WorkspaceMembership, "lab"): MEMBERS,
    (models.WorkspaceMembership, "open"): USERS,
    (models.WorkspaceMembership, "theirs"): {"zoe"},
    (models.TaskType, "any"): USERS | {"zoe", "machine"},
    (TagSet, "any"): NOBODY,
    (models.Worker, "machine"): USERS | {"machine"},
    (models.Worker, "other"): USERS,
    (models.Worker, "theirs"): {"zoe"},
    (models.WorkRequest, "lab, the machine's"): MEMBERS | {"machine"},
    (models.WorkRequest, "lab, waiting"): MEMBERS,
    (models.WorkRequest, "open"): USERS | {"anonymous"},
    (models.WorkRequest, "theirs"): {"zoe"},
    (models.LogLine, "lab, the machine's"): MEMBERS | {"machine"},
    (models.LogLine, "lab, waiting"): MEMBERS,
    (models.LogLine, "open"): USERS | {"anonymous"},
    (models.LogLine, "theirs"): {"zoe"},
    (models.Task, "lab"): MEMBERS | {"sam"},
    (models.Task, "open"): USERS | {"anonymous"},
    (models.Task, "no workspace"): STAFF,
    (models.Task, "theirs"): {"zoe"},
    (models.TaskLog, "lab"): MEMBERS | {"sam"},
    (models.TaskLog, "open"): USERS | {"anonymous"},
    (models.TaskLog, "no workspace"): STAFF,
    (models.TaskLog, "theirs"): {"zoe"},
    (models.Schedule, "ours"): STAFF,
    (models.Schedule, "theirs"): {"zoe"},
    (models.WorkerStatus, "any"): STAFF | {"zoe"},
    (models.ContentType, "any"): USERS | {"zoe", "machine"},
    (models.ArtifactCategory, "any"): USERS | {"zoe", "machine"},
    (models.FileStore, "any"): USERS | {"zoe"},
    (models.FileInStore, "any"): STAFF | {"zoe"},
    (models.FileToRemove, "any"): STAFF | {"zoe"},
    (models.Artifact, "lab"): MEMBERS,
    (models.Artifact, "lab, the machine's"): MEMBERS | {"machine"},  # what its work request made
    (models.Artifact, "lab, used"): MEMBERS | {"machine"},  # what its work request takes
    (models.Artifact, "open"): USERS | {"anonymous"},
    (models.Artifact, "theirs"): {"zoe"},
    (models.FileInArtifact, "lab"): MEMBERS,
    (models.FileInArtifact, "lab, the machine's"): MEMBERS | {"machine"},  # what its work request made
    (models.FileInArtifact, "lab, used"): MEMBERS | {"machine"},  # what its work request takes
    (models.FileInArtifact, "open"): USERS | {"anonymous"},
    (models.FileInArtifact, "theirs"): {"zoe"},
    (models.File, "lab"): MEMBERS,
    (models.File, "lab, the machine's"): MEMBERS | {"machine"},  # what its work request made
    (models.File, "lab, used"): MEMBERS | {"machine"},  # what its work request takes
    (models.File, "open"): USERS | {"anonymous"},
    (models.File, "theirs"): {"zoe"},
    (models.FileUpload, "lab"): MEMBERS,
    (models.FileUpload, "lab, the machine's"): MEMBERS | {"machine"},  # what its work request made
    (models.FileUpload, "lab, used"): MEMBERS | {"machine"},  # what its work request takes
    (models.FileUpload, "open"): USERS | {"anonymous"},
    (models.FileUpload, "theirs"): {"zoe"},
    (models.ArtifactRelation, "lab"): MEMBERS,
    (models.ArtifactRelation, "lab, the machine's"): MEMBERS | {"machine"},
    (models.ArtifactRelation, "open"): USERS | {"anonymous"},
    (models.ArtifactRelation, "theirs"): {"zoe"},
    (models.NotificationChannel, "ours"): USERS,
    (models.NotificationChannel, "theirs"): {"zoe"},
}

LISTS = {
    models.User: "users",
    models.Team: "teams",
    models.Group: "groups",
    models.Permission: "permissions",
    models.LogEntry: "logEntries",
    models.Token: "tokens",
    models.Workspace: "workspaces",
    models.WorkRequest: "workRequests",
    models.Worker: "workers",
    models.Task: "tasks",
    models.Schedule: "schedules",
    models.Artifact: "artifacts",
    models.FileStore: "fileStores",
    models.NotificationChannel: "notificationChannels",
}


def every_model() -> set[type[Entity]]:
    """All tables."""
    found, waiting = set(), [Entity]
    while waiting:
        for each in waiting.pop().__subclasses__():
            waiting.append(each)
            found.add(each)
    return found


def test_the_table_has_every_model() -> None:
    """OutboxEvent has a test of its own: test_events.py."""
    assert {model for model, _ in SEES} == every_model() - {OutboxEvent}


async def test_a_role_sees_exactly_what_the_table_says(api: Api, world: World) -> None:
    for role in ROLES:
        assert set(world.rows) == set(SEES)
        viewer, context = await world.viewer(role), Context(await world.viewer(role), api.hub)
        assert viewer.settled_if_known.settled == (role in USERS | {"zoe"})

        for (model, word), row in world.rows.items():
            expected = role in SEES[model, word]
            assert await model.visible_to(viewer).filter(id=row.id).exists() == expected, (role, model, word)
            seen = model.visible_to(viewer.settled_if_known).filter(id=row.id)
            assert await seen.exists() == expected, (role, model, word)
            assert (await context.one(model, row.id) is not None) == expected, (role, model, word)


async def test_node_and_nodes_show_exactly_what_the_table_says(api: Api, world: World) -> None:
    for role in ROLES:
        shown = {
            key: row for key, row in world.rows.items() if key[0] in TYPES and issubclass(TYPES[key[0]], Node)
        }
        assert len(shown) > 25
        several = await api.execute(
            world.who(role),
            "query($ids: [ID!]!) { nodes(ids: $ids) { id } }",
            ids=[gid(row) for row in shown.values()],
        )

        for (key, row), from_several in zip(shown.items(), several["nodes"], strict=True):
            one = await api.execute(
                world.who(role), "query($id: ID!) { node(id: $id) { __typename id } }", id=gid(row)
            )
            expected = role in SEES[key]
            assert one["node"] == ({"__typename": key[0].__name__, "id": gid(row)} if expected else None), (
                role,
                *key,
            )
            assert from_several == ({"id": gid(row)} if expected else None), (role, *key)


async def test_lists_show_exactly_what_the_table_says(api: Api, world: World) -> None:
    for role in ROLES:
        for model, name in LISTS.items():
            answer = await api.execute(
                world.who(role), f"{{ {name}(first: 100) {{ nodes {{ id }} totalCount }} }}"
            )

            ids = {node["id"] for node in answer[name]["nodes"]}
            assert answer[name]["totalCount"] == len(ids)
            for (of, word), row in world.rows.items():
                if of is model:
                    assert (gid(row) in ids) == (role in SEES[of, word]), (role, model, word)


async def test_fields_by_name_and_by_id_show_exactly_what_the_table_says(api: Api, world: World) -> None:
    for role in ROLES:
        who = world.who(role)
        for (model, word), row in world.rows.items():
            if model in (models.Workspace, models.Worker):
                name = model.__name__.lower()
                answer = await api.execute(
                    who, f"query($n: String!) {{ {name}(name: $n) {{ id }} }}", n=row.name
                )
            elif model in (models.WorkRequest, models.Task, models.Schedule, models.Artifact):
                name = model.__name__[0].lower() + model.__name__[1:]
                answer = await api.execute(
                    who, f"query($id: ID!) {{ {name}(id: $id) {{ id }} }}", id=gid(row)
                )
            else:
                continue
            assert answer[name] == ({"id": gid(row)} if role in SEES[model, word] else None), (
                role,
                model,
                word,
            )


async def test_an_outsider_cannot_tell_a_private_request_from_a_missing_one(api: Api, world: World) -> None:
    private = gid(world.rows[models.WorkRequest, "lab, waiting"])
    missing = gid(models.WorkRequest(id=2**40))
    document = "mutation($input: AbortWorkRequestInput!) { abortWorkRequest(input: $input) { userErrors { code message path } } }"

    answers = [await api.execute(world.cast.eve, document, input={"id": id}) for id in (private, missing)]

    assert answers[0] == answers[1] and answers[0]["abortWorkRequest"]["userErrors"][0]["code"] == "NOT_FOUND"
    subscription = "subscription($id: ID!) { workRequestLog(id: $id) { type } }"
    for id in (private, missing):
        async with api.subscribe(world.cast.eve, subscription, id=id) as events:
            assert await events.end() == "NOT_FOUND"


# No way round --------------------------------------------------------------------------------------------------------


def relations(type_: GraphQLNamedType) -> Iterator[str]:
    """Every field of a type that leads to objects with ids, as a selection of their ids."""
    assert isinstance(type_, GraphQLObjectType | GraphQLInterfaceType)
    for name, field in type_.fields.items():
        if any(is_required_argument(argument) for argument in field.args.values()):
            continue
        inner = get_named_type(field.type)
        if not isinstance(inner, GraphQLObjectType | GraphQLInterfaceType):
            continue
        if inner.name.endswith("Connection"):
            node = get_named_type(inner.fields["nodes"].type)
            if "id" in getattr(node, "fields", {}):
                yield f"{name}(first: 100) {{ nodes {{ __typename id }} edges {{ node {{ __typename id }} }} }}"
        elif inner.name == "RelObj":  # its own id is a number in a table
            yield f"{name} {{ node {{ __typename id }} }}"
        elif "id" in inner.fields:
            yield f"{name} {{ __typename id }}"


def ids_in(data: Any) -> Iterator[str]:
    """Every id in a response."""
    if isinstance(data, dict):
        if isinstance(data.get("id"), str):
            yield data["id"]
        for value in data.values():
            yield from ids_in(value)
    elif isinstance(data, list):
        for value in data:
            yield from ids_in(value)


async def test_no_relation_leads_to_what_a_role_does_not_see(api: Api, world: World) -> None:
    for role in ROLES:
        viewer = await world.viewer(role)
        schema = api.server.engine.schema
        seen = 0
        for (model, word), row in world.rows.items():
            if model not in TYPES or not issubclass(TYPES[model], Node) or role not in SEES[model, word]:
                continue
            selection = " ".join(relations(schema.type_map[model.__name__]))
            document = (
                f"query($id: ID!) {{ node(id: $id) {{ id ... on {model.__name__} {{ {selection} }} }} }}"
            )
            answer = await api.execute(world.who(role), document, id=gid(row))

            for id in set(ids_in(answer["node"])):
                type_name, number = decode_id(id)
                other = getattr(models, type_name)
                assert await other.visible_to(viewer).filter(id=number).exists(), (role, model, word, id)
                seen += 1
        assert seen >= 1


PRIVATE = ("password", "hash", "key")


def test_secrets_are_no_fields_of_the_schema(api: Api) -> None:
    for type_ in api.server.engine.schema.type_map.values():
        if isinstance(type_, GraphQLObjectType) and not type_.name.endswith("Payload"):
            assert not set(type_.fields) & set(PRIVATE), type_.name


async def test_personal_data_is_for_oneself_and_staff(api: Api, world: World) -> None:
    for role in ROLES:
        await models.User.filter(id=world.cast.bob.user.id).update(
            email="bob@example.org", first_name="Bob", last_name="B"
        )
        selection = "username email firstName lastName tokenSet { totalCount }"
        document = f"query($id: ID!) {{ node(id: $id) {{ ... on User {{ {selection} }} }} }}"

        answer = await api.execute(world.who(role), document, id=gid(world.cast.bob.user))

        if role in {"bob", *STAFF}:
            assert answer["node"]["email"] == "bob@example.org"
            assert (answer["node"]["firstName"], answer["node"]["lastName"]) == ("Bob", "B")
            assert answer["node"]["tokenSet"]["totalCount"] == 1
        elif role in USERS:
            assert answer["node"] == {
                "username": "bob",
                "email": None,
                "firstName": None,
                "lastName": None,
                "tokenSet": {"totalCount": 0},
            }
        else:
            assert answer["node"] is None


async def test_viewer_says_who_one_is_and_what_one_may(api: Api, world: World) -> None:
    for role in ROLES:
        answer = await api.execute(
            world.who(role),
            """{ viewer { user { username } worker { name } tenant { name } scopes canCreateWorkspaces
                 canAdministerWorkers canAdministerUsers canReadAuditLog } }""",
        )

        viewer = answer["viewer"]
        assert viewer["user"] == (None if role in ("anonymous", "machine") else {"username": role})
        assert viewer["worker"] == ({"name": "machine-lan"} if role == "machine" else None)
        assert viewer["tenant"] == (
            None if role == "anonymous" else {"name": "other" if role == "zoe" else "default"}
        )
        assert viewer["scopes"] == ([] if role == "anonymous" else ["ADMIN", "READ", "WORK"])
        rights = {value for name, value in viewer.items() if name.startswith("can")}
        assert rights == {role in STAFF | {"zoe"}}


SHOWN = [
    (model, relation)
    for model in (getattr(models, name) for name in models.__all__)
    if isinstance(model, type) and issubclass(model, Entity)
    for relation in [*model.shows, *([model.seen_with] if model.seen_with else [])]
]


def test_what_is_shown_unchecked_is_what_we_think() -> None:
    assert {f"{model.__name__}.{relation}" for model, relation in SHOWN} == {
        "FileInArtifact.artifact",
        "FileInArtifact.file",
        "FileUpload.file_in_artifact",
        "LogLine.work_request",
        "TaskLog.task",
        "WorkRequest.workspace",
    }


async def test_whoever_sees_a_row_sees_those_that_it_shows(world: World) -> None:
    for role in ROLES:
        viewer = await world.viewer(role)
        for model, relation in SHOWN:
            target = model._meta.fields_map[relation].related_model
            there = {getattr(row, f"{relation}_id") for row in await model.visible_to(viewer)}
            seen = set(await target.visible_to(viewer).values_list("id", flat=True))
            assert there <= seen, (role, model, relation)
            if relation == model.seen_with:
                all_below = {getattr(row, f"{relation}_id") for row in await model.all()}
                assert there == all_below & seen, (role, model, relation)
