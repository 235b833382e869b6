"""Channels and rules: what is accepted, what is refused, who is told; and that no mail comes of what was rolled back."""

from datetime import timedelta
from email.message import EmailMessage
from typing import Any

import pytest

from app.access import Viewer
from app.actions import notifications, work
from app.actions.notifications import Mail, NewNotificationRule, NoMail, mail_of
from app.clock import now
from app.database import fetch, transaction
from app.errors import Invalid, InvalidState, StaleAttempt
from app.models import (
    LogEntry,
    NotificationChannel,
    NotificationEvent,
    NotificationMethod,
    Task,
    User,
    WorkRequest,
    WorkRequestResult,
)
from app.tasks import decode
from tests.api import state
from tests.cast import Cast
from tests.mail import mail_tasks

DATA = {"from": "yard@example.org", "to": ["crew@example.org"]}
EVERY = tuple(NotificationEvent)
CREATOR = NotificationChannel.CREATOR


async def channel(cast: Cast, name: str = "crew", **changes: Any) -> NotificationChannel:
    """A channel of staff's."""
    return await notifications.create_notification_channel(
        await cast.sam.viewer(), **{"name": name, "data": DATA, **changes}
    )


def rule(
    channel: str = "crew", on: tuple[NotificationEvent, ...] = EVERY, **changes: Any
) -> NewNotificationRule:
    return NewNotificationRule(on, channel, changes)


async def claimed(cast: Cast, **changes: Any) -> WorkRequest:
    """A request with these rules that the machine runs."""
    await cast.request(**changes)
    request = await work.acquire_work_request(await cast.machine.viewer())
    assert request is not None
    return request


async def events_told(request: WorkRequest) -> list[str]:
    """Of which events of a request word is to be sent."""
    return [decode(bytes(task.message or b"")).args[1] for task in await mail_tasks(request)]


async def mail(request: WorkRequest, event: NotificationEvent, **given: Any) -> Mail | NoMail:
    """The mail of a request's first rule."""
    return await mail_of(
        request.id, event, 0, **{"mail_from": "yard@example.org", "url": "https://yard.example", **given}
    )


# Channels -------------------------------------------------------------------------------------------------------------

BAD_DATA: dict[str, tuple[Any, str]] = {
    "no object": ([], "input.data"),
    "text": ("text", "input.data"),
    "the text of an object": ('{"from": "a@example.org", "to": ["a@example.org"]}', "input.data"),
    "nothing": ({}, "input.data"),
    "no sender": ({"to": ["a@example.org"]}, "input.data"),
    "no receivers": ({"from": "a@example.org"}, "input.data"),
    "an empty list of receivers": ({"from": "a@example.org", "to": []}, "input.data.to"),
    "a sender that is no address": ({"from": "nope", "to": ["a@example.org"]}, "input.data.from"),
    "a receiver that is no address": ({**DATA, "to": ["a@example.org", "b@"]}, "input.data.to.1"),
    "a copy that is no address": ({**DATA, "cc": ["@example.org"]}, "input.data.cc.0"),
    "a name beside the address": ({**DATA, "from": "Ann <a@example.org>"}, "input.data.from"),
    "an address with a line end": ({**DATA, "from": "a@example.org\n"}, "input.data.from"),
    "two addresses in one": ({**DATA, "to": ["a@example.org,b@example.org"]}, "input.data.to.0"),
    "a null": ({**DATA, "cc": None}, "input.data.cc"),
    "a number": ({**DATA, "to": [1]}, "input.data.to.0"),
    "something else": ({**DATA, "bcc": ["a@example.org"]}, "input.data"),
    "a subject of two lines": ({**DATA, "subject": "a\r\nBcc: eve@example.org"}, "input.data.subject"),
    "a subject that ends its line": ({**DATA, "subject": "a\n"}, "input.data.subject"),
    "a subject with a separator of lines": ({**DATA, "subject": "a\u2028b"}, "input.data.subject"),
    "a subject with NUL": ({**DATA, "subject": "a\0"}, "input.data.subject"),
    "too long a subject": ({**DATA, "subject": "a" * 501}, "input.data.subject"),
    "101 receivers": ({**DATA, "to": [f"u{n}@example.org" for n in range(101)]}, "input.data.to"),
}


