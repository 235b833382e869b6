"""Statements that find one row that a viewer may see, kept for those who may see the same.

Tortoise takes longer to write such a statement (some 150 µs) than PostgreSQL to answer it, and every action begins with one.
"""

from collections import OrderedDict
from collections.abc import Hashable
from datetime import date, datetime, time
from typing import TYPE_CHECKING, Any, NamedTuple

from tortoise.expressions import RawSQL

from app.access import Viewer

if TYPE_CHECKING:
    from app.models.entity import Entity

MOST = 1000
_WANTED = '"$wanted"'


class Finding(NamedTuple):
    """A statement whose last parameter is the value that the column has in the row looked for."""

    sql: str
    values: tuple[Any, ...]


_kept: OrderedDict[Hashable, Finding] = OrderedDict()


def finding(model: "type[Entity]", viewer: Viewer, column: str, *, lock: bool = False) -> Finding:
    """What finds the row by that column, among those that the viewer may see; with `lock`, against other writers."""
    key = model, column, lock, viewer.sight
    found = _kept.get(key)
    if found is not None:
        _kept.move_to_end(key)
        return found
    found = _written(model, viewer, column, lock=lock)
    if not any(
        isinstance(value, datetime | date | time) for value in found.values
    ):  # else it is of this moment
        _kept[key] = found
        if len(_kept) > MOST:
            _kept.popitem(last=False)
    return found


def _written(model: "type[Entity]", viewer: Viewer, column: str, *, lock: bool) -> Finding:
    wanted: dict[str, Any] = {column: RawSQL(_WANTED)}
    query = model.visible_to(viewer).filter(**wanted)
    if lock:
        query = query.select_for_update(of=(model._meta.db_table,), no_key=True)
    query._make_query()
    sql, values = query.query.get_parameterized_sql()
    return Finding(sql.replace(_WANTED, f"${len(values) + 1}"), tuple(values))
