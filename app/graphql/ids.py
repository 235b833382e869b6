"""Global ids and cursors: opaque to clients, checked when they come back."""

import base64
import binascii
from functools import lru_cache
from typing import Any

import orjson

from app.errors import BadInput
from app.events import Position
from app.models import Entity

ID_LIMIT = 200
CURSOR_LIMIT = 2000

Path = tuple[str, ...]


def global_id(type_name: str, id: object) -> str:
    """The id of an object that is unique over all types, as Relay wants it."""
    return _encode(f"{type_name}:{id}".encode())


def decode_id(value: str, path: Path = ("id",)) -> tuple[str, int]:
    """The type and the number in a global id. `BadInput` when it is none."""
    try:
        name, _, number = _decode(value, ID_LIMIT).decode("ascii").partition(":")
        id = int(number)
        if not name.isidentifier() or str(id) != number or not 0 < id < 2**63:
            raise ValueError
    except ValueError:
        raise BadInput(f"'{value[:60]}' is no id of this server.", path=path) from None
    return name, id


def row_id(value: str, model: type[Entity], path: Path = ("input", "id")) -> int:
    """The number in the global id of a row of that model. `BadInput` when it is another's."""
    name, id = decode_id(value, path)
    if name != model.__name__:
        raise BadInput(f"This is the id of a {name}, not of a {model.__name__}.", path=path)
    return id


def maybe_row_id(value: str | None, model: type[Entity], path: Path) -> int | None:
    """`row_id`, for an argument that may be left out."""
    return None if value is None else row_id(value, model, path)


def row_ids(values: list[str] | None, model: type[Entity], path: Path) -> list[int]:
    """`row_id` of each."""
    return [row_id(value, model, (*path, str(index))) for index, value in enumerate(values or ())]


def page_cursor(order: str, values: list[Any]) -> str:
    """The place of a row in a list: what tells the order from others, and the values that the list is ordered by."""
    return _encode(orjson.dumps([order, *values]))


def decode_page_cursor(cursor: str, order: str, length: int, path: Path) -> list[Any]:
    """The values in a cursor of a list in this order, by so many columns. `BadInput` when it is of another."""
    try:
        found, *values = orjson.loads(_decode(cursor, CURSOR_LIMIT))
        if found != order or len(values) != length:
            raise ValueError
    except (ValueError, TypeError):
        raise BadInput("This is no cursor of this list in this order.", path=path) from None
    return list(values)


@lru_cache(maxsize=1000)
def event_cursor(position: Position) -> str:
    """The place of an event in the log."""
    return _encode(f"e{position.xid}.{position.seq}".encode())


def decode_event_cursor(cursor: str, path: Path = ("after",)) -> Position:
    """The position in the event log that a cursor means."""
    try:
        xid, dot, seq = _decode(cursor, ID_LIMIT).decode("ascii").removeprefix("e").partition(".")
        position = Position(int(xid), int(seq))
        if (
            not dot
            or event_cursor(position) != cursor
            or min(position) < 0
            or position.seq >= 2**63
            or position.xid >= 2**63
        ):
            raise ValueError
    except ValueError:
        raise BadInput("This is no cursor of the event stream.", path=path) from None
    return position


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode("ascii").rstrip("=")


def _decode(value: str, limit: int) -> bytes:
    if len(value) > limit:
        raise ValueError
    try:
        return base64.b64decode(value + "=" * (-len(value) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, UnicodeEncodeError) as error:
        raise ValueError from error
