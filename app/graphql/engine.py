"""Executes requests, whichever transport brought them.

    request → Documents (parsed, measured, validated; cached) → viewer, budget → root fields → Outcome or events

Strawberry builds the types. Reads that are compiled (`plan`) are answered without it; graphql-core runs the rest,
driven from here.
"""

import time
from collections.abc import AsyncGenerator, Callable, Coroutine, Hashable
from contextlib import AbstractContextManager, aclosing, nullcontext
from inspect import isawaitable
from typing import Any, cast

import strawberry
from graphql import ExecutionResult, OperationType
from graphql.execution import Executor
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

from app.access import Viewer
from app.errors import Unauthenticated
from app.graphql import metrics
from app.graphql.budget import Budget
from app.graphql.callers import Caller as Caller
from app.graphql.callers import Identify as Identify
from app.graphql.documents import Documents, Operation, TrustedDocuments
from app.graphql.executor import PlainExecutor
from app.graphql.groups import Charge
from app.graphql.incremental import frames_of, in_older_format
from app.graphql.limits import Limits, actual_nodes, check_variables
from app.graphql.outlets import Closed, Outlet
from app.graphql.plan import Compiled, Plans, run_compiled
from app.graphql.rendering import Event as Event
from app.graphql.rendering import Rendered
from app.graphql.request import GraphQLRequest
from app.graphql.response import BAD_INPUT, Outcome, Refused, encode, refusal, refuse, report
from app.graphql.subscribing import Subscriber, Subscriptions, open_source, shared_part
from app.settings import Settings
from app.tracing import CARRIERS, mark_failed, operation_span, tracing

COUNT_FROM = 100  # points: what costs less is not counted again after it ran


