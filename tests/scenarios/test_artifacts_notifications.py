"""The public acceptance scenarios about notifications, and what went wrong with them in the system that this one learns from:
each test is one of them, told to the API, with a real mail server."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from app import chores
from app.database import Database
from app.models import Task, WorkRequest
from app.settings import Settings
from tests.api import Api, gid, rows_of, state
from tests.cast import Cast
from tests.live import free_port
from tests.mail import Postbox, mail_tasks, mailed, postbox
from tests.tasks_yard import start_runner

__all__ = ["postbox"]  # a fixture

DATA = {"from": "yard@example.org", "to": ["crew@example.org"]}
REQUEST = "workRequest { id status result attempt }"
CHANNEL = "notificationChannel { id name method data allowOverride version }"


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAIL_FROM", "workyard@example.org")
    monkeypatch.setenv("PUBLIC_URL", "https://yard.example")
    chores.load_actors(Settings())


@pytest.fixture
async def running(db: Database) -> AsyncIterator[None]:
    """A task runner."""
    async with start_runner(db):
        yield


async def make_channel(api: Api, cast: Cast, name: str = "crew", **input: Any) -> dict[str, Any]:
    answer = await api.mutate(
        cast.sam, "createNotificationChannel", CHANNEL, **{"name": name, "data": DATA, **input}
    )
    made: dict[str, Any] = answer.done["notificationChannel"]
    return made


async def submit(api: Api, cast: Cast, *rules: dict[str, Any], **input: Any) -> WorkRequest:
    """A new request of bob's in the lab, with these rules."""
    answer = await api.mutate(
        cast.bob,
        "createWorkRequest",
        REQUEST,
        **{"taskName": "noop", "workspace": gid(cast.lab), "notifications": list(rules), **input},
    )
    assert answer.done
    return await WorkRequest.all().order_by("-id").first()  # type: ignore[return-value]


async def report(api: Api, cast: Cast, result: str, **input: Any) -> dict[str, Any]:
    """The machine runs the next request, and says how it ended."""
    running = (await api.mutate(cast.machine, "acquireWorkRequest", REQUEST)).done["workRequest"]
    answer = await api.mutate(
        cast.machine,
        "completeWorkRequest",
        REQUEST,
        id=running["id"],
        attempt=running["attempt"],
        result=result,
        **input,
    )
    ended: dict[str, Any] = answer.done["workRequest"]
    return ended


async def test_20_a_request_with_an_unknown_channel_is_refused_by_its_name_and_leaves_no_row(
    api: Api, cast: Cast
) -> None:
    await make_channel(api, cast)
    before = await state()

    answer = await api.mutate(
        cast.bob,
        "createWorkRequest",
        REQUEST,
        taskName="noop",
        workspace=gid(cast.lab),
        notifications=[{"channel": name} for name in ("ops", "crew", "build-team", "creator")],
    )

    assert answer.refused["__typename"] == "ValidationError"
    assert answer.refused["path"] == ["input", "notifications"]
    assert "'build-team', 'ops'" in answer.refused["message"]
    assert answer.refused["rule"] == "UNKNOWN"
    assert await rows_of("work_request") == 0
    assert await state() == before


@pytest.mark.parametrize(("result", "mails"), [("FAILURE", 1), ("ERROR", 1), ("SUCCESS", 0), ("SKIPPED", 0)])
async def test_30_a_rule_for_failures_sends_one_mail_on_failure_or_error_and_none_on_success(
    api: Api, cast: Cast, postbox: Postbox, running: None, result: str, mails: int
) -> None:
    """A rule that does not say when is one for failures."""
    await make_channel(api, cast)
    request = await submit(api, cast, {"channel": "crew"})

    ended = await report(api, cast, result)
    tasks = await mailed(request)

    assert (ended["status"], ended["result"]) == ("COMPLETED", result)
    assert len(tasks) == len(postbox.letters) == mails
    for letter in postbox.letters:
        assert letter.header("Subject") == f"WorkRequest {request.id} completed in {result.lower()}"
        assert letter.receivers == ["crew@example.org"]


# Defects --------------------------------------------------------------------------------------------------------------


async def test_a_submitter_cannot_have_a_channel_mail_anybody(api: Api, cast: Cast) -> None:
    """D11, M-P20: any channel could be pointed at any address. And what may not be changed is refused, not ignored."""
    await make_channel(api, cast)
    await make_channel(api, cast, "open", allowOverride=True)
    before = await state()

    for channel in ("crew", "creator"):
        for change in ({"to": ["eve@example.org"]}, {"from": "eve@example.org"}):
            answer = await api.mutate(
                cast.bob,
                "createWorkRequest",
                taskName="noop",
                workspace=gid(cast.lab),
                notifications=[{"channel": channel, **change}],
            )
            assert answer.refused["path"] == ["input", "notifications", "0", *change]
            assert answer.refused["rule"] == "OVERRIDE"
    assert await state() == before
    await submit(api, cast, {"channel": "open", "to": ["eve@example.org"], "from": "bob@example.org"})


