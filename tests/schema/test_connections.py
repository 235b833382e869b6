"""Connections: pages of every list in every order, forward and backward, put together give the list itself."""

import base64
from dataclasses import dataclass, field
from typing import Any

import orjson
import pytest
from graphql import GraphQLEnumType, get_named_type
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app import models
from app.database import fetch
from app.graphql.ids import decode_id
from app.models import Entity
from tests.api import Api, gid
from tests.cast import Cast

THOROUGH = settings(
    max_examples=30,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    derandomize=True,
)


@dataclass(frozen=True)
class Listed:
    """A root connection, the model that it lists, and its orders: GraphQL's word → column."""

    name: str
    model: type[Entity]
    orders: dict[str, str] = field(default_factory=dict)
    default: tuple[tuple[str, bool], ...] = ()


ROOTS = (
    Listed(
        "workRequests",
        models.WorkRequest,
        {
            "CREATED_AT": "created_at",
            "STARTED_AT": "started_at",
            "COMPLETED_AT": "completed_at",
            "PRIORITY": "priority",
        },
        (("created_at", False),),
    ),
    Listed(
        "workers",
        models.Worker,
        {
            "NAME": "name",
            "REGISTERED_AT": "registered_at",
            "CONNECTED_AT": "connected_at",
            "LAST_SEEN_AT": "last_seen_at",
        },
    ),
    Listed(
        "users",
        models.User,
        {"USERNAME": "username", "DATE_JOINED": "date_joined", "LAST_LOGIN": "last_login"},
    ),
    Listed(
        "tokens",
        models.Token,
        {"CREATED_AT": "created_at", "EXPIRE_AT": "expire_at", "LAST_SEEN_AT": "last_seen_at"},
    ),
    Listed("workspaces", models.Workspace, {"NAME": "name", "CREATED_AT": "created_at"}),
    Listed("logEntries", models.LogEntry, default=(("action_time", True),)),
    Listed(
        "tasks",
        models.Task,
        {
            "CREATED_AT": "created_at",
            "MTIME": "mtime",
            "ETA": "eta",
            "ACTOR_NAME": "actor_name",
            "QUEUE_NAME": "queue_name",
            "RETRIES": "retries",
            "PRIORITY": "priority",
            "AGGREGATED_STATUS": "aggregated_status",
        },
        (("id", True),),
    ),
    Listed(
        "schedules",
        models.Schedule,
        {"NEXT_RUN": "next_run", "ACTOR_NAME": "actor_name", "IDENTIFIER": "identifier"},
        (("next_run", False),),
    ),
    Listed(
        "artifacts",
        models.Artifact,
        {
            "CREATED_AT": "created_at",
            "COMPLETED_AT": "completed_at",
            "EXPIRE_AT": "expire_at",
            "CATEGORY": "category",
        },
        (("created_at", True),),
    ),
    Listed(
        "fileStores",
        models.FileStore,
        {"NAME": "name", "CREATED_AT": "created_at", "TOTAL_SIZE": "total_size"},
        (("name", False),),
    ),
    Listed(
        "notificationChannels",
        models.NotificationChannel,
        {"NAME": "name", "CREATED_AT": "created_at"},
        (("name", False),),
    ),
    Listed("teams", models.Team),
    Listed("groups", models.Group),
    Listed("permissions", models.Permission),
)

