"""How what PostgreSQL gives for a column becomes what the ordinary executor would answer: Tortoise's conversion and the
scalar's, in one step where a short cut is known to be equal to both."""

from collections.abc import Callable
from datetime import datetime
from enum import Enum
from functools import partial
from typing import Any

from graphql import (
    GraphQLEnumType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLOutputType,
    is_leaf_type,
)
from tortoise.fields import (
    BigIntField,
    BooleanField,
    CharField,
    DatetimeField,
    IntField,
    TextField,
    UUIDField,
)
from tortoise.fields.base import Field

from app.graphql.plan.declared import Declined

Convert = Callable[[Any], Any]

_AS_THEY_ARE: dict[str, tuple[type, ...]] = {
    "Int": (IntField,),
    "BigInt": (IntField, BigIntField),
    "String": (CharField, TextField),
    "Boolean": (BooleanField,),
}
SAME_IN_PYTHON = (IntField, BigIntField, CharField, TextField, BooleanField)


def to_answer(field: Field[Any], type_: GraphQLOutputType) -> Convert | dict[Any, str] | None:
    """What makes an answer of the column's value where it is not null; None when orjson writes it as it is."""
    inner = type_.of_type if isinstance(type_, GraphQLNonNull) else type_
    kind = getattr(field, "enum_type", None)
    if isinstance(inner, GraphQLEnumType) and kind is not None:
        return _names(kind, inner)
    name = getattr(inner, "name", "")
    if kind is None and type(field) in _AS_THEY_ARE.get(name, ()):
        return None
    if name == "UUID" and isinstance(field, UUIDField):
        return str  # asyncpg's UUIDs are not uuid's
    return _chain(field.to_python_value, complete(type_))


def is_instant(field: Field[Any], type_: GraphQLOutputType) -> bool:
    """True of a column that is read as text, which `instant` reads: asyncpg takes ten times as long to make a datetime."""
    inner = type_.of_type if isinstance(type_, GraphQLNonNull) else type_
    return type(field) is DatetimeField and getattr(inner, "name", "") == "DateTime"


def instant(text: str) -> str:
    """PostgreSQL's text of an instant, as isoformat() writes it. `Declined` for what Python's calendar does not have."""
    if text[10:11] != " " or not text.endswith("+00"):
        raise Declined("no instant of ours")
    fraction = text[20:-3]
    return f"{text[:10]}T{text[11:19]}.{fraction:0<6}+00:00" if fraction else f"{text[:10]}T{text[11:]}:00"


def plain_instant(text: str | None) -> str | None:
    """The same, as it stands in cursors."""
    return None if text is None else instant(text)


def instant_text(value: datetime) -> str:
    """The text of an instant that a row has: as PostgreSQL's, as far as `instant` is concerned."""
    return value.isoformat(" ").removesuffix(":00")


def of_expression(make: Convert | None, type_: GraphQLOutputType) -> Convert:
    """What makes an answer of the value of an expression; `make` is what Python would have of it where it is not null."""
    shown = complete(type_)
    return shown if make is None else lambda value: shown(None if value is None else make(value))


def to_python(field: Field[Any]) -> Convert | None:
    """What makes of the column's value that which a row of the model has there; None when it is that already."""
    if getattr(field, "enum_type", None) is None and isinstance(field, SAME_IN_PYTHON):
        return None
    return field.to_python_value


def complete(type_: GraphQLOutputType) -> Convert:
    """What makes an answer of a Python value: scalars, enums, and lists of them."""
    if isinstance(type_, GraphQLNonNull):
        return partial(_present, complete(type_.of_type))
    if isinstance(type_, GraphQLList):
        return partial(_each, complete(type_.of_type))
    if is_leaf_type(type_):
        return partial(_leaf, type_.serialize)
    raise Declined(f"{type_} is no scalar")


def _leaf(serialize: Convert, value: Any) -> Any:
    if value is None:
        return None
    found = serialize(value)
    if found is None:
        raise Declined("a value that cannot be told")
    return found


def _each(item: Convert, value: Any) -> Any:
    if value is None:
        return None
    if not isinstance(value, list | tuple):
        raise Declined("a list that is none")
    return [item(each) for each in value]


def _present(inner: Convert, value: Any) -> Any:
    found = inner(value)
    if found is None:
        raise Declined("null where the schema has no null")
    return found


def _names(kind: type[Enum], type_: GraphQLEnumType) -> dict[Any, str]:
    return {member.value: type_.serialize(member) for member in kind}


def _chain(first: Convert, second: Convert) -> Convert:
    return lambda value: second(first(value))