@pytest.mark.parametrize("what", BAD_DATA)
async def test_a_channel_is_refused_unless_its_data_is_as_mail_wants_it(cast: Cast, what: str) -> None:
    data, path = BAD_DATA[what]
    before = await state()

    with pytest.raises(Invalid) as refused:
        await channel(cast, data=data)

    assert ".".join(refused.value.errors[0].path) == path
    assert await state() == before


@pytest.mark.parametrize(
    "address", ["a@localhost", "root@build.local", "x@yard.test", "a.b+c@example.org", "a@bücher.example"]
)
async def test_addresses_that_only_ones_own_mail_server_knows_are_good(cast: Cast, address: str) -> None:
    made = await channel(cast, data={"from": address, "to": [address], "cc": [address], "subject": ""})

    made.clean()
    assert (await NotificationChannel.get(id=made.id)).data["to"] == [address]


@pytest.mark.parametrize("name", ["", "1", "-a", "a b", "a\n", "x" * 21, "é", CREATOR])
async def test_a_channels_name_has_a_form(cast: Cast, name: str) -> None:
    before = await state()

    with pytest.raises(Invalid) as refused:
        await channel(cast, name=name)

    assert refused.value.path == ("input", "name")
    assert await state() == before


async def test_a_name_is_there_once_in_a_tenant(cast: Cast) -> None:
    await channel(cast)
    before = await state()

    with pytest.raises(Invalid) as refused:
        await channel(cast)

    assert refused.value.errors[0].code == "TAKEN"
    assert await state() == before
    await notifications.create_notification_channel(await cast.zoe.viewer(), name="crew", data=DATA)


async def test_webhooks_are_refused_in_words(cast: Cast) -> None:
    before = await state()

    with pytest.raises(Invalid) as refused:
        await channel(cast, method=NotificationMethod.WEBHOOK, data={"url": "https://example.org"})

    assert (refused.value.path, refused.value.errors[0].code) == (("input", "method"), "UNSUPPORTED")
    assert await state() == before


async def test_a_channel_is_changed_and_removed_with_an_entry_in_the_book_each(cast: Cast) -> None:
    sam = await cast.sam.viewer()
    made = await channel(cast)

    other = {"from": "yard@example.org", "to": ["others@example.org"]}
    changed = await notifications.update_notification_channel(sam, made.id, data=other, allow_override=True)
    await notifications.delete_notification_channel(sam, made.id)

    assert (changed.data, changed.allow_override, changed.version) == (other, True, 2)
    assert await NotificationChannel.all().count() == 0
    entries = await LogEntry.filter(object_type="NotificationChannel").order_by("id")
    assert [entry.action_flag.name for entry in entries] == ["ADDITION", "CHANGE", "DELETION"]


async def test_a_change_that_breaks_a_rule_changes_nothing(cast: Cast) -> None:
    made = await channel(cast)
    before = await state()

    with pytest.raises(Invalid):
        await notifications.update_notification_channel(
            await cast.sam.viewer(), made.id, data={"from": "nope", "to": []}, allow_override=True
        )

    assert await state() == before


# Rules ----------------------------------------------------------------------------------------------------------------


async def test_a_channel_that_is_not_there_is_named_and_no_request_is_left(cast: Cast) -> None:
    await channel(cast)
    before = await state()

    for check in (work.create_work_request, work.requests.check_work_request):
        new = work.NewWorkRequest(
            task_name="noop",
            workspace_id=cast.lab.id,
            notifications=(rule("zebra"), rule("crew"), rule("ant"), rule("a\0b")),
        )
        with pytest.raises(Invalid) as refused:
            await check(await cast.bob.viewer(), new)

        assert refused.value.path == ("input", "notifications")
        assert "'a\0b', 'ant', 'zebra'" in refused.value.message
        assert "crew" not in refused.value.message
    assert await state() == before


async def test_a_channel_of_another_tenant_is_not_there(cast: Cast) -> None:
    await notifications.create_notification_channel(await cast.zoe.viewer(), name="theirs", data=DATA)

    with pytest.raises(Invalid):
        await cast.request(notifications=(rule("theirs"),))


