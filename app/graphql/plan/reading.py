"""Answers what is compiled of an operation. What fails here is left to the ordinary executor, which words the error."""

import asyncio
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import asyncpg
import structlog

from app.access import Viewer
from app.graphql import metrics
from app.graphql.documents import Operation
from app.graphql.plan.cache import Planned, Plans
from app.graphql.plan.declared import Declined
from app.graphql.plan.running import EXPECTED, Asked, Read

log = structlog.get_logger("graphql")

NOTHING: Mapping[str, str] = MappingProxyType({})


class Compiled:
    """What was answered by plans: response key → value, of the root fields that were read.

    A value that is an exception is the field's error: a statement that took too long is not sent a second time.
    """

    def __init__(self, values: dict[str, Any] | None = None, left: Mapping[str, str] = NOTHING) -> None:
        """`left` are the root fields that are left to the executor, and why."""
        self.values = values or {}
        self.left = left

    @property
    def whole(self) -> bool:
        """True when these are all fields, in their order, and there are no errors."""
        return (
            bool(self.values)
            and not self.left
            and not any(isinstance(value, Exception) for value in self.values.values())
        )

    def told(self) -> dict[str, str]:
        """Response key → "compiled", or why not."""
        return {**dict.fromkeys(self.values, "compiled"), **self.left}


async def read_compiled(
    plans: Plans, operation: Operation, raw_variables: Mapping[str, Any], viewer: Viewer
) -> Compiled:
    """Read what is compiled of an operation."""
    variables = plans.variables(operation, raw_variables)
    planned = plans.of(operation, variables) if variables is not None else None
    if planned is None or variables is None:
        return Compiled()
    read = await _read(planned, Asked(viewer, variables, plans.settings))
    metrics.COMPILED_FIELDS.inc(len(read.values))
    if read.left:
        metrics.DECLINED_FIELDS.inc(len(read.left))
    return read


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
