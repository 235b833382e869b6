"""What makes Python values of GraphQL's input values: a function for each type, made once, where Strawberry looks at the
type again for each value (it took a tenth of a mutation's time).

They give what Strawberry's `convert_argument` gives, which a test holds them to; types that are not known here are its.
"""

from collections.abc import Callable
from dataclasses import MISSING
from typing import Any
from weakref import WeakKeyDictionary

import strawberry
from strawberry.scalars import is_scalar
from strawberry.types.arguments import convert_argument
from strawberry.types.base import (
    StrawberryList,
    StrawberryMaybe,
    StrawberryOptional,
    has_object_definition,
)
from strawberry.types.enum import StrawberryEnumDefinition, has_enum_definition
from strawberry.types.lazy_type import LazyType
from strawberry.types.unset import UNSET

Convert = Callable[[Any], Any]

_of: "WeakKeyDictionary[strawberry.Schema, Inputs]" = WeakKeyDictionary()


class Inputs:
    """The functions of one schema."""

    def __init__(self, schema: strawberry.Schema) -> None:
        self._config, self._scalars = schema.config, schema.schema_converter.scalar_registry
        self._objects: dict[type, Convert] = {}

    @classmethod
    def of(cls, schema: strawberry.Schema) -> "Inputs":
        """Those of that schema."""
        if schema not in _of:
            _of[schema] = cls(schema)
        return _of[schema]

    def arguments(self, arguments: list[Any]) -> Callable[[dict[str, Any]], dict[str, Any]]:
        """What makes a resolver's arguments of a field's: Python name → value, of those that are given."""
        named = self._config.name_converter.from_argument
        parts = [(named(each), str(each.python_name), self.convert(each.type)) for each in arguments]
        return lambda given: {python: made(given[name]) for name, python, made in parts if name in given}

    def convert(self, type_: Any) -> Convert:
        """What makes values of that type."""
        if isinstance(type_, LazyType):
            return self.convert(type_.resolve_type())
        if isinstance(type_, StrawberryOptional) and not isinstance(type_, StrawberryMaybe):
            return self.convert(type_.of_type)
        if isinstance(type_, StrawberryList):
            return self._list(type_)
        if isinstance(type_, StrawberryEnumDefinition) or has_enum_definition(type_) or self._is_plain(type_):
            return _same
        if has_object_definition(type_) and type_.__strawberry_definition__.from_input is None:
            return self._object(type_)
        return lambda value: convert_argument(value, type_, self._scalars, self._config)

    def _is_plain(self, type_: Any) -> bool:
        return type_ is not strawberry.relay.GlobalID and is_scalar(type_, self._scalars)

    def _list(self, type_: StrawberryList) -> Convert:
        item = self.convert(type_.of_type)
        if item is _same:  # a copy all the same: a default is one list for all requests
            return lambda values: values if values is None or values is UNSET else list(values)
        return lambda values: (
            values if values is None or values is UNSET else [item(value) for value in values]
        )

    def _object(self, type_: Any) -> Convert:
        def convert(value: Any) -> Any:
            if value is None or value is UNSET:
                return value
            if type_ not in self._objects:  # only now: a type may hold itself, and others that nobody uses
                self._objects[type_] = self._maker(type_)
            return self._objects[type_](value)

        return convert

    def _maker(self, type_: Any) -> Convert:
        definition = type_.__strawberry_definition__
        absent = {
            field.python_name: None
            for field in definition.fields
            if field.default_value is MISSING and field.default_factory is MISSING
        }
        parts = [
            (
                self._config.name_converter.from_field(field),
                field.python_name,
                self.convert(field.resolve_type(type_definition=definition)),
            )
            for field in definition.fields
        ]

        def make(value: Any) -> Any:
            given = {python: convert(value[name]) for name, python, convert in parts if name in value}
            return type_(**{**absent, **given})

        return make


def _same(value: Any) -> Any:
    return value
