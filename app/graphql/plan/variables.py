"""The variables of a request, as the executor would coerce them.

That walks the types anew for each request; here it is known for each variable of an operation what is to be done. What is wrong
or unusual takes the executor's way, which also says what is wrong.
"""

from collections.abc import Mapping
from typing import Any

from graphql import (
    GraphQLError,
    GraphQLNonNull,
    GraphQLSchema,
    OperationDefinitionNode,
    Undefined,
)
from graphql.execution.get_variable_signature import get_variable_signature
from graphql.execution.values import VariableValues, VariableValueSource, get_variable_values

from app.graphql.plan.coercing import Coercers


class Coercion:
    """Coerces the variables of one operation."""

    def __init__(self, schema: GraphQLSchema, operation: OperationDefinitionNode) -> None:
        self._schema = schema
        self._definitions = operation.variable_definitions or ()
        found = [_Variable.of(schema, each) for each in self._definitions]
        self._variables = [each for each in found if each is not None]
        self._known = len(self._variables) == len(found)

    def values(self, raw: Mapping[str, Any]) -> VariableValues | None:
        """The coerced values; None when some are wrong."""
        if self._known:
            sources: dict[str, VariableValueSource] = {}
            coerced: dict[str, Any] = {}
            if all(each.put(raw, sources, coerced) for each in self._variables):
                return VariableValues(sources, coerced)
        found = get_variable_values(self._schema, self._definitions, dict(raw), max_errors=1)
        return None if isinstance(found, list) else found


class _Variable:
    """One of an operation's variables."""

    def __init__(self, signature: Any, has_default: bool) -> None:
        self._signature, self._has_default = signature, has_default
        self._required = isinstance(signature.type, GraphQLNonNull)
        self._coerce = Coercers().of(signature.type)

    @classmethod
    def of(cls, schema: GraphQLSchema, definition: Any) -> "_Variable | None":
        """None for one of a type that is not there."""
        signature = get_variable_signature(schema, definition)
        return (
            None
            if isinstance(signature, GraphQLError)
            else cls(signature, definition.default_value is not None)
        )

    def put(
        self, raw: Mapping[str, Any], sources: dict[str, VariableValueSource], coerced: dict[str, Any]
    ) -> bool:
        """Add its value, and where that is from. False for a value that does not stand for itself."""
        name = self._signature.name
        value = raw.get(name, Undefined)
        if value is Undefined:
            sources[name] = VariableValueSource(self._signature)
            return not (self._required or self._has_default)
        sources[name] = VariableValueSource(self._signature, value)
        coerced[name] = found = self._coerce(value)
        return found is not Undefined
