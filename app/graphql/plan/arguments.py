"""The arguments of a field, as its resolver would get them."""

from typing import Any

import strawberry
from graphql import Node as AstNode
from graphql import VariableNode, Visitor, visit
from graphql.execution.values import VariableValues, get_argument_values
from strawberry.types.arguments import convert_arguments

from app.graphql.plan.declared import arguments_of
from app.graphql.plan.shape import Selected


class Arguments:
    """Those of one selected field. Without variables in them they are the same for each request, and made once."""

    def __init__(self, schema: strawberry.Schema, selected: Selected) -> None:
        self._field, self._node = selected.field, selected.node
        self._arguments = arguments_of(selected.field)
        self._config, self._scalars = schema.config, schema.schema_converter.scalar_registry
        self._variables = _variables(self._node.arguments)
        self._constant = None if self._variables else self._given(None)

    def values(self, variables: VariableValues) -> dict[str, Any]:
        """Python name → value, of those that are given. Raises what the ordinary executor would report."""
        return self._given(variables) if self._constant is None else self._constant

    def word(self, variables: VariableValues) -> str:
        """Equal for two requests that give the same."""
        coerced = variables.coerced
        return repr([coerced.get(name, _ABSENT) for name in self._variables])

    def _given(self, variables: VariableValues | None) -> dict[str, Any]:
        given = get_argument_values(self._field, self._node, variables)
        return convert_arguments(given, self._arguments, self._scalars, self._config)


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
