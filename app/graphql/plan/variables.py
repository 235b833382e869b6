"""The variables of a request, as the executor would coerce them.

That walks the types anew for each request; here it is known for each variable of an operation which plain value stands for
itself. Whatever else is sent takes the executor's way, which also says what is wrong.
"""

from collections.abc import Mapping
from typing import Any

from graphql import (
    GraphQLEnumType,
    GraphQLError,
    GraphQLNonNull,
    GraphQLSchema,
    OperationDefinitionNode,
    Undefined,
    coerce_input_value,
)
from graphql.execution.get_variable_signature import get_variable_signature
from graphql.execution.values import VariableValues, VariableValueSource, get_variable_values

_PLAIN: dict[str, type] = {"ID": str, "String": str, "Int": int, "Boolean": bool}
_INT = range(-(2**31), 2**31)


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
    """One whose type is a plain scalar or an enum."""

    def __init__(self, signature: Any, has_default: bool) -> None:
        self._signature, self._has_default = signature, has_default
        self._required = isinstance(signature.type, GraphQLNonNull)
        inner = signature.type.of_type if self._required else signature.type
        self._kind = _PLAIN.get(getattr(inner, "name", ""))
        self._words = None
        if isinstance(inner, GraphQLEnumType):
            self._words = {name: coerce_input_value(name, inner) for name in inner.values}

    @classmethod
    def of(cls, schema: GraphQLSchema, definition: Any) -> "_Variable | None":
        """None for one of another type."""
        signature = get_variable_signature(schema, definition)
        if isinstance(signature, GraphQLError):
            return None
        made = cls(signature, definition.default_value is not None)
        return made if made._kind or made._words is not None else None

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
        if value is None:
            coerced[name] = None
            return not self._required
        if self._words is not None:
            if type(value) is not str or value not in self._words:
                return False
            coerced[name] = self._words[value]
            return True
        coerced[name] = value
        return type(value) is self._kind and (self._kind is not int or value in _INT)
