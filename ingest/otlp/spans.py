"""From spans to events: which one is a model call, which one a served request, and which one neither."""

from collections.abc import Iterator

from ingest.otlp.http_calls import api_call, is_served
from ingest.otlp.model_calls import is_model_call, model_call
from ingest.otlp.plans import Reader
from ingest.otlp.wire import Span, Traces
from resolvers.events.decoding import checked
from resolvers.events.inputs import MILLISECONDS, NAME, EventInput, UsageEventInput
from resolvers.events.rejections import Refused
from resolvers.events.terms import IngestTerms


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
            return call if found.plan.keeps_little and _is_short(call) else checked(call)
        if is_served(span, found.said):
            return checked(api_call(span, found))
    except Refused as refused:
        model = found and (found.said.model or found.said.requested_model)
        refused.sent = {"type": "span", "id": span.span_id.hex(), "model": model}
        return refused
    return None


def _is_short(call: UsageEventInput) -> bool:
    """Whether no field can be beyond its limit, as with nearly all: then none has to be looked at by itself."""
    first = call.time_to_first_token_ms
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
    )
