"""Spans of requests and of what they do, below the client's own."""

from collections.abc import Iterator

import pytest
import structlog
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from starlette.types import Message, Receive, Scope, Send

from models.spans import span, trace_with
from vigie.tracing import TracedRequests, Tracing

TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


@pytest.fixture
def spans() -> InMemorySpanExporter:
    return InMemorySpanExporter()


@pytest.fixture
def tracing(spans: InMemorySpanExporter) -> Iterator[Tracing]:
    yield Tracing("http://127.0.0.1:9", "tests", SimpleSpanProcessor(spans))
    trace_with(None)


async def request(tracing: Tracing, path: str, status: int = 200) -> dict[str, object]:
    bound: dict[str, object] = {}

    async def app(_: Scope, __: Receive, send: Send) -> None:
        bound.update(structlog.contextvars.get_contextvars())
        with span("graphql query", operation="Q"):
            await send({"type": "http.response.start", "status": status, "headers": []})

    async def receive() -> Message:
        return {"type": "http.request"}

    async def send(_: Message) -> None:
        pass

    headers = [(b"traceparent", f"00-{TRACE}-{PARENT}-01".encode())]
    scope = {"type": "http", "path": path, "method": "POST", "headers": headers}
    await TracedRequests(app, tracing)(scope, receive, send)
    return bound


async def test_a_request_is_a_span_below_its_client(tracing: Tracing, spans: InMemorySpanExporter) -> None:
    bound = await request(tracing, "/graphql", 503)

    inner, outer = spans.get_finished_spans()
    assert (inner.name, outer.name) == ("graphql query", "POST /graphql")
    assert outer.parent is not None
    assert inner.parent is not None
    assert format(outer.parent.span_id, "016x") == PARENT
    assert outer.context is not None
    assert inner.parent.span_id == outer.context.span_id
    assert outer.status.is_ok is False
    assert bound["trace_id"] == TRACE
    assert "trace_id" not in structlog.contextvars.get_contextvars()


@pytest.mark.parametrize("path", ["/v1/traces", "/v1/events", "/health/live", "/metrics"])
async def test_doors_and_probes_make_no_request_spans(tracing: Tracing, spans: InMemorySpanExporter, path: str) -> None:
    await request(tracing, path)

    assert [one.name for one in spans.get_finished_spans()] == ["graphql query"]


async def test_without_a_collector_there_are_no_spans(tracing: Tracing, spans: InMemorySpanExporter) -> None:
    await tracing.close()
    with span("nothing"):
        pass

    assert spans.get_finished_spans() == ()
