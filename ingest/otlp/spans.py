"""From spans to events: which one is a model call, which one a served request, and which one neither."""

import datetime as dt
from collections.abc import Iterator
from typing import Any, Final

from ingest.otlp.attributes import Found, gather
from ingest.otlp.http_calls import api_call, is_served
from ingest.otlp.model_calls import NANOSECONDS, is_model_call, model_call, reported
from ingest.otlp.names import Field
from ingest.otlp.wire import Span, Traces
from resolvers.events.decoding import from_object
from resolvers.events.inputs import EventInput, UsageEventInput
from resolvers.events.rejections import TIME_OUT_OF_RANGE, Refused
from resolvers.events.usage import tokens_of

EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
SPAN_ID_BYTES: Final = 8
TRACE_ID_BYTES: Final = 16


def events_of(traces: Traces) -> Iterator[tuple[Span | Refused, EventInput | Refused | None]]:
    """Each span with its event: None when it is none of ours, Refused when it cannot be one."""
    for attributes, spans in traces.resources:
        resource = gather(attributes, traces.value_of)
        for span in spans:
            yield span, span if isinstance(span, Refused) else _event(span, resource, traces)


def _event(span: Span, resource: Found, traces: Traces) -> EventInput | Refused | None:
    found = gather(span.attributes, traces.value_of)
    for name, value in resource.values.items():
        found.values.setdefault(name, value)
    try:
        if is_model_call(found):
            event = model_call(span, found, traces)
        elif is_served(span, found):
            event = api_call(span, found)
        else:
            return None
        event.update(_of_all(span, found, resource))
        converted = from_object({name: value for name, value in event.items() if value is not None})
        if isinstance(converted, UsageEventInput) and (counts := reported(found, converted.model)) is not None:
            converted.tokens = tokens_of(counts)
    except Refused as refused:
        return refused
    return converted


def _of_all(span: Span, found: Found, resource: Found) -> dict[str, Any]:
    """What every span says. Raises Refused for one without an id or a start."""
    if len(span.span_id) != SPAN_ID_BYTES or not any(span.span_id):
        raise Refused("id", "A span needs an id of 8 bytes that are not all 0: 16 hexadecimal digits in JSON.")
    trace_id = span.trace_id
    start, end = span.start_time_unix_nano, span.end_time_unix_nano
    if not start:
        raise Refused("time", "A span needs a start, from which its `time` comes.", TIME_OUT_OF_RANGE)
    return {
        "id": span.span_id.hex(),
        "time": EPOCH + dt.timedelta(microseconds=(start + 500) // 1000),
        "durationMs": (end - start) * NANOSECONDS if end >= start else None,
        "traceId": trace_id.hex() if len(trace_id) == TRACE_ID_BYTES and any(trace_id) else None,
        "subject": found.text(Field.SUBJECT),
        "environment": found.text(Field.ENVIRONMENT),
        "attributes": {**resource.kept, **found.kept} or None,
    }
