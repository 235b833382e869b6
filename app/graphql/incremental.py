"""Incremental delivery: what @defer and @stream put off, as clients of two formats read it.

The newer format names what is pending by ids (https://github.com/graphql/defer-stream-wg). The older one, of
2022-08-24, gives paths instead; Apollo Client asks for it by default.
"""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import Any

from graphql import ExperimentalIncrementalExecutionResults, GraphQLError

from app.graphql.response import FormattedError, report

Frame = dict[str, Any]


async def frames_of(results: ExperimentalIncrementalExecutionResults) -> AsyncGenerator[Frame, None]:
    """The responses of one operation, the first with what was not put off."""
    initial = results.initial_result
    yield _frame(
        data=initial.data,
        errors=_told(initial.errors),
        pending=[each.formatted for each in initial.pending],
        hasNext=initial.has_next,
    )
    async with aclosing(results.subsequent_results) as subsequent:
        async for result in subsequent:
            yield _frame(
                pending=[each.formatted for each in result.pending or ()],
                incremental=[_masked(each) for each in result.incremental or ()],
                completed=[_masked(each) for each in result.completed or ()],
                hasNext=result.has_next,
            )


async def in_older_format(frames: AsyncIterator[Frame]) -> AsyncGenerator[Frame, None]:
    """The same responses with paths in the place of ids. For @defer only."""
    pending: dict[str, Any] = {}
    async for frame in frames:
        pending.update({each["id"]: each for each in frame.pop("pending", ())})
        parts = [_with_path(each, pending[each["id"]]) for each in frame.pop("incremental", ())]
        failed = [each for each in frame.pop("completed", ()) if "errors" in each]
        parts += [_with_path({"data": None, **each}, pending[each["id"]]) for each in failed]
        if "data" in frame:
            yield frame
        elif parts or not frame["hasNext"]:
            yield _frame(incremental=parts, hasNext=frame["hasNext"])


def _with_path(part: Frame, pending: Frame) -> Frame:
    path = [*pending["path"], *part.get("subPath", ())]
    return _frame(data=part["data"], path=path, label=pending.get("label"), errors=part.get("errors"))


def _frame(**members: Any) -> Frame:
    """Without members that are empty; `data` may be null, and a path may be that of the root."""
    return {name: value for name, value in members.items() if name in ("data", "path", "hasNext") or value}


def _masked(result: Any) -> Frame:
    formatted: Frame = dict(result.formatted)
    if result.errors:
        formatted["errors"] = _told(result.errors)
    return formatted


def _told(errors: list[GraphQLError] | None) -> list[FormattedError]:
    return [report(each) for each in errors or ()]
