"""What actors log becomes JSON that may be stored and shown, whatever it was."""

import dataclasses
import enum
import math
import re
import threading
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.models import Tenant, User, Workspace
from app.tasks.sanitizing import (
    MAX_ATTRIBUTES_BYTES,
    MAX_EVENT_LENGTH,
    MAX_ITEMS,
    REDACTED,
    clean_event,
    describe_exception,
    sanitize,
)

ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters())
    | st.binary()
    | st.dates()
    | st.datetimes()
    | st.timedeltas()
    | st.uuids()
    | st.decimals()
    | st.fractions()
    | st.complex_numbers()
    | st.sampled_from([int, print, object(), threading.Lock(), ValueError("x\0"), Path("/x"), math]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.tuples(inner, inner)
        | st.dictionaries(st.text(st.characters()) | st.integers() | st.uuids(), inner, max_size=4)
    ),
    max_leaves=20,
)


class Colour(enum.Enum):
    RED = "red"


class Broken:
    """Its own methods fail."""

    def __str__(self) -> str:
        raise RuntimeError("broken")


@dataclasses.dataclass
class Login:
    name: str
    password: str
    when: date


def clean(value: object) -> Any:
    return sanitize({"value": value})["value"]


@given(st.dictionaries(st.text(st.characters()), ANYTHING, max_size=4))
def test_anything_becomes_json_that_postgresql_takes(attributes: dict[str, Any]) -> None:
    stored = orjson.dumps(sanitize(attributes))

    assert b"\\u0000" not in stored
    assert len(stored) <= MAX_ATTRIBUTES_BYTES + 1_000


@given(ANYTHING)
def test_what_was_cleaned_is_clean(value: object) -> None:
    once = sanitize({"value": value})

    assert sanitize(once) == once


@given(st.text(st.characters(), max_size=200))
def test_text_that_can_be_stored_stays_as_it_is(text: str) -> None:
    kept = re.sub("[\0\ud800-\udfff]", "", text)

    assert clean(kept) == kept
    assert clean_event(kept) == kept


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("a\0b", "ab"),
        ("\ud800", "?"),
        (UUID("12345678-1234-5678-1234-567812345678"), "12345678123456781234567812345678"),
        (datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), "2026-01-02T03:04:05Z"),
        (date(2026, 1, 2), "2026-01-02"),
        (timedelta(minutes=1.5), "90.0"),
        (Colour.RED, "red"),
        (2**70, str(2**70)),
        (math.nan, "nan"),
        (b"abc", "<3 bytes>"),
        ([0, "", None, False, 1], [0, "", None, False, 1]),
        ((1, {2}), [1, [2]]),
        ({Colour.RED: 1, 5: 2}, {"red": 1, "5": 2}),
        (ValueError("wrong"), "wrong"),
        (ValueError(), "ValueError"),
        (int, {"type": "int", "module": "builtins"}),
        (len, {"type": "builtin_function_or_method", "name": "len", "module": "builtins"}),
        (Path("/etc/x"), "/etc/x"),
        (Broken(), "<Broken>"),
        (
            User(id=3, username="ann", email="ann@example.org", password="x"),
            {"username": "ann", "pk": 3, "email": "ann@example.org"},
        ),
        (
            Workspace(id=4, tenant_id=1, name="lab"),
            {"app": "workspaces", "model_name": "workspace", "pk": 4, "name": "lab"},
        ),
        (Tenant(id=1, name="t"), {"app": "accounts", "model_name": "tenant", "pk": 1, "name": "t"}),
        (
            Login("ann", "hunter2", date(2026, 1, 2)),
            {"name": "ann", "password": REDACTED, "when": "2026-01-02"},
        ),
    ],
)
def test_each_kind_of_value_has_its_form(value: object, expected: object) -> None:
    assert clean(value) == expected


@pytest.mark.parametrize(
    "name",
    [
        "password",
        "PASSWORD",
        "db_passwd",
        "client_secret",
        "apiToken",
        "access_token",
        "key",
        "api_key",
        "Cookie",
    ],
)
def test_secrets_are_blacked_out_wherever_they_are(name: str) -> None:
    kept = sanitize({"request": [{"headers": {name: "hunter2"}}], name: {"inner": "hunter2"}})

    assert kept == {"request": [{"headers": {name: REDACTED}}], name: REDACTED}


def test_that_a_secret_is_missing_may_be_seen() -> None:
    assert sanitize({"token": None, "password": ""}) == {"token": None, "password": ""}


def test_long_things_are_cut_and_say_so() -> None:
    many = clean(list(range(MAX_ITEMS + 5)))
    wide = sanitize({str(number): number for number in range(MAX_ITEMS + 5)})

    assert many[-1] == "… 5 more" and len(many) == MAX_ITEMS + 1
    assert wide["…"] == "5 more"
    assert len(clean_event("x" * (2 * MAX_EVENT_LENGTH))) == MAX_EVENT_LENGTH
    assert clean("x" * 100_000).endswith("…")


def test_too_much_is_dropped_but_for_the_exception() -> None:
    kept = sanitize({"exception": [{"exc_type": "E"}], "much": ["x" * 10_000] * 100})

    assert kept.keys() == {"truncated", "exception"}


def test_what_contains_itself_ends_somewhere() -> None:
    endless: list[Any] = []
    endless.append(endless)

    assert orjson.dumps(clean(endless))


# Exceptions -----------------------------------------------------------------------------------------------------------------


def described(error: BaseException) -> list[dict[str, Any]]:
    lines = describe_exception(error)
    assert sanitize({"exception": lines}) == {"exception": lines}
    return lines


def test_an_exception_tells_what_led_to_it() -> None:
    def inner() -> None:
        raise KeyError("first")

    with pytest.raises(RuntimeError) as raised:
        try:
            inner()
        except KeyError as error:
            error.add_note("a note")
            raise RuntimeError("second") from error

    second, first = described(raised.value)
    assert (second["exc_type"], second["exc_value"], second["is_cause"]) == ("RuntimeError", "second", False)
    assert (first["exc_type"], first["is_cause"], first["exc_notes"]) == ("KeyError", True, ["a note"])
    assert first["frames"][-1]["name"] == "inner"
    assert first["frames"][-1]["line"] == 'raise KeyError("first")'


def test_an_exception_shows_no_local_variables() -> None:
    def login(password: str) -> None:
        raise RuntimeError("refused")

    with pytest.raises(RuntimeError) as raised:
        login("hunter2" + str(1))

    assert "hunter21" not in str(described(raised.value))


def test_a_group_tells_of_its_members() -> None:
    (line,) = described(ExceptionGroup("several", [ValueError("a"), TypeError("b")]))

    assert [each["exc_type"] for each in line["exceptions"]] == ["ValueError", "TypeError"]


def test_exceptions_in_a_circle_end_somewhere() -> None:
    one, two = ValueError("one"), ValueError("two")
    one.__context__, two.__context__ = two, one

    assert [line["exc_value"] for line in described(one)] == ["one", "two"]


def test_an_exception_that_cannot_say_what_it_is_has_its_name() -> None:
    class Mute(Exception):
        def __str__(self) -> str:
            raise RuntimeError("not even this")

    (line,) = described(Mute())

    assert (line["exc_type"], line["exc_value"]) == ("Mute", "<Mute>")
