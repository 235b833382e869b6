"""Mail of work, from the end of a request to a real mail server: taken, refused, late, and never twice for ever."""

import asyncio
import shutil
import ssl
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from app import chores
from app.actions import work
from app.actions.notifications import NewNotificationRule, create_notification_channel
from app.chores import mail
from app.chores.mail import MailServer
from app.chores.notifications import MAX_RETRIES, send_mail
from app.database import Database, fetch
from app.models import NotificationEvent, Task, TaskLog, TaskState, User, WorkRequest, WorkRequestResult
from app.settings import Settings
from tests.cast import Cast
from tests.live import free_port
from tests.mail import Postbox, mail_tasks, mailed, postbox, run_mail_server
from tests.tasks_yard import LIMIT, bring_forward, lines_of, start_runner, until, until_state

__all__ = ["postbox"]  # a fixture

DATA = {"from": "yard@example.org", "to": ["crew@example.org"]}


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAIL_FROM", "workyard@example.org")
    monkeypatch.delenv("SMTP_URL", raising=False)
    chores.load_actors(Settings())


@pytest.fixture
async def running(db: Database) -> AsyncIterator[None]:
    """A task runner."""
    async with start_runner(db):
        yield


async def end(
    cast: Cast, *rules: NewNotificationRule, data: dict[str, Any] | None = None, result: str = "failure"
) -> WorkRequest:
    """A request that has just ended, of which word is sent by these rules, through the channel `crew`."""
    await create_notification_channel(
        await cast.sam.viewer(), name="crew", data={**DATA, **(data or {})}, allow_override=True
    )
    await cast.request(notifications=rules or (rule(),))
    machine = await cast.machine.viewer()
    request = await work.acquire_work_request(machine)
    assert request is not None
    return await work.complete_work_request(
        machine,
        request.id,
        request.attempt,
        WorkRequestResult(result),
        errors=[{"code": "C", "message": "M"}],
    )


def rule(channel: str = "crew", **changes: Any) -> NewNotificationRule:
    return NewNotificationRule((NotificationEvent.FAILURE, NotificationEvent.ERROR), channel, changes)


async def only_task(request: WorkRequest) -> Task:
    (task,) = await mail_tasks(request)
    return task


async def retried(task: Task, times: int = 1) -> Task:
    """The row, once it waits to be tried again for that many times."""

    async def waits() -> bool:
        row = await Task.get(id=task.id)
        return row.state is TaskState.QUEUED and row.retries == times

    await until(waits, 2 * LIMIT)
    return await Task.get(id=task.id)


async def said(task: Task) -> str:
    """All that a task's log says, tracebacks and all."""
    return "\n".join(f"{line.log_level} {line.event} {line.attributes}" for line in await lines_of(task))


# Taken ----------------------------------------------------------------------------------------------------------------


async def test_a_mail_is_taken_with_all_that_belongs_to_it(
    cast: Cast, postbox: Postbox, running: None
) -> None:
    request = await end(cast, rule(cc=["chief@example.org"]))

    (task,) = await mailed(request)

    (letter,) = postbox.letters
    assert (letter.sender, letter.receivers) == (
        "yard@example.org",
        ["crew@example.org", "chief@example.org"],
    )
    assert letter.header("From") == "yard@example.org"
    assert letter.header("To") == "crew@example.org"
    assert letter.header("Cc") == "chief@example.org"
    assert letter.header("Subject") == f"WorkRequest {request.id} completed in failure"
    assert letter.header("Message-ID") == f"<{task.message_id}@example.org>"
    assert letter.header("Auto-Submitted") == "auto-generated"
    assert letter.header("Date")
    assert "- C: M" in letter.body
    assert task.state is TaskState.DONE
    assert "Mail was taken for 2 receivers." in await said(task)


async def test_a_subject_and_a_question_of_any_language_arrive(
    cast: Cast, postbox: Postbox, running: None
) -> None:
    asked = NewNotificationRule(
        (NotificationEvent.NEEDS_INPUT,), "creator", {"subject": "Frage zu $task_name: 例え"}
    )
    await User.filter(id=cast.bob.user.id).update(email="bob@example.org")
    await cast.request(notifications=(asked,))
    machine = await cast.machine.viewer()
    request = await work.acquire_work_request(machine)
    assert request is not None

    await work.ask_for_input(
        machine, request.id, request.attempt, "Welche Farbe?\nBcc: eve@example.org\n.\nROT"
    )
    await mailed(request)

    (letter,) = postbox.letters
    assert letter.receivers == ["bob@example.org"]
    assert letter.sender == "workyard@example.org"
    assert letter.header("Subject") == "Frage zu noop: 例え"
    assert "Welche Farbe?\nBcc: eve@example.org\n.\nROT\n" in letter.body.replace("\r\n", "\n")
    assert letter.message["Bcc"] is None


