"""Runs operations on graphql-core, each over a context of its own.

The edges (`schema.http`, `schema.websocket`) carry bytes; what an operation answers is decided here. Answers leave
encoded, so that one execution of a stream can be sent to many sockets.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, Final, cast

import orjson
import strawberry
from graphql import (
    ExecutionResult,
    Executor,
    OperationType,
    create_source_event_stream,
    execute_root_selection_set,
    execute_subscription_event,
)
from prometheus_client import Counter, Histogram
from strawberry.execution import optimized_is_awaitable

from realtime.shared import Progress
from realtime.streams import Stretch
from resolvers.principals import Principal
from schema.context import Context, Services
from schema.documents import Document, Documents, Refused
from schema.errors import wire_errors
from schema.limits import Limits, overfull
from schema.requests import GraphQLRequest
from schema.streams import Streams

OPERATIONS: Final = Counter(
    "vigie_graphql_operations_total", "GraphQL operations by type and by how they ended.", ["type", "outcome"]
)
SECONDS: Final = Histogram(
    "vigie_graphql_operation_seconds",
    "Seconds from the parsed request to the answer, for queries and mutations.",
    ["type"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)


@dataclass(frozen=True, slots=True)
class Operation:
    """A request whose document is valid. `type` is None when its name does not single out an operation."""

    document: Document
    request: GraphQLRequest

    @property
    def type(self) -> OperationType | None:
        return self.document.type_of(self.request.operation_name)


@dataclass(frozen=True, slots=True)
class Answer:
    """What an operation that ran has answered: `body` is the JSON of `errors` and `data`."""

    body: bytes
    has_errors: bool


class Engine:
    """Prepares and runs operations of one schema."""

    def __init__(self, schema: strawberry.Schema, services: Services, limits: Limits | None = None) -> None:
        self._schema = schema._schema  # noqa: SLF001 — Strawberry has no public way to its graphql-core schema
        self._services = services
        self._limits = limits or Limits()
        self._documents = Documents(self._schema, self._limits)
        self._streams = Streams(self._schema)

    def prepare(self, request: GraphQLRequest) -> Operation:
        """The operation ready to run. Raises Refused when it is too large, or its document invalid."""
        try:
            _check_values(request.variables, self._limits)
            return Operation(self._documents.prepare(request.query), request)
        except Refused:
            OPERATIONS.labels("unknown", "refused").inc()
            raise

    async def execute(self, operation: Operation, principal: Principal, request_id: str) -> Answer:
        """Runs a query or mutation. Raises Refused when no operation is singled out or its variables do not fit."""
        started = time.perf_counter()
        context = Context(self._services, principal, request_id)
        executor = self._executor(operation, context)
        async with context.resources:
            result = await _settled(executor, execute_root_selection_set(executor))
        answer = _answer(result, request_id)
        kind = executor.operation.operation.value
        OPERATIONS.labels(kind, "errors" if answer.has_errors else "ok").inc()
        SECONDS.labels(kind).observe(time.perf_counter() - started)
        return answer

    async def stream(
        self, operation: Operation, principal: Principal, request_id: str, progress: Progress | None = None
    ) -> AsyncGenerator[bytes, None]:
        """Runs a subscription: yields the body of each event's answer. Raises Refused when it cannot start.

        What many ask for alike is executed once: see `schema.streams`. `progress` tells how far the stream has come.
        """
        outcome = "ok"

        def execute(who: Principal, request_id: str, part: Stretch | None) -> AsyncGenerator[tuple[Any, bytes], None]:
            return self._events(operation, Context(self._services, who, request_id, part))

        bodies = self._streams.subscribe(
            operation.document, operation.request, execute, principal, request_id, progress or Progress()
        )
        try:
            async with aclosing(bodies):
                async for body in bodies:
                    yield body
        except Exception:
            outcome = "errors"
            raise
        finally:
            OPERATIONS.labels("subscription", outcome).inc()

    async def _events(self, operation: Operation, context: Context) -> AsyncGenerator[tuple[Any, bytes], None]:
        """The events of a subscription, each with the body of its answer."""
        executor = self._executor(operation, context)
        async with context.resources, aclosing(await _source(executor)) as source:
            async for event in source:
                result = await _execute_event(executor.build_per_event_executor(event))
                yield event, _answer(result, context.request_id).body

    def _executor(self, operation: Operation, context: Context) -> Executor[Any]:
        executor = Executor.build(
            self._schema,
            operation.document.syntax,
            context_value=context,
            raw_variable_values=operation.request.variables,
            operation_name=operation.request.operation_name,
            is_awaitable=optimized_is_awaitable,  # type: ignore[arg-type]
            hide_suggestions=True,
            max_coercion_errors=20,
        )
        if isinstance(executor, list):
            OPERATIONS.labels("unknown", "refused").inc()
            raise Refused(executor)
        return executor


def _check_values(variables: dict[str, Any] | None, limits: Limits) -> None:
    if failures := overfull(variables, limits):
        raise Refused(failures)


async def _source(executor: Executor[Any]) -> AsyncGenerator[Any, None]:
    source = create_source_event_stream(executor)
    if isinstance(source, Awaitable):
        source = await source
    if isinstance(source, ExecutionResult):
        raise Refused(source.errors or [])
    return cast("AsyncGenerator[Any, None]", source)


async def _execute_event(executor: Executor[Any]) -> ExecutionResult:
    """Executes one event of a subscription over a context of its own."""
    context: Context = executor.context_value.fresh()
    executor.context_value = context
    async with context.resources:
        return await _settled(executor, execute_subscription_event(executor))


async def _settled(executor: Executor[Any], result: Awaitable[ExecutionResult] | ExecutionResult) -> ExecutionResult:
    """The result, once no resolver runs any more: one that fails at once leaves others behind that use the context."""
    if isinstance(result, Awaitable):
        result = await result
    if executor.background_futures:
        await asyncio.wait(executor.background_futures)
    return result


def _answer(result: ExecutionResult, request_id: str) -> Answer:
    errors = wire_errors(result.errors or (), request_id=request_id)
    body = {"errors": errors, "data": result.data} if errors else {"data": result.data}
    return Answer(orjson.dumps(body), has_errors=bool(errors))