# Few values and many rows: most rows share theirs with others, and many have none.
FILL = (
    """INSERT INTO work_request (workspace_id, created_by_id, task_name, tag_set_id, status, result, priority_adjustment,
           created_at, started_at, completed_at)
       SELECT {lab}, {bob}, 'noop', (SELECT min(id) FROM tag_set), status, result, n % 3 - 1,
           timestamptz '2026-01-01Z' + (n % 4) * interval '1 microsecond',
           CASE WHEN started THEN timestamptz '2026-01-02Z' + (n % 3) * interval '1 day' END,
           CASE WHEN status <> 'pending' THEN timestamptz '2026-02-01Z' + (n % 2) * interval '1 day' END
       FROM generate_series(1, 24) AS n JOIN (VALUES (0, 'pending', '', false), (1, 'completed', 'success', true),
           (2, 'aborted', '', false), (3, 'aborted', '', true)) AS kind(number, status, result, started) ON number = n % 4""",
    """WITH made AS (INSERT INTO token (tenant_id, hash, prefix, kind, enabled, expire_at, last_seen_at, created_at)
           SELECT {tenant}, lpad(n::text, 64, '0'), '00000000', 'worker', n % 2 = 0,
               CASE WHEN n % 3 > 0 THEN timestamptz '2027-01-01Z' + (n % 2) * interval '1 day' END,
               CASE WHEN n % 4 > 1 THEN timestamptz '2026-01-01Z' END, timestamptz '2026-01-01Z'
           FROM generate_series(1, 16) AS n RETURNING id), numbered AS (SELECT id, row_number() OVER (ORDER BY id) AS n FROM made)
       INSERT INTO worker (tenant_id, name, token_id, registered_at, connected_at, connection_id, connection_server,
           last_seen_at, concurrency, provided_tags)
       SELECT {tenant}, 'w-' || n, id, timestamptz '2026-01-01Z' + (n % 2) * interval '1 day',
           CASE WHEN n % 2 = 0 THEN timestamptz '2026-01-03Z' + (n % 3) * interval '1 day' END,
           CASE WHEN n % 2 = 0 THEN gen_random_uuid() END, CASE WHEN n % 2 = 0 THEN 1 END,
           CASE WHEN n % 3 = 0 THEN timestamptz '2026-01-05Z' END, n, ARRAY['task:noop'] FROM numbered""",
    """INSERT INTO "user" (tenant_id, username, password, date_joined, last_login)
       SELECT {tenant}, 'user-' || n, '', timestamptz '2026-01-01Z',
           CASE WHEN n % 2 = 0 THEN timestamptz '2026-03-01Z' + (n % 3) * interval '1 day' END
       FROM generate_series(1, 12) AS n""",
    """INSERT INTO workspace (tenant_id, name, created_at)
       SELECT {tenant}, 'w' || n, timestamptz '2026-01-01Z' + (n % 2) * interval '1 day' FROM generate_series(1, 9) AS n""",
    """INSERT INTO log_entry (tenant_id, action_time, user_id, object_type, object_id, object_repr, action_flag)
       SELECT {tenant}, timestamptz '2026-01-01Z' + (n % 3) * interval '1 day', {bob}, 'User', n, 'x', 'change'
       FROM generate_series(1, 9) AS n""",
    """INSERT INTO task (tenant_id, workspace_id, message_id, actor_name, queue_name, message, state, ready, worst_level, retries,
           priority, eta, created_at, mtime, expires_at, _uid, rel_obj_content_type_id, rel_obj_id, log_count)
       SELECT {tenant}, CASE WHEN n % 2 = 0 THEN {lab} END, gen_random_uuid(), 'yard.a' || n % 2, 'q' || n % 3, '{{}}', state,
           state = 'queued', CASE WHEN state = 'done' THEN (ARRAY['done', 'info', 'warning', 'error'])[1 + n % 4] ELSE 'done' END,
           n % 3, n % 2, CASE WHEN n % 3 = 0 THEN timestamptz '2027-01-01Z' END,
           timestamptz '2026-01-01Z' + (n % 4) * interval '1 day', timestamptz '2026-01-02Z' + (n % 3) * interval '1 day',
           CASE WHEN state <> 'queued' THEN now() END, CASE WHEN n % 5 = 0 THEN 'label' END,
           CASE WHEN n % 4 = 0 THEN (SELECT id FROM content_type WHERE app_label = 'accounts' AND model = 'user') END,
           CASE WHEN n % 4 = 0 THEN {bob}::text END, n % 4
       FROM generate_series(1, 18) AS n JOIN (VALUES (0, 'queued'), (1, 'done'), (2, 'rejected')) AS kind(number, state)
           ON number = n % 3""",
    """INSERT INTO task_log (id, task_id, event, log_level, logger, timestamp, previous, number)
       SELECT gen_random_uuid(), id, 'line', (ARRAY['debug', 'info', 'error'])[number], 'x', now(), number = 1, number
       FROM task, generate_series(1, log_count) AS number""",
    """INSERT INTO schedule (tenant_id, actor_name, identifier, crontab, next_run)
       SELECT {tenant}, 'yard.a' || n % 2, CASE WHEN n > 2 THEN 's' || n END, '* * * * *',
           timestamptz '2026-01-01Z' + (n % 3) * interval '1 day' FROM generate_series(1, 8) AS n""",
    """INSERT INTO artifact (workspace_id, category, data, created_by_id, created_at, complete, completed_at, expire_at)
       SELECT {lab}, 'kind:' || n % 2, jsonb_build_object('n', n % 3), CASE WHEN n % 3 > 0 THEN {bob}::bigint END,
           timestamptz '2026-01-01Z' + (n % 4) * interval '1 microsecond', n % 2 = 0,
           CASE WHEN n % 2 = 0 THEN timestamptz '2026-01-02Z' + (n % 3) * interval '1 day' END,
           CASE WHEN n % 5 > 1 THEN timestamptz '2027-01-01Z' + (n % 2) * interval '1 day' END
       FROM generate_series(1, 18) AS n""",
    """WITH made AS (INSERT INTO file (sha256, size)
           SELECT decode(lpad(to_hex(n), 64, '0'), 'hex'), n % 2 FROM generate_series(1, 6) AS n RETURNING id)
       INSERT INTO file_in_artifact (artifact_id, path, file_id, content_type, complete)
       SELECT artifact.id, 'f/' || made.id, made.id, CASE WHEN made.id % 2 = 0 THEN 'text/plain' END, artifact.complete
       FROM artifact, made WHERE artifact.id % 3 = made.id % 3""",
    """INSERT INTO file_store (name, backend, created_at)
       SELECT 's' || n, 'memory', timestamptz '2026-01-01Z' + (n % 2) * interval '1 day' FROM generate_series(1, 5) AS n""",
    """INSERT INTO file_in_store (store_id, file_id) SELECT file_store.id, file.id FROM file_store, file
       WHERE file_store.id % 2 = file.id % 2""",
    """INSERT INTO notification_channel (tenant_id, name, method, created_at)
       SELECT {tenant}, 'c' || n, 'email', timestamptz '2026-01-01Z' + (n % 2) * interval '1 day'
       FROM generate_series(1, 5) AS n""",
    """INSERT INTO team (tenant_id, name) SELECT {tenant}, 'team-' || n FROM generate_series(1, 5) AS n""",
    """INSERT INTO "group" (tenant_id, name) SELECT {tenant}, 'group-' || n FROM generate_series(1, 5) AS n""",
    """INSERT INTO permission (codename, name) SELECT 'may-' || n, 'May' FROM generate_series(1, 5) AS n""",
    """INSERT INTO log_line (work_request_id, attempt, number, stream, time, text)
       SELECT id, try, number, 'stdout', now(), 'line ' || number FROM work_request,
           generate_series(1, 2) AS try, generate_series(1, (work_request.id % 4)::int) AS number""",
)


