"""graphql-core's executor, with what has been read by plans put in: whole root fields of queries, and rows in payloads."""

from collections.abc import Mapping
from inspect import isawaitable
from typing import Any

from graphql import GraphQLObjectType, GraphQLResolveInfo
from graphql.execution import Executor
from graphql.pyutils import Path
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

from app.graphql.plan import NOT_READ, Handed, PayloadRows
from app.models import Entity


class PlainExecutor(Executor[Any]):
    """graphql-core's executor without incremental delivery, with the `info` that Strawberry's resolvers expect."""

    def __init__(self, *args: Any, operation_extensions: dict[str, Any] | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.operation_extensions = operation_extensions
        self.read: Mapping[str, Any] = {}
        """Root fields that have been read or done already, with their values, exceptions, or what is `Handed`."""
        self.rows: PayloadRows | None = None
        """What reads the rows in payloads of mutations and subscriptions, where that is compiled."""

    def execute_field(
        self, parent_type: Any, source: Any, field_details_list: Any, path: Path, position_context: Any
    ) -> Any:
        """Execute one field, unless it has been read."""
        if path.prev is not None or path.key not in self.read:
            return super().execute_field(parent_type, source, field_details_list, path, position_context)
        found = self.read[str(path.key)]
        if isinstance(found, Handed):
            return self._show(found.payload, parent_type, field_details_list, path, position_context)
        if isinstance(found, Exception):
            type_ = parent_type.fields[field_details_list[0].node.name.value].type
            self.handle_field_error(found, type_, field_details_list, path)
            return None
        return found

    def _show(self, payload: Any, parent_type: Any, details: Any, path: Path, position_context: Any) -> Any:
        """Complete what the field's function has given already."""

        async def given() -> Any:
            return payload

        field = parent_type.fields[details[0].node.name.value]
        info = self.build_resolve_info(field, [each.node for each in details], parent_type, path)
        return self.complete_awaitable_value(field.type, details, info, path, given(), position_context)

    def complete_object_value(
        self,
        return_type: GraphQLObjectType,
        field_details_list: Any,
        info: GraphQLResolveInfo[Any],
        path: Path,
        result: Any,
        position_context: Any,
    ) -> Any:
        """Complete an object: a row in a payload by its plan, if there is one."""
        if self.rows is not None and isinstance(result, Entity):
            read = self.rows.of(info, field_details_list, return_type, in_list=_in_list(path))
            if read is not None:
                place = (return_type, field_details_list, info, path, result, position_context)
                return self._read(read, result, place)
        return super().complete_object_value(
            return_type, field_details_list, info, path, result, position_context
        )

    async def _read(self, read: Any, row: Entity, place: Any) -> Any:
        found = await read(row, self.context_value.viewer)
        if found is not NOT_READ:
            return found
        completed = super().complete_object_value(*place)
        return await completed if isawaitable(completed) else completed

    build_resolve_info: Any = StrawberryGraphQLCoreExecutionContext.build_resolve_info


def _in_list(path: Path | None) -> bool:
    """True of a place that a payload may have several of."""
    while path is not None:
        if isinstance(path.key, int):
            return True
        path = path.prev
    return False
