"""What a task, its log, a schedule and a runner show."""

from typing import Any
from uuid import UUID, uuid4

import orjson
import pytest

from app import __version__
from app.actions.tasks.verbs import cancel_task
from app.clock import now
from app.database import fetch
from app.graphql.plan.statements import Level, Rows, Statement, many_statement
from app.models import Schedule, Task, TaskLog, WorkerStatus
from app.tasks.making import new_task
from tests import task_actors as actors
from tests.api import Api, gid
from tests.cast import Cast
from tests.statements import statements

TASK = """query($id: ID!) { task(id: $id) {
  messageId queueName actorName description uid state aggregatedStatus retries attempt crashes priority eta mtime createdAt
  args kwargs message result resultExpiry logCount messages previousMessages canRetry canCancel
  workspace { name } tenant { name } worker { hostname } relObj { appLabel model id node { id __typename } }
  logs { nodes { number event logLevel logger previous attempt attributes task { id } } totalCount } } }"""


async def show(api: Api, cast: Cast, task: Task, who: Any = None) -> dict[str, Any]:
    found: dict[str, Any] = (await api.execute(who or cast.bob, TASK, id=gid(task)))["task"]
    return found


async def test_a_task_shows_what_was_sent_and_where_it_stands(api: Api, cast: Cast) -> None:
    request = await cast.request()
    task = await cast.task(7, uid="a", rel_obj=request, priority=3)

    shown = await show(api, cast, task)

    assert shown["messageId"] == str(task.message_id)
    assert (shown["queueName"], shown["actorName"]) == ("default", "tests.task_actors.noop")
    assert (shown["description"], shown["uid"]) == ("Note that it ran.", "tests.task_actors.noop:a")
    assert (shown["state"], shown["aggregatedStatus"]) == ("QUEUED", "QUEUED")
    assert (shown["retries"], shown["attempt"], shown["crashes"], shown["priority"]) == (0, 0, 0, 3)
    assert (shown["args"], shown["kwargs"], shown["result"]) == ([7], {}, None)
    assert shown["message"]["message_id"] == str(task.message_id)
    assert (shown["messages"], shown["previousMessages"]) == ([], [])
    assert (shown["workspace"], shown["tenant"]) == ({"name": "lab"}, {"name": "default"})
    assert shown["relObj"] == {
        "appLabel": "work",
        "model": "workrequest",
        "id": str(request.id),
        "node": {"id": gid(request), "__typename": "WorkRequest"},
    }
    assert (shown["canRetry"], shown["canCancel"]) == (False, True)
    assert shown["logCount"] == shown["logs"]["totalCount"] == 1
    assert shown["logs"]["nodes"][0]["task"] == {"id": gid(task)}


@pytest.mark.parametrize("message", [b"", b"\x80\x04pickled", b"{}", b"[]"])
async def test_a_message_that_nobody_can_read_shows_as_none(api: Api, cast: Cast, message: bytes) -> None:
    task = await cast.task(7)
    await Task.filter(id=task.id).update(message=message)

    shown = await show(api, cast, task)

    assert (shown["args"], shown["kwargs"], shown["message"]) == (None, None, None)


async def test_a_result_is_shown_until_its_time_is_over(api: Api, cast: Cast) -> None:
    task = await cast.task()
    for stored, expires, shown in (
        (orjson.dumps({"a": [1, None]}), "1 minute", {"a": [1, None]}),
        (b"null", "1 minute", None),
        (b"no json", "1 minute", None),
        (b"42", None, 42),
        (b"42", "-1 second", None),
    ):
        await fetch(
            "UPDATE task SET result = $2, result_expiry = now() + $3::text::interval WHERE id = $1",
            task.id,
            stored,
            expires,
        )

        assert (await show(api, cast, task))["result"] == shown


async def test_an_actor_that_is_not_there_has_no_description(api: Api, cast: Cast) -> None:
    task = await cast.task()
    await Task.filter(id=task.id).update(actor_name="gone.away")

    assert (await show(api, cast, task))["description"] is None