async def test_each_rule_sends_a_mail_of_its_own(cast: Cast, postbox: Postbox, running: None) -> None:
    request = await end(cast, rule(), rule(to=["others@example.org"], subject="$work_request_result"))

    await mailed(request)

    assert sorted(postbox.subjects) == [f"WorkRequest {request.id} completed in failure", "failure"]


async def test_a_mail_goes_where_the_channel_leads_when_it_is_sent(
    cast: Cast, db: Database, postbox: Postbox
) -> None:
    request = await end(cast)
    await fetch("UPDATE notification_channel SET data = jsonb_set(data, '{to}', '[\"others@example.org\"]')")

    async with start_runner(db):
        await mailed(request)

    assert postbox.letters[0].receivers == ["others@example.org"]


# Not sent -------------------------------------------------------------------------------------------------------------


async def test_without_a_mail_server_the_task_is_done_with_a_warning(cast: Cast, running: None) -> None:
    request = await end(cast)

    (task,) = await mailed(request)

    assert (task.state, task.aggregated_status) == (TaskState.DONE, "warning")
    assert "warning No mail is sent: SMTP_URL is not set." in await said(task)


async def test_a_submitter_without_address_is_noted_in_the_log(
    cast: Cast, postbox: Postbox, running: None
) -> None:
    request = await end(cast, rule("creator"))

    (task,) = await mailed(request)

    assert (task.state, postbox.letters) == (TaskState.DONE, [])
    assert "No mail is sent: Whoever submitted the work request has no e-mail address." in await said(task)


# Servers in trouble ---------------------------------------------------------------------------------------------------


