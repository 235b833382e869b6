"""From a shape to a plan: which columns, joins and lists a root field needs, and the function that renders them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import strawberry
from graphql import GraphQLNonNull, GraphQLObjectType
from tortoise.fields import BigIntField

from app.graphql.connections import ConnectionOf, ListOf
from app.graphql.entity import (
    Batched,
    Column,
    Computed,
    InSql,
    Node,
    Reached,
    ToOne,
    pointing_at,
    related_model,
)
from app.graphql.given import bound, given
from app.graphql.ids import global_id
from app.graphql.plan.arguments import Arguments
from app.graphql.plan.declared import Declined, column_of, declared_as, model_of
from app.graphql.plan.leaves import complete, is_instant, of_expression, to_answer, to_python
from app.graphql.plan.lists import ReadList, UnderRows
from app.graphql.plan.rendering import INSTANT, Code, converted, display, numbered_ids, stub
from app.graphql.plan.rows import ReadAny, ReadMany, ReadNode, ReadNodes, ReadOne, ReadReached, RenderRow
from app.graphql.plan.running import Asked, Below, Read, Table
from app.graphql.plan.shape import Selected, Shape
from app.graphql.plan.statements import PAGE
from app.graphql.plan.values import ReadBatched, ReadTold, Shown
from app.graphql.plan.valuing import Values
from app.graphql.roots import AnyNode, AnyNodes, One, Told

TYPENAME = "__typename"
OF_ROW = "r, lists, asked"
OF_LIST = "rows, lists, asked, page, count"
"""What generated functions take: a row or rows, what was read below their level, the request; and what is known of a page."""


class Planner:
    """Plans the root fields of one shape."""

    def __init__(self, schema: strawberry.Schema, shape: Shape) -> None:
        self._schema, self._shape = schema, shape
        self._codes: list[Code] = []
        self._values = Values(shape, self.many, self._any)

    @property
    def characters(self) -> int:
        """How much has been generated."""
        return sum(code.characters for code in self._codes)

    def _code(self) -> Code:
        self._codes.append(Code())
        return self._codes[-1]

    def plan(self, root: Selected) -> Read:
        """What answers the root field. Raises `Declined` for one that is not compiled."""
        if root.name == TYPENAME:
            return Constant(root.parent.name)
        declared, arguments = _declared(root), Arguments(self._schema, root)
        match declared:
            case ConnectionOf():
                return self._connection(root, declared)
            case ListOf():
                return self._whole_list(root, declared)
            case One():
                return self.one(root, root.object_type, declared.by)
            case AnyNode():
                return ReadNode(arguments, self._any(root))
            case AnyNodes():
                return ReadNodes(arguments, self._any(root), declared.most)
            case Told():
                return ReadTold(_called(declared.function, arguments), self._values.of(root))
        raise Declined("it is no root field")

    def value(self, selected: Selected) -> Shown:
        """How the values of a field are shown that are no rows."""
        return self._values.of(selected)

    def one(self, root: Selected, type_: GraphQLObjectType, by: str) -> ReadOne:
        """What reads one row, shown as that type, by the argument of that name."""
        table, show = self._level(root, type_)
        return ReadOne(table, by, Arguments(self._schema, root), show)

    def many(self, selected: Selected, type_: GraphQLObjectType) -> ReadMany:
        """What reads rows by their ids, shown as that type."""
        table = Table(model_of(type_))
        table.cell(PAGE, "id")
        return ReadMany(*self._level(selected, type_, table))

    def _any(self, selected: Selected) -> ReadAny:
        return ReadAny(partial(self._node, selected))

    def _node(self, selected: Selected, name: str) -> ReadMany:
        type_ = self._shape.schema.type_map.get(name)
        if not isinstance(type_, GraphQLObjectType) or "Node" not in {each.name for each in type_.interfaces}:
            raise Declined(f"{name} is no type of nodes")
        if model_of(type_).__name__ != name:
            raise Declined(f"{name} shows another model")
        return self.many(selected, type_)

    def _level(
        self, selected: Selected, type_: GraphQLObjectType, table: Table | None = None
    ) -> tuple[Table, RenderRow]:
        """A level of rows that are shown as that type, and the function that shows one."""
        table, code = table or Table(model_of(type_)), self._code()
        shown = self._object(table, code, PAGE, type_, self._shape.below(selected, type_))
        return table, code.function(OF_ROW, shown)

    # Objects ----------------------------------------------------------------------------------------------------------

    def _object(
        self, table: Table, code: Code, alias: str, type_: GraphQLObjectType, below: Sequence[Selected]
    ) -> str:
        """The expression of an object that shows the rows of that alias."""
        if model_of(type_) is not table.model_at(alias):
            raise Declined(f"{type_.name} shows another model")
        return display([(each.key, self._field(table, code, alias, each)) for each in below])

    def _field(self, table: Table, code: Code, alias: str, selected: Selected) -> str:
        """The expression of one field."""
        if selected.name == TYPENAME:
            return repr(selected.parent.name)
        declared = _declared(selected)
        try:
            return self._of_row(table, code, alias, selected, declared)
        except Declined as declined:
            raise _at(selected, declined) from None

    def _of_row(self, table: Table, code: Code, alias: str, selected: Selected, declared: Any) -> str:
        if declared is Node:
            return self._id(table, code, alias)
        match declared:
            case Column():
                return self._column(table, code, alias, selected, declared.name)
            case Computed():
                return self._computed(table, code, alias, selected, declared)
            case InSql():
                return self._in_sql(table, code, alias, selected, declared)
            case ToOne():
                return self._to_one(table, code, alias, selected, declared)
        at = table.cell(alias, "id")
        match declared:
            case ConnectionOf():
                return self._below(table, at, UnderRows(at, self._connection(selected, declared)))
            case ListOf():
                return self._below(table, at, UnderRows(at, self._whole_list(selected, declared)))
            case Batched():
                return self._below(table, at, self._batched(table, alias, at, selected, declared))
            case Reached():
                return self._below(table, at, self._reached(at, selected, declared))
        raise Declined("it is a root field")

    @staticmethod
    def _below(table: Table, at: int, read: Below) -> str:
        table.lists.append(read)
        return f"lists[{len(table.lists) - 1}][r[{at}]]"

    def _id(self, table: Table, code: Code, alias: str) -> str:
        model, cell = table.model_at(alias), f"r[{table.cell(alias, 'id')}]"
        name, numbered = model.__name__, isinstance(model._meta.fields_map["id"], BigIntField)
        return f"{code.name(numbered_ids(name) if numbered else partial(global_id, name))}({cell})"

    def _column(self, table: Table, code: Code, alias: str, selected: Selected, column: str) -> str:
        field, type_ = table.model_at(alias)._meta.fields_map[column], selected.field.type
        convert: str | None
        if is_instant(field, type_):
            at, convert = table.instant(alias, column), INSTANT
        else:
            at, convert = table.cell(alias, column), code.conversion(to_answer(field, type_))
        return converted(
            f"r[{at}]",
            convert,
            nullable=field.null or field.generated,
            required=isinstance(type_, GraphQLNonNull),
        )

    def _computed(self, table: Table, code: Code, alias: str, selected: Selected, declared: Computed) -> str:
        make = code.name(_stub_at(table, alias, declared.needs))
        compute = code.name(declared.function)
        arguments = "".join(f", {name}=asked.{name}" for name in given(declared.function))
        if selected.field.args:
            arguments += f", **asked.values({code.name(Arguments(self._schema, selected))})"
        show = self._values.of(selected).at_once
        if show is None:
            raise Declined("what is computed names rows")
        return f"{code.name(show)}({compute}({make}(r){arguments}))"

    def _in_sql(self, table: Table, code: Code, alias: str, selected: Selected, declared: InSql) -> str:
        cell = f"r[{table.expression(alias, declared.expression, declared.needs)}]"
        return f"{code.name(of_expression(declared.make, selected.field.type))}({cell})"

    def _batched(
        self, table: Table, alias: str, at: int, selected: Selected, declared: Batched
    ) -> ReadBatched:
        load = _called_with(declared.load, Arguments(self._schema, selected))
        return ReadBatched(at, _stub_at(table, alias, declared.needs), load, self._values.of(selected))

    def _reached(self, at: int, selected: Selected, declared: Reached) -> ReadReached:
        load = _called_with(declared.load, Arguments(self._schema, selected))
        type_ = selected.object_type
        if model_of(type_) is not declared.model:
            raise Declined(f"{type_.name} shows another model")
        return ReadReached(at, declared.many, load, self.many(selected, type_))

    def _to_one(self, table: Table, code: Code, alias: str, selected: Selected, declared: ToOne) -> str:
        model, always = table.model_at(alias), False
        if declared.reverse:
            related, own = pointing_at(model, declared.relation)
            joined = table.join(related, own, alias, "id")
        else:
            related = declared.to or related_model(model, declared.relation)
            shown = declared.relation in model.shows or declared.relation == model.seen_with
            joined = table.join(related, "id", alias, f"{declared.relation}_id", shown=shown)
            always = shown and declared.to is None and not model._meta.fields_map[declared.relation].null
        type_ = selected.object_type
        object_ = self._object(table, code, joined, type_, self._shape.below(selected, type_))
        if always:  # its foreign key says so
            return object_
        there = f"r[{table.cell(joined, 'id')}]"
        absent = f"present({there})" if isinstance(selected.field.type, GraphQLNonNull) else "None"
        return f"({absent} if {there} is None else {object_})"

    # Lists ------------------------------------------------------------------------------------------------------------

    def _whole_list(self, selected: Selected, of: ListOf) -> ReadList:
        table, code = Table(of.model), self._code()
        shown = f"[{self._row(table, code, selected)} for r in rows]"
        return ReadList(of, table, Arguments(self._schema, selected), code.function(OF_LIST, shown))

    def _connection(self, selected: Selected, of: ConnectionOf) -> ReadList:
        table, code = Table(of.model), self._code()
        below = self._shape.below(selected, selected.object_type)
        shown = display([(each.key, self._of_connection(table, code, each)) for each in below])
        names = {each.name for each in below}
        return ReadList(
            of,
            table,
            Arguments(self._schema, selected),
            code.function(OF_LIST, shown),
            reads_rows=not names <= {TYPENAME, "totalCount"},
            counts="totalCount" in names,
            tells_places="page." in shown,
        )

    def _of_connection(self, table: Table, code: Code, selected: Selected) -> str:
        match selected.name:
            case "__typename":
                return repr(selected.parent.name)
            case "totalCount":
                return f"{code.name(complete(selected.field.type))}(count)"
            case "pageInfo":
                return f"{code.name(self._values.of(selected).at_once)}(page.page_info)"
            case "nodes":
                return f"[{self._row(table, code, selected)} for r in rows]"
            case "edges":
                return f"[{self._edge(table, code, selected)} for r in rows]"
        raise Declined(f"{selected.parent.name}.{selected.name} is unknown")

    def _row(self, table: Table, code: Code, selected: Selected) -> str:
        type_ = selected.object_type
        return self._object(table, code, PAGE, type_, self._shape.below(selected, type_))

    def _edge(self, table: Table, code: Code, selected: Selected) -> str:
        entries: list[tuple[str, str]] = []
        for each in self._shape.below(selected, selected.object_type):
            if each.name == TYPENAME:
                entries.append((each.key, repr(each.parent.name)))
            elif each.name == "cursor":
                entries.append((each.key, "page.cursor(r)"))
            else:
                entries.append((each.key, self._row(table, code, each)))
        return display(entries)


@dataclass
class Constant:
    """A root field that is always the same: `__typename`."""

    constant: str

    async def value(self, asked: Asked) -> Any:
        """It."""
        return self.constant


def _declared(selected: Selected) -> Any:
    try:
        return declared_as(selected.parent, selected.field)
    except Declined as declined:
        raise _at(selected, declined) from None


def _at(selected: Selected, declined: Declined) -> Declined:
    """The reason, with the place of the field that is in the way: the innermost one says it."""
    reason = str(declined)
    return declined if ": " in reason else Declined(f"{selected.parent.name}.{selected.name}: {reason}")


def _stub_at(table: Table, alias: str, needs: Sequence[str]) -> Callable[[Any], Any]:
    """What makes a row of these columns, and the id, of the cells of a record."""
    model = table.model_at(alias)
    columns = {
        each: (table.cell(alias, each), to_python(column_of(model, each)))
        for each in dict.fromkeys((*needs, "id"))
    }
    return stub(model, columns)


def _called(function: Callable[..., Any], arguments: Arguments) -> Callable[[Asked], Any]:
    """The function, with what is given and the arguments of a field."""
    names = given(function)
    return lambda asked: function(**bound(names, asked), **asked.values(arguments))


def _called_with(function: Callable[..., Any], arguments: Arguments) -> Callable[[Asked, Any], Any]:
    """The same, of a function that takes rows or ids first."""
    names = given(function)
    return lambda asked, first: function(first, **bound(names, asked), **asked.values(arguments))
