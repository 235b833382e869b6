"""What plans run on: who asks, the statements that were written before, and a level with all that is joined to its rows.

A plan holds no viewer and no value: those come with each request, in `Asked`.
"""

from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Protocol

from graphql import GraphQLError
from graphql.execution.values import VariableValues
from tortoise.fields import DatetimeField

from app.access import Viewer
from app.errors import AppError
from app.graphql.pages import PageRequest, plain_value
from app.graphql.plan.arguments import Arguments
from app.graphql.plan.declared import Declined
from app.graphql.plan.leaves import Convert, plain_instant
from app.graphql.plan.statements import PAGE, Join, Level, Rows, Statement, cell_of, expression_of, instant_of
from app.models import Entity
from app.settings import Settings

STATEMENTS_KEPT = 32_000_000  # characters
EXPECTED = (Declined, AppError, GraphQLError)
"""What says that the ordinary executor has to answer."""

Record = Sequence[Any]
Lists = list[dict[Any, Any]]
Place = tuple[int, Convert]
"""Where in a record a value is, and what makes of it what a cursor has."""


class Asked:
    """One request to a plan: who asks, and with which variables."""

    def __init__(self, viewer: Viewer, variables: VariableValues, settings: Settings) -> None:
        self.viewer = viewer
        self.variables = variables
        self.settings = settings
        self.rights: Hashable = viewer.sight
        """What visible_to() may depend on."""
        self._arguments: dict[Arguments, dict[str, Any]] = {}

    def values(self, arguments: Arguments) -> dict[str, Any]:
        """The arguments of a field, as its function takes them."""
        found = self._arguments.get(arguments)
        if found is None:
            found = self._arguments[arguments] = arguments.values(self.variables)
        return found


class Read(Protocol):
    """What answers a root field."""

    async def value(self, asked: Asked) -> Any:
        """The field's value, as it goes into `data`."""


class Below(Protocol):
    """What is read for all rows of a level at once."""

    async def of(self, asked: Asked, rows: Sequence[Record]) -> dict[Any, Any]:
        """By the rows' ids."""


class Shelf:
    """Statements of all plans that were written, by level and by what they depend on; the least used go first."""

    def __init__(self, most_characters: int) -> None:
        self._most, self.characters = most_characters, 0
        self._kept: OrderedDict[tuple[int, Hashable], Statement] = OrderedDict()

    def get(self, key: tuple[int, Hashable]) -> Statement | None:
        """One that is there."""
        found = self._kept.get(key)
        if found is not None:
            self._kept.move_to_end(key)
        return found

    def put(self, key: tuple[int, Hashable], statement: Statement) -> None:
        """Keep one."""
        self._kept[key] = statement
        self.characters += len(statement.sql)
        while self.characters > self._most:
            _, dropped = self._kept.popitem(last=False)
            self.characters -= len(dropped.sql)


SHELF = Shelf(STATEMENTS_KEPT)


class Statements:
    """The statements of one level that were written, for those who ask the same with other values."""

    _numbers = count()

    def __init__(self) -> None:
        self._number = next(self._numbers)

    def get(self, key: Hashable, write: Callable[[], Statement]) -> Statement:
        """The statement for that key; `write` makes it."""
        place = (self._number, key)
        found = SHELF.get(place)
        if found is None:
            found = write()
            if found.timeless:
                SHELF.put(place, found)
        return found


@dataclass
class Joined:
    """A table that is joined to a level: those of its rows that the viewer may see."""

    alias: str
    model: type[Entity]
    own: str
    other_alias: str
    theirs: str
    shown: bool
    """True when whoever sees the other row sees this one."""
    columns: dict[str, None] = field(default_factory=dict)

    def rows(self, viewer: Viewer) -> Rows:
        """What is joined."""
        columns = list(self.columns)
        return Rows.shown(self.model, columns) if self.shown else Rows.visible(self.model, viewer, columns)


class Table:
    """A level: a table, what is joined to its rows, and what is read below them."""

    def __init__(self, model: type[Entity]) -> None:
        self.model = model
        self.statements = Statements()
        self.lists: list[Below] = []
        self._cells: dict[str, int] = {}
        self._columns: dict[str, None] = {"id": None}
        self._joined: dict[str, Joined] = {}

    def cell(self, alias: str, column: str) -> int:
        """The place of a column in the rows."""
        self._need(alias, column)
        return self._place(cell_of(alias, column))

    def instant(self, alias: str, column: str) -> int:
        """The place of a column that is an instant, as text."""
        self._need(alias, column)
        return self._place(instant_of(alias, column))

    def expression(self, alias: str, expression: str, needs: Sequence[str]) -> int:
        """The place of an expression on `{row}`, of which it needs these columns."""
        for column in needs:
            self._need(alias, column)
        return self._place(expression_of(alias, expression))

    def join(
        self, model: type[Entity], own: str, other_alias: str, theirs: str, *, shown: bool = False
    ) -> str:
        """Join the row of the model whose `own` column equals the other's. The alias that it has now."""
        alias = f'"$join{len(self._joined) + 1}"'
        self._need(other_alias, theirs)
        self._joined[alias] = Joined(alias, model, own, other_alias, theirs, shown, {"id": None, own: None})
        return alias

    def model_at(self, alias: str) -> type[Entity]:
        """Which model the alias has rows of."""
        return self.model if alias == PAGE else self._joined[alias].model

    def keys(self, request: PageRequest) -> tuple[list[str], tuple[Place, ...]]:
        """The cells that the columns lack by which a page is ordered, and where all those columns are found."""
        places = dict(self._cells)
        found = tuple(self._key(key.column, places) for key in request.keys)
        return list(places)[len(self._cells) :], found

    def _key(self, column: str, places: dict[str, int]) -> Place:
        if isinstance(self.model._meta.fields_map[column], DatetimeField):
            return places.setdefault(instant_of(PAGE, column), len(places)), plain_instant
        return places.setdefault(cell_of(PAGE, column), len(places)), plain_value

    def level(self, viewer: Viewer, more: Sequence[str] = ()) -> Level:
        """What to read, for that viewer; these cells come after those of the table."""
        joins = [
            Join(each.alias, each.rows(viewer), each.own, each.other_alias, each.theirs)
            for each in self._joined.values()
        ]
        return Level([*self._cells, *more], joins)

    def columns(self, request: PageRequest | None = None) -> list[str]:
        """The columns that its own rows must have: for a page also those that it is ordered by."""
        keys = [key.column for key in request.keys] if request is not None else []
        return list(dict.fromkeys([*self._columns, *keys]))

    def own_columns(self) -> list[tuple[str, bool]] | None:
        """The columns of its own that are the cells, in their order, each with whether it is an instant's text.

        None when there is more than them.
        """
        of_cells = {cell_of(PAGE, column): (column, False) for column in self._columns}
        of_cells |= {instant_of(PAGE, column): (column, True) for column in self._columns}
        if self.lists or not self._cells.keys() <= of_cells.keys():
            return None
        return [of_cells[cell] for cell in self._cells]

    async def below(self, asked: Asked, rows: Sequence[Record]) -> Lists:
        """For each that is read below: what belongs to which row, by the row's id."""
        return [await each.of(asked, rows) if rows else {} for each in self.lists]

    def _need(self, alias: str, column: str) -> None:
        columns = self._columns if alias == PAGE else self._joined[alias].columns
        columns[column] = None

    def _place(self, cell: str) -> int:
        return self._cells.setdefault(cell, len(self._cells))
