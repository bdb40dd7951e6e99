"""From spans to events: which one is a model call, which one a served request, and which one neither."""

import datetime as dt
from collections.abc import Iterator
from typing import Final

from ingest.otlp.attributes import Found
from ingest.otlp.http_calls import api_call, is_served
from ingest.otlp.model_calls import is_model_call, model_call
from ingest.otlp.names import Field
from ingest.otlp.wire import EPOCH, NANOSECONDS, Span, Traces
from resolvers.events.decoding import checked
from resolvers.events.inputs import ATTRIBUTE_KEY, ATTRIBUTES, MILLISECONDS, NAME, EventInput, UsageEventInput
from resolvers.events.rejections import TIME_OUT_OF_RANGE, Refused

NO_SPAN_ID: Final = bytes(8)
NO_TRACE_ID: Final = bytes(16)


def events_of(traces: Traces) -> Iterator[tuple[Span | Refused, EventInput | Refused | None]]:
    """Each span with its event: None when it is none of ours, Refused when it cannot be one."""
    for attributes, spans in traces.resources:
        resource = traces.gather(attributes)
        for span in spans:
            yield span, span if isinstance(span, Refused) else _event(span, resource, traces)


def _event(span: Span, resource: Found, traces: Traces) -> EventInput | Refused | None:
    found = traces.gather(span.attributes)
    for name, text in resource.texts.items():
        found.texts.setdefault(name, text)
    try:
        if is_model_call(found):
            call = model_call(span, found, traces)
            _tell(call, span, found, resource)
            return call if _is_short(call, found) else checked(call)
        if is_served(span, found):
            served = api_call(span, found)
            _tell(served, span, found, resource)
            return checked(served)
    except Refused as refused:
        model = found.texts.get(Field.MODEL) or found.texts.get(Field.REQUESTED_MODEL)
        refused.sent = {"type": "span", "id": span.span_id.hex(), "model": model}
        return refused
    return None


def _tell(event: EventInput, span: Span, found: Found, resource: Found) -> None:
    """Adds what every span says. Raises Refused for one without an id or a start."""
    span_id, trace_id = span.span_id, span.trace_id
    if len(span_id) != len(NO_SPAN_ID) or span_id == NO_SPAN_ID:
        raise Refused("id", "A span needs an id of 8 bytes that are not all 0: 16 hexadecimal digits in JSON.")
    start, end = span.start_time_unix_nano, span.end_time_unix_nano
    if not start:
        raise Refused("time", "A span needs a start, from which its `time` comes.", TIME_OUT_OF_RANGE)
    event.id = span_id.hex()
    event.time = EPOCH + dt.timedelta(microseconds=(start + 500) // 1000)
    if end >= start:
        event.duration_ms = (end - start) * NANOSECONDS
    if len(trace_id) == len(NO_TRACE_ID) and trace_id != NO_TRACE_ID:
        event.trace_id = trace_id.hex()
    event.subject = found.texts.get(Field.SUBJECT)
    event.environment = found.texts.get(Field.ENVIRONMENT)
    event.attributes = resource.kept | found.kept


def _is_short(call: UsageEventInput, found: Found) -> bool:
    """Whether no field can be beyond its limit, as with nearly all: then none has to be looked at by itself."""
    first, attributes = call.time_to_first_token_ms, call.attributes
    return (
        max(map(len, found.texts.values())) <= NAME
        and len(call.model) <= NAME
        and (call.duration_ms or 0.0) <= MILLISECONDS
        and (first is None or 0 <= first <= MILLISECONDS)
        and (not attributes or (len(attributes) <= ATTRIBUTES and max(map(len, attributes)) <= ATTRIBUTE_KEY))
    )
