"""The arguments of a field, as its resolver would get them."""

from typing import Any

import strawberry
from graphql import GraphQLNonNull, GraphQLScalarType, Undefined, VariableNode, Visitor, visit
from graphql import Node as AstNode
from graphql.execution.values import VariableValues, get_argument_values
from strawberry.types.base import StrawberryMaybe

from app.graphql.plan.declared import arguments_of
from app.graphql.plan.inputs import Inputs
from app.graphql.plan.shape import Selected


class Arguments:
    """Those of one selected field. Without variables in them they are the same for each request, and made once."""

    def __init__(self, schema: strawberry.Schema, selected: Selected) -> None:
        self._field, self._node = selected.field, selected.node
        self._arguments = arguments_of(selected.field)
        self._config = schema.config
        self._convert = Inputs.of(schema).arguments(self._arguments)
        self._variables = _variables(self._node.arguments)
        self._constant = None if self._variables else self._given(None)
        self._plain = self._all_plain()

    def values(self, variables: VariableValues) -> dict[str, Any]:
        """Python name → value, of those that are given. Raises what the ordinary executor would report."""
        if self._constant is not None:
            return self._constant
        plain = self._taken(variables.coerced)
        return self._given(variables) if plain is None else plain

    def word(self, variables: VariableValues) -> str:
        """Equal for two requests that give the same."""
        coerced = variables.coerced
        return repr([coerced.get(name, _ABSENT) for name in self._variables])

    def _given(self, variables: VariableValues | None) -> dict[str, Any]:
        return self._convert(get_argument_values(self._field, self._node, variables))

    def _taken(self, coerced: dict[str, Any]) -> dict[str, Any] | None:
        """The same, where every argument is a variable whose value it takes as it is; None where that is not so."""
        if self._plain is None:
            return None
        taken: dict[str, Any] = {}
        for name, variable, required in self._plain:
            value = coerced.get(variable, _ABSENT)
            if required and (value is None or value is _ABSENT):
                return None
            if value is not _ABSENT:
                taken[name] = value
        return taken

    def _all_plain(self) -> list[tuple[str, str, bool]] | None:
        """Python name, variable, and whether it must be there, of each argument; None unless all are scalars like that."""
        given = {each.name.value: each.value for each in self._node.arguments or ()}
        found = []
        for argument in self._arguments:
            name = self._config.name_converter.from_argument(argument)
            definition, value = self._field.args[name], given.get(name)
            type_: Any = definition.type
            required = isinstance(type_, GraphQLNonNull)
            inner = type_.of_type if required else type_
            if value is None and definition.default_value is Undefined and not required:
                continue
            if not isinstance(value, VariableNode) or not isinstance(inner, GraphQLScalarType):
                return None
            if isinstance(argument.type, StrawberryMaybe) or definition.default_value is not Undefined:
                return None
            found.append((argument.python_name, value.name.value, required))
        return found


_ABSENT = object()


def _variables(nodes: Any) -> tuple[str, ...]:
    """The variables in these arguments."""
    found: dict[str, None] = {}

    class Find(Visitor):
        def enter_variable(self, node: VariableNode, *_: AstNode) -> None:
            found[node.name.value] = None

    for node in nodes or ():
        visit(node, Find())
    return tuple(found)
