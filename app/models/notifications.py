"""Notification channels: where word of work goes. Source: NotificationChannel of debusine."""

from enum import StrEnum
from functools import cache
from types import ModuleType
from typing import TYPE_CHECKING, Any

from tortoise import fields
from tortoise.expressions import Q

from app.access import Viewer
from app.errors import FieldError, Invalid
from app.models.accounts import Tenant
from app.models.entity import Entity, in_tenant

if TYPE_CHECKING:
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import ValidationError

MAX_PROBLEMS = 10
LINE = "^[^\\u0000-\\u001f\\u007f-\\u009f\\u2028\\u2029]*(?![\\s\\S])"
"""One line. A `$` would let a line end pass at the end."""


class NotificationMethod(StrEnum):
    """How a channel carries word."""

    EMAIL = "email"
    WEBHOOK = "webhook"


class NotificationEvent(StrEnum):
    """When a work request sends word."""

    SUCCESS = "success"
    FAILURE = "failure"
    ERROR = "error"
    ABORTED = "aborted"
    NEEDS_INPUT = "needs-input"


class NotificationChannel(Entity):
    """A place that word of work is sent to."""

    word = "notification channel"
    Methods = NotificationMethod
    CREATOR = "creator"
    """The name of the channel that is always there: mail to whoever submitted the request."""

    data_jsonschemas: dict[NotificationMethod, dict[str, Any]] = {
        NotificationMethod.EMAIL: {
            "type": "object",
            "additionalProperties": False,
            "properties": {
                "from": {"type": "string", "format": "email"},
                "to": {
                    "type": "array",
                    "minItems": 1,
                    "maxItems": 100,
                    "items": {"type": "string", "format": "email"},
                },
                "cc": {"type": "array", "maxItems": 100, "items": {"type": "string", "format": "email"}},
                "subject": {"type": "string", "maxLength": 500, "pattern": LINE},
            },
            "required": ["from", "to"],
        },
    }

    id = fields.BigIntField(primary_key=True)
    tenant: fields.ForeignKeyRelation[Tenant] = fields.ForeignKeyField(
        "models.Tenant", related_name="notification_channels", on_delete=fields.RESTRICT
    )
    tenant_id: int
    name = fields.CharField(
        20, description="Name, unique in the tenant: a letter, then letters, digits, and + . _ -"
    )
    method = fields.CharEnumField(NotificationMethod, max_length=10, description="How it carries word.")
    data: dict[str, Any] = fields.JSONField(
        default=dict, description="Its settings, as its method wants them."
    )
    allow_override = fields.BooleanField(
        default=False, description="True: a work request may name other senders and receivers."
    )
    created_at = fields.DatetimeField(auto_now_add=True, description="When it was made.")
    version = fields.IntField(default=1, description="Counts the changes of this row; give it as ifVersion.")

    class Meta:
        table = "notification_channel"
        unique_together = (("tenant", "name"),)

    @classmethod
    def visibility(cls, viewer: Viewer) -> Q:
        """The signed-in users of the tenant; what is in its data, staff only."""
        return in_tenant()(viewer)

    def clean(self) -> None:
        """Raise `Invalid` unless the data is as the method wants it, addresses and all."""
        check_channel_data(self.method, self.data, ("input", "data"))


def check_channel_data(method: NotificationMethod, data: Any, path: tuple[str, ...]) -> None:
    """Raise `Invalid`, with the first rules that are broken, unless a channel of this method can work with the data."""
    if method not in NotificationChannel.data_jsonschemas:
        raise Invalid.field(
            "method", f"{method.name} is not supported yet: only EMAIL carries word of work.", "UNSUPPORTED"
        )
    problems = sorted(_validator(method).iter_errors(data), key=lambda each: list(map(str, each.path)))
    if problems:
        raise Invalid(*(_field_error(problem, path) for problem in problems[:MAX_PROBLEMS]))


def ascii_address(address: str) -> str:
    """An e-mail address as mail servers take it, its domain in ASCII. Raises `ValueError` when it is none. Asks no DNS."""
    validated = _addresses().validate_email(
        address,
        check_deliverability=False,
        globally_deliverable=False,
        allow_smtputf8=False,
        strict=True,
        test_environment=True,
    )
    return str(validated.ascii_email)


@cache
def _addresses() -> ModuleType:
    """The checker of addresses, which lets hosts pass that only a mail server of one's own knows."""
    import email_validator  # here, as each start of the program would take long to import it

    for name in ("local", "localhost"):
        email_validator.SPECIAL_USE_DOMAIN_NAMES.remove(name)
    return email_validator


def _is_address(value: object) -> bool:
    return not isinstance(value, str) or bool(ascii_address(value))


@cache
def _validator(method: NotificationMethod) -> "Draft202012Validator":
    """Without a checker of formats, `format` would say nothing."""
    from jsonschema import Draft202012Validator, FormatChecker

    checker = FormatChecker(formats=())
    checker.checks("email", raises=ValueError)(_is_address)
    return Draft202012Validator(NotificationChannel.data_jsonschemas[method], format_checker=checker)


def _field_error(problem: "ValidationError", path: tuple[str, ...]) -> FieldError:
    message = problem.message
    if problem.validator == "format":
        message = f"{problem.instance!r} is no e-mail address."
    elif (
        problem.schema
        is NotificationChannel.data_jsonschemas[NotificationMethod.EMAIL]["properties"]["subject"]
    ):
        message = "A subject is text of at most 500 characters on one line."
    return FieldError(
        (*path, *map(str, problem.path)), message if len(message) <= 300 else message[:297] + "..."
    )