@pytest.fixture
async def full(cast: Cast) -> Cast:
    """The cast, and much of everything, with equal and missing values."""
    await cast.request()
    for statement in FILL:
        await fetch(statement.format(lab=cast.lab.id, bob=cast.bob.user.id, tenant=cast.tenant.id))
    return cast


Orders = list[tuple[str, bool]]


def ordered(rows: list[Any], orders: Orders) -> list[int]:
    """The ids in that order, as PostgreSQL has it: nulls last when rising, first when falling; then by id."""
    keys: dict[str, bool] = {}
    for column, falling in [*orders, ("id", orders[-1][1] if orders else False)]:
        keys.setdefault(column, falling)
    rows = sorted(rows, key=lambda row: int(row.id))
    for column, falling in reversed(list(keys.items())):
        rows.sort(
            key=lambda row, column=column: (  # type: ignore[misc]
                getattr(row, column) is None,
                0 if getattr(row, column) is None else getattr(row, column),
            ),
            reverse=falling,
        )
    return [row.id for row in rows]


PAGE = "{ edges { cursor node { id } } nodes { id } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } totalCount }"


async def page(
    api: Api, who: Any, listed: Listed, orders: list[dict[str, str]], **arguments: Any
) -> dict[str, Any]:
    """One page, with its inner agreement checked."""
    declared = {"first": "Int", "last": "Int", "after": "Cursor", "before": "Cursor"}
    variables = {name: value for name, value in arguments.items() if value is not None}
    head = [f"${name}: {declared[name]}" for name in variables]
    body = [f"{name}: ${name}" for name in variables]
    if orders:
        type_ = f"{listed.model.__name__}Order"
        head.append(f"$orderBy: [{type_}!]")
        body.append("orderBy: $orderBy")
        variables["orderBy"] = orders
    document = f"query{_in_parentheses(head)} {{ {listed.name}{_in_parentheses(body)} {PAGE} }}"
    found: dict[str, Any] = (await api.execute(who, document, **variables))[listed.name]
    assert [edge["node"] for edge in found["edges"]] == found["nodes"]
    cursors = [edge["cursor"] for edge in found["edges"]]
    ends = (found["pageInfo"]["startCursor"], found["pageInfo"]["endCursor"])
    assert ends == ((cursors[0], cursors[-1]) if cursors else (None, None))
    return found