@pytest.mark.parametrize("key", ["to", "from"])
@pytest.mark.parametrize("name", ["crew", CREATOR])
async def test_sender_and_receivers_stay_the_channels_unless_it_lets_them_be_changed(
    cast: Cast, key: str, name: str
) -> None:
    """M-P20: whoever submitted work could have any channel mail anybody."""
    made = await channel(cast)
    change: dict[str, Any] = {"to": ["eve@example.org"], "from": "eve@example.org"}
    before = await state()

    with pytest.raises(Invalid) as refused:
        await cast.request(notifications=(rule(name, **{key: change[key]}),))

    assert refused.value.path == ("input", "notifications", "0", key)
    assert refused.value.errors[0].code == "OVERRIDE"
    assert await state() == before
    await NotificationChannel.filter(id=made.id).update(allow_override=True)
    if name == "crew":
        request = await cast.request(notifications=(rule(name, **{key: change[key]}),))
        assert request.notifications[0][key] == change[key]


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"cc": ["nope"]}, "cc.0"),
        ({"subject": "a\nBcc: eve@example.org"}, "subject"),
        ({"to": []}, "to"),
        ({"from": "nope"}, "from"),
    ],
)
async def test_what_a_rule_changes_is_checked_like_the_channel(
    cast: Cast, change: dict[str, Any], path: str
) -> None:
    await channel(cast, allow_override=True)
    before = await state()

    with pytest.raises(Invalid) as refused:
        await cast.request(notifications=(rule(), rule(**change)))

    assert ".".join(refused.value.path) == f"input.notifications.1.{path}"
    assert await state() == before


async def test_a_rule_needs_an_event_and_a_request_has_at_most_20(cast: Cast) -> None:
    for rules in ((rule(CREATOR, on=()),), (rule(CREATOR),) * 21):
        with pytest.raises(Invalid):
            await cast.request(notifications=rules)

    assert await WorkRequest.all().count() == 0


async def test_the_rules_of_a_retry_are_those_of_the_request(cast: Cast) -> None:
    request = await cast.request(notifications=(rule(CREATOR, cc=["a@example.org"]),))
    bob = await cast.bob.viewer()
    await work.abort_work_request(bob, request.id)

    again = await work.retry_work_request(bob, request.id)

    assert again.notifications == (await WorkRequest.get(id=request.id)).notifications != []


# Of what word is sent -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("result", "told"),
    [("success", "success"), ("skipped", "success"), ("failure", "failure"), ("error", "error")],
)
async def test_word_is_sent_of_each_result_to_those_who_want_it(cast: Cast, result: str, told: str) -> None:
    rules = tuple(rule(CREATOR, on=(event,)) for event in EVERY)
    request = await claimed(cast, notifications=rules)

    await work.complete_work_request(
        await cast.machine.viewer(), request.id, request.attempt, WorkRequestResult(result)
    )

    assert await events_told(request) == [told]
    (task,) = await mail_tasks(request)
    assert decode(bytes(task.message or b"")).args[2] == [event.value for event in EVERY].index(told)
    assert (task.workspace_id, task.tenant_id) == (cast.lab.id, cast.tenant.id)


async def test_the_same_report_twice_sends_word_once(cast: Cast) -> None:
    request = await claimed(cast, notifications=(rule(CREATOR),))
    machine = await cast.machine.viewer()

    for _ in range(2):
        await work.complete_work_request(machine, request.id, request.attempt, WorkRequestResult.SUCCESS)

    assert await events_told(request) == ["success"]


async def test_a_request_without_rules_is_completed_in_one_statement_and_sends_nothing(cast: Cast) -> None:
    request = await claimed(cast)

    await work.complete_work_request(
        await cast.machine.viewer(), request.id, request.attempt, WorkRequestResult.FAILURE
    )

    assert await Task.all().count() == 0


async def test_word_of_a_failure_waits_for_the_last_automatic_retry(cast: Cast) -> None:
    machine = await cast.machine.viewer()
    first = await claimed(cast, notifications=(rule(CREATOR),), retry_delays=(timedelta(0),))

    await work.complete_work_request(machine, first.id, first.attempt, WorkRequestResult.FAILURE)
    second = await work.acquire_work_request(machine)
    assert second is not None and second.supersedes_id == first.id
    await work.complete_work_request(machine, second.id, second.attempt, WorkRequestResult.FAILURE)

    assert await events_told(first) == []
    assert await events_told(second) == ["failure"]


async def test_word_is_sent_of_all_that_an_abort_stops(cast: Cast) -> None:
    rules = (rule(CREATOR, on=(NotificationEvent.ABORTED,)),)
    first = await cast.request(notifications=rules)
    second = await cast.request(notifications=rules, dependency_ids=[first.id])
    child = await cast.request(notifications=rules, parent_id=first.id)

    await work.abort_work_request(await cast.bob.viewer(), first.id, reason="no more")

    for request in (first, second, child):
        assert await events_told(request) == ["aborted"]


