"""Where rights come from: permissions, teams, scopes, sessions; and where they end."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from app.access import Capability, Role
from app.actions import accounts, work, workspaces
from app.clock import now
from app.database import fetch
from app.models import Token, WorkRequest
from tests.access.test_mutations import INPUT, outcome, run
from tests.access.world import World
from tests.api import Api, gid, state
from tests.cast import Cast

# Permissions by name -------------------------------------------------------------------------------------------------

UNLOCKS: dict[Capability, str] = {
    Capability.CREATE_WORKSPACE: "createWorkspace",
    Capability.ADMINISTER_TOKENS: "disableToken",
    Capability.ADMINISTER_WORKERS: "disableWorker",
    Capability.ADMINISTER_USERS: "setTeam",
    Capability.CREATE_WORK: "createWorkRequest",
    Capability.RETRY_WORK: "retryWorkRequest",
    Capability.ABORT_WORK: "abortWorkRequest",
    Capability.RAISE_PRIORITY: "setWorkRequestPriority",
    Capability.EDIT_WORKSPACE: "updateWorkspace",
    Capability.ENQUEUE_TASK: "enqueueTask",
    Capability.RETRY_TASK: "retryTask",
    Capability.CANCEL_TASK: "cancelTask",
    Capability.PURGE_TASKS: "purgeTasks",
    Capability.CHANGE_SCHEDULE: "updateSchedule",
    Capability.SEND_SCHEDULE: "sendSchedule",
    Capability.CREATE_ARTIFACT: "createArtifact",
    Capability.EDIT_ARTIFACT: "updateArtifact",
    Capability.ADMINISTER_FILES: "registerArtifactCategory",
    Capability.ADMINISTER_NOTIFICATIONS: "deleteNotificationChannel",
}
NEEDS_NONE = {
    Capability.LOWER_PRIORITY,  # of one's own work, and who submitted it may
    Capability.RUN_WORK,  # a worker's alone
    Capability.MANAGE_OWN_TOKENS,  # everybody's
    Capability.READ_AUDIT_LOG,  # unlocks a list: below
    Capability.VIEW_SYSTEM_INFO,  # and this too
}


def test_every_capability_is_tried() -> None:
    assert set(UNLOCKS) | NEEDS_NONE == set(Capability)


async def test_a_permission_unlocks_its_mutation_and_no_other(api: Api, world: World) -> None:
    """For vic, who sees the lab but may do nothing there. What he may not see stays hidden all the same."""
    vic = world.cast.vic
    for capability, unlocked in UNLOCKS.items():
        await api.mutate(world.cast.root, "grantPermission", user=gid(vic.user), permission=capability.value)
        for mutation in UNLOCKS.values():
            answer = await run(api, vic, mutation, await INPUT[mutation](world))

            if mutation == unlocked:
                assert outcome(answer) == "done", capability
            else:
                assert outcome(answer) in ("FORBIDDEN", "NOT_FOUND"), (capability, mutation)
        await api.mutate(
            world.cast.root, "grantPermission", user=gid(vic.user), permission=capability.value, granted=False
        )


async def test_a_permission_does_not_show_what_is_private(api: Api, world: World) -> None:
    for capability in (Capability.ABORT_WORK, Capability.EDIT_WORKSPACE):
        await api.mutate(
            world.cast.root, "grantPermission", user=gid(world.cast.eve.user), permission=capability.value
        )
    request = world.rows[WorkRequest, "lab, waiting"]

    answer = await api.mutate(world.cast.eve, "abortWorkRequest", id=gid(request))

    assert answer.refused["code"] == "NOT_FOUND"


async def test_the_permission_to_read_the_book_opens_it(api: Api, world: World) -> None:
    document = "{ logEntries { totalCount } viewer { canReadAuditLog } }"
    before = await api.execute(world.cast.vic, document)
    await api.mutate(
        world.cast.root, "grantPermission", user=gid(world.cast.vic.user), permission="read_audit_log"
    )

    after = await api.execute(world.cast.vic, document)

    assert before.data == {"logEntries": {"totalCount": 0}, "viewer": {"canReadAuditLog": False}}
    assert after["logEntries"]["totalCount"] > 0 and after["viewer"]["canReadAuditLog"]


async def test_the_permission_to_see_the_system_shows_runners_and_all_actors(api: Api, world: World) -> None:
    document = "{ workerStatuses { id } actors { name } }"
    before = await api.execute(world.cast.vic, document)
    await api.mutate(
        world.cast.root, "grantPermission", user=gid(world.cast.vic.user), permission="view_system_info"
    )

    after = await api.execute(world.cast.vic, document)

    assert before["workerStatuses"] == [] and len(after["workerStatuses"]) == 1
    assert "tests.task_actors.silent" not in [actor["name"] for actor in before["actors"]]
    assert "tests.task_actors.silent" in [actor["name"] for actor in after["actors"]]


async def test_an_unknown_permission_is_refused(api: Api, cast: Cast) -> None:
    before = await state()

    answer = await api.mutate(cast.root, "grantPermission", user=gid(cast.vic.user), permission="fly")

    assert answer.refused["path"] == ["input", "permission"]
    assert await state() == before


# Teams ---------------------------------------------------------------------------------------------------------------


async def test_a_team_gives_its_role_to_its_members_as_long_as_they_are_members(api: Api, cast: Cast) -> None:
    root = await cast.root.viewer()
    team = (
        await api.mutate(cast.sam, "setTeam", "team { id }", name="crew", members=[gid(cast.eve.user)])
    ).done
    await api.mutate(
        cast.ann, "setWorkspaceRole", workspace=gid(cast.lab), team=team["team"]["id"], role="CONTRIBUTOR"
    )
    document = f'{{ workspaces {{ nodes {{ id viewerRole }} }} node(id: "{gid(cast.lab)}") {{ id }} }}'

    as_member = await api.execute(cast.eve, document)
    submitted = await api.mutate(cast.eve, "createWorkRequest", taskName="noop", workspace=gid(cast.lab))
    await api.mutate(cast.sam, "setTeam", name="crew", members=[])
    afterwards = await api.execute(cast.eve, document)

    assert as_member["workspaces"]["nodes"] == [{"id": gid(cast.lab), "viewerRole": "CONTRIBUTOR"}]
    assert submitted.done == {"userErrors": []}
    assert afterwards.data == {"workspaces": {"nodes": []}, "node": None}
    assert root.is_superuser


@pytest.mark.parametrize(("own", "teams"), [(Role.OWNER, Role.VIEWER), (Role.VIEWER, Role.OWNER)])
async def test_of_several_roles_the_highest_counts(api: Api, cast: Cast, own: Role, teams: Role) -> None:
    root = await cast.root.viewer()
    team = await accounts.set_team(root, "crew", [cast.eve.user.id])
    await workspaces.set_workspace_role(root, cast.lab.id, own, user_id=cast.eve.user.id)
    await workspaces.set_workspace_role(root, cast.lab.id, teams, team_id=team.id)

    answer = await api.execute(cast.eve, '{ workspace(name: "lab") { viewerRole } }')

    assert answer["workspace"] == {"viewerRole": "OWNER"}


async def test_a_role_is_given_to_a_user_or_a_team_and_not_to_both_or_neither(api: Api, cast: Cast) -> None:
    team = (await api.mutate(cast.sam, "setTeam", "team { id }", name="crew", members=[])).done["team"]["id"]
    before = await state()

    for members in ({}, {"user": gid(cast.eve.user), "team": team}):
        answer = await api.mutate(
            cast.ann, "setWorkspaceRole", workspace=gid(cast.lab), role="VIEWER", **members
        )
        assert answer.refused["code"] == "VALIDATION"
    stranger = await api.mutate(
        cast.ann, "setWorkspaceRole", workspace=gid(cast.lab), role="VIEWER", user=gid(cast.zoe.user)
    )
    assert stranger.refused["code"] == "NOT_FOUND"
    assert await state() == before


# Tokens --------------------------------------------------------------------------------------------------------------

TOKEN = "key token { id scopes expireAt enabled prefix comment user { username } }"


async def test_a_token_is_good_until_it_expires_is_disabled_or_is_deleted(api: Api, cast: Cast) -> None:
    document = "{ viewer { user { username } } }"
    made = [
        (await api.mutate(cast.bob, "createToken", TOKEN, comment=comment)).done
        for comment in ("expires", "disabled", "deleted", "kept")
    ]
    for each in made:
        assert (await api.execute(each["key"], document))["viewer"] == {"user": {"username": "bob"}}

    expires, disabled, deleted, kept = made
    await Token.filter(comment="expires").update(expire_at=now() - timedelta(microseconds=1))
    await api.mutate(cast.bob, "disableToken", id=disabled["token"]["id"])
    await api.mutate(cast.bob, "deleteToken", id=deleted["token"]["id"])

    for each in (expires, disabled, deleted):
        assert (await api.execute(each["key"], document)).code == "UNAUTHENTICATED"
    assert (await api.execute(kept["key"], document))["viewer"] == {"user": {"username": "bob"}}
    await api.mutate(cast.bob, "enableToken", id=disabled["token"]["id"])
    assert (await api.execute(disabled["key"], document)).errors == []


async def test_the_tokens_of_a_user_who_is_not_active_are_refused(api: Api, cast: Cast) -> None:
    await api.mutate(cast.root, "updateUser", id=gid(cast.bob.user), isActive=False)
    refused = await api.execute(cast.bob, "{ viewer { user { id } } }")
    await api.mutate(cast.root, "updateUser", id=gid(cast.bob.user), isActive=True)

    assert refused.code == "UNAUTHENTICATED"
    assert (await api.execute(cast.bob, "{ viewer { user { id } } }")).errors == []


async def test_a_token_never_has_more_than_the_one_that_made_it(api: Api, cast: Cast) -> None:
    narrow = (await api.mutate(cast.root, "createToken", TOKEN, scopes=["READ", "ADMIN"])).done
    inherited = (await api.mutate(narrow["key"], "createToken", TOKEN)).done
    before = await state()

    wider = await api.mutate(narrow["key"], "createToken", TOKEN, scopes=["READ", "WORK"])

    assert narrow["token"]["scopes"] == inherited["token"]["scopes"] == ["ADMIN", "READ"]
    assert wider.refused["path"] == ["input", "scopes"]
    assert await state() == before


@pytest.mark.parametrize(("maker", "owner", "code"), [
    ("bob", "eve", "FORBIDDEN"),
    ("ann", "bob", "FORBIDDEN"),
    ("sam", "bob", None),
    ("sam", "root", "FORBIDDEN"),
    ("root", "sam", None),
    ("root", "zoe", "NOT_FOUND"),
    ("zoe", "bob", "NOT_FOUND"),
])  # fmt: skip
async def test_a_token_for_another_is_made_by_who_administers_them(
    api: Api, cast: Cast, maker: str, owner: str, code: str | None
) -> None:
    before = await state()

    answer = await api.mutate(getattr(cast, maker), "createToken", TOKEN, user=gid(getattr(cast, owner).user))

    if code is None:
        assert answer.done["token"]["user"] == {"username": owner}
        who = await api.execute(answer.done["key"], "{ viewer { user { username } } }")
        assert who["viewer"] == {"user": {"username": owner}}
    else:
        assert answer.refused["code"] == code
        assert await state() == before


async def test_a_workers_token_is_managed_with_the_worker(api: Api, cast: Cast) -> None:
    id = gid(await cast.machine.worker.token)
    before = await state()

    for mutation in ("enableToken", "disableToken", "deleteToken"):
        answer = await api.mutate(cast.root, mutation, id=id)
        assert (answer.refused["code"], answer.refused["currentState"]) == ("INVALID_STATE", "WORKER")
    assert await state() == before


async def test_an_activation_token_is_good_for_nothing_but_registering(api: Api, cast: Cast) -> None:
    key = (await api.mutate(cast.sam, "createActivationToken", "key")).done["key"]

    for document in (
        "{ viewer { user { id } } }",
        "mutation { acquireWorkRequest(input: {}) { userErrors { code } } }",
    ):
        assert (await api.execute(key, document)).code == "UNAUTHENTICATED"
    await fetch("UPDATE token SET expire_at = now() WHERE kind = 'activation'")
    late = await api.mutate(None, "registerWorker", fqdn="a.lan", activationToken=key)
    assert late.refused["path"] == ["input", "activationToken"]


async def test_being_seen_is_noted_once_a_minute(api: Api, cast: Cast) -> None:
    document = f'{{ node(id: "{gid(cast.bob.token)}") {{ ... on Token {{ lastSeenAt }} }} }}'

    first = (await api.execute(cast.bob, document))["node"]["lastSeenAt"]
    second = (await api.execute(cast.bob, document))["node"]["lastSeenAt"]
    await fetch("UPDATE token SET last_seen_at = last_seen_at - interval '61 seconds'")
    api.hub.access_changed_here()  # so that the token is looked up again
    await api.execute(cast.bob, document)
    third = (await api.execute(cast.bob, document))["node"]["lastSeenAt"]

    assert first == second < third


# Sessions ------------------------------------------------------------------------------------------------------------

SESSION = "key token { kind expireAt } viewer { user { username } }"


async def test_signing_in_gives_a_session_that_signing_out_ends(api: Api, cast: Cast) -> None:
    made = (await api.mutate(None, "signIn", SESSION, username="ann", password="ann")).done

    assert made["viewer"] == {"user": {"username": "ann"}}
    assert made["token"]["kind"] == "SESSION" and made["token"]["expireAt"] > now().isoformat()
    assert (await api.execute(made["key"], "{ viewer { user { username } } }")).errors == []
    out = await api.execute(made["key"], "mutation { signOut { signedOut userErrors { code } } }")
    assert out["signOut"] == {"signedOut": True, "userErrors": []}
    assert (await api.execute(made["key"], "{ viewer { user { username } } }")).code == "UNAUTHENTICATED"
    assert not await Token.filter(kind="session").exists()


async def test_signing_out_with_another_token_ends_nothing(api: Api, cast: Cast) -> None:
    before = await state()

    for who in (cast.bob, None, cast.machine):
        answer = await api.execute(who, "mutation { signOut { signedOut userErrors { code } } }")
        assert answer["signOut"] == {"signedOut": False, "userErrors": []}
    assert await state() == before


async def test_a_wrong_name_and_a_wrong_password_are_told_alike(api: Api, cast: Cast) -> None:
    """Also that of somebody who has no password, or who is not active."""
    await api.mutate(cast.root, "updateUser", id=gid(cast.vic.user), isActive=False)
    before = await state()

    answers: list[Any] = [
        await api.mutate(None, "signIn", SESSION, username=name, password=password)
        for name, password in (
            ("nobody", "ann"),
            ("ann", "wrong"),
            ("bob", ""),
            ("bob", "bob"),
            ("vic", "vic"),
        )
    ]

    assert all(answer == answers[0] for answer in answers)
    assert answers[0].refused["code"] == "FORBIDDEN"
    assert await state() == before


async def test_after_too_many_tries_one_has_to_wait_even_with_the_right_password(
    api: Api, cast: Cast
) -> None:
    tries = [
        asyncio.create_task(api.mutate(None, "signIn", username="somebody", password="wrong"))
        for _ in range(12)
    ]
    for first in asyncio.as_completed(
        tries
    ):  # at once: a busy machine takes longer for ten than one has to wait
        if (await first).refused["code"] == "LIMIT_EXCEEDED":
            break
    right = await api.mutate(None, "signIn", SESSION, username="ann", password="ann")  # from the same address
    refused = [(await each).refused for each in tries]

    assert sorted(each["code"] for each in refused) == ["FORBIDDEN"] * 10 + ["LIMIT_EXCEEDED"] * 2
    limited = [each for each in (*refused, right.refused) if each["code"] == "LIMIT_EXCEEDED"]
    assert [each["__typename"] for each in limited] == ["LimitError"] * 3
    assert all(each["retryAfter"] > 0 for each in limited)
    assert not await Token.filter(kind="session").exists()


# Workers -------------------------------------------------------------------------------------------------------------


async def test_a_worker_reads_what_its_request_needs_and_no_more(api: Api, cast: Cast) -> None:
    mine, other = await cast.request(), await cast.request()
    await work.acquire_work_request(await cast.machine.viewer())

    answer = await api.execute(
        cast.machine,
        """query($mine: ID!, $other: ID!) {
             mine: workRequest(id: $mine) { taskData createdBy { username }
               workspace { name memberships { totalCount } workRequests { totalCount } } }
             other: workRequest(id: $other) { id }
             workRequests { totalCount } workspaces { nodes { name } } users { totalCount } workers { nodes { name } }
             tokens { totalCount } queueStatus { pending running } }""",
        mine=gid(mine),
        other=gid(other),
    )

    assert answer["mine"] == {
        "taskData": {},
        "workspace": {"name": "lab", "memberships": {"totalCount": 0}, "workRequests": {"totalCount": 1}},
        "createdBy": None,
    }
    assert answer["other"] is None
    assert answer["workRequests"] == {"totalCount": 1}
    assert answer["workspaces"] == {"nodes": [{"name": "lab"}]}
    assert (answer["users"], answer["tokens"]) == ({"totalCount": 0}, {"totalCount": 1})
    assert answer["workers"] == {"nodes": [{"name": "machine-lan"}]}
    assert answer["queueStatus"] == {"pending": 0, "running": 1}
