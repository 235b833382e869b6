"""Plans by operation and shape, kept while they are in use."""

from collections import OrderedDict
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar
from weakref import WeakKeyDictionary, ref

import strawberry
import structlog
from graphql import OperationType
from graphql.execution.values import VariableValues

from app.graphql.documents import Operation
from app.graphql.plan.declared import Declined
from app.graphql.plan.doing import Do, Doer
from app.graphql.plan.payloads import PayloadRows, PlannedRow
from app.graphql.plan.planning import Planner
from app.graphql.plan.running import Read
from app.graphql.plan.shape import Shape, condition_variables, conditions
from app.graphql.plan.variables import Coercion
from app.settings import Settings

T = TypeVar("T")

log = structlog.get_logger("graphql")


class Planned:
    """The root fields of an operation under one shape, in their order: what answers each, or why nothing of ours does."""

    def __init__(self, roots: dict[str, Read | Declined], characters: int = 0) -> None:
        self.characters = characters
        self.reads = {key: read for key, read in roots.items() if not isinstance(read, Declined)}
        self.declined = {key: str(why) for key, why in roots.items() if isinstance(why, Declined)}
        self.order = tuple(roots)

    @property
    def whole(self) -> bool:
        """True when all of the operation is compiled."""
        return not self.declined


@dataclass
class _Shapes:
    """The plans of one operation, by the values of the variables in its conditions."""

    names: tuple[str, ...]
    coercion: Coercion
    planned: dict[Hashable, Planned] = field(default_factory=dict)
    doings: dict[Hashable, dict[str, Do]] = field(default_factory=dict)
    rows: dict[Hashable, dict[Hashable, PlannedRow | None]] = field(default_factory=dict)


class Plans:
    """The plans of operations, each kept for as long as `Documents` keeps its document; bounded in number and in size."""

    def __init__(
        self,
        schema: strawberry.Schema,
        settings: Settings | None = None,
        *,
        shapes: int = 32,
        most_characters: int = 16_000_000,
    ) -> None:
        self._schema = schema
        self.settings = settings or Settings()
        self.schema = schema._schema
        self._most = shapes
        self._most_characters = most_characters
        self.characters = 0
        self._weights: OrderedDict[tuple[ref[Operation], Hashable], int] = OrderedDict()
        self._kept: WeakKeyDictionary[Operation, _Shapes] = WeakKeyDictionary()

    def of(self, operation: Operation, variables: VariableValues) -> Planned | None:
        """How a query is read under these variables; None for another operation, and for @defer and @stream."""
        if operation.type is not OperationType.QUERY or operation.puts_off:
            return None
        shapes = self._shapes_of(operation)
        key = conditions(shapes.names, variables)
        planned = shapes.planned.get(key)
        if planned is None:
            planned = self._keep(shapes.planned, key, self._plan(operation, variables))
            self._weigh(operation, key, planned.characters)
        return planned

    def _weigh(self, operation: Operation, key: Hashable, characters: int) -> None:
        """Drop the plans that were made first, once there is too much of them."""
        self._weights[ref(operation), key] = characters
        self.characters += characters
        while self.characters > self._most_characters and len(self._weights) > 1:
            (dropped, shape), weight = self._weights.popitem(last=False)
            self.characters -= weight
            found = dropped()
            if found is not None and found in self._kept:
                self._kept[found].planned.pop(shape, None)

    def of_mutation(self, operation: Operation, variables: VariableValues) -> Mapping[str, Do]:
        """What does each of its root fields, in their order; nothing when the executor has to do one of them."""
        if operation.type is not OperationType.MUTATION or operation.puts_off:
            return {}
        shapes = self._shapes_of(operation)
        key = conditions(shapes.names, variables)
        if key not in shapes.doings:
            self._keep(shapes.doings, key, self._do(operation, variables))
        return shapes.doings[key]

    def of_payloads(self, operation: Operation, variables: VariableValues) -> PayloadRows | None:
        """How rows in its payloads are read under these variables; None for a query."""
        if operation.type is OperationType.QUERY or operation.puts_off:
            return None
        shapes = self._shapes_of(operation)
        key = conditions(shapes.names, variables)
        kept = shapes.rows.get(key)
        if kept is None:
            kept = self._keep(shapes.rows, key, {})
        return PayloadRows(self._schema, self.settings, operation, variables, kept)

    def variables(self, operation: Operation, raw: Mapping[str, Any]) -> VariableValues | None:
        """The variables of a query or mutation, coerced; None when they are wrong."""
        if operation.type is OperationType.SUBSCRIPTION:
            return None
        return self._shapes_of(operation).coercion.values(raw)

    def _shapes_of(self, operation: Operation) -> _Shapes:
        shapes = self._kept.get(operation)
        if shapes is None:
            names = condition_variables(operation.prepared.document)
            shapes = self._kept[operation] = _Shapes(names, Coercion(self.schema, operation.node))
        return shapes

    def _keep(self, kept: dict[Hashable, T], key: Hashable, made: T) -> T:
        if len(kept) >= self._most:  # conditions that take all values: 2 to the power of their number
            kept.clear()
        kept[key] = made
        return made

    def _do(self, operation: Operation, variables: VariableValues) -> dict[str, Do]:
        shape = Shape(self.schema, operation.prepared.document, operation.node, variables)
        doer = Doer(self._schema, shape)
        try:
            return {root.key: doer.plan(root) for root in shape.roots()}
        except Declined:
            return {}
        except Exception as error:
            log.warning("graphql.not_planned", operation=operation.name, exc_info=error)
            return {}

    def _plan(self, operation: Operation, variables: VariableValues) -> Planned:
        shape = Shape(self.schema, operation.prepared.document, operation.node, variables)
        planner = Planner(self._schema, shape)
        roots: dict[str, Read | Declined] = {}
        for root in shape.roots():
            try:
                roots[root.key] = planner.plan(root)
            except Declined as declined:
                roots[root.key] = declined
            except Exception as error:  # what cannot be planned is run as ever; its faults are worded there
                log.warning("graphql.not_planned", field=root.name, exc_info=error)
                roots[root.key] = Declined(repr(error))
        return Planned(roots, planner.characters)