async def test_word_is_sent_when_the_last_attempt_was_lost(cast: Cast) -> None:
    request = await claimed(cast, notifications=(rule(CREATOR),), max_attempts=1)
    await fetch("UPDATE work_request SET lease_expires_at = now() - interval '1 s' WHERE id = $1", request.id)

    await work.recover_lost_work()

    assert await events_told(request) == ["error"]


async def test_no_word_is_sent_of_what_was_rolled_back(cast: Cast) -> None:
    """M-P25: the mail had gone out."""
    request = await claimed(cast, notifications=(rule(CREATOR),))
    machine, before = await cast.machine.viewer(), await state()

    with pytest.raises(RuntimeError):
        async with transaction():
            await work.complete_work_request(machine, request.id, request.attempt, WorkRequestResult.ERROR)
            assert await events_told(request) == ["error"]
            raise RuntimeError("the transaction ends otherwise")

    assert await Task.all().count() == 0
    assert await state() == before


# Questions ------------------------------------------------------------------------------------------------------------


async def test_a_question_is_asked_once_and_answered_once(cast: Cast) -> None:
    request = await claimed(cast, notifications=(rule(CREATOR),))
    machine, bob = await cast.machine.viewer(), await cast.bob.viewer()

    for _ in range(2):
        asked = await work.ask_for_input(machine, request.id, request.attempt, "Which colour?")
    answered = await work.answer_work_request(bob, request.id, "Red")
    before = await state()
    again = await work.answer_work_request(bob, request.id, "Red")

    assert (await state(), again.version) == (before, answered.version)
    assert (asked.needs_input, asked.answer) == ("Which colour?", None)
    assert (answered.needs_input, answered.answer) == (None, "Red")
    assert await events_told(request) == ["needs-input"]
    with pytest.raises(InvalidState):
        await work.answer_work_request(bob, request.id, "Blue")


async def test_a_question_is_gone_when_the_request_ends_or_goes_back(cast: Cast) -> None:
    machine = await cast.machine.viewer()
    ways: Any = {
        "completed": lambda it: work.complete_work_request(
            machine, it.id, it.attempt, WorkRequestResult.SUCCESS
        ),
        "aborted": lambda it: work.abort_work_request(Viewer.operator(cast.tenant.id), it.id),
        "given back": lambda it: work.hand_back_work_request(machine, it.id, it.attempt),
    }
    for word, end in ways.items():
        request = await claimed(cast, priority_adjustment=-1)
        await work.ask_for_input(machine, request.id, request.attempt, "Which colour?")

        await end(request)

        stored = await WorkRequest.get(id=request.id)
        assert (stored.needs_input, stored.answer) == (None, None), word
        await WorkRequest.filter(status="pending").update(available_at=now() + timedelta(hours=1))


async def test_who_does_not_run_it_does_not_ask(cast: Cast) -> None:
    request = await claimed(cast)
    machine = await cast.machine.viewer()
    await work.hand_back_work_request(machine, request.id, request.attempt)
    before = await state()

    with pytest.raises(StaleAttempt):
        await work.ask_for_input(machine, request.id, request.attempt, "Which colour?")

    assert await state() == before


@pytest.mark.parametrize("text", ["", "  ", "a\0", "x" * 4001])
async def test_questions_and_answers_have_bounds(cast: Cast, text: str) -> None:
    request = await claimed(cast)
    machine = await cast.machine.viewer()

    with pytest.raises(Invalid):
        await work.ask_for_input(machine, request.id, request.attempt, text)
    await work.ask_for_input(machine, request.id, request.attempt, "Which colour?")
    with pytest.raises(Invalid):
        await work.answer_work_request(await cast.bob.viewer(), request.id, text)


# What a mail says -----------------------------------------------------------------------------------------------------


