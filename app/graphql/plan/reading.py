"""Answers what is compiled of an operation. What fails here is left to the ordinary executor, which words the error."""

import asyncio
from collections.abc import Mapping
from typing import Any

import asyncpg
import structlog

from app.access import Viewer
from app.graphql import metrics
from app.graphql.documents import Operation
from app.graphql.plan.cache import Planned, Plans
from app.graphql.plan.running import EXPECTED, Asked, Read

log = structlog.get_logger("graphql")


async def read_compiled(
    plans: Plans, operation: Operation, raw_variables: Mapping[str, Any], viewer: Viewer
) -> tuple[dict[str, Any], bool]:
    """Response key → value, of the root fields that were read; and whether those are all, in their order.

    A value that is an exception is the field's error: a statement that took too long is not sent a second time.
    """
    variables = plans.variables(operation, raw_variables)
    planned = plans.of(operation, variables) if variables is not None else None
    if planned is None or variables is None:
        return {}, False
    values = await _read(planned, Asked(viewer, variables, plans.settings))
    metrics.COMPILED_FIELDS.inc(len(values))
    whole = len(values) == len(planned.order)
    if not whole:
        metrics.DECLINED_FIELDS.inc(len(planned.order) - len(values))
    return values, whole and not any(isinstance(value, Exception) for value in values.values())


async def _read(planned: Planned, asked: Asked) -> dict[str, Any]:
    if len(planned.reads) == 1:
        ((key, read),) = planned.reads.items()
        found = {key: await _value(read, asked)}
    else:
        values = await asyncio.gather(*[_value(read, asked) for read in planned.reads.values()])
        found = dict(zip(planned.reads, values, strict=True))
    return {key: value for key, value in found.items() if value is not _FAILED}


_FAILED = object()


async def _value(read: Read, asked: Asked) -> Any:
    try:
        return await read.value(asked)
    except EXPECTED:
        return _FAILED
    except asyncpg.QueryCanceledError as error:
        return error
    except Exception as error:
        log.warning("graphql.compiled_read_failed", exc_info=error)
        return _FAILED
