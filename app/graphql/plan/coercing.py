"""Values of input types, as graphql-core coerces them: what is to be done for a type is found out once, not for each value."""

from collections.abc import Callable
from math import isfinite
from typing import Any

from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLList,
    GraphQLNonNull,
    Undefined,
    coerce_input_value,
    is_required_input_field,
)
from graphql.utilities.coerce_input_value import coerce_default_value

Coerce = Callable[[Any], Any]
"""The coerced value, or `Undefined` for one that is wrong, or so unusual that graphql-core is to look at it."""

_INT = range(-(2**31), 2**31)


class Coercers:
    """Those of the types of one schema."""

    def __init__(self) -> None:
        self._of_objects: dict[str, Coerce] = {}

    def of(self, type_: GraphQLInputType) -> Coerce:
        """What coerces values of a type."""
        if isinstance(type_, GraphQLNonNull):
            return self._of_present(type_.of_type)
        present = self._of_present(type_)
        return lambda value: None if value is None else present(value)

    def _of_present(self, type_: Any) -> Coerce:
        """What coerces values that are not null; null is `Undefined` to it."""
        if isinstance(type_, GraphQLList):
            return _of_list(self.of(type_.of_type))
        if isinstance(type_, GraphQLInputObjectType):
            return self._of_object(type_)
        if isinstance(type_, GraphQLEnumType):
            words = {name: coerce_input_value(name, type_) for name in type_.values}
            return lambda value: words.get(value, Undefined) if type(value) is str else Undefined
        return _PLAIN.get(type_.name) or _of_scalar(type_)

    def _of_object(self, type_: GraphQLInputObjectType) -> Coerce:
        found = self._of_objects.get(type_.name)
        if found is None:
            # Known before its fields are looked at: a filter has filters in it.
            made: list[Coerce] = []
            found = self._of_objects[type_.name] = lambda value: made[0](value)
            made.append(self._of_fields(type_))
        return found

    def _of_fields(self, type_: GraphQLInputObjectType) -> Coerce:
        names = type_.fields.keys()
        fields = [
            (name, field.out_name or name, self.of(field.type), coerce_default_value(field))
            for name, field in type_.fields.items()
        ]
        required = {name for name, field in type_.fields.items() if is_required_input_field(field)}
        out_type = type_.out_type

        def coerce_object(value: Any) -> Any:
            if type(value) is not dict or not value.keys() <= names or not required <= value.keys():
                return Undefined
            coerced = {}
            for name, out, coerce, default in fields:
                if name not in value:
                    found = default
                    if found is Undefined:
                        continue
                else:
                    found = coerce(value[name])
                    if found is Undefined:
                        return Undefined
                coerced[out] = found
            return out_type(coerced)

        return (lambda _: Undefined) if type_.is_one_of else coerce_object


def _of_list(coerce: Coerce) -> Coerce:
    def coerce_list(value: Any) -> Any:
        if type(value) is not list:
            return Undefined
        coerced = [coerce(each) for each in value]
        return Undefined if Undefined in coerced else coerced

    return coerce_list


def _of_scalar(type_: Any) -> Coerce:
    def coerce_scalar(value: Any) -> Any:
        if value is None:
            return Undefined
        try:
            return type_.coerce_input_value(value)
        except Exception:
            return Undefined

    return coerce_scalar


def _of_text(value: Any) -> Any:
    return value if type(value) is str else Undefined


_PLAIN: dict[str, Coerce] = {
    "ID": _of_text,
    "String": _of_text,
    "Boolean": lambda value: value if type(value) is bool else Undefined,
    "Int": lambda value: value if type(value) is int and value in _INT else Undefined,
    "Float": lambda value: value if type(value) is float and isfinite(value) else Undefined,
}
