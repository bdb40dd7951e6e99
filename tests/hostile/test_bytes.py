"""A fuzz of what comes in as bytes: bodies of every door, and messages of sockets."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, Final

import httpx2
import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

from tests.hostile.leaks import assert_nothing_leaks
from tests.running import Vigie

MEMBERS: Final = (
    *("query", "variables", "operationName", "extensions", "payload"),
    *("events", "type", "id", "time", "model", "tokens", "attributes", "costUsd", "status"),
    *("resourceSpans", "scopeSpans", "spans", "traceId"),
)
WORDS: Final = (
    *("usage", "api_call", "{ viewer { name } }", "subscribe", "2026-11-01T00:00:00Z"),
    *("NaN", "-0", "\x00", "\ud7ff"),
)

scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**64 - 1),
    st.floats(),
    st.sampled_from(WORDS),
    st.text(max_size=20),
)
names = st.one_of(st.sampled_from(MEMBERS), st.text(max_size=5))
values = st.recursive(
    scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(names, inner, max_size=5)),
    max_leaves=20,
)
objects = st.dictionaries(st.sampled_from(MEMBERS), values, max_size=6)


def encoded(value: Any) -> bytes:
    return orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS)


@st.composite
def damaged(draw: st.DrawFn, whole: bytes) -> bytes:
    """A good body with a few bytes replaced, left out or put in."""
    start = draw(st.integers(0, len(whole)))
    end = draw(st.integers(start, min(len(whole), start + 8)))
    return whole[:start] + draw(st.binary(max_size=8)) + whole[end:]


EVENT: Final = {"type": "usage", "id": "a", "time": "2026-11-01T00:00:00Z", "model": "m", "tokens": {"input": 1}}
SPAN: Final = Span(name="chat", trace_id=b"0" * 16, span_id=b"1" * 8)
SPANS: Final = ExportTraceServiceRequest(
    resource_spans=[ResourceSpans(scope_spans=[ScopeSpans(spans=[SPAN])])]
).SerializeToString()

graphql = st.one_of(
    st.binary(max_size=200), values.map(encoded), objects.map(encoded), damaged(b'{"query": "{ viewer { name } }"}')
)
events = st.one_of(
    st.binary(max_size=200),
    values.map(encoded),
    st.lists(st.one_of(objects, objects.map(lambda found: {**EVENT, **found})), max_size=3).map(
        lambda found: encoded({"events": found})
    ),
    damaged(encoded({"events": [EVENT]})),
)
traces = st.one_of(st.binary(max_size=200), damaged(SPANS))
spans = st.one_of(values.map(encoded), objects.map(encoded))
messages = st.one_of(
    st.binary(max_size=50),
    st.text(max_size=50),
    values.map(lambda found: encoded(found).decode()),
    st.fixed_dictionaries(
        {"type": st.sampled_from(["subscribe", "complete", "ping", "pong", "connection_init", "next"])},
        optional={"id": st.one_of(st.just("1"), scalars), "payload": st.one_of(objects, values)},
    ).map(lambda found: encoded(found).decode()),
)

DOORS: Final = {
    "graphql": ("/graphql", "application/json", graphql),
    "events": ("/v1/events", "application/json", events),
    "lines": ("/v1/events", "application/x-ndjson", events),
    "traces": ("/v1/traces", "application/x-protobuf", traces),
    "traces in JSON": ("/v1/traces", "application/json", spans),
}


def fuzz(strategy: st.SearchStrategy[Any], check: Callable[[Any], None], examples: int) -> None:
    @settings(max_examples=examples, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(strategy)
    def run(sent: Any) -> None:
        check(sent)

    run()


def post(client: httpx2.Client, name: str, examples: int) -> None:
    path, content_type, bodies = DOORS[name]

    def check(body: bytes) -> None:
        answer = client.post(path, content=body, headers={"Content-Type": content_type})
        assert answer.status_code < 500, (body, answer.text)
        assert_nothing_leaks(answer.text, sent=body.decode(errors="replace"))

    fuzz(bodies, check, examples)


def talk(vigie: Vigie, examples: int) -> None:
    def check(message: str | bytes) -> None:
        with opened(vigie) as socket:
            with suppress(ConnectionClosed):
                socket.send(message)
                socket.send('{"type": "ping"}')
                while orjson.loads(answer := str(socket.recv(timeout=5)))["type"] != "pong":
                    assert "INTERNAL" not in answer, message
                    assert_nothing_leaks(answer, sent=str(message))
            code = socket.close_code
        assert code in (None, 1000) or 4400 <= code < 4500, (message, code)

    fuzz(messages, check, examples)


@contextmanager
def opened(vigie: Vigie) -> Iterator[ClientConnection]:
    with connect(vigie.ws_url, subprotocols=[Subprotocol("graphql-transport-ws")], compression=None) as socket:
        socket.send(encoded({"type": "connection_init", "payload": {"apiKey": vigie.admin_key}}).decode())
        assert socket.recv(timeout=5) == '{"type":"connection_ack"}'
        yield socket


@pytest.mark.parametrize("name", DOORS)
def test_no_body_is_a_fault(client: httpx2.Client, name: str) -> None:
    post(client, name, 100)


def test_no_message_is_a_fault(target: Vigie) -> None:
    talk(target, 60)


@pytest.mark.long
@pytest.mark.parametrize("name", DOORS)
def test_no_body_of_thousands_is_a_fault(client: httpx2.Client, name: str) -> None:
    post(client, name, 3_000)


@pytest.mark.long
def test_no_message_of_thousands_is_a_fault(target: Vigie) -> None:
    talk(target, 2_000)
