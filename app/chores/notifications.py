"""Sending word of work, one mail for each task. Tasks are sent by what ends a work request, and by no schedule."""

import hashlib
from datetime import UTC, datetime

from app.actions.notifications import MAIL_ACTOR, MAIL_QUEUE, NoMail, mail_of
from app.chores.mail import MailRefused, MailServer, Refused, hand_over
from app.models import NotificationEvent
from app.settings import load_settings
from app.tasks import RunningTask, actor, current_task

MAX_RETRIES = 30
"""With an hour between the later ones, a mail server may be away for a day."""
MIN_BACKOFF_MS = 15_000
MAX_BACKOFF_MS = 3_600_000
TIME_LIMIT_MS = 60_000


@actor(
    actor_name=MAIL_ACTOR,
    queue_name=MAIL_QUEUE,
    max_retries=MAX_RETRIES,
    min_backoff=MIN_BACKOFF_MS,
    max_backoff=MAX_BACKOFF_MS,
    time_limit=TIME_LIMIT_MS,
    throws=MailRefused,
)
async def send_mail(
    work_request_id: int,
    event: str,
    rule: int,
    *,
    text: str = "",
    only: list[str] | None = None,
    message_id: str | None = None,
) -> None:
    """Sends the mail that one rule of a work request asks for. Done without a mail, and with a warning, where there is none
    to send.

    What it and its log hold may be read by whoever sees the work request: no addresses. `only` and `message_id` are of a mail
    that a server has taken for some receivers, and is to take for these.
    """
    task, settings = current_task(), load_settings()
    if settings.smtp_url is None:
        task.warning("No mail is sent: SMTP_URL is not set.")
        return
    mail = await mail_of(
        work_request_id,
        NotificationEvent(event),
        rule,
        text,
        mail_from=settings.mail_from,
        url=(settings.public_url or settings.bind_url).rstrip("/"),
    )
    if isinstance(mail, NoMail):
        task.warning(f"No mail is sent: {mail.reason}")
        return
    message_id = message_id or str(task.message_id)
    receivers = [each for each in mail.receivers if only is None or _mark(message_id, each) in only]
    if not receivers:
        task.warning("No mail is sent: it has no receivers any more.")
        return
    message = mail.message(message_id, datetime.fromtimestamp(task.message.message_timestamp / 1000, UTC))
    server = MailServer.of(settings.smtp_url.get_secret_value())
    refused = await hand_over(server, message, mail.sender, receivers)
    task.info(f"Mail was taken for {len(receivers) - len(refused.for_good) - len(refused.later)} receivers.")
    _go_on(task, (work_request_id, event, rule), text, message_id, refused)


def _go_on(
    task: RunningTask, args: tuple[int, str, int], text: str, message_id: str, refused: Refused
) -> None:
    """For whom a server may take the mail later, it is sent again by a task of its own: the others have it."""
    if refused.for_good:
        task.warning(f"The mail server refused {len(refused.for_good)} receivers for good.")
    if refused.later:
        task.warning(f"The mail server refused {len(refused.later)} receivers for now; they are tried again.")
        send_mail.send_with_options(
            args=args,
            kwargs={
                "text": text,
                "only": [_mark(message_id, each) for each in refused.later],
                "message_id": message_id,
            },
            delay=MIN_BACKOFF_MS,
            uid=args[1],
            rel_obj=task.rel_obj,
            workspace=task.workspace_id,
            tenant=task.tenant_id,
        )


def _mark(message_id: str, address: str) -> str:
    """Tells receivers of one mail apart without saying who they are."""
    return hashlib.sha256(f"{message_id} {address}".encode()).hexdigest()[:16]
