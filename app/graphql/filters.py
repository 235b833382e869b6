"""Filters and orders, derived from the models' columns in this one place.

WorkRequestFilter = filter_of(models.WorkRequest, "status", "task_name", "created_at", worker="worker")
filter: {status: {in: [PENDING, RUNNING]}, or: [{taskName: {startsWith: "build"}}, {worker: {isNull: true}}]}
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from types import MappingProxyType
from typing import Any, ClassVar
from uuid import UUID

import strawberry
from strawberry.types.unset import UNSET
from strawberry.utils.str_converters import to_camel_case
from tortoise.contrib.postgres.fields import ArrayField
from tortoise.expressions import Q
from tortoise.fields import BigIntField, JSONField
from tortoise.fields.relational import RelationalField

from app.access import Viewer
from app.errors import BadInput
from app.graphql.entity import describe, related_model
from app.graphql.enums import describe_enum
from app.graphql.ids import Path, decode_id, row_id, row_ids
from app.graphql.scalars import JSON, BigInt
from app.models import Entity
from app.models.entity import NOTHING, holds

MAX_VALUES = 1000
MAX_CONDITIONS = 200
MAX_NESTING = 50

Condition = Callable[[Viewer, Any, Path], Q]

LOOKUPS = {
    "eq": "",
    "in_": "__in",
    "gt": "__gt",
    "gte": "__gte",
    "lt": "__lt",
    "lte": "__lte",
    "contains": "__contains",
    "starts_with": "__startswith",
    "is_null": "__isnull",
}
WORDS = {
    "eq": "Equal to this.",
    "in_": "One of these, at most 1,000.",
    "gt": "Greater than this.",
    "gte": "This or greater.",
    "lt": "Less than this.",
    "lte": "This or less.",
    "contains": "Contains this.",
    "starts_with": "Begins with this.",
    "is_null": "True: has no value. False: has one.",
}


class Filter:
    """Base of the generated filter inputs."""

    CONDITIONS: ClassVar[Mapping[str, Condition]]
    not_: Any

    def to_q(self, viewer: Viewer) -> Q:
        """The predicate: true or false of every row, also where a value is missing.

        `BadInput` when it has too many conditions, is nested too deeply, or has a malformed id.
        """
        return self._to_q(viewer, _Budget(MAX_CONDITIONS), ("filter",), MAX_NESTING)

    def ids(self) -> frozenset[Any] | None:
        """The rows that its own condition `id` names: of all others it is false. None when it names none."""
        named = getattr(self, "id", UNSET)
        if named in (UNSET, None):
            return None
        values = [named.eq] if named.eq not in (UNSET, None) else named.in_
        return None if values in (UNSET, None) else frozenset(decode_id(each)[1] for each in values)

    def _to_q(self, viewer: Viewer, budget: "_Budget", path: Path, levels: int) -> Q:
        if levels == 0:
            raise BadInput(f"A filter is nested at most {MAX_NESTING} levels deep.", path=path[:2])
        parts: list[Q] = []
        for name, condition in self.CONDITIONS.items():
            value = getattr(self, name)
            if value is not UNSET and value is not None:
                budget.spend(path)
                parts.append(condition(viewer, value, (*path, to_camel_case(name))))
        for word, join in (("and", Q.AND), ("or", Q.OR)):
            below = getattr(self, f"{word}_")
            if below is not UNSET and below is not None:
                budget.spend(path)
                inner = [
                    each._to_q(viewer, budget, (*path, word, str(index)), levels - 1)
                    for index, each in enumerate(below)
                ]
                parts.append(_joined(inner, join))
        if self.not_ is not UNSET and self.not_ is not None:
            budget.spend(path)
            parts.append(_negated(self.not_._to_q(viewer, budget, (*path, "not"), levels - 1)))
        return _joined(parts, Q.AND)


def _joined(parts: list[Q], join: Any) -> Q:
    """All of the parts, or any of them. None at all: everything for `and`, nothing for `or`."""
    if not parts:
        return Q() if join == Q.AND else NOTHING
    if join == Q.OR and any(_holds_always(part) for part in parts):
        return Q()
    parts = [part for part in parts if not _holds_always(part)]
    # One part stays itself, so that negating it again takes its negation away: pypika negates `IN` but once, and silently.
    return parts[0] if len(parts) == 1 else Q(*parts, join_type=join)


def _negated(part: Q) -> Q:
    return NOTHING if _holds_always(part) else ~part


def _holds_always(part: Q) -> bool:
    """True of a predicate without conditions."""
    return not (part.children or part.filters)


class _Budget:
    def __init__(self, conditions: int) -> None:
        self.left = conditions

    def spend(self, path: Path) -> None:
        self.left -= 1
        if self.left < 0:
            raise BadInput(f"A filter has at most {MAX_CONDITIONS} conditions.", path=path)


# Operators -----------------------------------------------------------------------------------------------------------

_operator_inputs: dict[str, type] = {}


def operators(name: str, type_: Any, words: str, of: str) -> type:
    """The input with these operators, made once: IntFilter { eq in gt gte lt lte isNull }."""
    if name not in _operator_inputs:
        annotations: dict[str, Any] = {}
        body: dict[str, Any] = {"__annotations__": annotations, "__module__": __name__}
        for operator in words.split():
            annotations[operator] = (
                list[type_] if operator == "in_" else bool if operator == "is_null" else type_
            ) | None
            graphql_name = {"in_": "in"}.get(operator)
            body[operator] = strawberry.field(default=UNSET, name=graphql_name, description=WORDS[operator])
        _operator_inputs[name] = strawberry.input(
            type(name, (), body), name=name, description=f"Conditions on {of}."
        )
    return _operator_inputs[name]


def _column_condition(column: str, *, nullable: bool, longest: int | None) -> Condition:
    """`longest` is what fits into a column of text: nothing longer can be equal to what is there."""

    def condition(viewer: Viewer, value: Any, path: Path) -> Q:
        parts: list[Q] = []
        for operator, lookup in LOOKUPS.items():
            given = getattr(value, operator, UNSET)
            if given is UNSET or given is None:
                continue
            here = (*path, to_camel_case(operator.rstrip("_")))
            if operator == "in_" and len(given) > MAX_VALUES:
                raise BadInput(f"`in` takes at most {MAX_VALUES} values.", path=here)
            if has_nul(given):
                raise BadInput("Text has no NUL characters.", path=here)
            if operator == "in_" and longest:
                given = [each for each in given if len(each) <= longest]
            if operator == "eq" and longest and len(given) > longest:
                parts.append(NOTHING)
            else:
                parts.append(
                    present(column, holds(column + lookup, given), nullable and operator != "is_null")
                )
        return _joined(parts, Q.AND)

    return condition


def id_condition(column: str, model: type[Entity], *, nullable: bool) -> Condition:
    def condition(viewer: Viewer, value: Any, path: Path) -> Q:
        parts: list[Q] = []
        if value.eq not in (UNSET, None):
            id = row_id(value.eq, model, (*path, "eq"))
            parts.append(present(column, holds(column, id), nullable))
        if value.in_ not in (UNSET, None):
            if len(value.in_) > MAX_VALUES:
                raise BadInput(f"`in` takes at most {MAX_VALUES} values.", path=(*path, "in"))
            ids = row_ids(value.in_, model, (*path, "in"))
            parts.append(present(column, holds(f"{column}__in", ids), nullable))
        if value.is_null not in (UNSET, None):
            parts.append(holds(f"{column}__isnull", value.is_null))
        return _joined(parts, Q.AND)

    return condition


def present(column: str, condition: Q, nullable: bool) -> Q:
    """The condition, false where the column has no value. In SQL it would be neither true nor false, and so its negation."""
    return condition & holds(f"{column}__isnull", False) if nullable else condition


def has_nul(value: Any) -> bool:
    """True when there is a NUL character anywhere in the value, which PostgreSQL cannot hold."""
    if isinstance(value, str):
        return "\0" in value
    if isinstance(value, dict):
        return any(has_nul(each) for item in value.items() for each in item)
    return isinstance(value, list) and any(has_nul(each) for each in value)


def flag(description: str, when_true: Callable[[Viewer], Q]) -> tuple[str, Callable[[Viewer, bool], Q]]:
    """A yes-or-no condition that is no column: {connected: {eq: true}}."""
    return description, lambda viewer, wanted: when_true(viewer) if wanted else ~when_true(viewer)


@dataclass(frozen=True)
class Own:
    """A condition of a model's own, beside its columns: its input type, its description, and what makes it a predicate."""

    input_type: Any
    description: str
    condition: Condition


