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

from models.deadlines import deadline
from models.spans import span
from realtime.shared import Progress
from realtime.streams import Stretch
from resolvers.errors import Unavailable
from resolvers.principals import Principal, Role
from resolvers.suspects import SCHEMA
from schema.context import Context, Services
from schema.documents import Document, Documents, Refused
from schema.errors import Code, Failure, wire_errors
from schema.limits import Limits, overfull, too_complex
from schema.naming import NAMES
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

CHEAPER: Final = "Ask for smaller pages, coarser intervals or fewer fields at a time."
INTROSPECTS: Final = frozenset({Role.READER, Role.EDITOR, Role.ADMIN})
"""Who may ask for the schema."""


@dataclass(frozen=True, slots=True)
class Operation:
    """A request whose document is valid, and what it costs (`schema.complexity`).

    `type` is None when its name does not single out an operation.
    """

    document: Document
    request: GraphQLRequest
    cost: int
    extensions: dict[str, Any]
    """Those of its answer."""

    @property
    def type(self) -> OperationType | None:
        node = self.document.operation(self.request.operation_name)
        return None if node is None else node.operation

    @property
    def name(self) -> str | None:
        """The name of the operation that would run; None when it has none."""
        node = self.document.operation(self.request.operation_name)
        return None if node is None or node.name is None else node.name.value


@dataclass(frozen=True, slots=True)
class Answer:
    """What an operation that ran has answered: `body` is the JSON of `errors`, `data` and `extensions`."""

    body: bytes
    has_errors: bool
    age: float | None = None
    """Seconds since it was executed, where that was for another request."""


class Engine:
    """Prepares and runs operations of one schema.

    A query or mutation, and each event of a subscription, has `seconds`; then it is stopped, its SQL with it.
    """

    def __init__(
        self, schema: strawberry.Schema, services: Services, limits: Limits | None = None, *, seconds: float = 30.0
    ) -> None:
        self._schema = schema._schema  # noqa: SLF001 — Strawberry has no public way to its graphql-core schema
        self._services = services
        self._limits = limits or Limits()
        self._seconds = seconds
        self._documents = Documents(self._schema, self._limits)
        self._streams = Streams(self._schema)

    def prepare(self, request: GraphQLRequest) -> Operation:
        """The operation ready to run. Raises Refused when it is too large, costs too much, or is not valid."""
        try:
            _check_values(request.variables, self._limits)
            document = self._documents.prepare(request.query)
            cost = self._documents.cost(document, request.operation_name, request.variables)
            return Operation(document, request, cost, _affordable(cost, self._limits.cost))
        except Refused:
            OPERATIONS.labels("unknown", "refused").inc()
            raise

    def admit(self, operation: Operation, principal: Principal, address: str | None) -> dict[str, str]:
        """Counts what the operation costs; answers header fields that say what is left. Raises RateLimited."""
        return self._services.admission.admit(principal, address, operation.cost)

    async def execute(self, operation: Operation, principal: Principal, request_id: str) -> Answer:
        """Runs a query or mutation.

        Raises Refused when no operation is singled out, its variables do not fit, or it asks for the schema with a key
        that only sends; Unavailable when it takes too long.
        """
        started = time.perf_counter()
        if principal.role not in INTROSPECTS and operation.document.introspects(operation.request.operation_name):
            OPERATIONS.labels("query", "refused").inc()
            self._services.suspects.note(SCHEMA, project_id=principal.project_id)
            raise Refused([Failure(Code.FORBIDDEN, f"A key with role {principal.role.name} does not see the schema.")])
        context = Context(self._services, principal, request_id)
        executor = self._executor(operation, context)
        kind = executor.operation.operation.value
        try:
            with span(f"graphql {kind}", operation=operation.name or "", project=principal.project_name):
                async with deadline(self._seconds), context.resources:
                    result = await _settled(executor, execute_root_selection_set(executor))
        except TimeoutError:
            OPERATIONS.labels(kind, "stopped").inc()
            NAMES.count(operation.name, "stopped", time.perf_counter() - started)
            raise self._stopped(kind) from None
        answer = _answer(result, request_id, operation.extensions)
        outcome, seconds = "errors" if answer.has_errors else "ok", time.perf_counter() - started
        OPERATIONS.labels(kind, outcome).inc()
        SECONDS.labels(kind).observe(seconds)
        NAMES.count(operation.name, outcome, seconds)
        return answer

    async def stream(
        self, operation: Operation, principal: Principal, request_id: str, progress: Progress | None = None
    ) -> AsyncGenerator[bytes, None]:
        """Runs a subscription: yields the body of each event's answer. Raises Refused when it cannot start.

        What many ask for alike is executed once: see `schema.streams`. `progress` tells how far the stream has come.
        """
        outcome, progress = "ok", progress or Progress()
        short_cut, progress.at_once = progress.at_once, None

        def execute(who: Principal, request_id: str, part: Stretch | None) -> AsyncGenerator[tuple[Any, bytes], None]:
            return self._events(operation, Context(self._services, who, request_id, part))

        bodies = self._streams.subscribe(
            operation.document, operation.request, execute, principal, request_id, progress
        )
        try:
            async with aclosing(bodies):
                told = False
                async for body in bodies:
                    yield body if told else _extended(body, operation.extensions)
                    told, progress.at_once = True, short_cut
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
                result = await self._execute_event(executor.build_per_event_executor(event))
                yield event, _answer(result, context.request_id).body

    async def _execute_event(self, executor: Executor[Any]) -> ExecutionResult:
        """Executes one event of a subscription over a context of its own. Raises Unavailable when it takes too long."""
        context: Context = executor.context_value.fresh()
        executor.context_value = context
        try:
            async with deadline(self._seconds), context.resources:
                return await _settled(executor, execute_subscription_event(executor))
        except TimeoutError:
            raise self._stopped("subscription") from None

    def _stopped(self, kind: str) -> Unavailable:
        done = " What it changed may be stored." if kind == "mutation" else ""
        text = f"The operation was stopped after {self._seconds:g} seconds.{done} Ask for less at a time, or try again."
        return Unavailable(text, retry_after=1)

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


