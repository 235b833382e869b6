"""What a mail says, and to whom: made when it is sent, from what the work request and the channel are by then."""

import base64
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from string import Template
from typing import Any

from app.actions.notifications.rules import ALWAYS_FREE
from app.models import NotificationChannel, NotificationEvent, User, WorkRequest, Workspace
from app.models.notifications import ascii_address

MAX_ERROR = 2000
"""Characters of one error that a mail repeats; the rest is in the API."""

_SUBJECTS: Mapping[NotificationEvent, str] = {
    NotificationEvent.ABORTED: "WorkRequest $work_request_id was aborted",
    NotificationEvent.NEEDS_INPUT: "WorkRequest $work_request_id needs input",
}
_SUBJECT = "WorkRequest $work_request_id completed in $work_request_result"


@dataclass(frozen=True)
class Mail:
    """A mail that is to be sent. Its addresses are ASCII."""

    sender: str
    to: tuple[str, ...]
    cc: tuple[str, ...]
    subject: str
    body: str

    @property
    def receivers(self) -> list[str]:
        """Everybody, each once."""
        return list(dict.fromkeys((*self.to, *self.cc)))

    def message(self, id: str, at: datetime) -> EmailMessage:
        """The message. The same id and time make the same message, so that one which comes twice is known to be one."""
        message = EmailMessage(policy=SMTP)
        message["From"] = Address(addr_spec=self.sender)
        message["To"] = [Address(addr_spec=address) for address in self.to]
        if self.cc:
            message["Cc"] = [Address(addr_spec=address) for address in self.cc]
        message["Subject"] = self.subject
        message["Date"] = format_datetime(at)
        message["Message-ID"] = f"<{id}@{self.sender.rpartition('@')[2]}>"
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(self.body)
        return message


@dataclass(frozen=True)
class NoMail:
    """Nothing is to be sent, and why."""

    reason: str


async def mail_of(
    work_request_id: int,
    event: NotificationEvent,
    rule: int,
    text: str = "",
    *,
    mail_from: str | None,
    url: str,
) -> Mail | NoMail:
    """The mail that a rule of a work request asks for, or why there is none. `url` is where the API is."""
    request = await WorkRequest.get_or_none(id=work_request_id)
    if request is None or rule >= len(request.notifications):
        return NoMail("The work request is gone.")
    workspace, user = await Workspace.get(id=request.workspace_id), await User.get(id=request.created_by_id)
    asked = request.notifications[rule]
    data: dict[str, Any] | NoMail
    if asked["channel"] == NotificationChannel.CREATOR:
        data = _to_creator(user, mail_from)
    else:
        data = await _of_channel(workspace.tenant_id, asked)
    if isinstance(data, NoMail):
        return data
    data |= _changes(asked)
    try:
        return Mail(
            sender=ascii_address(data["from"]),
            to=tuple(map(ascii_address, data["to"])),
            cc=tuple(map(ascii_address, data.get("cc", ()))),
            subject=_subject(data.get("subject") or _SUBJECTS.get(event, _SUBJECT), request, workspace),
            body="\n".join(_lines(request, workspace, user, event, text, url, asked["channel"])),
        )
    except ValueError:
        return NoMail("One of the addresses is none.")


def _to_creator(user: User, mail_from: str | None) -> dict[str, Any] | NoMail:
    if not user.email:
        return NoMail("Whoever submitted the work request has no e-mail address.")
    if not user.is_active:
        return NoMail("Whoever submitted the work request may not sign in any more.")
    if mail_from is None:
        return NoMail("MAIL_FROM is not set: mail to submitters has no sender.")
    return {"from": mail_from, "to": [user.email]}


async def _of_channel(tenant_id: int, rule: dict[str, Any]) -> dict[str, Any] | NoMail:
    name = rule["channel"]
    channel = await NotificationChannel.get_or_none(tenant_id=tenant_id, name=name)
    if channel is None:
        return NoMail(f"The notification channel '{name}' is gone.")
    if not channel.allow_override and not ALWAYS_FREE.issuperset(_changes(rule)):
        return NoMail(
            f"The notification channel '{name}' does not let sender and receivers be changed any more."
        )
    return dict(channel.data)


def _changes(rule: dict[str, Any]) -> dict[str, Any]:
    """What a stored rule has other than the channel."""
    return {key: value for key, value in rule.items() if key not in ("on", "channel")}


def _subject(template: str, request: WorkRequest, workspace: Workspace) -> str:
    """Names that it does not know stay as they are."""
    return Template(template).safe_substitute(
        work_request_id=request.id,
        work_request_result=request.result.value or request.status.value,
        task_name=request.task_name,
        workspace=workspace.name,
    )


def _lines(
    request: WorkRequest,
    workspace: Workspace,
    user: User,
    event: NotificationEvent,
    text: str,
    url: str,
    channel: str,
) -> Iterator[str]:
    yield _FIRST_LINES[event].format(id=request.id)
    if text:
        yield from ("", *text.splitlines())
    yield ""
    yield f"Task:       {request.task_name}"
    yield f"Workspace:  {workspace.name}"
    yield f"Submitted:  {_time(request.created_at)} by {user.username}"
    yield f"Status:     {request.status.value}"
    if request.result.value:
        yield f"Result:     {request.result.value}"
    if request.completed_at:
        yield f"Ended:      {_time(request.completed_at)}"
    if request.abort_reason:
        yield f"Reason:     {request.abort_reason}"
    if request.errors:
        yield from ("", "Errors:")
        yield from (f"- {each['code']}: {each['message'][:MAX_ERROR]}" for each in request.errors)
    yield from (
        "",
        f"All of it is at {url}/graphql, as the node with the id {_node_id(request)}",
        "",
        "-- ",
        f"Sent by Workyard, as a rule of this work request says (channel {channel}).",
    )


_FIRST_LINES: Mapping[NotificationEvent, str] = {
    NotificationEvent.SUCCESS: "WorkRequest {id} has succeeded.",
    NotificationEvent.FAILURE: "WorkRequest {id} has failed.",
    NotificationEvent.ERROR: "WorkRequest {id} could not be run properly.",
    NotificationEvent.ABORTED: "WorkRequest {id} was aborted.",
    NotificationEvent.NEEDS_INPUT: "WorkRequest {id} waits for an answer to this:",
}


def _time(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S} UTC"


def _node_id(request: WorkRequest) -> str:
    """The global id, which the API makes from the type and the number; a test holds the two together."""
    return base64.urlsafe_b64encode(f"WorkRequest:{request.id}".encode()).decode().rstrip("=")
