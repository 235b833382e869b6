"""Answers what is compiled of an operation. What fails here is left to the ordinary executor, which words the error."""

import asyncio
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import asyncpg
import structlog
from graphql import OperationType

from app.context import Context
from app.graphql import metrics
from app.graphql.documents import Operation
from app.graphql.plan.cache import Planned, Plans
from app.graphql.plan.declared import Declined
from app.graphql.plan.doing import Do, Handed
from app.graphql.plan.running import EXPECTED, Asked, Read
from app.graphql.request import GraphQLRequest

log = structlog.get_logger("graphql")

NOTHING: Mapping[str, str] = MappingProxyType({})


class Compiled:
    """What was answered by plans: response key → value, of the root fields that were read.

    A value that is an exception is the field's error: a statement that took too long is not sent a second time, and what
    was done is not done again.
    """

    __slots__ = ("left", "values")

    def __init__(self, values: dict[str, Any] | None = None, left: Mapping[str, str] = NOTHING) -> None:
        """`left` are the root fields that are left to the executor, and why."""
        self.values = values or {}
        self.left = left

    @property
    def whole(self) -> bool:
        """True when these are all fields, in their order, and nothing of them is for the executor."""
        return (
            bool(self.values)
            and not self.left
            and not any(isinstance(value, Exception | Handed) for value in self.values.values())
        )

    def told(self) -> dict[str, str]:
        """Response key → "compiled", or why not."""
        return {**dict.fromkeys(self.values, "compiled"), **self.left}


async def run_compiled(
    plans: Plans, operation: Operation, request: GraphQLRequest, context: Context
) -> Compiled:
    """Answer what is compiled of a query or mutation."""
    variables = request.coerced
    if variables is None:
        variables = request.coerced = plans.variables(operation, request.variables)
    if variables is None:
        return Compiled()
    asked = Asked(context.viewer, variables, plans.settings)
    if operation.type is OperationType.MUTATION:
        read = await _do(plans.of_mutation(operation, variables), asked, context)
    elif planned := plans.of(operation, variables):
        read = await _read(planned, asked)
    else:
        return Compiled()
    metrics.COMPILED_FIELDS.inc(len(read.values))
    if read.left:
        metrics.DECLINED_FIELDS.inc(len(read.left))
    return read


async def _do(doings: Mapping[str, Do], asked: Asked, context: Context) -> Compiled:
    """One root field of a mutation after the other. Those that are not reached are for the executor to do, or not."""
    done: dict[str, Any] = {}
    for key, do in doings.items():
        try:
            given = asked.values(do.arguments)
        except EXPECTED:
            break  # the executor words it
        try:
            done[key] = await do.value(context, given, asked)
        except Exception as error:
            done[key] = error
            break
    return Compiled(done, dict.fromkeys(doings.keys() - done.keys(), "something was in the way"))


async def _read(planned: Planned, asked: Asked) -> Compiled:
    if len(planned.reads) == 1:
        ((key, read),) = planned.reads.items()
        found = {key: await _value(read, asked)}
    else:
        values = await asyncio.gather(*[_value(read, asked) for read in planned.reads.values()])
        found = dict(zip(planned.reads, values, strict=True))
    failed = {key: str(value) for key, value in found.items() if isinstance(value, Declined)}
    if not failed:
        return Compiled(found, planned.declined)
    left = {**planned.declined, **failed}
    return Compiled({key: value for key, value in found.items() if key not in failed}, left)


async def _value(read: Read, asked: Asked) -> Any:
    """The value; an error to be told; or `Declined`, for the executor to find out what is to be told."""
    try:
        return await read.value(asked)
    except asyncpg.QueryCanceledError as error:
        return error
    except EXPECTED as error:
        return error if isinstance(error, Declined) else Declined(str(error))
    except Exception as error:
        log.warning("graphql.compiled_read_failed", exc_info=error)
        return Declined("it failed")