def _in_parentheses(words: list[str]) -> str:
    return f"({', '.join(words)})" if words else ""


def ids_in(found: dict[str, Any]) -> list[int]:
    return [decode_id(node["id"])[1] for node in found["nodes"]]


lists_and_orders = st.sampled_from(ROOTS).flatmap(
    lambda listed: st.tuples(
        st.just(listed),
        st.lists(st.tuples(st.sampled_from(sorted(listed.orders) or ["-"]), st.booleans()), max_size=3)
        if listed.orders
        else st.just([]),
    )
)


@THOROUGH
@given(lists_and_orders, st.integers(1, 9), st.booleans())
async def test_pages_put_together_are_the_whole_list_in_order(
    api: Api, full: Cast, chosen: tuple[Listed, Orders], size: int, backward: bool
) -> None:
    listed, orders = chosen
    rows = list(await listed.model.visible_to(await full.root.viewer()))
    columns = [(listed.orders[word], falling) for word, falling in orders]
    expected = ordered(rows, columns or list(listed.default))
    inputs = [{"field": word, "direction": "DESC" if falling else "ASC"} for word, falling in orders]

    seen: list[int] = []
    cursor: str | None = None
    while True:
        if backward:
            found = await page(api, full.root, listed, inputs, last=size, before=cursor)
            seen = [*ids_in(found), *seen]
            more, cursor = found["pageInfo"]["hasPreviousPage"], found["pageInfo"]["startCursor"]
        else:
            found = await page(api, full.root, listed, inputs, first=size, after=cursor)
            seen += ids_in(found)
            more, cursor = found["pageInfo"]["hasNextPage"], found["pageInfo"]["endCursor"]
        assert found["totalCount"] == len(expected)
        assert more == (len(seen) < len(expected))
        if not more:
            break

    assert seen == expected and len(expected) >= 5


async def test_the_table_above_has_every_root_connection_and_every_order(api: Api) -> None:
    schema = api.server.engine.schema
    assert schema.query_type is not None
    connections = {
        name: set(field.args)
        for name, field in schema.query_type.fields.items()
        if get_named_type(field.type).name.endswith("Connection")
    }

    assert set(connections) == {listed.name for listed in ROOTS}
    assert {name for name, arguments in connections.items() if "orderBy" in arguments} == {
        listed.name for listed in ROOTS if listed.orders
    }
    for listed in ROOTS:
        enum = schema.get_type(f"{listed.model.__name__}OrderField")
        assert set(enum.values if isinstance(enum, GraphQLEnumType) else ()) == set(listed.orders)


