"""Renders rows by one generated function per kind of object: a dict display, without a call for any plain column.

    lambda r, lists, asked: {"id": v1(r[0]), "taskName": r[1], "worker": None if r[2] is None else {…}}
    lambda rows, lists, asked, page, count: {"nodes": [{…} for r in rows], "pageInfo": v2(page.page_info)}

`r` is a row of the level, `lists` has for each list below it what belongs to each parent. Only names from the schema and
from us are in the source; keys are written with repr().
"""

from collections.abc import Callable, Mapping, Sequence
from functools import cache, lru_cache
from typing import Any

from app.graphql.ids import global_id
from app.graphql.plan.declared import Declined
from app.graphql.plan.leaves import instant

Render = Callable[..., dict[str, Any]]


INSTANT = "(t.replace(' ', 'T') + ':00' if len(t := {}) == 29 else instant(t))"
"""`instant` of a cell, which nearly always has six digits of a second, and so this length."""

IDS_KEPT = 10_000
"""So many ids of each type are kept, about 2 MB: what is shown is shown again, and to make an id takes four times as long."""


@cache
def numbered_ids(type_name: str) -> Callable[[int], str]:
    """`global_id` of numbers, for a type."""

    @lru_cache(maxsize=IDS_KEPT)
    def id_of(number: int) -> str:
        return global_id(type_name, number)

    return id_of


class Code:
    """Names that generated expressions use, and what they stand for."""

    def __init__(self) -> None:
        self.names: dict[str, Any] = {
            "present": present,
            "instant": instant,
        }
        self.characters = 0

    def name(self, value: Any) -> str:
        """A name for that value."""
        name = f"v{len(self.names)}"
        self.names[name] = value
        return name

    def conversion(self, convert: Any) -> str | None:
        """The expression of what a function or a table of values makes of `{}`."""
        if convert is None:
            return None
        return self.name(convert) + ("[{}]" if isinstance(convert, dict) else "({})")

    def function(self, arguments: str, expression: str) -> Render:
        """The function of these arguments that gives the expression."""
        self.characters += len(expression)
        made: Render = eval(f"lambda {arguments}: {expression}", self.names)  # noqa: S307  its source is ours alone
        return made


def display(entries: Sequence[tuple[str, str]]) -> str:
    """The expression of an object with these keys."""
    return "{" + ", ".join(f"{key!r}: {expression}" for key, expression in entries) + "}"


def converted(cell: str, convert: str | None, *, nullable: bool, required: bool) -> str:
    """The expression of a cell, put through what `convert` is, with `{}` in it, where it is not null."""
    value = cell if convert is None else convert.format(cell)
    if not nullable:
        return value
    if required:
        return f"present({cell})" if convert is None else convert.format(f"present({cell})")
    return value if convert is None else f"(None if {cell} is None else {value})"


def present(value: Any) -> Any:
    """The value, which the schema says is there."""
    if value is None:
        raise Declined("null where the schema has no null")
    return value


def stub(model: type, columns: Mapping[str, tuple[int, Any]]) -> Callable[[Any], Any]:
    """Makes rows of the model with these columns alone, of cells: what a computed field is computed from."""
    cells = [(column, at, convert) for column, (at, convert) in columns.items()]

    def make(row: Any) -> Any:
        made: Any = object.__new__(model)
        for column, at, convert in cells:
            value = row[at]
            made.__dict__[column] = value if convert is None or value is None else convert(value)
        return made

    return make