async def test_the_report_does_not_wait_for_a_server_that_is_down_and_the_mail_goes_when_it_is_up(
    cast: Cast, running: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """M-P23, M-P24: the worker was told of an error, and what was to follow did not."""
    port = free_port()
    monkeypatch.setenv("SMTP_URL", f"smtp://127.0.0.1:{port}")
    dependant_of = await end(cast)

    task = await retried(await only_task(dependant_of))
    async with run_mail_server(port=port) as box:
        await bring_forward(task)
        task = await until_state(task, TaskState.DONE, limit=2 * LIMIT)

    assert dependant_of.status is WorkRequest.Statuses.COMPLETED
    assert task.eta is None or task.retries == 1
    assert [letter.header("Message-ID") for letter in box.letters] == [f"<{task.message_id}@example.org>"]
    assert "could not be reached" in await said(task)


async def test_a_server_that_says_nothing_is_given_up_after_its_time(
    cast: Cast, running: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mail, "CONNECT_SECONDS", 0.2)
    async with silent_server() as port:
        monkeypatch.setenv("SMTP_URL", f"smtp://127.0.0.1:{port}")
        request = await end(cast)

        task = await retried(await only_task(request))

    assert "The mail server took too long." in await said(task)


async def test_a_server_that_is_slow_later_is_given_up_after_the_time_for_all(
    cast: Cast, running: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mail, "WHOLE_SECONDS", 1.0)
    async with silent_server(b"220 here\r\n", b"250 fine\r\n", b"250 yes\r\n") as port:
        monkeypatch.setenv("SMTP_URL", f"smtp://127.0.0.1:{port}")
        request = await end(cast)

        task = await retried(await only_task(request))

    assert "The mail server took too long." in await said(task)


async def test_a_server_that_hangs_up_is_tried_again(
    cast: Cast, running: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with silent_server(b"220 here\r\n", b"250 fine\r\n", b"") as port:
        monkeypatch.setenv("SMTP_URL", f"smtp://127.0.0.1:{port}")
        request = await end(cast)

        await retried(await only_task(request))


@asynccontextmanager
async def silent_server(*answers: bytes) -> AsyncIterator[int]:
    """A server that gives these answers, one to each line, and then says nothing more; an empty one hangs up."""
    over = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for index, answer in enumerate(answers):
            if index:
                await reader.readline()
            writer.write(answer)
            if not answer:
                writer.close()
                return
        await over.wait()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        over.set()
        server.close()
        await server.wait_closed()


# Refused --------------------------------------------------------------------------------------------------------------


async def test_what_a_server_refuses_for_good_is_not_tried_again(
    cast: Cast, postbox: Postbox, running: None
) -> None:
    postbox.refused["crew@example.org"] = "550 no crew@example.org here"
    request = await end(cast)

    (task,) = await mailed(request)

    assert (task.state, task.retries, postbox.connections) == (TaskState.REJECTED, 0, 1)
    assert "The mail server refused all 1 receivers for good: 550." in await said(task)


async def test_a_mail_that_a_server_refuses_for_good_is_not_tried_again(
    cast: Cast, postbox: Postbox, running: None
) -> None:
    postbox.answer = "554 looks like spam"
    request = await end(cast)

    (task,) = await mailed(request)

    assert (task.state, task.retries) == (TaskState.REJECTED, 0)
    assert "The mail server refused the mail for good: 554." in await said(task)


async def test_what_a_server_refuses_for_now_is_tried_again(
    cast: Cast, postbox: Postbox, running: None
) -> None:
    postbox.answer = "451 later"
    request = await end(cast)

    task = await retried(await only_task(request))
    postbox.answer = None
    await bring_forward(task)
    task = await until_state(task, TaskState.DONE, limit=2 * LIMIT)

    assert [letter.header("Message-ID") for letter in postbox.letters] == [f"<{task.message_id}@example.org>"]


async def test_a_retry_is_the_same_message(cast: Cast, postbox: Postbox, running: None) -> None:
    """A server that has taken a mail, and whose word of that was lost, gets it again, and can know that."""
    postbox.afterthought = "451 later"
    request = await end(cast)
    task = await retried(await only_task(request))

    postbox.afterthought = None
    await bring_forward(task)
    await until_state(task, TaskState.DONE, limit=2 * LIMIT)

    first, second = (letter.message.as_bytes() for letter in postbox.letters)
    assert first == second


async def test_who_was_refused_for_good_does_not_keep_others_from_their_mail(
    cast: Cast, postbox: Postbox, running: None
) -> None:
    postbox.refused["gone@example.org"] = "550 no gone@example.org here"
    request = await end(cast, data={"to": ["crew@example.org", "gone@example.org"]})

    (task,) = await mailed(request)

    assert (task.state, task.aggregated_status) == (TaskState.DONE, "warning")
    assert [letter.receivers for letter in postbox.letters] == [["crew@example.org"]]
    assert "refused 1 receivers for good" in await said(task)


async def test_who_was_refused_for_now_alone_gets_the_mail_later(
    cast: Cast, postbox: Postbox, running: None
) -> None:
    postbox.refused["grey@example.org"] = "450 not yet"
    request = await end(cast, data={"to": ["crew@example.org"], "cc": ["grey@example.org"]})
    (first,) = await mail_tasks(request)
    await until_state(first, TaskState.DONE, limit=2 * LIMIT)

    postbox.refused.clear()
    (_, second) = await mail_tasks(request)
    await bring_forward(second)
    await mailed(request)

    assert [letter.receivers for letter in postbox.letters] == [["crew@example.org"], ["grey@example.org"]]
    assert len({letter.header("Message-ID") for letter in postbox.letters}) == 1
    assert second.workspace_id == request.workspace_id


async def test_no_task_and_no_line_of_its_log_tells_an_address(
    cast: Cast, postbox: Postbox, running: None
) -> None:
    """Whoever sees the workspace sees them."""
    postbox.refused["gone@example.org"] = "550 no gone@example.org here"
    postbox.refused["grey@example.org"] = "450 grey@example.org has to wait"
    request = await end(
        cast, rule(), rule(to=["gone@example.org"]), rule(to=["grey@example.org", "crew@example.org"])
    )

    await until_state((await mail_tasks(request))[2], TaskState.DONE, limit=2 * LIMIT)
    await until_state((await mail_tasks(request))[1], TaskState.REJECTED, limit=2 * LIMIT)

    stored = await fetch(
        "SELECT convert_from(message, 'UTF8') AS message FROM task WHERE message IS NOT NULL"
    )
    assert "example.org" not in str(stored)
    lines = await TaskLog.all()
    assert len(lines) > 3
    assert "example.org" not in "\n".join(f"{line.event} {line.attributes}" for line in lines)
    assert "@" not in str(await fetch("SELECT data::text FROM outbox_event WHERE event_type LIKE 'task.%'"))


def test_a_mail_is_tried_for_a_day() -> None:
    waits = [min(15 * 2**n, 3600) for n in range(MAX_RETRIES)]

    assert send_mail.options["max_retries"] == MAX_RETRIES
    assert 20 * 3600 < sum(waits) < 36 * 3600


# TLS and passwords ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "host", "port", "tls", "must"),
    [
        ("smtp://mail.example", "mail.example", 25, False, False),
        ("smtp://u:p@mail.example:587", "mail.example", 587, False, True),
        ("smtp://u:p@127.0.0.1", "127.0.0.1", 25, False, False),
        ("smtps://u%40x:p%2F@mail.example", "mail.example", 465, True, False),
        ("smtp://[::1]:2525", "::1", 2525, False, False),
    ],
)
def test_an_address_says_where_and_how(url: str, host: str, port: int, tls: bool, must: bool) -> None:
    server = MailServer.of(url)

    assert (server.host, server.port, server.tls, server.must_turn_to_tls) == (host, port, tls, must)
    if "%" in url:
        assert (server.username, server.password) == ("u@x", "p/")


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with the key and the certificate of a server at 127.0.0.1, which is its own authority."""
    place = tmp_path_factory.mktemp("certificate")
    if shutil.which("openssl") is None:
        pytest.skip("making a certificate needs openssl")
    request = (
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=mail.test"
    )
    files = ["-keyout", str(place / "key.pem"), "-out", str(place / "certificate.pem")]
    command = [*request.split(), "-addext", "subjectAltName=IP:127.0.0.1", *files]
    subprocess.run(command, check=True, capture_output=True)
    return place


def context_of(certificate: Path) -> ssl.SSLContext:
    """What a server with that certificate speaks TLS with."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate / "certificate.pem", certificate / "key.pem")
    return context


@pytest.mark.parametrize("way", ["tls", "starttls"])
async def test_mail_and_password_go_through_tls_to_a_server_that_is_trusted(
    cast: Cast, running: None, certificate: Path, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate / "certificate.pem"))
    context: dict[str, Any] = {way: context_of(certificate)}
    async with run_mail_server(**context, login=True) as box:
        scheme = "smtps" if way == "tls" else "smtp"
        monkeypatch.setenv("SMTP_URL", f"{scheme}://yard:s%40cret@127.0.0.1:{box.port}")

        await mailed(await end(cast))

    assert [(letter.encrypted, letter.receivers) for letter in box.letters] == [(True, ["crew@example.org"])]
    assert box.logins == ["yard"]


