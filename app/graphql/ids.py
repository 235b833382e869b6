"""Global ids and cursors: opaque to clients, checked when they come back."""

from functools import lru_cache
from typing import Any

import orjson

from app.errors import BadInput
from app.events import Position
from app.models import Entity
from app.models.global_ids import LIMIT, decode, encode
from app.models.global_ids import Path as Path
from app.models.global_ids import decode_id as decode_id
from app.models.global_ids import global_id as global_id

CURSOR_LIMIT = 2000


def key_of(model: type[Entity], name: str, key: object, path: Path) -> Any:
    """The key in a decoded id, if it is one of that model's. `BadInput` when it is another's."""
    if name != model.__name__:
        raise BadInput(f"This is the id of a {name}, not of a {model.__name__}.", path=path)
    if not isinstance(key, model._meta.fields_map["id"].field_type):
        raise BadInput(f"This is no id of a {model.__name__}.", path=path)
    return key


def row_id(value: str, model: type[Entity], path: Path = ("input", "id")) -> Any:
    """What a row of that model is found by, from its global id. `BadInput` when it is another's."""
    return key_of(model, *decode_id(value, path), path)


def maybe_row_id(value: str | None, model: type[Entity], path: Path) -> Any:
    """`row_id`, for an argument that may be left out."""
    return None if value is None else row_id(value, model, path)


def row_ids(values: list[str] | None, model: type[Entity], path: Path) -> list[Any]:
    """`row_id` of each."""
    return [row_id(value, model, (*path, str(index))) for index, value in enumerate(values or ())]


def page_cursor(order: str, values: list[Any]) -> str:
    """The place of a row in a list: what tells the order from others, and the values that the list is ordered by."""
    return encode(orjson.dumps([order, *values]))


def decode_page_cursor(cursor: str, order: str, length: int, path: Path) -> list[Any]:
    """The values in a cursor of a list in this order, by so many columns. `BadInput` when it is of another."""
    try:
        found, *values = orjson.loads(decode(cursor, CURSOR_LIMIT))
        if found != order or len(values) != length:
            raise ValueError
    except (ValueError, TypeError):
        raise BadInput("This is no cursor of this list in this order.", path=path) from None
    return list(values)


@lru_cache(maxsize=1000)
def event_cursor(position: Position, step: int = 0) -> str:
    """The place of an event in the log; with a step, a place inside it, for what tells one event in several parts."""
    return encode(f"e{position.xid}.{position.seq}{f'.{step}' if step else ''}".encode())


def decode_event_place(cursor: str, path: Path = ("after",)) -> tuple[Position, int]:
    """The position in the event log that a cursor means, and the step inside that event; 0: after all of it."""
    try:
        xid, seq, *steps = map(int, decode(cursor, LIMIT).decode("ascii").removeprefix("e").split("."))
        position, step = Position(xid, seq), steps[0] if steps else 0
        if (
            event_cursor(position, step) != cursor
            or min(*position, step) < 0
            or max(*position, step) >= 2**63
        ):
            raise ValueError
    except ValueError:
        raise BadInput("This is no cursor of the event stream.", path=path) from None
    return position, step


def decode_event_cursor(cursor: str, path: Path = ("after",)) -> Position:
    """The position after which everything is still to come.

    Of an event that was told in part, that is the place just before it.
    """
    position, step = decode_event_place(cursor, path)
    return Position(position.xid, position.seq - 1) if step else position
