"""Rows in the payloads of mutations and subscriptions: what is selected of them is read by a plan.

The executor has run the action, or the event's resolver, and hands the row over. Where only columns of the row are
selected, they are shown as the row has them; else the row is read again with all that hangs off it, as the viewer sees it
after the commit. What is not compiled, or not found so, goes on in the executor: nothing of the action is repeated.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import strawberry
import structlog
from graphql import GraphQLObjectType, GraphQLResolveInfo
from tortoise.fields import DatetimeField, UUIDField

from app.access import Viewer
from app.graphql import metrics
from app.graphql.documents import Operation
from app.graphql.plan.declared import Declined, column_of
from app.graphql.plan.leaves import SAME_IN_PYTHON, instant_text
from app.graphql.plan.planning import Planner
from app.graphql.plan.rows import ReadMany
from app.graphql.plan.running import EXPECTED, Asked, Table
from app.graphql.plan.shape import Selected, Shape
from app.models import Entity
from app.settings import Settings

log = structlog.get_logger("graphql")

NOT_READ = object()
"""What stands for a row that its plan could not show."""

ReadRow = Callable[[Entity, Viewer], Awaitable[Any]]


class PayloadRows:
    """The plans of the rows in one operation's payloads, for one run of it. `kept` is for all runs of the same shape."""

    def __init__(
        self,
        schema: strawberry.Schema,
        settings: Settings,
        operation: Operation,
        variables: Any,
        kept: dict[Any, "PlannedRow | None"],
    ) -> None:
        self._schema, self._settings = schema, settings
        self._operation, self._variables, self._kept = operation, variables, kept

    def of(
        self, info: GraphQLResolveInfo[Any], details: Any, type_: GraphQLObjectType, *, in_list: bool
    ) -> ReadRow | None:
        """What shows a row at that place; None where the executor does it. Rows in lists are read together only there."""
        key = (type_.name, *(id(each.node) for each in details))
        if key not in self._kept:
            self._kept[key] = self._plan(info, details, type_)
        planned = self._kept[key]
        if planned is None or (in_list and not planned.alone):
            return None
        return lambda row, viewer: planned.show(row, Asked(viewer, self._variables, self._settings))

    def _plan(
        self, info: GraphQLResolveInfo[Any], details: Any, type_: GraphQLObjectType
    ) -> "PlannedRow | None":
        shape = Shape(
            self._schema._schema, self._operation.prepared.document, self._operation.node, self._variables
        )
        selected = Selected(str(info.path.key), details, info.parent_type, None)
        try:
            return PlannedRow(Planner(self._schema, shape).many(selected, type_))
        except Declined:
            return None
        except Exception as error:
            log.warning("graphql.not_planned", field=info.field_name, exc_info=error)
            return None


class PlannedRow:
    """How a row is shown that the executor has."""

    def __init__(self, rows: ReadMany) -> None:
        self._rows = rows
        cells = cells_of(rows.table)
        self.alone = cells is not None
        """True when nothing but its own columns is needed."""
        self._cells = cells or []

    async def show(self, row: Entity, asked: Asked) -> Any:
        """The object, or `NOT_READ`."""
        try:
            found = await self._show(row, asked)
        except EXPECTED:
            return NOT_READ
        except Exception as error:
            log.warning("graphql.compiled_read_failed", exc_info=error)
            return NOT_READ
        if found is not NOT_READ:
            metrics.COMPILED_PAYLOADS.inc()
        return found

    async def _show(self, row: Entity, asked: Asked) -> Any:
        if type(row) is not self._rows.table.model:
            return NOT_READ
        if self.alone:
            return self._rows.render([cell(row) for cell in self._cells], [], asked)
        return (await self._rows.by_id(asked, [row.id])).get(row.id, NOT_READ)


def cells_of(table: Table) -> Sequence[Callable[[Entity], Any]] | None:
    """What makes of a row the record that PostgreSQL would give; None when more than the row is in it."""
    columns = table.own_columns()
    if columns is None:
        return None
    return [
        _instant(column) if as_text else _cell(column, column_of(table.model, column))
        for column, as_text in columns
    ]


def _instant(name: str) -> Callable[[Entity], Any]:
    return lambda row: None if (value := getattr(row, name)) is None else instant_text(value)


def _cell(name: str, field: Any) -> Callable[[Entity], Any]:
    if getattr(field, "enum_type", None) is not None:
        return lambda row: None if (value := getattr(row, name)) is None else field.enum_type(value).value
    if isinstance(field, (*SAME_IN_PYTHON, DatetimeField, UUIDField)):
        return lambda row: getattr(row, name)
    return lambda row: None if (value := getattr(row, name)) is None else field.to_db_value(value, row)
