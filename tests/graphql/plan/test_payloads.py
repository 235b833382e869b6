"""Rows in payloads of mutations and subscriptions: read by a plan, they are what the ordinary executor shows."""

from inspect import isawaitable
from typing import Any

import pytest
from graphql.execution import Executor
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from app.graphql.executor import PlainExecutor
from app.graphql.plan import NOT_READ, Plans
from app.graphql.response import encode
from app.web.schema import build_schema
from tests.access.world import World
from tests.api import Api, gid
from tests.graphql.plan.generated import Written
from tests.statements import statements

SCHEMA = build_schema()._schema
SOME = settings(
    max_examples=25,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    deadline=None,
    suppress_health_check=list(HealthCheck),
    derandomize=True,
)
MUTATIONS = {
    "createWorkRequest": ("WorkRequest", "workRequest"),
    "updateWorkspace": ("Workspace", "workspace"),
    "createToken": ("Token", "token"),
    "enqueueTask": ("Task", "task"),
    "createArtifact": ("Artifact", "artifact"),
}


@pytest.fixture
def compared(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every row that a plan shows is shown by the ordinary executor, too, and must be equal. The types of those rows.

    Mutations are left to the executor, too: what is done without it is in test_doing.py.
    """
    shown: list[str] = []
    monkeypatch.setattr(Plans, "of_mutation", lambda *_: {})

    async def read(self: PlainExecutor, read: Any, row: Any, place: Any) -> Any:
        found = await read(row, self.context_value.viewer)
        rows, self.rows = self.rows, None
        try:
            self.context_value.forget()
            completed = Executor.complete_object_value(self, *place)
            ordinary = await completed if isawaitable(completed) else completed
        finally:
            self.rows = rows
        if found is not NOT_READ:
            assert encode(found) == encode(ordinary)
            shown.append(type(row).__name__)
        return ordinary

    monkeypatch.setattr(PlainExecutor, "_read", read)
    return shown


def inputs(world: World, number: int) -> dict[str, dict[str, Any]]:
    """What each of the mutations takes."""
    return {
        "createWorkRequest": {
            "workspace": gid(world.cast.lab),
            "taskName": "noop",
            "taskData": {},
            "notifications": [{"channel": "creator", "on": ["SUCCESS"]}],
        },
        "updateWorkspace": {"id": gid(world.cast.lab), "defaultExpirationDelay": f"PT{number % 1000}S"},
        "createToken": {"comment": f"number {number}", "expireAt": "2100-01-01T00:00:00.120Z"},
        "enqueueTask": {"actorName": "tests.task_actors.noop", "relObj": gid(world.cast.lab)},
        "createArtifact": {
            "workspace": gid(world.cast.lab),
            "category": "debian:source-package",
            "data": {"number": number},
            "files": [{"path": "a/b", "size": 5, "sha256": "ab" * 32}],
        },
    }


@SOME
@given(st.data())
async def test_any_selection_of_a_changed_row_is_alike(
    api: Api, world: World, compared: list[str], data: st.DataObject
) -> None:
    mutation = data.draw(st.sampled_from(sorted(MUTATIONS)))
    type_, key = MUTATIONS[mutation]
    written = Written(
        data.draw, SCHEMA, {"File": [gid(world.cast.lab)]}, ["a/b", "noop"], ["nonsense"], frozenset()
    )
    selection = written.selection(SCHEMA.type_map[type_], 1)
    declared = "".join(f", {each}" for each in written.declared)
    input_ = f"{mutation[0].upper()}{mutation[1:]}Input"
    document = (
        f"mutation($input: {input_}!{declared}) {{ {mutation}(input: $input) {{ {key} {selection} "
        f"userErrors {{ message }} }} }} {' '.join(written.fragments)}"
    )

    number = data.draw(st.integers(0, 10**6))
    await api.execute(world.cast.root, document, input=inputs(world, number)[mutation], **written.variables)


EVERYTHING = (
    """id taskName taskData status createdAt priority duration errors { code } notifications { channel to }"""
)
WITH_RELATIONS = (
    f"{EVERYTHING} createdBy {{ username }} workspace {{ name }} children {{ totalCount }} queuePosition"
)


@pytest.mark.parametrize("selection", [EVERYTHING, WITH_RELATIONS], ids=["its columns", "what hangs off it"])
async def test_a_new_row_is_read_by_plan(api: Api, world: World, compared: list[str], selection: str) -> None:
    input = inputs(world, 1)["createWorkRequest"]

    made = (
        await api.mutate(world.cast.bob, "createWorkRequest", f"workRequest {{ {selection} }}", **input)
    ).done

    assert compared == ["WorkRequest"]
    assert made["workRequest"]["taskName"] == "noop"
    assert made["workRequest"]["notifications"] == [{"channel": "creator", "to": None}]


async def test_columns_of_a_changed_row_cost_no_statement(
    api: Api, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    input = inputs(world, 1)["createWorkRequest"]
    await api.mutate(world.cast.bob, "createWorkRequest", **input)  # the first one makes what others find
    sent = []
    for selection in ("", f"workRequest {{ {EVERYTHING} }}"):
        with statements(monkeypatch) as noted:
            await api.mutate(world.cast.bob, "createWorkRequest", selection, **input)
        sent.append(len(noted))

    assert sent[0] == sent[1], noted[-2:]


async def test_rows_in_a_list_are_read_together(
    api: Api, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = []
    for many in (1, 1, 5):  # the first time it makes what is found later
        tasks = [{"actorName": "tests.task_actors.noop", "workspace": gid(world.cast.lab)}] * many
        sent = []
        for selection in ("", "tasks { id workspace { name tasks { totalCount } } }"):
            with statements(monkeypatch) as noted:
                answer = await api.mutate(world.cast.bob, "enqueueTasks", selection, tasks=tasks)
            sent.append(len(noted))
        assert len(answer.done["tasks"]) == many
        own.append(sent[1] - sent[0])

    assert own[1] == own[2]


async def test_a_refusal_is_as_ever(api: Api, world: World, compared: list[str]) -> None:
    input = inputs(world, 1)["createWorkRequest"]

    answer = await api.mutate(world.cast.vic, "createWorkRequest", f"workRequest {{ {EVERYTHING} }}", **input)

    assert answer.refused["code"] == "FORBIDDEN"
    assert answer.payload["workRequest"] is None
    assert compared == []


@pytest.mark.parametrize("selection", [EVERYTHING, WITH_RELATIONS], ids=["its columns", "what hangs off it"])
async def test_the_row_of_an_event_is_read_by_plan(
    api: Api, world: World, compared: list[str], selection: str
) -> None:
    document = f"subscription {{ workRequestChanged {{ type workRequest {{ {selection} }} }} }}"
    input = inputs(world, 1)["createWorkRequest"]
    async with api.subscribe(world.cast.vic, document) as events:
        await api.mutate(world.cast.bob, "createWorkRequest", **input)
        event = await events.next()

    assert compared == ["WorkRequest"]
    assert event["workRequest"]["taskName"] == "noop"
    assert event["workRequest"]["notifications"] == [{"channel": "creator", "to": None}]