async def test_an_object_that_is_hidden_or_gone_is_no_node(api: Api, cast: Cast) -> None:
    request = await cast.request()
    task = await cast.task(rel_obj=request)
    await Task.filter(id=task.id).update(workspace_id=None)  # so that sam sees the task alone

    assert (await show(api, cast, task, cast.sam))["relObj"]["node"] is None
    for id in ("no number", "", "-1", str(2**80)):
        await Task.filter(id=task.id).update(rel_obj_id=id)
        shown = (await show(api, cast, task, cast.root))["relObj"]
        assert (shown["id"], shown["node"]) == (id, None)


async def test_the_runner_of_a_task_is_shown_to_staff(api: Api, cast: Cast) -> None:
    runner = await WorkerStatus.create(id=uuid4(), hostname="yard", version="0")
    task = await cast.task()
    await Task.filter(id=task.id).update(worker_id=runner.id, state="running", ready=False, attempt=1)

    assert (await show(api, cast, task, cast.sam))["worker"] == {"hostname": "yard"}
    assert (await show(api, cast, task, cast.bob))["worker"] is None
    answer = await api.execute(
        cast.sam,
        "query($id: ID!) { node(id: $id) { ... on WorkerStatus { tasks { totalCount nodes { id } } } } }",
        id=gid(runner),
    )
    assert answer["node"]["tasks"] == {"totalCount": 1, "nodes": [{"id": gid(task)}]}


# Logs ----------------------------------------------------------------------------------------------------------------

LEVELS = ("info", "debug", "info", "warning", "error", "info")


async def logged(cast: Cast) -> Task:
    """A task with a line of each level in LEVELS, of which the first three are of an earlier attempt."""
    task = await cast.task()
    await fetch("DELETE FROM task_log WHERE task_id = $1", task.id)
    await fetch(
        """INSERT INTO task_log (id, task_id, event, log_level, logger, timestamp, previous, attempt, number)
        SELECT gen_random_uuid(), $1, 'line ' || number, level, 'x', now() - number * interval '1 s', number <= 3,
            CASE WHEN number <= 3 THEN 1 ELSE 2 END, number
        FROM unnest($2::text[]) WITH ORDINALITY AS line(level, number) ORDER BY random()""",
        task.id,
        list(LEVELS),
    )
    await Task.filter(id=task.id).update(log_count=len(LEVELS))
    return task


@pytest.mark.parametrize(
    ("arguments", "numbers"),
    [
        ("", [1, 2, 3, 4, 5, 6]),
        ("(previous: true)", [1, 2, 3]),
        ("(previous: false)", [4, 5, 6]),
        ("(minLevel: DEBUG)", [1, 2, 3, 4, 5, 6]),
        ("(minLevel: INFO)", [1, 3, 4, 5, 6]),
        ("(minLevel: WARNING)", [4, 5]),
        ("(minLevel: ERROR)", [5]),
        ("(previous: true, minLevel: WARNING)", []),
        ("(last: 2)", [5, 6]),
        ("(first: 1, minLevel: WARNING)", [4]),
    ],
)
async def test_the_log_comes_by_number_and_can_be_narrowed(
    api: Api, cast: Cast, arguments: str, numbers: list[int]
) -> None:
    task = await logged(cast)

    answer = await api.execute(
        cast.bob,
        f"query($id: ID!) {{ task(id: $id) {{ logs{arguments} {{ nodes {{ number event }} }} }} }}",
        id=gid(task),
    )

    lines = answer["task"]["logs"]["nodes"]
    assert [line["number"] for line in lines] == numbers
    assert [line["event"] for line in lines] == [f"line {number}" for number in numbers]


async def test_a_line_is_found_by_its_id_among_those_of_its_task(api: Api, cast: Cast) -> None:
    task, other = await cast.task(), await cast.task()
    await cancel_task(await cast.ann.viewer(), task.id)
    first, second = await TaskLog.filter(task_id=task.id).order_by("number")
    of_other = await TaskLog.get(task_id=other.id)
    lines = [second, of_other, first]

    answer = await api.execute(
        cast.ann,
        "query($ids: [ID!]!) { nodes(ids: $ids) { ... on TaskLog { number task { id } } } }",
        ids=[gid(line) for line in lines],
    )

    assert answer["nodes"] == [
        {"number": line.number, "task": {"id": gid(task if line.task_id == task.id else other)}}
        for line in lines
    ]


