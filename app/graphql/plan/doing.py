"""Root fields of mutations without the executor: the arguments made, the function called, its payload shown.

The function is the same that the executor would call, and it is called once. A payload that says why it was refused, and
whatever else is not shown here, goes on in the executor as it is (`Handed`).
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import strawberry
import structlog
from graphql import GraphQLObjectType, get_nullable_type

from app.context import Context
from app.graphql.plan.arguments import Arguments
from app.graphql.plan.declared import Declined, definition_of, function_of, is_plain, shows_rows
from app.graphql.plan.payloads import NOT_READ, PlannedRow
from app.graphql.plan.planning import TYPENAME, Planner
from app.graphql.plan.running import EXPECTED, Asked
from app.graphql.plan.shape import Selected, Shape
from app.graphql.plan.values import Shown
from app.models import Entity

log = structlog.get_logger("graphql")

REFUSED = "userErrors"

ShowPart = Callable[[Any, Asked], Awaitable[Any]]


@dataclass(frozen=True)
class Handed:
    """What a root field's function gave, for the executor to show."""

    payload: Any


@dataclass(frozen=True)
class Called:
    """What the functions of mutations take of an `info`."""

    context: Context


@dataclass(frozen=True)
class Do:
    """One root field of a mutation."""

    arguments: Arguments
    function: Callable[..., Awaitable[Any]]
    parts: Sequence[tuple[str, ShowPart]]

    async def value(self, context: Context, given: Mapping[str, Any], asked: Asked) -> Any:
        """Call the function; what is shown of its payload, or `Handed`. Raises what the function raises."""
        payload = await self.function(Called(context), **given)
        if payload.user_errors:
            return Handed(payload)
        # who has just registered is somebody now
        asked = Asked(context.viewer, asked.variables, asked.settings)
        try:
            return await self._show(payload, asked)
        except EXPECTED:
            return Handed(payload)
        except Exception as error:
            log.warning("graphql.compiled_payload_failed", exc_info=error)
            return Handed(payload)

    async def _show(self, payload: Any, asked: Asked) -> dict[str, Any]:
        shown = {}
        for key, show in self.parts:
            shown[key] = await show(payload, asked)
        return shown


class Doer:
    """Plans the root fields of a mutation under one shape."""

    def __init__(self, schema: strawberry.Schema, shape: Shape) -> None:
        self._schema, self._shape = schema, shape
        self._planner = Planner(schema, shape)

    def plan(self, root: Selected) -> Do:
        """What does it. Raises `Declined` for one that is left to the executor."""
        definition = definition_of(root.field)
        base = definition.base_resolver
        if base is None or base.info_parameter is None or base.self_parameter or base.root_parameter:
            raise Declined("its function takes more than its arguments")
        type_ = root.object_type
        parts = [(each.key, self._part(each)) for each in self._shape.below(root, type_)]
        return Do(Arguments(self._schema, root), function_of(definition), parts)

    def _part(self, selected: Selected) -> ShowPart:
        if selected.name == TYPENAME:
            return _same_for_all(selected.parent.name)
        if selected.name == REFUSED:
            return _same_for_all([])  # none: a payload that has some is not shown here
        definition = definition_of(selected.field)
        if not is_plain(definition):
            raise Declined(f"{selected.parent.name}.{selected.name}: it has code of its own")
        type_ = get_nullable_type(selected.field.type)
        if isinstance(type_, GraphQLObjectType) and shows_rows(type_):
            return _row(definition.python_name, PlannedRow(self._planner.many(selected, type_)))
        return _value(definition.python_name, self._planner.value(selected))


def _same_for_all(value: Any) -> ShowPart:
    async def show(payload: Any, asked: Asked) -> Any:
        return value

    return show


def _row(name: str, planned: PlannedRow) -> ShowPart:
    async def show(payload: Any, asked: Asked) -> Any:
        row: Entity | None = getattr(payload, name)
        if row is None:
            return None
        shown = await planned.show(row, asked)
        if shown is NOT_READ:
            raise Declined("a row that its plan does not show")
        return shown

    return show


def _value(name: str, shown: Shown) -> ShowPart:
    async def show(payload: Any, asked: Asked) -> Any:
        return (await shown.all(asked, [getattr(payload, name)]))[0]

    return show
