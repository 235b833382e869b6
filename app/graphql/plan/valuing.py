"""From a shape to how values are shown that are no rows (values.py)."""

from collections.abc import Callable
from typing import Any

from graphql import GraphQLList, GraphQLNonNull, GraphQLObjectType, is_leaf_type

from app.graphql.plan.declared import Declined, declared_as, definition_of, is_plain
from app.graphql.plan.leaves import complete
from app.graphql.plan.rendering import present
from app.graphql.plan.rows import ReadAny, ReadMany
from app.graphql.plan.running import Asked
from app.graphql.plan.shape import Selected, Shape
from app.graphql.plan.values import Shown, displayed, listed
from app.graphql.roots import Derived, NodeOf, RowOf


class Values:
    """Plans what is selected of values. `rows` and `any_rows` plan what is selected of the rows that they name."""

    def __init__(
        self,
        shape: Shape,
        rows: Callable[[Selected, GraphQLObjectType], ReadMany],
        any_rows: Callable[[Selected], ReadAny],
    ) -> None:
        self._shape, self._rows, self._any_rows = shape, rows, any_rows

    def of(self, selected: Selected) -> Shown:
        """How the field's values are shown. Raises `Declined` where that is not compiled."""
        return self._shown(selected, selected.field.type)

    def _shown(self, selected: Selected, type_: Any) -> Shown:
        if isinstance(type_, GraphQLNonNull):
            return self._shown(selected, type_.of_type).after(present)
        if is_leaf_type(type_):
            return Shown(complete(type_))
        if isinstance(type_, GraphQLList):
            return listed(self._shown(selected, type_.of_type))
        if isinstance(type_, GraphQLObjectType):
            return displayed([(each.key, self._entry(each)) for each in self._shape.below(selected, type_)])
        raise Declined(f"{type_} is of several types")

    def _entry(self, selected: Selected) -> Shown:
        """How one field of an object is shown, of that object."""
        if selected.name == "__typename":
            return Shown(lambda _: selected.parent.name)
        definition = definition_of(selected.field)
        if is_plain(definition):
            name = definition.python_name
            return self.of(selected).of(lambda value: getattr(value, name))
        match declared_as(selected.parent, selected.field):
            case Derived(function):
                return self.of(selected).of(function)
            case RowOf(_, id):
                return self._row(self._rows(selected, selected.object_type), id)
            case NodeOf(place):
                return self._any_row(self._any_rows(selected), place)
        raise Declined(f"{selected.parent.name}.{selected.name}: it has code of its own")

    def _row(self, rows: ReadMany, id: Callable[[Any], Any]) -> Shown:
        async def together(asked: Asked, values: Any) -> list[Any]:
            ids = [id(value) for value in values]
            found = await rows.by_id(asked, ids)
            return [found.get(each) for each in ids]

        return Shown(together=together)

    def _any_row(self, rows: ReadAny, place: Callable[[Any], Any]) -> Shown:
        async def together(asked: Asked, values: Any) -> list[Any]:
            places = [place(value) for value in values]
            return await rows.all(asked, [each and (each[0].__name__, each[1]) for each in places])

        return Shown(together=together)