def _affordable(cost: int, limit: int) -> dict[str, Any]:
    """The extensions that tell a cost. Raises Refused when it is too high."""
    extensions = {"cost": {"requested": cost, "limit": limit}}
    if cost > limit:
        raise Refused([too_complex("Cost", cost, limit, CHEAPER, **extensions)], extensions)
    return extensions


async def _source(executor: Executor[Any]) -> AsyncGenerator[Any, None]:
    source = create_source_event_stream(executor)
    if isinstance(source, Awaitable):
        source = await source
    if isinstance(source, ExecutionResult):
        raise Refused(source.errors or [])
    return cast("AsyncGenerator[Any, None]", source)


async def _settled(executor: Executor[Any], result: Awaitable[ExecutionResult] | ExecutionResult) -> ExecutionResult:
    """The result, once no resolver runs any more: one that fails at once leaves others behind that use the context."""
    try:
        if isinstance(result, Awaitable):
            result = await result
    except asyncio.CancelledError:
        for future in executor.background_futures or ():
            future.cancel()
        raise
    finally:
        if executor.background_futures:
            await asyncio.wait(executor.background_futures)
    return result


def _answer(result: ExecutionResult, request_id: str, extensions: dict[str, Any] | None = None) -> Answer:
    errors = wire_errors(result.errors or (), request_id=request_id)
    body: dict[str, Any] = {"errors": errors, "data": result.data} if errors else {"data": result.data}
    if extensions:
        body["extensions"] = extensions
    return Answer(orjson.dumps(body), has_errors=bool(errors))


def _extended(body: bytes, extensions: dict[str, Any]) -> bytes:
    """An answer without extensions, with these."""
    return b'%b,"extensions":%b}' % (body[:-1], orjson.dumps(extensions))
