"""The commands for people, tokens and workers, as an operator types them."""

import pytest

from app.access import Viewer
from app.actions.tokens import viewer_of
from app.database import Database
from app.models import Token, User, Worker, Workspace
from tests.cast import make_cast
from tests.cli.operator import workyard


async def test_an_operator_makes_a_user_and_a_token_that_works(owndb: Database) -> None:
    made, _ = await workyard(owndb, "users", "create", "ann", "--password-stdin", typed="correct horse\n")
    code, key = await workyard(owndb, "tokens", "create", "ann", "--scope", "read", "--days", "3")
    _, listed = await workyard(owndb, "users", "ls")

    assert (made, code) == (0, 0)
    viewer = await viewer_of(key.strip())
    assert viewer is not None
    assert viewer.user_id == (await User.get(username="ann")).id
    assert {scope.value for scope in viewer.scopes} == {"read"}
    assert "ann" in listed


async def test_a_short_password_makes_no_user(owndb: Database) -> None:
    code, said = await workyard(owndb, "users", "create", "ann", "--password-stdin", typed="short\n")

    assert code == 2
    assert "8 to 1000 characters" in said
    assert not await User.filter(username="ann").exists()


async def test_a_disabled_token_and_a_disabled_user_are_refused(owndb: Database) -> None:
    cast = await make_cast()
    await workyard(owndb, "tokens", "disable", cast.bob.key[:8])
    await workyard(owndb, "users", "disable", "vic")

    assert await viewer_of(cast.bob.key) is None
    assert await viewer_of(cast.vic.key) is None
    assert await viewer_of(cast.ann.key) is not None


async def test_a_worker_is_disabled_and_enabled_by_name_and_invited(owndb: Database) -> None:
    cast = await make_cast()
    name = cast.machine.worker.name

    await workyard(owndb, "workers", "disable", name)
    assert not await Token.exists(id=cast.machine.worker.token_id, enabled=True)
    await workyard(owndb, "workers", "enable", name)
    assert await Token.exists(id=cast.machine.worker.token_id, enabled=True)
    code, key = await workyard(owndb, "workers", "invite")

    assert code == 0
    assert len(key.strip()) == 64
    assert await Worker.exists(name=name)


async def test_an_operator_makes_a_tenant_whose_people_see_nothing_of_the_others(owndb: Database) -> None:
    cast = await make_cast()
    await workyard(owndb, "tenants", "create", "acme")
    await workyard(
        owndb,
        "users",
        "create",
        "tia",
        "--superuser",
        "--tenant",
        "acme",
        "--password-stdin",
        typed="correct horse\n",
    )

    tia = await User.get(username="tia")
    viewer = Viewer(tenant_id=tia.tenant_id, user_id=tia.id, is_superuser=True)
    seen = [workspace.name for workspace in await Workspace.visible_to(viewer)]

    assert seen == ["System"]
    assert tia.tenant_id not in (cast.tenant.id, cast.theirs.tenant_id)


@pytest.mark.parametrize(
    "arguments",
    [("users", "disable", "nobody"), ("tokens", "disable", "00000000"), ("workers", "enable", "nobody")],
)
async def test_what_is_not_there_is_said_in_one_sentence(owndb: Database, arguments: tuple[str, ...]) -> None:
    code, said = await workyard(owndb, *arguments)

    assert code == 2
    assert "There is no" in said
    assert "Traceback" not in said