@pytest.mark.parametrize("way", ["tls", "starttls"])
async def test_a_server_that_nobody_vouches_for_gets_no_mail_and_no_password(
    cast: Cast, running: None, certificate: Path, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    context: dict[str, Any] = {way: context_of(certificate)}
    async with run_mail_server(**context, login=True) as box:
        scheme = "smtps" if way == "tls" else "smtp"
        monkeypatch.setenv("SMTP_URL", f"{scheme}://yard:s%40cret@127.0.0.1:{box.port}")

        task = await retried(await only_task(await end(cast)))

    assert "certificate is signed by nobody that we trust" in await said(task)
    assert (box.letters, box.logins) == ([], [])


async def test_a_wrong_password_is_told_and_tried_again(
    cast: Cast, running: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever runs the server can set it right."""
    async with run_mail_server(login=True) as box:
        monkeypatch.setenv("SMTP_URL", f"smtp://yard:wrong-one@127.0.0.1:{box.port}")

        task = await retried(await only_task(await end(cast)))

    assert "does not let us in with what SMTP_URL says: 535." in await said(task)
    assert "wrong-one" not in await said(task)


async def test_a_password_never_goes_over_a_network_in_the_clear(
    cast: Cast, running: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server is on this machine after all; what its address says is that it need not be."""
    monkeypatch.setattr(mail, "_is_here", lambda host: False)
    async with run_mail_server(login=True) as box:
        monkeypatch.setenv("SMTP_URL", f"smtp://yard:s%40cret@127.0.0.1:{box.port}")

        await retried(await only_task(await end(cast)))

    assert (box.letters, box.logins) == ([], [])