def filter_of(
    model: type[Entity],
    *columns: str,
    own: Mapping[str, Own] = MappingProxyType({}),
    **flags: tuple[str, Callable[[Viewer, bool], Q]],
) -> Any:
    """The filter input of a model: one condition for each column named, and `and`, `or`, `not`."""
    name = f"{model.__name__}Filter"
    annotations: dict[str, Any] = {}
    conditions: dict[str, Condition] = {}
    body: dict[str, Any] = {"__annotations__": annotations, "__module__": __name__, "CONDITIONS": conditions}
    for column in columns:
        input_type, condition, description = _for_column(model, column)
        annotations[column], conditions[column] = input_type | None, condition
        body[column] = strawberry.field(default=UNSET, description=description)
    for own_name, each in own.items():
        annotations[own_name], conditions[own_name] = each.input_type | None, each.condition
        body[own_name] = strawberry.field(default=UNSET, description=each.description)
    for flag_name, (description, to_q) in flags.items():
        annotations[flag_name] = operators("BooleanFilter", bool, "eq", "a yes or no") | None
        conditions[flag_name] = _flag_condition(to_q)
        body[flag_name] = strawberry.field(default=UNSET, description=description)
    cls = type(name, (Filter,), body)
    for word, description in (
        ("and", "All of these hold."),
        ("or", "At least one of these holds."),
        ("not", "This does not hold."),
    ):
        annotations[f"{word}_"] = (cls if word == "not" else list[cls]) | None  # type: ignore[valid-type]
        setattr(cls, f"{word}_", strawberry.field(default=UNSET, name=word, description=description))
    annotations["CONDITIONS"] = ClassVar[Any]
    return strawberry.input(
        cls, name=name, description=f"Which {model.word}s are meant. Conditions side by side all hold."
    )