async def test_a_line_is_looked_for_in_no_index_but_that_of_its_task(cast: Cast) -> None:
    task = await cast.task()
    await fetch(
        """INSERT INTO task_log (id, task_id, event, log_level, logger, timestamp, number)
        SELECT line_id($1 + number, 1, now()), $1 + number, 'e', 'info', 'x', now(), 1
        FROM generate_series(1, 3000) AS number, set_config('workyard.has_tasks', 'yes', true)""",
        task.id,
    )
    await fetch("ANALYZE task_log")
    id = (await TaskLog.get(task_id=task.id + 7)).id
    cells = Level(['"id"'])
    of_nodes = many_statement(Rows.of(TaskLog.all(), ["id", "task_id"]), cells, UUID, TaskLog.id_tells)
    of_rows = Rows.of(TaskLog.filter(TaskLog.with_ids([id])), ["id"])

    for statement in (Statement(of_nodes.sql, (*of_nodes.values, [id])), of_rows):
        assert [row["id"] for row in await fetch(statement.sql, *statement.values)] == [id]
        plan = await fetch(f"EXPLAIN {statement.sql}", *statement.values)
        lines = [row["QUERY PLAN"] for row in plan]
        assert any("task_log_number" in line and "Index" in line for line in lines), lines


PAGE = """query($n: Int!) { tasks(first: $n, orderBy: [{field: MTIME, direction: DESC}]) { nodes {
    description uid args workspace { name } relObj { appLabel node { id } } tenant { name }
    logs { nodes { event task { id } } } before: logs(previous: true) { totalCount } } } }"""