OUT_OF_BOUNDS = [
    ("first: -1", ["first"]),
    ("first: 101", ["first"]),
    ("last: -1", ["last"]),
    ("last: 101", ["last"]),
    ("first: 1, last: 1", ["last"]),
    ('first: 1, before: "x"', ["before"]),
    ('last: 1, after: "x"', ["after"]),
    ('after: "x", before: "x"', ["before"]),
    ('after: "x"', ["after"]),
    ('after: ""', ["after"]),
    ('after: "é"', ["after"]),
    ('before: "x"', ["before"]),
]


async def test_bounds_and_malformed_cursors_are_bad_input_with_their_path(api: Api, cast: Cast) -> None:
    for arguments, path in OUT_OF_BOUNDS:
        answer = await api.execute(cast.bob, f"{{ workRequests({arguments}) {{ nodes {{ id }} }} }}")

        assert (answer.code, answer.path) == ("BAD_INPUT", path), arguments


async def test_pages_of_none_to_a_hundred_rows_may_be_asked_for(api: Api, full: Cast) -> None:
    for arguments, size in (
        ("", 20),
        ("(first: 0)", 0),
        ("(last: 0)", 0),
        ("(first: 100)", 25),
        ("(last: 100)", 25),
    ):
        answer = await api.execute(
            full.root, f"{{ workRequests{arguments} {{ nodes {{ id }} totalCount }} }}"
        )

        assert len(answer["workRequests"]["nodes"]) == size
        assert answer["workRequests"]["totalCount"] == 25


DEFAULTS = {
    "workRequests": "CREATED_AT ASC",
    "schedules": "NEXT_RUN ASC",
    "artifacts": "CREATED_AT DESC",
    "fileStores": "NAME ASC",
    "notificationChannels": "NAME ASC",
}
"""Lists whose default order can also be asked for."""


@pytest.mark.parametrize("listed", ROOTS, ids=lambda listed: listed.name)
async def test_a_cursor_is_good_in_its_own_order_only(api: Api, full: Cast, listed: Listed) -> None:
    orders = {"default": ""}
    for word in listed.orders:
        for direction in ("ASC", "DESC"):
            orders[f"{word} {direction}"] = f"orderBy: [{{field: {word}, direction: {direction}}}]"
    cursors = {}
    other_list = "groups" if listed.name == "teams" else "teams"
    for name, root, order in [
        *((name, listed.name, order) for name, order in orders.items()),
        ("other list", other_list, ""),
    ]:
        answer = await api.execute(
            full.root, f"{{ {root}(first: 1 {order}) {{ pageInfo {{ endCursor }} }} }}"
        )
        cursors[name] = answer[root]["pageInfo"]["endCursor"]
    same = {"default": DEFAULTS[listed.name]} if listed.name in DEFAULTS else {}

    for name, order in orders.items():
        document = f"query($c: Cursor!) {{ {listed.name}(after: $c {order}) {{ nodes {{ id }} }} }}"
        for origin, cursor in cursors.items():
            answer = await api.execute(full.root, document, c=cursor)
            if same.get(origin, origin) == same.get(name, name):
                assert answer.errors == []
            else:
                assert (answer.code, answer.path) == ("BAD_INPUT", ["after"])


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.sampled_from(
        [
            "2026-01-01",
            "2026-01-01T00:00:00",
            "0001-01-01T00:00:00+23:59",
            "9999-12-31T23:59:59-23:59",
            2**31,
            2**63,
            -(2**63) - 1,
        ]
    ),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(), inner, max_size=1),
    max_leaves=3,
)