def _flag_condition(to_q: Callable[[Viewer, bool], Q]) -> Condition:
    return lambda viewer, value, path: Q() if value.eq in (UNSET, None) else to_q(viewer, value.eq)


def _for_column(model: type[Entity], column: str) -> tuple[type, Condition, str]:
    """The input type of a column's conditions, what makes them a predicate, and the description."""
    field = model._meta.fields_map[column]
    if column == "id":
        return (
            operators("IDFilter", strawberry.ID, "eq in_ is_null", "an id"),
            id_condition("id", model, nullable=False),
            "By id.",
        )
    if isinstance(field, RelationalField):
        related = related_model(model, column)
        return (
            operators("IDFilter", strawberry.ID, "eq in_ is_null", "an id"),
            id_condition(f"{column}_id", related, nullable=field.null),
            f"By the id of the {related.word}.",
        )
    nullable = field.null and not field.generated
    longest = None if hasattr(field, "enum_type") else getattr(field, "max_length", None)
    return (
        _operators_of(field),
        _column_condition(column, nullable=nullable, longest=longest),
        describe(model, column),
    )


def _operators_of(field: Any) -> type:
    kind: type = getattr(field, "enum_type", field.field_type)
    if isinstance(field, ArrayField):
        return operators("TextListFilter", list[str], "contains", "a list of texts")
    if isinstance(field, JSONField):
        return operators("JSONFilter", JSON, "contains", "a JSON value")
    if issubclass(kind, Enum):
        return operators(f"{kind.__name__}Filter", kind, "eq in_", f"a {kind.__name__}")
    if issubclass(kind, bool):
        return operators("BooleanFilter", bool, "eq", "a yes or no")
    if issubclass(kind, UUID):
        return operators("UUIDFilter", UUID, "eq in_", "a UUID")
    if issubclass(kind, datetime):
        return operators("DateTimeFilter", datetime, "eq gt gte lt lte is_null", "an instant")
    if isinstance(field, BigIntField):
        return operators("BigIntFilter", BigInt, "eq in_ gt gte lt lte is_null", "a number of up to 64 bits")
    if issubclass(kind, int):
        return operators("IntFilter", int, "eq in_ gt gte lt lte is_null", "a number")
    return operators("StringFilter", str, "eq in_ contains starts_with is_null", "a text")


# Orders --------------------------------------------------------------------------------------------------------------


class OrderDirection(Enum):
    """Rising or falling."""

    ASC = "asc"
    DESC = "desc"


describe_enum(
    OrderDirection,
    "Which way a list runs.",
    ASC="From small to large, from old to new.",
    DESC="From large to small, from new to old.",
)


class Order:
    """Base of the generated order inputs."""

    field: Any
    direction: OrderDirection

    def as_pair(self) -> tuple[str, bool]:
        """(column, whether descending)."""
        return self.field.value, self.direction is OrderDirection.DESC


def order_of(model: type[Entity], *columns: str) -> Any:
    """The order input of a model: a field, one of these columns, and a direction."""
    fields = Enum(f"{model.__name__}OrderField", {column.upper(): column for column in columns})  # type: ignore[misc]
    described = strawberry.enum(fields, description=f"What {model.word}s can be ordered by.")
    body = {
        "__annotations__": {"field": described, "direction": OrderDirection},
        "__module__": __name__,
        "field": strawberry.field(description="By what."),
        "direction": strawberry.field(default=OrderDirection.ASC, description="Which way."),
    }
    return strawberry.input(
        type(f"{model.__name__}Order", (Order,), body),
        name=f"{model.__name__}Order",
        description=f"How {model.word}s are ordered.",
    )
