"""Which workspaces somebody may see comes with the token, for a query: what it is, what it spares, and when it is new."""

import pytest

from app.access import Role
from app.actions.tokens import MOST_WORKSPACES
from app.database import fetch
from app.models import Workspace, WorkspaceMembership
from tests.access.world import ROLES, World
from tests.api import Api, gid
from tests.cast import Cast, workspace
from tests.statements import statements

REQUESTS = "{ workRequests { nodes { id } } }"
MADE = "workspace { id public memberships { nodes { role user { username } } } }"


async def test_they_are_those_that_one_may_see(api: Api, world: World) -> None:
    known = 0
    for role in ROLES:
        viewer = await world.viewer(role)
        if viewer.workspaces is not None:
            assert viewer.workspaces == tuple(
                [each.id for each in await Workspace.visible_to(viewer).order_by("id")]
            )
            known += 1

    assert known >= 6


async def test_of_who_may_see_very_many_none_are_known_and_all_are_seen(api: Api, cast: Cast) -> None:
    await fetch(
        """INSERT INTO workspace (tenant_id, name, public, default_file_store_id)
        SELECT tenant_id, 'many-' || number, true, default_file_store_id FROM workspace, generate_series(1, $2::int) AS number
        WHERE id = $1""",
        cast.lab.id,
        MOST_WORKSPACES,
    )
    await cast.request(cast.root, workspace_id=await newest())

    assert (await cast.ann.viewer()).workspaces is None
    assert len((await api.execute(cast.ann, REQUESTS))["workRequests"]["nodes"]) == 1


async def test_a_query_does_not_ask_for_them_again(
    api: Api, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    await cast.request()
    await api.execute(cast.ann, REQUESTS)  # so that it is remembered who ann is

    with statements(monkeypatch) as sent:
        answer = await api.execute(cast.ann, REQUESTS)

    assert len(answer["workRequests"]["nodes"]) == 1
    assert len(sent) == 1
    assert "ANY($1)" in sent[0]
    assert '"workspace"' not in sent[0]


async def test_statements_are_the_same_however_many_one_may_see(
    api: Api, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    await WorkspaceMembership.create(
        workspace=await workspace(cast.tenant, "more"), user=cast.bob.user, role=Role.OWNER
    )
    texts: set[str] = set()
    for who in (cast.eve, cast.ann, cast.bob, cast.root):
        with statements(monkeypatch) as sent:
            await api.execute(who, REQUESTS)
        texts.update(each for each in sent if 'FROM "work_request"' in each)

    assert len({len((await who.viewer()).workspaces or ()) for who in (cast.eve, cast.ann, cast.bob)}) == 3
    assert len(texts) == 1


@pytest.mark.parametrize("public", [True, False])
async def test_who_makes_a_workspace_sees_what_is_in_it_at_once(api: Api, cast: Cast, public: bool) -> None:
    asked = '{ workspace(name: "new") { id memberships { nodes { role } } workRequests { nodes { id } } } }'
    await api.execute(cast.root, REQUESTS)

    made = await api.mutate(cast.root, "createWorkspace", MADE, name="new", public=public)
    id = made.payload["workspace"]["id"]
    given = await api.mutate(
        cast.root, "setWorkspaceRole", MADE, workspace=id, user=gid(cast.bob.user), role="OWNER"
    )
    await cast.request(workspace_id=await newest())
    seen = await api.execute(cast.root, asked)

    assert made.payload["workspace"]["public"] is public
    assert {"role": "OWNER", "user": {"username": "bob"}} in given.payload["workspace"]["memberships"][
        "nodes"
    ]
    assert {"role": "OWNER"} in seen["workspace"]["memberships"]["nodes"]
    assert len(seen["workspace"]["workRequests"]["nodes"]) == 1


async def newest() -> int:
    """The id of the workspace that was made last."""
    return int((await fetch("SELECT max(id) AS id FROM workspace"))[0]["id"])
