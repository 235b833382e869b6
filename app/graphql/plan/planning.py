"""From a shape to a plan: which columns, joins and lists a root field needs, and the function that renders them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import strawberry
from graphql import GraphQLList, GraphQLNonNull, GraphQLObjectType, is_leaf_type

from app.graphql.connections import ConnectionOf, ListOf
from app.graphql.entity import Column, Computed, Node, ToOne, pointing_at, related_model
from app.graphql.ids import decode_id, global_id
from app.graphql.plan.arguments import Arguments
from app.graphql.plan.declared import Declined, declared_as, definition_of, is_plain, model_of
from app.graphql.plan.leaves import Convert, complete, to_answer, to_python
from app.graphql.plan.rendering import Code, converted, display, present, stub
from app.graphql.plan.running import Asked, Lists, Read, ReadList, ReadOne, RecordPage, Table
from app.graphql.plan.shape import Selected, Shape
from app.graphql.plan.statements import PAGE
from app.graphql.roots import AnyNode, One

TYPENAME = "__typename"


class Planner:
    """Plans the root fields of one shape."""

    def __init__(self, schema: strawberry.Schema, shape: Shape) -> None:
        self._schema, self._shape = schema, shape

    def plan(self, root: Selected) -> Read:
        """What answers the root field. Raises `Declined` for one that is not compiled."""
        if root.name == TYPENAME:
            return Constant(root.parent.name)
        declared = _declared(root)
        if isinstance(declared, ConnectionOf):
            return self._connection(root, declared)
        if isinstance(declared, One):
            return self.one(root, root.object_type, declared.by)
        if isinstance(declared, AnyNode):
            return ReadAny(Arguments(self._schema, root), partial(self._node, root))
        raise Declined("it is no root field")

    def one(self, root: Selected, type_: GraphQLObjectType, by: str) -> ReadOne:
        """What reads one row, shown as that type, by the argument of that name."""
        table, code = Table(model_of(type_)), Code()
        shown = self._object(table, code, PAGE, type_, self._shape.below(root, type_))
        return ReadOne(table, by, Arguments(self._schema, root), code.function("r, lists", shown))

    def _node(self, root: Selected, name: str) -> ReadOne:
        type_ = self._shape.schema.type_map.get(name)
        if not isinstance(type_, GraphQLObjectType) or "Node" not in {each.name for each in type_.interfaces}:
            raise Declined(f"{name} is no type of nodes")
        if model_of(type_).__name__ != name:
            raise Declined(f"{name} shows another model")
        return self.one(root, type_, "id")

    # Objects ----------------------------------------------------------------------------------------------------------

    def _object(
        self, table: Table, code: Code, alias: str, type_: GraphQLObjectType, below: Sequence[Selected]
    ) -> str:
        """The expression of an object that shows the rows of that alias."""
        if model_of(type_) is not table.model_at(alias):
            raise Declined(f"{type_.name} shows another model")
        return display([(each.key, self._field(table, code, alias, each)) for each in below])

    def _field(self, table: Table, code: Code, alias: str, selected: Selected) -> str:
        if selected.name == TYPENAME:
            return repr(selected.parent.name)
        declared = _declared(selected)
        try:
            if declared is Node:
                return self._id(table, code, alias)
            if isinstance(declared, Column):
                return self._column(table, code, alias, selected, declared.name)
            if isinstance(declared, Computed):
                return self._computed(table, code, alias, selected, declared.needs)
            if isinstance(declared, ToOne):
                return self._to_one(table, code, alias, selected, declared)
            if isinstance(declared, ConnectionOf):
                return self._list(table, alias, self._connection(selected, declared))
            if isinstance(declared, ListOf):
                return self._list(table, alias, self._whole_list(selected, declared))
        except Declined as declined:
            raise _at(selected, declined) from None
        raise Declined(f"{selected.parent.name}.{selected.name}: it is a root field")

    def _id(self, table: Table, code: Code, alias: str) -> str:
        make = code.name(partial(global_id, table.model_at(alias).__name__))
        return f"{make}(r[{table.cell(alias, 'id')}])"

    def _column(self, table: Table, code: Code, alias: str, selected: Selected, column: str) -> str:
        field, type_ = table.model_at(alias)._meta.fields_map[column], selected.field.type
        convert = to_answer(field, type_)
        return converted(
            f"r[{table.cell(alias, column)}]",
            code.name(convert) if convert else None,
            nullable=field.null or field.generated,
            required=isinstance(type_, GraphQLNonNull),
        )

    def _computed(
        self, table: Table, code: Code, alias: str, selected: Selected, needs: tuple[str, ...]
    ) -> str:
        model = table.model_at(alias)
        columns = {
            each: (table.cell(alias, each), to_python(model._meta.fields_map[each]))
            for each in dict.fromkeys((*needs, "id"))
        }
        make = code.name(stub(model, columns))
        compute = code.name(_resolver_of(selected))
        return f"{code.name(self._value(selected))}({compute}({make}(r)))"

    def _value(self, selected: Selected) -> Convert:
        """What makes an answer of a Python value: of scalars, and of objects that only hold attributes."""
        return self._completed(selected, selected.field.type)

    def _completed(self, selected: Selected, type_: Any) -> Convert:
        if isinstance(type_, GraphQLNonNull):
            inner = self._completed(selected, type_.of_type)
            return lambda value: present(inner(value))
        if is_leaf_type(type_):
            return complete(type_)
        if isinstance(type_, GraphQLList):
            item = self._completed(selected, type_.of_type)
            return lambda value: None if value is None else [item(each) for each in _as_list(value)]
        if isinstance(type_, GraphQLObjectType):
            return self._attributes(selected, type_)
        raise Declined(f"{type_} is of several types")

    def _attributes(self, selected: Selected, type_: GraphQLObjectType) -> Convert:
        entries: list[tuple[str, Callable[[Any], Any]]] = []
        for each in self._shape.below(selected, type_):
            if each.name == TYPENAME:
                entries.append((each.key, lambda _: type_.name))
                continue
            definition = definition_of(each.field)
            if not is_plain(definition):
                raise Declined(f"{type_.name}.{each.name} has code of its own")
            entries.append((each.key, _attribute(definition.python_name, self._value(each))))
        return lambda value: None if value is None else {key: of(value) for key, of in entries}

    def _to_one(self, table: Table, code: Code, alias: str, selected: Selected, declared: ToOne) -> str:
        model = table.model_at(alias)
        if declared.reverse:
            related, own = pointing_at(model, declared.relation)
            joined = table.join(related, own, alias, "id")
        else:
            related = related_model(model, declared.relation)
            joined = table.join(related, "id", alias, f"{declared.relation}_id")
        type_ = selected.object_type
        there = f"r[{table.cell(joined, 'id')}]"
        shown = self._object(table, code, joined, type_, self._shape.below(selected, type_))
        absent = f"present({there})" if isinstance(selected.field.type, GraphQLNonNull) else "None"
        return f"({absent} if {there} is None else {shown})"

    def _list(self, table: Table, alias: str, read: ReadList) -> str:
        at = table.cell(alias, "id")
        table.lists.append((at, read))
        return f"lists[{len(table.lists) - 1}][r[{at}]]"

    # Lists ------------------------------------------------------------------------------------------------------------

    def _whole_list(self, selected: Selected, of: ListOf) -> ReadList:
        type_ = selected.object_type
        table, code = Table(of.model), Code()
        shown = self._object(table, code, PAGE, type_, self._shape.below(selected, type_))
        show = code.function("r, lists", shown)
        return ReadList(of, table, render=lambda page, lists, _: [show(row, lists) for row in page.nodes])

    def _connection(self, selected: Selected, of: ConnectionOf) -> ReadList:
        read = ReadList(of, Table(of.model), Arguments(self._schema, selected), reads_rows=False)
        type_ = selected.object_type
        entries = [(each.key, self._of_connection(read, each)) for each in self._shape.below(selected, type_)]

        def render(page: RecordPage, lists: Lists, count: int | None) -> Any:
            return {key: show(page, lists, count) for key, show in entries}

        read.render = render
        return read

    def _of_connection(self, read: ReadList, selected: Selected) -> Callable[..., Any]:
        if selected.name == TYPENAME:
            return lambda page, lists, count: selected.parent.name
        if selected.name == "totalCount":
            read.counts = True
            serialize = complete(selected.field.type)
            return lambda page, lists, count: serialize(count)
        read.reads_rows = True
        if selected.name == "pageInfo":
            value = self._value(selected)
            return lambda page, lists, count: value(page.page_info)
        code = Code()
        if selected.name == "nodes":
            show = code.function("r, lists", self._row(read.table, code, selected))
            return lambda page, lists, count: [show(row, lists) for row in page.nodes]
        if selected.name == "edges":
            edge = code.function("r, lists, cursor", self._edge(read.table, code, selected))
            return lambda page, lists, count: [edge(row, lists, page.cursor) for row in page.nodes]
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
                entries.append((each.key, "cursor(r)"))
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


class ReadAny:
    """The row with a global id, whose model the id says: a plan for each model that was asked for."""

    def __init__(self, arguments: Arguments, plan: Callable[[str], ReadOne]) -> None:
        self._arguments, self._plan = arguments, plan
        self._plans: dict[str, ReadOne] = {}

    async def value(self, asked: Asked) -> Any:
        """The object, or None."""
        name, _ = decode_id(self._arguments.values(asked.variables)["id"])
        if name not in self._plans:
            self._plans[name] = self._plan(name)  # there are as many as types, or it declines
        return await self._plans[name].value(asked)


def _declared(selected: Selected) -> Any:
    try:
        return declared_as(selected.parent, selected.field)
    except Declined as declined:
        raise _at(selected, declined) from None


def _at(selected: Selected, declined: Declined) -> Declined:
    """The reason, with the place of the field that is in the way: the innermost one says it."""
    reason = str(declined)
    return declined if ": " in reason else Declined(f"{selected.parent.name}.{selected.name}: {reason}")


def _resolver_of(selected: Selected) -> Callable[[Any], Any]:
    base = definition_of(selected.field).base_resolver
    assert base is not None, "a computed field has a function"
    found: Any = base.wrapped_func
    return getattr(found, "__func__", found)  # type: ignore[no-any-return]


def _attribute(name: str, complete_value: Convert) -> Convert:
    return lambda value: complete_value(getattr(value, name))


def _as_list(value: Any) -> Any:
    if not isinstance(value, list | tuple):
        raise Declined("a list that is none")
    return value
