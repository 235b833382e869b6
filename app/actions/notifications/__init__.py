"""Word of work: the channels that carry it, the rules of work requests that ask for it, and what it says."""

from app.actions.notifications.channels import (
    create_notification_channel,
    delete_notification_channel,
    update_notification_channel,
)
from app.actions.notifications.mail import Mail, NoMail, mail_of
from app.actions.notifications.rules import (
    MAIL_ACTOR,
    MAIL_QUEUE,
    NewNotificationRule,
    checked_rules,
    notify,
    notify_of_end,
)

__all__ = [
    "MAIL_ACTOR",
    "MAIL_QUEUE",
    "Mail",
    "NewNotificationRule",
    "NoMail",
    "checked_rules",
    "create_notification_channel",
    "delete_notification_channel",
    "mail_of",
    "notify",
    "notify_of_end",
    "update_notification_channel",
]
