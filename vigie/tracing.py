"""Traces of what Vigie does, sent by OTLP over HTTP. Imported only where an endpoint is set: it takes a while."""

import asyncio
from typing import Any, Final

import structlog
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import SpanKind, StatusCode, format_trace_id
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from models.spans import trace_with
from vigie.telemetry import VERSION

PATH: Final = "/v1/traces"
TIMEOUT_SECONDS: Final = 5
TRACED: Final = frozenset({"/graphql", "/export"})
"""What is traced: not the doors, for what exports to Vigie itself would never end, and not the probes."""
FAILED: Final = 500


class Tracing:
    """Collects the spans of this process and sends them to `endpoint`, a collector's base address."""

    def __init__(self, endpoint: str, environment: str, processor: SpanProcessor | None = None) -> None:
        resource = {"service.name": "vigie", "service.version": VERSION, "deployment.environment.name": environment}
        self._provider = TracerProvider(resource=Resource.create(resource), shutdown_on_exit=False)
        exporter = OTLPSpanExporter(endpoint=endpoint.rstrip("/") + PATH, timeout=TIMEOUT_SECONDS)
        self._provider.add_span_processor(processor or BatchSpanProcessor(exporter))
        self.tracer = self._provider.get_tracer("vigie", VERSION)
        trace_with(self.tracer)

    def requests(self, app: ASGIApp) -> "TracedRequests":
        """The middleware over `app`."""
        return TracedRequests(app, self)

    async def close(self) -> None:
        """Sends what is left, and nothing afterwards."""
        trace_with(None)
        await asyncio.to_thread(self._provider.shutdown)


class TracedRequests:
    """The middleware that makes a span of every GraphQL request and export, below that of its client."""

    def __init__(self, app: ASGIApp, tracing: Tracing) -> None:
        self._app = app
        self._tracer = tracing.tracer
        self._propagator = TraceContextTextMapPropagator()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        route = "/" + scope.get("path", "").split("/", 2)[1] if scope["type"] == "http" else ""
        if route not in TRACED:
            await self._app(scope, receive, send)
            return
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        attributes: dict[str, Any] = {"http.request.method": scope["method"], "http.route": route}
        with self._tracer.start_as_current_span(
            f"{scope['method']} {route}",
            context=self._propagator.extract(headers),
            kind=SpanKind.SERVER,
            attributes=attributes,
        ) as span:
            trace_id = format_trace_id(span.get_span_context().trace_id)

            async def answer(message: Message) -> None:
                if message["type"] == "http.response.start":
                    span.set_attribute("http.response.status_code", message["status"])
                    if message["status"] >= FAILED:
                        span.set_status(StatusCode.ERROR)
                await send(message)

            with structlog.contextvars.bound_contextvars(trace_id=trace_id):
                await self._app(scope, receive, answer)
