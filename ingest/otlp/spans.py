"""From spans to events: which one is a model call, which one a served request, and which one neither."""

import datetime as dt
from collections.abc import Iterator
from typing import Any, Final

from ingest.otlp.attributes import Found
from ingest.otlp.http_calls import api_call, is_served
from ingest.otlp.model_calls import is_model_call, model_call, reported
from ingest.otlp.names import Field
from ingest.otlp.wire import NANOSECONDS, Span, Traces
from resolvers.events.decoding import from_object
from resolvers.events.inputs import EventInput, UsageEventInput
from resolvers.events.rejections import TIME_OUT_OF_RANGE, Refused
from resolvers.events.usage import tokens_of

EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
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
            converted = from_object(model_call(span, found, traces) | _of_all(span, found, resource))
            if found.counts and isinstance(converted, UsageEventInput):
                converted.tokens = tokens_of(reported(found, converted.model))
            return converted
        if is_served(span, found):
            return from_object(api_call(span, found) | _of_all(span, found, resource))
    except Refused as refused:
        refused.sent = {"type": "span", "id": span.span_id.hex(), "model": found.texts.get(Field.MODEL)}
        return refused
    return None


def _of_all(span: Span, found: Found, resource: Found) -> dict[str, Any]:
    """What every span says. Raises Refused for one without an id or a start."""
    span_id, trace_id = span.span_id, span.trace_id
    if len(span_id) != len(NO_SPAN_ID) or span_id == NO_SPAN_ID:
        raise Refused("id", "A span needs an id of 8 bytes that are not all 0: 16 hexadecimal digits in JSON.")
    start, end = span.start_time_unix_nano, span.end_time_unix_nano
    if not start:
        raise Refused("time", "A span needs a start, from which its `time` comes.", TIME_OUT_OF_RANGE)
    texts = found.texts
    return {
        "id": span_id.hex(),
        "time": EPOCH + dt.timedelta(microseconds=(start + 500) // 1000),
        "durationMs": (end - start) * NANOSECONDS if end >= start else None,
        "traceId": trace_id.hex() if len(trace_id) == len(NO_TRACE_ID) and trace_id != NO_TRACE_ID else None,
        "subject": texts.get(Field.SUBJECT),
        "environment": texts.get(Field.ENVIRONMENT),
        "attributes": resource.kept | found.kept,
    }
