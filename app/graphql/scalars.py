"""Scalars beyond GraphQL's own."""

import math
import re
from datetime import UTC, datetime, timedelta
from typing import Any, NewType
from uuid import UUID

import strawberry
from graphql import GraphQLError
from strawberry.types.scalar import ScalarDefinition

JSON = NewType("JSON", object)
Cursor = NewType("Cursor", str)
BigInt = NewType("BigInt", int)
Sha256 = NewType("Sha256", str)
Duration = timedelta
DateTime = datetime

_DURATION = re.compile(
    r"P(?:(?P<days>\d+)D)?(?:T(?:(?P<hours>\d+)H)?(?:(?P<minutes>\d+)M)?(?:(?P<seconds>\d+(?:\.\d{1,6})?)S)?)?"
)


def parse_date_time(value: Any) -> datetime:
    """An instant from RFC 3339 text. It names its offset; it is kept in UTC."""
    try:
        parsed = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        raise GraphQLError(
            f"Expected a date and time such as 2026-01-31T12:00:00Z, got {_short(value)}."
        ) from None
    if parsed.tzinfo is None:
        raise GraphQLError(f"Expected a date and time with its offset, such as {value}Z.")
    return parsed.astimezone(UTC)


def parse_duration(value: Any) -> timedelta:
    """A length of time from ISO 8601 text: days, hours, minutes, seconds."""
    match = _DURATION.fullmatch(value) if isinstance(value, str) and len(value) <= 100 else None
    if match is None or value.endswith(("P", "T")):
        raise GraphQLError(f"Expected a duration such as PT1H30M, got {_short(value)}.")
    try:
        return timedelta(**{unit: float(amount) for unit, amount in match.groupdict().items() if amount})
    except OverflowError:
        raise GraphQLError("This duration is too long.") from None


def write_duration(value: timedelta) -> str:
    """The shortest ISO 8601 text of whole days and seconds: P1DT3600S."""
    seconds = f"{value.seconds + value.microseconds / 1e6:.6f}".rstrip("0").rstrip(".")
    days = f"{value.days}D" if value.days else ""
    return f"P{days}" if days and seconds == "0" else f"P{days}T{seconds}S"


def _parse_big_int(value: Any) -> int:
    number = int(value) if isinstance(value, str) and re.fullmatch(r"-?\d{1,19}", value) else value
    if type(number) is not int or not -(2**63) <= number < 2**63:
        raise GraphQLError(f"Expected a whole number of at most 64 bits, got {_short(value)}.")
    return number


def _parse_uuid(value: Any) -> UUID:
    try:
        return UUID(value)
    except (ValueError, TypeError, AttributeError):
        raise GraphQLError(f"Expected a UUID, got {_short(value)}.") from None


def _parse_cursor(value: Any) -> str:
    if not isinstance(value, str):
        raise GraphQLError(f"Expected a cursor, which is text, got {_short(value)}.")
    return value


def _parse_sha256(value: Any) -> str:
    """Any text: that of an input is checked with the rest of the input, so that each wrong one is named."""
    if not isinstance(value, str):
        raise GraphQLError(f"Expected a SHA-256 as 64 characters of 0-9 a-f, got {_short(value)}.")
    return value


def _parse_json(value: Any) -> Any:
    """Any JSON value whose numbers survive being stored: whole ones of at most 64 bits, others finite."""
    waiting = [value]
    while waiting:
        each = waiting.pop()
        if isinstance(each, dict):
            waiting += each.values()
        elif isinstance(each, list):
            waiting += each
        elif (isinstance(each, int) and not -(2**63) <= each < 2**64) or each in (math.inf, -math.inf):
            raise GraphQLError(f"A number in JSON has at most 64 bits, unlike {_short(each)}.")
    return value


def _short(value: Any) -> str:
    return repr(value)[:60]


SCALARS: dict[object, ScalarDefinition] = {
    datetime: strawberry.scalar(
        name="DateTime",
        description="An instant in UTC, as RFC 3339: 2026-01-31T12:00:00+00:00.",
        specified_by_url="https://scalars.graphql.org/andimarek/date-time",
        serialize=datetime.isoformat,
        parse_value=parse_date_time,
    ),
    timedelta: strawberry.scalar(
        name="Duration",
        description="A length of time, as ISO 8601: PT90S, P1DT2H.",
        serialize=write_duration,
        parse_value=parse_duration,
    ),
    JSON: strawberry.scalar(
        name="JSON",
        description="Any JSON value.",
        specified_by_url="https://www.rfc-editor.org/rfc/rfc8259",
        serialize=lambda value: value,
        parse_value=_parse_json,
    ),
    BigInt: strawberry.scalar(
        name="BigInt",
        description="A whole number of up to 64 bits.",
        serialize=int,
        parse_value=_parse_big_int,
    ),
    Sha256: strawberry.scalar(
        name="Sha256",
        description="The SHA-256 of content: 64 characters of 0-9 a-f.",
        specified_by_url="https://csrc.nist.gov/pubs/fips/180-4/upd1/final",
        serialize=str,
        parse_value=_parse_sha256,
    ),
    UUID: strawberry.scalar(
        name="UUID",
        description="A UUID, as RFC 9562 writes it.",
        specified_by_url="https://www.rfc-editor.org/rfc/rfc9562",
        serialize=str,
        parse_value=_parse_uuid,
    ),
    Cursor: strawberry.scalar(
        name="Cursor",
        description="A place in a list or in the event stream. Opaque: give it back as you got it.",
        serialize=str,
        parse_value=_parse_cursor,
    ),
}
