"""What actors log, as JSON that may be stored and shown: bounded, without NUL characters, secrets blacked out."""

import dataclasses
import itertools
import re
import traceback
from collections.abc import Mapping, Set
from datetime import date, datetime, time, timedelta
from enum import Enum
from pathlib import Path, PurePath
from types import TracebackType
from typing import Any
from uuid import UUID

import orjson

from app.models.accounts import User
from app.models.entity import Entity

REDACTED = "[redacted]"
MAX_EVENT_LENGTH = 32_768
MAX_TEXT_LENGTH = 16_384
MAX_ATTRIBUTES_BYTES = 131_072
MAX_DEPTH = 12
MAX_ITEMS = 1_000
MAX_FRAMES = 50
MAX_CHAIN = 10

_APP = Path(__file__).parents[1]
_MACHINERY = (str(_APP / "tasks"), str(_APP / "daemons" / "runner"))
_SECRET = re.compile(
    r"passw(or)?d|passphrase|secret|token|credential|authorization|cookie|key(?!word|board|stone)", re.I
)


def clean_event(text: object) -> str:
    """The text of a line: no NUL characters, no lone surrogates, bounded."""
    return _text(str(text), MAX_EVENT_LENGTH)


def sanitize(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Attributes of a line as JSON. Values under names that look like secrets are blacked out, at any depth."""
    clean = _mapping(attributes, 0)
    try:
        size = len(orjson.dumps(clean))
    except (
        TypeError,
        orjson.JSONEncodeError,
    ):  # what _value lets through is JSON: a fault of ours must not lose the line
        return {"unreadable": True}
    if size <= MAX_ATTRIBUTES_BYTES:
        return clean
    return {
        "truncated": f"The attributes have {size:,} bytes; at most {MAX_ATTRIBUTES_BYTES:,} are stored."
    } | {name: value for name, value in clean.items() if name == "exception" and _fits(value)}


def describe_exception(error: BaseException) -> list[dict[str, Any]]:
    """The exception and those that led to it, the last first: type, text and frames, without local variables."""
    described: list[dict[str, Any]] = []
    seen: set[int] = set()
    following: BaseException | None = error
    is_cause = False
    while following is not None and id(following) not in seen and len(described) < MAX_CHAIN:
        seen.add(id(following))
        described.append(_exception(following, is_cause))
        is_cause = following.__cause__ is not None
        following = following.__cause__ or (None if following.__suppress_context__ else following.__context__)
    return described


def _exception(error: BaseException, is_cause: bool) -> dict[str, Any]:
    described: dict[str, Any] = {
        "exc_type": type(error).__name__,
        "exc_value": _text(_str(error), MAX_TEXT_LENGTH),
        "is_cause": is_cause,
        "frames": _frames(error.__traceback__),
    }
    notes = getattr(error, "__notes__", None)
    if isinstance(notes, list):
        described["exc_notes"] = [_text(_str(note), MAX_TEXT_LENGTH) for note in notes[:MAX_ITEMS]]
    if isinstance(error, BaseExceptionGroup):
        described["exceptions"] = [_exception(each, False) for each in error.exceptions[:MAX_CHAIN]]
    return described


def _frames(trace: TracebackType | None) -> list[dict[str, Any]]:
    """The innermost frames, the outermost of them first."""
    return [
        {"filename": _text(frame.filename, 1000), "lineno": frame.lineno or 0, "name": _text(frame.name, 1000),
         "line": _text(frame.line or "", 1000)}
        for frame in itertools.dropwhile(_is_machinery, traceback.extract_tb(trace, limit=-MAX_FRAMES))
    ]  # fmt: skip


def _is_machinery(frame: traceback.FrameSummary) -> bool:
    """True for what stands between the engine and the actor, which tells nobody anything."""
    return frame.filename.startswith(_MACHINERY)


def _mapping(values: Mapping[Any, Any], depth: int) -> dict[str, Any]:
    clean: dict[str, Any] = {}
    for name, value in values.items():
        if len(clean) >= MAX_ITEMS:
            clean["…"] = f"{len(values) - MAX_ITEMS} more"
            break
        text = _text(_str(name.value if isinstance(name, Enum) else name), 1000)
        clean[text] = REDACTED if value and _SECRET.search(text) else _value(value, depth + 1)
    return clean


def _value(value: Any, depth: int) -> Any:
    kind = type(value)
    if value is None or kind is bool:
        return value
    if kind is str:
        return _text(value, MAX_TEXT_LENGTH)
    if kind is int:
        return value if -(2**63) <= value < 2**63 else str(value)
    if kind is float:
        return value if value - value == 0 else str(value)  # NaN and infinities are no JSON
    if depth > MAX_DEPTH:
        return _text(_str(value), 200)
    try:
        return _described(value, depth)
    except Exception:  # an object whose own methods fail must not fail whoever logs it
        return f"<{type(value).__name__}>"


def _described(value: Any, depth: int) -> Any:
    match value:
        case Enum():
            return _value(value.value, depth + 1)
        case UUID():
            return value.hex
        case datetime():
            return value.isoformat().replace("+00:00", "Z")
        case date() | time():
            return value.isoformat()
        case timedelta():
            return str(value.total_seconds())
        case Entity():
            return _row(value)
        case BaseException():
            return _text(_str(value) or type(value).__name__, MAX_TEXT_LENGTH)
        case bytes() | bytearray() | memoryview():
            return f"<{len(value)} bytes>"
        case str() | int() | float():
            return _value(_plain(value), depth)
        case Mapping():
            return _mapping(value, depth)
        case list() | tuple() | Set():
            return _items(value, depth)
        case type():
            return {"type": value.__name__, "module": value.__module__}
        case PurePath():
            return _text(str(value), MAX_TEXT_LENGTH)
    if dataclasses.is_dataclass(value):
        return _mapping({each.name: getattr(value, each.name) for each in dataclasses.fields(value)}, depth)
    if callable(value) and hasattr(value, "__name__"):
        return {"type": type(value).__name__, "name": value.__name__, "module": value.__module__}
    return _text(_str(value), MAX_TEXT_LENGTH)


def _items(values: Any, depth: int) -> list[Any]:
    clean: list[Any] = []
    for value in values:
        if len(clean) >= MAX_ITEMS:
            clean.append(f"… {len(values) - MAX_ITEMS} more")
            break
        clean.append(_value(value, depth + 1))
    return clean


def _plain(value: Any) -> Any:
    """A value of a subclass of str, int or float as one of the class itself."""
    for kind in (str, int, float):
        if isinstance(value, kind):
            return kind.__str__(value) if kind is str else kind(value)
    raise TypeError


def _row(row: Entity) -> dict[str, Any]:
    if isinstance(row, User):
        return {"username": row.username, "pk": row.id, "email": row.email}
    kind = type(row)
    domain, model_name = kind.natural_key()
    name = getattr(row, "name", None)
    return {
        "app": domain,
        "model_name": model_name,
        "pk": row.id if isinstance(row.id, int) else str(row.id),
        "name": _text(name if isinstance(name, str) else f"{kind.word or kind.__name__} {row.id}", 1000),
    }


def _str(value: object) -> str:
    try:
        return str(value)
    except Exception:
        return f"<{type(value).__name__}>"


def _text(text: str, limit: int) -> str:
    if "\0" in text:
        text = text.replace("\0", "")
    if len(text) > limit:
        text = text[: limit - 1] + "…"
    try:
        text.encode()
    except UnicodeEncodeError:  # lone surrogates, which neither JSON nor PostgreSQL takes
        return text.encode(errors="replace").decode()
    return text


def _fits(value: Any) -> bool:
    return len(orjson.dumps(value)) <= MAX_ATTRIBUTES_BYTES
