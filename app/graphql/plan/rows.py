"""Plans that read rows one by one: by an id, by a name, by many ids; and rows of any model by global ids."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from app.database import fetch_records, in_transaction
from app.graphql.ids import decode_id, key_of, row_id
from app.graphql.plan.arguments import Arguments
from app.graphql.plan.declared import Declined
from app.graphql.plan.running import Asked, Below, Lists, Record, Statements, Table
from app.graphql.plan.statements import PAGE, Rows, Statement, ids_value, many_statement, one_statement
from app.graphql.plan.together import Together

RenderRow = Callable[[Record, Lists, Asked], Any]


class ReadOne:
    """One row, found by what an argument says."""

    def __init__(self, table: Table, by: str, arguments: Arguments, render: RenderRow) -> None:
        self.table, self.by, self.arguments, self.render = table, by, arguments, render
        self._at = table.cell(PAGE, "id")
        self._together = Together(self._by_id)
        self._of_several = Statements()

    async def value(self, asked: Asked) -> Any:
        """The object, or None."""
        wanted = self.arguments.values(asked.variables)[self.by]
        model = self.table.model
        if self.by == "id":
            wanted = row_id(wanted, model, ("id",))
        elif len(wanted) > model._meta.fields_map[self.by].max_length:
            return None
        row: Record | None
        if self.by == "id" and not in_transaction():  # what is not committed is nobody else's
            row = await self._together.row(asked, wanted)
        else:
            row = next(iter(await self._one(asked, wanted)), None)
        if row is None:
            return None
        lists = await self.table.below(asked, [row]) if self.table.lists else []
        return self.render(row, lists, asked)

    async def _by_id(self, asked: Asked, ids: Sequence[Any]) -> dict[Any, Record]:
        if len(ids) == 1:
            rows = await self._one(asked, ids[0])
        else:
            write = partial(write_many, self.table, asked, type(ids[0]))
            statement = self._of_several.get(asked.rights, write)
            rows = await fetch_records(statement.sql, *statement.values, ids_value(ids))
        return {row[self._at]: row for row in rows}

    async def _one(self, asked: Asked, wanted: Any) -> Sequence[Record]:
        statement = self.table.statements.get(asked.rights, partial(self._write, asked))
        return await fetch_records(statement.sql, *statement.values, wanted)

    def _write(self, asked: Asked) -> Statement:
        table, viewer = self.table, asked.viewer
        columns = list(dict.fromkeys([*table.columns(), self.by]))
        return one_statement(Rows.visible(table.model, viewer, columns), self.by, table.level(viewer))


class ReadMany:
    """The rows with these ids."""

    def __init__(self, table: Table, render: RenderRow) -> None:
        self.table, self.render = table, render
        self._at = table.cell(PAGE, "id")

    async def by_id(self, asked: Asked, ids: Sequence[Any]) -> dict[Any, Any]:
        """Id → object, of those that the viewer may see. None among the ids is no id."""
        wanted = list(dict.fromkeys(id for id in ids if id is not None))
        if not wanted:
            return {}
        statement = self.table.statements.get(
            asked.rights, partial(write_many, self.table, asked, type(wanted[0]))
        )
        rows = await fetch_records(statement.sql, *statement.values, ids_value(wanted))
        lists = await self.table.below(asked, rows)
        return {row[self._at]: self.render(row, lists, asked) for row in rows}


def write_many(table: Table, asked: Asked, kind: type) -> Statement:
    """The statement for rows of a table by their ids, which are of that kind."""
    told = table.model.id_tells
    columns = list(dict.fromkeys([*table.columns(), *(told or ())[:1]]))
    return many_statement(
        Rows.visible(table.model, asked.viewer, columns), table.level(asked.viewer), kind, told
    )


Named = tuple[str, Any]
"""A row by the name of its model and its key."""


class ReadAny:
    """Rows of any model: a plan for each model that was asked for, of which there are as many as types."""

    def __init__(self, plan: Callable[[str], ReadMany]) -> None:
        self._plan = plan
        self._plans: dict[str, ReadMany] = {}

    async def all(self, asked: Asked, wanted: Sequence[Named | None]) -> list[Any]:
        """The objects in that order, None for each that is absent or invisible."""
        found: dict[Named, Any] = {}
        for name in dict.fromkeys(each[0] for each in wanted if each is not None):
            keys = [each[1] for each in wanted if each is not None and each[0] == name]
            rows = await self.of_model(name).by_id(asked, keys)
            found.update(((name, key), row) for key, row in rows.items())
        return [None if each is None else found.get(each) for each in wanted]

    def of_model(self, name: str) -> ReadMany:
        """What reads rows of the model."""
        if name not in self._plans:
            self._plans[name] = self._plan(name)
        return self._plans[name]

    def key(self, id: str, path: tuple[str, ...]) -> Named:
        """What a global id names."""
        name, key = decode_id(id, path)
        return name, key_of(self.of_model(name).table.model, name, key, path)


@dataclass
class ReadNode:
    """The row with a global id."""

    arguments: Arguments
    rows: ReadAny

    async def value(self, asked: Asked) -> Any:
        """The object, or None."""
        wanted = self.rows.key(asked.values(self.arguments)["id"], ("id",))
        return (await self.rows.all(asked, [wanted]))[0]


@dataclass
class ReadNodes:
    """The rows with these global ids."""

    arguments: Arguments
    rows: ReadAny
    most: int

    async def value(self, asked: Asked) -> Any:
        """The objects."""
        ids = asked.values(self.arguments)["ids"]
        if len(ids) > self.most:
            raise Declined("too many")
        wanted = [self.rows.key(id, ("ids", str(index))) for index, id in enumerate(ids)]
        return await self.rows.all(asked, wanted)


@dataclass
class ReadReached(Below):
    """Rows that a function names, below the rows of another level."""

    at: int
    many: bool
    load: Callable[[Asked, Sequence[Any]], Any]
    rows: ReadMany

    async def of(self, asked: Asked, rows: Sequence[Record]) -> dict[Any, Any]:
        """By the rows' ids: the object, or the list of objects."""
        parents = list(dict.fromkeys(row[self.at] for row in rows if row[self.at] is not None))
        named = await self.load(asked, parents) if parents else {}
        if not self.many:
            shown = await self.rows.by_id(asked, list(named.values()))
            return {parent: shown.get(named.get(parent)) for parent in parents}
        shown = await self.rows.by_id(asked, [id for ids in named.values() for id in ids])
        return {parent: [shown[id] for id in named[parent] if id in shown] for parent in parents}