async def test_a_sender_that_a_rule_may_name_is_the_sender(
    api: Api, cast: Cast, postbox: Postbox, running: None
) -> None:
    """D11, M-P20: the documented `from` was ignored without a word."""
    await make_channel(api, cast, allowOverride=True)
    request = await submit(
        api, cast, {"channel": "crew", "from": "bob@example.org", "subject": "$nothing $task_name"}
    )

    await report(api, cast, "ERROR")
    await mailed(request)

    (letter,) = postbox.letters
    assert (letter.sender, letter.header("From")) == ("bob@example.org", "bob@example.org")
    assert letter.header("Subject") == "$nothing noop"


async def test_a_mail_server_that_is_down_costs_the_report_nothing(
    api: Api, cast: Cast, running: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """D11, M-P23: the worker was answered with an error, although the request was completed."""
    monkeypatch.setenv("SMTP_URL", f"smtp://127.0.0.1:{free_port()}")
    await make_channel(api, cast)
    request = await submit(api, cast, {"channel": "crew"})

    ended = await report(api, cast, "FAILURE")

    assert (ended["status"], ended["result"]) == ("COMPLETED", "FAILURE")
    assert len(await mail_tasks(request)) == 1


async def test_what_follows_an_end_follows_whatever_becomes_of_the_mail(
    api: Api, cast: Cast, postbox: Postbox, running: None
) -> None:
    """D11, M-P24: what was left to do was left undone."""
    postbox.refused["crew@example.org"] = "550 no such user"
    await make_channel(api, cast)
    request = await submit(api, cast, {"channel": "crew", "on": ["SUCCESS"]})
    dependant = await submit(api, cast, dependencies=[gid(request)])
    stopped_by = await submit(api, cast, {"channel": "crew"}, priorityAdjustment=-1)
    stopped = await submit(api, cast, dependencies=[gid(stopped_by)])

    await report(api, cast, "SUCCESS")
    freed = (await WorkRequest.get(id=dependant.id)).status
    await report(api, cast, "SUCCESS")
    await report(api, cast, "FAILURE")
    tasks = [*await mailed(request), *await mailed(stopped_by)]

    assert [task.state.value for task in tasks] == ["rejected", "rejected"]
    assert freed.value == "pending"
    assert (await WorkRequest.get(id=stopped.id)).status.value == "aborted"


async def test_a_report_that_is_refused_sends_no_mail(
    api: Api, cast: Cast, postbox: Postbox, running: None
) -> None:
    """D11, M-P25: mail of something that was not so. The transactions themselves: tests/actions/test_notifications.py."""
    await make_channel(api, cast)
    await submit(api, cast, {"channel": "crew"})
    taken = (await api.mutate(cast.machine, "acquireWorkRequest", REQUEST)).done["workRequest"]
    before = await state()

    for input in (
        {"attempt": taken["attempt"] + 1, "result": "ERROR"},
        {"attempt": taken["attempt"], "result": "NONE"},
        {"attempt": taken["attempt"], "result": "ERROR", "outputData": []},
    ):
        answer = await api.mutate(cast.machine, "completeWorkRequest", id=taken["id"], **input)
        assert answer.refused

    assert await state() == before
    assert (await Task.all().count(), postbox.letters) == (0, [])


# What is shown, and to whom -------------------------------------------------------------------------------------------

RULES = "query($id: ID!) { workRequest(id: $id) { notifications { on channel from to cc subject } } }"
TASKS = "query($id: ID!) { workRequest(id: $id) { tasks { nodes { uid queueName state args } } } }"


async def test_addresses_are_for_staff_and_for_those_who_submit_work(api: Api, cast: Cast) -> None:
    made = await make_channel(api, cast, allowOverride=True)
    addresses = {"from": "a@example.org", "to": ["b@example.org"], "cc": ["c@example.org"]}
    request = await submit(
        api, cast, {"channel": "crew", "on": ["ABORTED", "SUCCESS"], "subject": "s", **addresses}
    )
    common = {"on": ["SUCCESS", "ABORTED"], "channel": "crew", "subject": "s"}

    for who, rule in ((cast.ann, addresses), (cast.bob, addresses), (cast.vic, dict.fromkeys(addresses))):
        answer = await api.execute(who, RULES, id=gid(request))
        assert answer["workRequest"] == {"notifications": [{**common, **rule}]}
    channels = "{ notificationChannels { totalCount nodes { id name method data allowOverride version } } }"
    for other, data in ((cast.sam, DATA), (cast.root, DATA), (cast.bob, None), (cast.eve, None)):
        answer = await api.execute(other, channels)
        assert answer["notificationChannels"] == {"totalCount": 1, "nodes": [{**made, "data": data}]}
    for stranger in (None, cast.zoe, cast.machine):
        answer = await api.execute(stranger, channels)
        assert answer["notificationChannels"] == {"totalCount": 0, "nodes": []}


async def test_the_mail_of_a_request_is_among_its_tasks_and_leads_back_to_it(
    api: Api, cast: Cast, postbox: Postbox, running: None
) -> None:
    await make_channel(api, cast)
    request = await submit(api, cast, {"channel": "crew", "on": ["ABORTED"]})

    await api.mutate(cast.bob, "abortWorkRequest", id=gid(request), reason="out of colour")
    await mailed(request)

    answer = await api.execute(cast.vic, TASKS, id=gid(request))
    (task,) = answer["workRequest"]["tasks"]["nodes"]
    assert (task["uid"], task["queueName"]) == ("app.chores.notifications.send_mail:aborted", "mail")
    (letter,) = postbox.letters
    assert letter.header("Subject") == f"WorkRequest {request.id} was aborted"
    assert "Reason:     out of colour" in letter.body
    assert "https://yard.example/graphql" in letter.body
    id = letter.body.partition("with the id ")[2].split()[0]
    found = await api.execute(
        cast.vic, "query($id: ID!) { node(id: $id) { ... on WorkRequest { taskName } } }", id=id
    )
    assert found["node"] == {"taskName": "noop"}


async def test_a_task_asks_people_are_told_one_answers_and_the_worker_hears_it(
    api: Api, cast: Cast, postbox: Postbox, running: None
) -> None:
    await make_channel(api, cast)
    request = await submit(api, cast, {"channel": "crew", "on": ["NEEDS_INPUT"]})
    changes = "subscription { workRequestChanged { type workRequest { needsInput answer } } }"
    inbox = "subscription { workerInbox { __typename ... on WorkRequestAnswered { answer attempt workRequest { id } } } }"

    async with api.subscribe(cast.vic, changes) as watching, api.subscribe(cast.machine, inbox) as told:
        running_ = (await api.mutate(cast.machine, "acquireWorkRequest", REQUEST)).done["workRequest"]
        asked = await api.mutate(
            cast.machine,
            "askForInput",
            "workRequest { needsInput }",
            id=running_["id"],
            attempt=running_["attempt"],
            question="Which colour?",
        )
        await mailed(request)
        seen = await until_type(watching, "work_request.needs_input")
        open_questions = await api.execute(cast.ann, ASKING)
        answered = await api.mutate(
            cast.bob, "answerWorkRequest", "workRequest { needsInput answer }", id=gid(request), answer="Red"
        )
        async with asyncio.timeout(30):
            while (message := await told.next())["__typename"] != "WorkRequestAnswered":
                pass

    assert asked.done["workRequest"] == {"needsInput": "Which colour?"}
    assert seen["workRequest"]["needsInput"] == "Which colour?"
    assert open_questions["workRequests"]["nodes"] == [{"id": gid(request)}]
    assert (await api.execute(cast.ann, ASKING))["workRequests"]["nodes"] == []
    assert postbox.subjects == [f"WorkRequest {request.id} needs input"]
    assert "Which colour?" in postbox.letters[0].body
    assert answered.done["workRequest"] == {"needsInput": None, "answer": "Red"}
    assert (message["answer"], message["attempt"], message["workRequest"]) == ("Red", 1, {"id": gid(request)})


async def test_an_answer_is_told_to_the_worker_that_asked_and_to_no_other(api: Api, cast: Cast) -> None:
    other = await cast.worker("other.lan")
    request = await submit(api, cast)
    taken = (await api.mutate(cast.machine, "acquireWorkRequest", REQUEST)).done["workRequest"]
    await api.mutate(
        cast.machine, "askForInput", id=taken["id"], attempt=taken["attempt"], question="Which colour?"
    )

    async with api.subscribe(other, "subscription { workerInbox { __typename } }") as told:
        assert (await told.next())["__typename"] == "DynamicMetadataRequested"
        assert (await api.mutate(cast.ann, "answerWorkRequest", id=gid(request), answer="Red")).done
        await submit(api, cast)

        heard = [(await told.next())["__typename"] for _ in range(2)]

    assert heard == ["WorkRequestAvailable", "WorkRequestAvailable"]  # it has connected, and there is work


ASKING = "{ workRequests(filter: {asking: {eq: true}}) { nodes { id } } }"


async def until_type(watching: Any, type: str) -> dict[str, Any]:
    """The next change of that type."""
    async with asyncio.timeout(30):
        while (event := await watching.next())["type"] != type:
            pass
    found: dict[str, Any] = event
    return found