class Engine:
    """The one place where operations run. `make_context` gives each of them, and each event, a context of its own."""

    def __init__(
        self,
        schema: strawberry.Schema,
        settings: Settings,
        make_context: Callable[[Viewer, Caller], Any],
        servers: Callable[[], int] = lambda: 1,
    ) -> None:
        self.schema = schema._schema
        self.documents = Documents(
            self.schema,
            Limits.of(settings),
            trusted=TrustedDocuments(settings.trusted_documents, settings.trusted_documents_dir),
        )
        self.budget = Budget(settings.cost_limit, settings.cost_refill_per_second, servers=servers)
        self._make_context = make_context
        self._introspection = settings.introspection
        self._subscriptions = Subscriptions(make_context)
        self._plans = Plans(schema, settings) if settings.compiled_reads else None

    def find(self, request: GraphQLRequest) -> Operation:
        """The operation that a request means; raise `Refused` when it cannot be served."""
        check_variables(request.variables)
        return self.documents.prepare(request).select(request.operation_name)

    def rate_limit(self, viewer: Viewer, caller: Caller) -> dict[str, Any]:
        """What the caller may still spend: limit, remaining, resetAt. See `budget`."""
        return self.budget.describe(_payer(viewer, caller), 0, 0)

    def execute(
        self, operation: Operation, request: GraphQLRequest, caller: Caller, *, wants_cost: bool = False
    ) -> Coroutine[Any, Any, Outcome]:
        """Run a query or mutation; raise `Refused` when it is not even begun."""
        executing = self._execute(operation, request, caller, wants_cost)
        return _traced(executing, operation, request) if tracing() else executing

    async def _execute(
        self, operation: Operation, request: GraphQLRequest, caller: Caller, wants_cost: bool
    ) -> Outcome:
        started = time.perf_counter()
        outcome = "cancelled"
        try:
            viewer = await caller.viewer()
            self._admit(operation, viewer)
            cost = operation.cost(request.variables)
            payer = _payer(viewer, caller)
            self.budget.spend(payer, cost)
            result = await self._run(operation, request, viewer, caller)
            outcome = "errors" if result.errors else "data"
            self._settle(result, payer, cost, wants_cost or request.wants_cost)
            return result
        except Exception as error:
            outcome = "refused"
            raise _refusal(error) from None
        finally:
            metrics.count_operation(operation.kind, outcome, time.perf_counter() - started)

    async def stream(
        self,
        operation: Operation,
        request: GraphQLRequest,
        caller: Caller,
        resume_after: str | None = None,
        outlet: Outlet | None = None,
    ) -> AsyncGenerator[Event, None]:
        """Run any operation: a query or mutation gives one event, a subscription as many as there are.

        `resume_after` is a cursor that replaces the subscription's `after`. What an `outlet` takes of a subscription is
        sent; the rest comes from here, in its place: whoever asks for the next has sent all before. Raises `Refused`
        when the request cannot be served, and when a subscription ends with an error; it then carries the errors to send.
        """
        if operation.type is not OperationType.SUBSCRIPTION:
            outcome = await self.execute(operation, request, caller)
            yield Event(Rendered(outcome.encode()))
            return
        metrics.SUBSCRIPTIONS.inc()
        try:
            async with aclosing(
                self._subscribe(operation, request, caller, resume_after, outlet or Closed())
            ) as events:
                async for event in events:
                    metrics.EVENTS_SENT.inc()
                    yield event
        except Exception as error:
            raise _refusal(error) from None
        finally:
            metrics.SUBSCRIPTIONS.dec()

    async def deliver(
        self, operation: Operation, request: GraphQLRequest, caller: Caller, *, older: bool
    ) -> AsyncGenerator[Event, None]:
        """Run a query or mutation, and give what @defer and @stream put off as it comes. See `incremental`."""
        try:
            viewer = await caller.viewer()
            self._admit(operation, viewer)
            self.budget.spend(_payer(viewer, caller), operation.cost(request.variables))
            executor = self._executor(
                operation, request, self._make_context(viewer, caller), StrawberryGraphQLCoreExecutionContext
            )
            with _span(operation, request):  # what is put off comes after it
                result: Any = executor.execute_operation()
                result = await result if isawaitable(result) else result
            if isinstance(result, ExecutionResult):
                whole = Outcome(result.data, [report(error) for error in result.errors or ()])
                yield Event(Rendered(whole.encode()))
                return
            frames = frames_of(result)
            async with aclosing(in_older_format(frames) if older else frames) as chosen:
                async for frame in chosen:
                    yield Event(Rendered(encode(frame)))
        except Exception as error:
            raise _refusal(error) from None

    def _admit(self, operation: Operation, viewer: Viewer) -> None:
        if operation.introspects and self._introspection != "everyone":
            if self._introspection == "nobody":
                raise Refused.because(
                    "This server does not answer introspection; read /schema.graphql.", BAD_INPUT
                )
            if viewer.anonymous:
                raise Unauthenticated("Sign in to ask the schema about itself, or read /schema.graphql.")

    async def _run(
        self, operation: Operation, request: GraphQLRequest, viewer: Viewer, caller: Caller
    ) -> Outcome:
        """Execute a query or mutation: what is compiled of it first, and the rest, if any, as ever."""
        read = Compiled()
        if operation.type is OperationType.QUERY:  # what a mutation changes it has to see itself
            viewer = viewer.settled_if_known
        context = self._make_context(viewer, caller)
        if self._plans is not None:
            read = await run_compiled(self._plans, operation, request, context)
        told = {"plan": read.told()} if request.wants_plan else {}
        if read.whole:
            return Outcome(read.values, extensions=told)
        executor = self._executor(operation, request, context)
        if isinstance(executor, PlainExecutor):
            executor.read = read.values
        executing = executor.execute_operation()
        result = cast(ExecutionResult, await executing if isawaitable(executing) else executing)
        return Outcome(result.data, [report(error) for error in result.errors or ()], told)

    def _executor(
        self,
        operation: Operation,
        request: GraphQLRequest,
        context: Any,
        kind: type[Executor[Any]] = PlainExecutor,
    ) -> Executor[Any]:
        executor = kind.build(
            self.schema,
            operation.prepared.document,
            context_value=context,
            raw_variable_values=request.variables,
            operation_name=operation.name,
            operation_extensions=request.extensions,
        )
        if isinstance(executor, list):
            raise refuse(executor, BAD_INPUT)
        if self._plans is not None and isinstance(executor, PlainExecutor):
            executor.rows = self._plans.of_payloads(operation, executor.variable_values)
        return executor

    def _settle(self, outcome: Outcome, payer: Hashable, cost: int, wants_cost: bool) -> None:
        if wants_cost or cost >= COUNT_FROM:
            actual = min(actual_nodes(outcome.data_as_json()), cost)
            self.budget.give_back(payer, cost - actual)
            if wants_cost:
                outcome.extensions["cost"] = self.budget.describe(payer, cost, actual)

    async def _subscribe(
        self,
        operation: Operation,
        request: GraphQLRequest,
        caller: Caller,
        resume_after: str | None,
        outlet: Outlet,
    ) -> AsyncGenerator[Event, None]:
        viewer = await caller.viewer()
        self._admit(operation, viewer)
        payer, cost = _payer(viewer, caller), operation.cost(request.variables)
        self.budget.spend(payer, cost)
        executor = self._executor(operation, request, self._make_context(viewer, caller))
        charge, shared = Charge(self.budget, cost), shared_part(operation, request)
        subscriber = Subscriber(caller, executor, shared, payer, charge, outlet)
        with _span(operation, request):  # of its beginning: it may go on for days
            source = await open_source(executor, resume_after)
        async with aclosing(self._subscriptions.run(subscriber, source, viewer)) as events:
            async for event in events:
                yield event


async def _traced(
    executing: Coroutine[Any, Any, Outcome], operation: Operation, request: GraphQLRequest
) -> Outcome:
    with operation_span(operation.kind, operation.name, trace_of(request)) as span:
        outcome = await executing
        if outcome.errors:
            mark_failed(span, "the result has errors")
        return outcome


def _span(operation: Operation, request: GraphQLRequest) -> AbstractContextManager[object]:
    """A span round what is run in it, when spans are collected."""
    if not tracing():
        return nullcontext()
    return operation_span(operation.kind, operation.name, trace_of(request))


def trace_of(request: GraphQLRequest) -> dict[str, str]:
    """What a client says of its trace: in the headers, or, where it cannot set any, in `extensions`."""
    if request.trace:
        return request.trace
    extensions = request.extensions
    return {name: extensions[name] for name in CARRIERS if isinstance(extensions.get(name), str)}


def _payer(viewer: Viewer, caller: Caller) -> Hashable:
    return ("token", viewer.token_id) if viewer.token_id is not None else ("address", caller.address)


def _refusal(error: Exception) -> Refused:
    refused = refusal(error)
    metrics.REFUSED.labels(refused.code).inc()
    return refused