async def test_a_page_of_many_tasks_takes_as_many_statements_as_one_of_few(
    api: Api, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = await cast.request()
    for number in range(30):
        await cast.task(number, rel_obj=request)
    await api.execute(cast.bob, PAGE, n=1)
    counts = []

    for size in (2, 30):
        with statements(monkeypatch) as sent:
            answer = await api.execute(cast.bob, PAGE, n=size)
        assert len(answer["tasks"]["nodes"]) == size
        counts.append(len(sent))

    assert counts[0] == counts[1]


# What belongs to objects ---------------------------------------------------------------------------------------------


async def test_every_object_that_may_have_tasks_lists_its_own(api: Api, cast: Cast) -> None:
    team = (await api.mutate(cast.sam, "setTeam", "team { id }", name="crew", members=[])).done["team"]["id"]
    request, other = await cast.request(), await cast.request()
    schedule = await Schedule.create(tenant_id=cast.tenant.id, actor_name="a.b", crontab="* * * * *")
    root = await cast.root.viewer()
    owners = [request, cast.machine.worker, cast.lab, schedule, cast.bob.user, cast.tenant]
    made = {gid(owner): await cast.task(rel_obj=owner) for owner in owners}
    of_team = await api.mutate(
        cast.root, "enqueueTask", "task { id }", actorName=actors.noop.actor_name, relObj=team
    )
    await cast.task(rel_obj=other)
    await cast.task()
    await api.mutate(
        cast.root, "setWorkspaceRole", workspace=gid(cast.lab), user=gid(cast.root.user), role="OWNER"
    )

    expected = {owner: gid(task) for owner, task in made.items()} | {team: of_team.done["task"]["id"]}
    kinds = ("WorkRequest", "Worker", "Workspace", "Schedule", "User", "Team", "Tenant")
    fragments = " ".join(f"... on {kind} {{ tasks {{ totalCount nodes {{ id }} }} }}" for kind in kinds)
    answer = await api.execute(
        cast.root, f"query($ids: [ID!]!) {{ nodes(ids: $ids) {{ id {fragments} }} }}", ids=list(expected)
    )

    assert root.is_superuser
    for node in answer["nodes"]:
        assert node["tasks"] == {"totalCount": 1, "nodes": [{"id": expected[node["id"]]}]}
        for wanted in ({"eq": node["id"]}, {"in": [node["id"]]}):
            found = await api.execute(
                cast.root,
                "query($f: TaskFilter) { tasks(filter: $f) { nodes { id } } }",
                f={"relObj": wanted},
            )
            assert found["tasks"]["nodes"] == [{"id": expected[node["id"]]}]


async def test_tasks_are_found_by_the_kind_and_the_number_of_their_object(api: Api, cast: Cast) -> None:
    one, two = await cast.request(), await cast.request()
    of_one, of_two, alone = await cast.task(rel_obj=one), await cast.task(rel_obj=two), await cast.task()
    of_one_too = await cast.task(rel_obj=one)

    async def found(**filter: Any) -> set[str]:
        document = "query($f: TaskFilter) { tasks(filter: $f) { nodes { id } } }"
        return {node["id"] for node in (await api.execute(cast.bob, document, f=filter))["tasks"]["nodes"]}

    place = {"appLabel": "work", "model": "workrequest"}
    assert await found(relObj={**place, "id": str(one.id)}) == {gid(of_one), gid(of_one_too)}
    assert await found(relObj=place) == {gid(of_one), gid(of_one_too), gid(of_two)}
    assert await found(relObj={**place, "model": "worker"}) == set()
    assert await found(standalone={"eq": True}) == {gid(alone)}
    assert await found(standalone={"eq": False}) == {gid(of_one), gid(of_one_too), gid(of_two)}
    assert await found(**{"not": {"relObj": {**place, "id": str(one.id)}}}) == {gid(of_two), gid(alone)}


async def test_an_object_of_a_kind_that_has_no_tasks_is_bad_input(api: Api, cast: Cast) -> None:
    answer = await api.execute(
        cast.bob,
        "query($f: TaskFilter) { tasks(filter: $f) { nodes { id } } }",
        f={"relObj": {"eq": gid(cast.bob.token)}},
    )

    assert (answer.code, answer.path) == ("BAD_INPUT", ["filter", "relObj", "eq"])


@pytest.mark.parametrize(
    ("filter", "labels"),
    [
        ({"uid": {"eq": "tests.task_actors.noop:a"}}, {"a"}),
        ({"uid": {"eq": "tests.task_actors.noop"}}, {""}),
        ({"uid": {"eq": "tests.task_actors.noop:"}}, {""}),
        ({"uid": {"in": ["tests.task_actors.noop:a", "tests.task_actors.noop"]}}, {"a", ""}),
        ({"uid": {"eq": "tests.task_actors.noop:b:c"}}, {"b:c"}),
        ({"uid": {"eq": "a"}}, set()),
        ({"not": {"uid": {"eq": "tests.task_actors.noop:a"}}}, {"", "b:c"}),
        ({"search": {"contains": "B:C"}}, {"b:c"}),
        ({"search": {"contains": "ask_act"}}, {"a", "b:c", ""}),
        ({"search": {"contains": "queue"}}, {"a", "b:c", ""}),
        ({"search": {"contains": "%"}}, set()),
        ({"not": {"search": {"contains": "b:c"}}}, {"a", ""}),
    ],
)
async def test_tasks_are_found_by_their_uid_and_by_words(
    api: Api, cast: Cast, filter: dict[str, Any], labels: set[str]
) -> None:
    for label in ("a", "b:c", None):
        await cast.task(uid=label)

    answer = await api.execute(
        cast.bob, "query($f: TaskFilter) { tasks(filter: $f) { nodes { uid } } }", f=filter
    )

    found = {node["uid"].partition(":")[2] for node in answer["tasks"]["nodes"]}
    assert found == labels


async def test_a_task_is_found_by_the_id_of_its_message(api: Api, cast: Cast) -> None:
    task, _ = await cast.task(), await cast.task()
    for filter in (
        {"messageId": {"eq": str(task.message_id)}},
        {"search": {"contains": str(task.message_id)}},
    ):
        answer = await api.execute(
            cast.bob, "query($f: TaskFilter) { tasks(filter: $f) { nodes { id } } }", f=filter
        )
        assert answer["tasks"]["nodes"] == [{"id": gid(task)}]


# Counts --------------------------------------------------------------------------------------------------------------

STATUSES = (
    "queued",
    "consumed",
    "preprocess",
    "running",
    "postprocess",
    "rejected",
    "done",
    "info",
    "warning",
    "error",
)


async def one_of_each_status(cast: Cast, **where: Any) -> None:
    for status in STATUSES:
        task = await cast.task(**where)
        done = status in ("done", "info", "warning", "error")
        runner_id = uuid4() if status in ("consumed", "preprocess", "running", "postprocess") else None
        if status == "consumed":
            await fetch("INSERT INTO task_claim (worker_id, task_ids) VALUES ($1, $2)", runner_id, [task.id])
        await Task.filter(id=task.id).update(
            state="done" if done else status,
            worst_level=status if done else "done",
            ready=status == "queued",
            worker_id=runner_id,
            attempt=1,
            expires_at=now() if done or status == "rejected" else None,
        )


async def test_the_summary_counts_each_status_of_what_one_sees(api: Api, cast: Cast) -> None:
    await one_of_each_status(cast)
    await one_of_each_status(cast, workspace_id=None)
    document = f"query($f: TaskFilter) {{ taskStatusSummary(filter: $f) {{ {' '.join(STATUSES)} total }} }}"

    of_bob = (await api.execute(cast.bob, document))["taskStatusSummary"]
    of_sam = (await api.execute(cast.sam, document))["taskStatusSummary"]
    of_eve = (await api.execute(cast.eve, document))["taskStatusSummary"]
    worse = (await api.execute(cast.bob, document, f={"excludeSuccessful": {"eq": True}}))[
        "taskStatusSummary"
    ]

    assert of_bob == {**dict.fromkeys(STATUSES, 1), "total": 10}
    assert of_sam == {**dict.fromkeys(STATUSES, 2), "total": 20}
    assert of_eve == {**dict.fromkeys(STATUSES, 0), "total": 0}
    assert worse == {**dict.fromkeys(STATUSES, 1), "done": 0, "info": 0, "total": 8}


QUEUES = "{ taskQueues { name depth delayed running oldestAge rate } }"


async def test_queues_tell_what_waits_what_runs_and_how_fast(api: Api, cast: Cast) -> None:
    for _ in range(3):
        await cast.task()
    await cast.task(delay_ms=60_000)
    await one_of_each_status(cast)
    await fetch("UPDATE task SET mtime = now() - interval '90 s' WHERE id = (SELECT min(id) FROM task)")
    await cast.task(workspace_id=None)

    answer = await api.execute(cast.bob, QUEUES)
    of_staff = {queue["name"]: queue for queue in (await api.execute(cast.sam, QUEUES))["taskQueues"]}

    (queue,) = answer["taskQueues"]
    assert (queue["name"], queue["depth"], queue["delayed"], queue["running"]) == ("default", 4, 1, 4)
    assert 90 <= queue["oldestAge"] < 100 and queue["rate"] == 0
    assert of_staff["default"]["depth"] == 5


async def test_staff_see_every_actor_and_others_those_that_they_may_use(api: Api, cast: Cast) -> None:
    document = "{ actors { name queueName description remote priority options } }"

    of_sam = {actor["name"]: actor for actor in (await api.execute(cast.sam, document))["actors"]}
    of_bob = {actor["name"]: actor for actor in (await api.execute(cast.bob, document))["actors"]}

    assert of_sam["tests.task_actors.noop"] == {
        "name": "tests.task_actors.noop",
        "queueName": "default",
        "description": "Note that it ran.",
        "remote": True,
        "priority": 0,
        "options": {"remote": True, "description": "Note that it ran."},
    }
    assert of_sam["tests.task_actors.throws"]["options"]["throws"] == "ValueError"
    assert set(of_bob) == {name for name, actor in of_sam.items() if actor["remote"]}
    assert "tests.task_actors.silent" in set(of_sam) - set(of_bob)
    for who in (None, cast.machine):
        assert (await api.execute(who, document))["actors"] == []


async def test_runners_are_shown_with_what_they_run_and_whether_they_live(api: Api, cast: Cast) -> None:
    alive = await WorkerStatus.create(
        id=uuid4(), hostname="a", version=__version__, queues=["q"], concurrency=5
    )
    dead = await WorkerStatus.create(id=uuid4(), hostname="a", version="0.0.1")
    await fetch("UPDATE worker_status SET last_seen = now() - interval '31 s' WHERE id = $1", dead.id)
    document = "query($a: Boolean) { workerStatuses(alive: $a) { id alive versionMatching queues concurrency running } }"

    shown = {
        wanted: (await api.execute(cast.sam, document, a=wanted))["workerStatuses"]
        for wanted in (True, False, None)
    }

    assert shown[True] == [
        {
            "id": gid(alive),
            "alive": True,
            "versionMatching": True,
            "queues": ["q"],
            "concurrency": 5,
            "running": 0,
        }
    ]
    assert [(each["id"], each["alive"], each["versionMatching"]) for each in shown[False]] == [
        (gid(dead), False, False)
    ]
    assert {each["id"] for each in shown[None]} == {gid(alive), gid(dead)}
    assert (await api.execute(cast.bob, document))["workerStatuses"] == []


async def test_a_schedule_tells_how_its_last_task_ended(
    api: Api, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    schedules = [
        await Schedule.create(
            tenant_id=cast.tenant.id, actor_name=actors.noop.actor_name, identifier=word, crontab="0 0 * * *"
        )
        for word in "abc"
    ]
    for schedule in schedules[:2]:
        await cast.task(rel_obj=schedule, workspace_id=None)
        last = await cast.task(rel_obj=schedule, workspace_id=None)
    await Task.filter(id=last.id).update(state="done", worst_level="warning", ready=False, expires_at=now())
    document = "{ schedules(orderBy: [{field: IDENTIFIER}]) { nodes { lastTaskStatus description tasks { totalCount } } } }"

    with statements(monkeypatch) as sent:
        answer = await api.execute(cast.sam, document)

    shown = answer["schedules"]["nodes"]
    assert [each["lastTaskStatus"] for each in shown] == ["QUEUED", "WARNING", None]
    assert [each["tasks"]["totalCount"] for each in shown] == [2, 2, 0]
    assert {each["description"] for each in shown} == {"Note that it ran."}
    assert sum("aggregated_status" in each for each in sent) == 1  # of all schedules at once


def test_a_task_names_the_object_as_content_types_do(cast: Cast) -> None:
    new = new_task(actors.noop.message(), rel_obj=cast.lab)

    assert new.rel_obj == ("workspaces", "workspace", str(cast.lab.id))


CONDITIONS: list[dict[str, Any]] = [
    {"standalone": {"eq": True}},
    {"standalone": {"eq": False}},
    {"excludeSuccessful": {"eq": True}},
    {"excludeSuccessful": {"eq": False}},
    {"uid": {"eq": "tests.task_actors.noop:a"}},
    {"uid": {"in": ["tests.task_actors.noop", "tests.task_actors.noop:a"]}},
    {"uid": {"in": []}},
    {"relObj": {"model": "workspace"}},
    {"relObj": {"appLabel": "work", "model": "worker"}},
    {"relObj": {"in": []}},
    {"search": {"contains": "noop:"}},
    {"search": {"contains": "a"}},
    {"search": {"contains": "workspaces"}},
    {"search": {"contains": "queued"}},
    {"worker": {"isNull": True}},
]


async def test_each_task_satisfies_a_condition_or_its_negation_however_often_it_is_negated(
    api: Api, cast: Cast
) -> None:
    """Also where a task has no label and no object; and beside another condition."""
    for label in (None, "a", "b"):
        for owner in (None, cast.lab, cast.machine.worker):
            await cast.task(uid=label, rel_obj=owner)
    await one_of_each_status(cast)
    tasks = {gid(task) for task in await Task.all()}

    async def found(filter: dict[str, Any]) -> set[str]:
        document = "query($f: TaskFilter) { tasks(filter: $f, first: 100) { nodes { id } } }"
        return {node["id"] for node in (await api.execute(cast.root, document, f=filter))["tasks"]["nodes"]}

    beside = {"state": {"in": ["QUEUED", "DONE"]}}
    of_state = await found(beside)
    for condition in CONDITIONS:
        true = await found(condition)
        assert await found({"not": condition}) == tasks - true, condition
        assert await found({"not": {"not": condition}}) == true, condition
        assert await found({"not": {**condition, **beside}}) == tasks - (true & of_state), condition
        assert await found({"not": {"or": [condition, beside]}}) == tasks - (true | of_state), condition
        assert await found({"not": {"and": [{"not": condition}, beside]}}) == tasks - (of_state - true), (
            condition
        )