@THOROUGH
@given(
    st.sampled_from([listed for listed in ROOTS if listed.orders]),
    st.lists(json_values, min_size=0, max_size=4),
    st.data(),
)
async def test_a_forged_cursor_is_bad_input_or_a_place_in_the_list_never_a_fault(
    api: Api, cast: Cast, listed: Listed, values: list[Any], data: st.DataObject
) -> None:
    word = data.draw(st.sampled_from(sorted(listed.orders)))
    order = f"orderBy: [{{field: {word}}}]"
    start = await api.execute(
        cast.root, f"{{ {listed.name}(first: 1 {order}) {{ pageInfo {{ endCursor }} }} }}"
    )
    if cursor := start[listed.name]["pageInfo"]["endCursor"]:  # a true one's order, with other values
        values = [*orjson.loads(base64.urlsafe_b64decode(cursor + "=="))[:1], *values[:2]]
    text = orjson.dumps(values, default=str, option=orjson.OPT_NON_STR_KEYS)[:1500]
    forged = base64.urlsafe_b64encode(text).decode().rstrip("=")

    answer = await api.execute(
        cast.root, f"query($c: Cursor) {{ {listed.name}(after: $c, {order}) {{ nodes {{ id }} }} }}", c=forged
    )

    if answer.errors:
        assert (answer.code, answer.path) == ("BAD_INPUT", ["after"])


# Under lists ---------------------------------------------------------------------------------------------------------

NESTED = (
    ("workspaces", "Workspace", "workRequests", "WorkRequest"),
    ("workRequests", "WorkRequest", "log", None),
    ("workRequests", "WorkRequest", "children", "WorkRequest"),
    ("workers", "Worker", "assignedWorkRequests", "WorkRequest"),
    ("users", "User", "tokenSet", "Token"),
    ("users", "User", "logentrySet", None),
    ("workspaces", "Workspace", "memberships", None),
    ("users", "User", "tasks", "Task"),
    ("workspaces", "Workspace", "memberTasks", "Task"),
    ("tasks", "Task", "logs", None),
)


@THOROUGH
@given(
    st.sampled_from(NESTED), st.integers(0, 5), st.booleans(), st.integers(0, 3), st.booleans(), st.booleans()
)
async def test_a_connection_under_a_list_equals_the_same_one_under_a_single_object(
    api: Api,
    full: Cast,
    nested: tuple[str, str, str, str | None],
    size: int,
    backward: bool,
    order: int,
    falling: bool,
    filtered: bool,
) -> None:
    root, type_name, name, ordering = nested
    words = next((listed.orders for listed in ROOTS if listed.model.__name__ == ordering), {})
    arguments = [f"{'last' if backward else 'first'}: {size}"]
    if words:
        word = sorted(words)[order % len(words)]
        arguments.append(f"orderBy: [{{field: {word}, direction: {'DESC' if falling else 'ASC'}}}]")
    if filtered and ordering == "WorkRequest":
        arguments.append("filter: {or: [{status: {eq: ABORTED}}, {priority: {gt: 0}}]}")
    rows = "number attempt text" if name == "log" else "id"
    inner = f"{name}({', '.join(arguments)}) {PAGE.replace('{ id }', f'{{ {rows} }}')}"

    answer = await api.execute(full.root, f"{{ {root}(first: 5) {{ nodes {{ id {inner} }} }} }}")

    for parent in answer[root]["nodes"]:
        single = await api.execute(
            full.root,
            f"query($id: ID!) {{ node(id: $id) {{ ... on {type_name} {{ id {inner} }} }} }}",
            id=parent["id"],
        )
        assert parent == single["node"]


async def test_a_page_under_a_single_object_continues_under_a_list(api: Api, full: Cast) -> None:
    id = gid(full.lab)
    document = "query($id: ID!) { node(id: $id) { ... on Workspace { workRequests(first: 10) { pageInfo { endCursor } } } } }"
    first = (await api.execute(full.root, document, id=id))["node"]["workRequests"]
    cursor = first["pageInfo"]["endCursor"]

    answer = await api.execute(
        full.root,
        f'{{ workspaces {{ nodes {{ id workRequests(first: 100, after: "{cursor}") {{ nodes {{ id }} }} }} }} }}',
    )

    lab = next(each for each in answer["workspaces"]["nodes"] if each["id"] == id)
    assert len(lab["workRequests"]["nodes"]) == 15