async def test_a_mail_is_the_channels_with_what_the_rule_changes(cast: Cast) -> None:
    await channel(
        cast,
        data={
            **DATA,
            "cc": ["chief@example.org"],
            "subject": "$task_name in $workspace: $nothing ${work_request_id}",
        },
        allow_override=True,
    )
    request = await cast.request(notifications=(rule(to=["x@example.org", "X@bücher.example"]),))

    found = await mail(request, NotificationEvent.ABORTED)

    assert isinstance(found, Mail)
    assert (found.sender, found.to) == ("yard@example.org", ("x@example.org", "X@xn--bcher-kva.example"))
    assert found.cc == ("chief@example.org",)
    assert found.subject == f"noop in lab: $nothing {request.id}"


@pytest.mark.parametrize("result", ["success", "failure", "error", "skipped"])
async def test_a_subject_says_which_request_and_how_it_ended(cast: Cast, result: str) -> None:
    await channel(cast)
    request = await claimed(cast, notifications=(rule(),))
    await work.complete_work_request(
        await cast.machine.viewer(),
        request.id,
        request.attempt,
        WorkRequestResult(result),
        errors=[{"code": "OUT", "message": "No colour left."}],
    )

    found = await mail(request, NotificationEvent.FAILURE)

    assert isinstance(found, Mail)
    assert found.subject == f"WorkRequest {request.id} completed in {result}"
    for words in (
        f"WorkRequest {request.id}",
        "noop",
        "lab",
        result,
        "- OUT: No colour left.",
        "https://yard.example",
    ):
        assert words in found.body


async def test_a_message_is_the_same_each_time_it_is_made(cast: Cast) -> None:
    found = Mail(
        "a@example.org", ("b@example.org",), ("c@example.org", "b@example.org"), "Grüße", "Für dich.\n"
    )
    at = now()

    messages = [found.message("some-id", at) for _ in range(2)]

    assert messages[0].as_bytes() == messages[1].as_bytes()
    assert isinstance(messages[0], EmailMessage)
    assert messages[0]["Message-ID"] == "<some-id@example.org>"
    assert messages[0]["Auto-Submitted"] == "auto-generated"
    assert b"\r\n" in messages[0].as_bytes()
    assert found.receivers == ["b@example.org", "c@example.org"]


@pytest.mark.parametrize("end", ["\r\n", "\n", "\r", "\u2028", "\x0b", "\x85"])
def test_no_header_can_be_smuggled_in(end: str) -> None:
    """Rules and channels do not let it come so far; this is the last door."""
    with pytest.raises(ValueError):
        Mail("a@example.org", ("b@example.org",), (), f"x{end}Bcc: eve@example.org", "").message("id", now())


@pytest.mark.parametrize(
    ("email", "active", "mail_from", "reason"),
    [
        ("", True, "yard@example.org", "no e-mail address"),
        ("bob@example.org", False, "yard@example.org", "may not sign in"),
        ("bob@example.org", True, None, "MAIL_FROM is not set"),
        ("nope", True, "yard@example.org", "One of the addresses is none."),
    ],
)
async def test_where_there_is_nobody_to_mail_the_reason_is_told(
    cast: Cast, email: str, active: bool, mail_from: str | None, reason: str
) -> None:
    request = await cast.request(notifications=(rule(CREATOR),))
    await User.filter(id=cast.bob.user.id).update(email=email, is_active=active)

    found = await mail(request, NotificationEvent.ABORTED, mail_from=mail_from)

    assert isinstance(found, NoMail) and reason in found.reason


async def test_a_channel_that_is_opened_no_more_goes_nowhere_else(cast: Cast) -> None:
    made = await channel(cast, allow_override=True)
    request = await cast.request(notifications=(rule(to=["x@example.org"]), rule(cc=["x@example.org"])))
    await notifications.update_notification_channel(await cast.sam.viewer(), made.id, allow_override=False)

    found = await mail(request, NotificationEvent.ABORTED)
    other = await mail_of(request.id, NotificationEvent.ABORTED, 1, mail_from=None, url="")

    assert isinstance(found, NoMail) and "'crew' does not let" in found.reason
    assert isinstance(other, Mail) and other.cc == ("x@example.org",)


async def test_a_channel_that_is_gone_sends_nothing(cast: Cast) -> None:
    made = await channel(cast)
    request = await cast.request(notifications=(rule(),))
    await notifications.delete_notification_channel(await cast.sam.viewer(), made.id)

    found = await mail(request, NotificationEvent.ABORTED)

    assert found == NoMail("The notification channel 'crew' is gone.")
    assert await mail_of(0, NotificationEvent.ABORTED, 0, mail_from=None, url="") == NoMail(
        "The work request is gone."
    )
