"""From spans to events: which one is a model call, which one a served request, and which one neither."""

import datetime as dt
from collections.abc import Iterator
from typing import Final

from ingest.otlp.http_calls import api_call, is_served
from ingest.otlp.model_calls import is_model_call, model_call
from ingest.otlp.plans import Found, Reader
from ingest.otlp.wire import NANOSECONDS, Span, Traces
from resolvers.events.decoding import checked
from resolvers.events.inputs import ATTRIBUTE_KEY, ATTRIBUTES, MILLISECONDS, NAME, EventInput, UsageEventInput
from resolvers.events.rejections import TIME_OUT_OF_RANGE, Refused
from resolvers.events.terms import IngestTerms

SECOND: Final = 10**9
NO_SPAN_ID: Final = bytes(8)
NO_TRACE_ID: Final = bytes(16)


def events_of(traces: Traces, terms: IngestTerms) -> Iterator[tuple[Span | Refused, EventInput | Refused | None]]:
    """Each span with its event: None when it is none of ours, Refused when it cannot be one."""
    keeps = terms.keeps_content
    for resource, spans in traces.resources:
        reader = Reader(resource, terms.declared, traces.value_of)
        for span in spans:
            event = span if isinstance(span, Refused) else _event(span, reader, traces, with_content=keeps)
            yield span, event


def _event(span: Span, reader: Reader, traces: Traces, *, with_content: bool) -> EventInput | Refused | None:
    found = None
    try:
        found = reader.read(traces.pairs_of(span.attributes))
        if found is None:
            return None
        if is_model_call(found.said):
            call = model_call(span, found, traces, with_content=with_content)
            _tell(call, span, found)
            return call if _is_short(call) else checked(call)
        if is_served(span, found.said):
            served = api_call(span, found.said)
            _tell(served, span, found)
            return checked(served)
    except Refused as refused:
        model = found and (found.said.model or found.said.requested_model)
        refused.sent = {"type": "span", "id": span.span_id.hex(), "model": model}
        return refused
    return None


def _tell(event: EventInput, span: Span, found: Found) -> None:
    """Adds what every span says. Raises Refused for one without an id or a start."""
    span_id, trace_id = span.span_id, span.trace_id
    if len(span_id) != len(NO_SPAN_ID) or span_id == NO_SPAN_ID:
        raise Refused("id", "A span needs an id of 8 bytes that are not all 0: 16 hexadecimal digits in JSON.")
    start, end = span.start_time_unix_nano, span.end_time_unix_nano
    if not start:
        raise Refused("time", "A span needs a start, from which its `time` comes.", TIME_OUT_OF_RANGE)
    event.id = span_id.hex()
    event.time = dt.datetime.fromtimestamp(start / SECOND, dt.UTC)  # a float tells microseconds for centuries
    if end >= start:
        event.duration_ms = (end - start) * NANOSECONDS
    if len(trace_id) == len(NO_TRACE_ID) and trace_id != NO_TRACE_ID:
        event.trace_id = trace_id.hex()
    event.subject = found.said.subject
    event.environment = found.said.environment
    event.attributes = found.kept


def _is_short(call: UsageEventInput) -> bool:
    """Whether no field can be beyond its limit, as with nearly all: then none has to be looked at by itself."""
    first, attributes = call.time_to_first_token_ms, call.attributes
    return (
        len(call.model) <= NAME
        and (call.provider is None or len(call.provider) <= NAME)
        and (call.operation is None or len(call.operation) <= NAME)
        and (call.subject is None or len(call.subject) <= NAME)
        and (call.environment is None or len(call.environment) <= NAME)
        and (call.session_id is None or len(call.session_id) <= NAME)
        and (call.service_tier is None or len(call.service_tier) <= NAME)
        and (call.duration_ms or 0.0) <= MILLISECONDS
        and (first is None or 0 <= first <= MILLISECONDS)
        and (not attributes or (len(attributes) <= ATTRIBUTES and max(map(len, attributes)) <= ATTRIBUTE_KEY))
    )
