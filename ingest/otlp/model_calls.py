"""Spans of model calls as usage events."""

import json
from decimal import Decimal
from typing import Any, Final, Literal, TypeAlias

from ingest.otlp.attributes import Said, Value, clean, number
from ingest.otlp.identities import identity_of
from ingest.otlp.messages import content_of
from ingest.otlp.names import EXCEPTION, EXCEPTION_MESSAGE, EXCEPTION_TYPE, FIRST_TOKEN_EVENTS
from ingest.otlp.plans import Found
from ingest.otlp.tokens import tokens_in
from ingest.otlp.wire import ERROR, NANOSECONDS, OK, Span, Traces
from resolvers.events.inputs import ERROR_MESSAGE, ERROR_TYPE, CallError, UsageEventInput
from resolvers.events.rejections import Refused

CallStatus: TypeAlias = Literal["ok", "error", "aborted"]
OPERATIONS: Final = {
    "chat": "chat",
    "text_completion": "text_completion",
    "generate_content": "generate_content",
    "embeddings": "embeddings",
    "completion": "text_completion",
    "embedding": "embeddings",
}
"""Calls of a model, by what instrumentations call them."""
STEPS: Final = frozenset(
    {"create_agent", "invoke_agent", "invoke_workflow", "execute_tool", "retrieval", "fetch_response", "plan"}
)
"""Operations that contain calls of models, with spans of their own, or that call none."""
KINDS: Final = {"LLM": "chat", "EMBEDDING": "embeddings"}
"""OpenInference's kinds of spans that are calls of models."""
GIVEN_UP: Final = frozenset({"CancelledError", "GeneratorExit", "KeyboardInterrupt", "AbortError", "APIUserAbortError"})
"""Errors that say that the caller went away."""
ABANDONED: Final = "abandoned stream"
"""OpenTelemetry's words, beside a type that says nothing, for a stream that its reader forgot."""
REQUESTED: Final = "gen_ai.request.model"
"""Is kept where another model answered."""
SOME_ERROR: Final = "error"
FIRST: Final = "timeToFirstTokenMs"


def is_model_call(said: Said) -> bool:
    """Whether a span that says this is one call of a model: those around it would count its tokens twice."""
    if said.kind is not None:
        return said.kind.upper() in KINDS
    if said.operation in OPERATIONS:
        return True
    if said.operation in STEPS or said.step is not None:
        return False
    return (said.model is not None or said.requested_model is not None) and said.method is None


def model_call(span: Span, found: Found, traces: Traces, *, with_content: bool) -> UsageEventInput:
    """What the span says of the call. Raises Refused. Nothing has looked at the limits of texts and numbers yet."""
    said, code = found.said, span.status.code
    span_id, trace_id, time, duration_ms = identity_of(span)
    failed = code == ERROR or said.error is not None or len(span.events) > 0
    error = _error(span, said, traces) if failed else None
    first = _first_token(span, said)
    model = said.model or said.requested_model or _model(said)
    if found.kept.get(REQUESTED) == model:
        del found.kept[REQUESTED]
    tokens, raw_usage = tokens_in(found, model) if found.plan.reported_names else (None, None)
    status: CallStatus = "ok"
    if error is not None:
        left = error.type.rpartition(".")[2] in GIVEN_UP or error.message == ABANDONED
        status = "aborted" if left else "error"
    elif tokens is None and code != OK and not said.finish and (first is not None or said.stream == "true"):
        status = "aborted"
    # All fields in their order: twenty names take ten times as long as the event.
    return UsageEventInput(
        time,
        model,
        span_id,
        said.provider,
        _operation(said),
        said.subject,
        said.environment,
        trace_id,
        said.session,
        status,
        error if status == "error" else None,
        duration_ms,
        first,
        tokens,
        None if said.cost is None else _cost(said.cost),
        status == "aborted" and tokens is None,  # nobody said what it used: the 0 is no figure
        found.kept,
        said.tier,
        content_of(found, traces.value_of) if with_content else None,
        raw_usage,
    )


def _model(said: Said) -> str:
    """The model that was asked, where OpenInference says it when no answer came. Raises Refused without any."""
    if said.parameters is not None:
        try:
            parameters = json.loads(said.parameters)
        except (ValueError, RecursionError):
            parameters = None
        asked = parameters.get("model") if isinstance(parameters, dict) else None
        if isinstance(asked, str) and asked:
            return asked
    raise Refused(
        "model", "No attribute names the model: set `gen_ai.request.model`, `gen_ai.response.model` or their like."
    )


def _operation(said: Said) -> str | None:
    if said.operation is None:
        return None if said.kind is None else KINDS.get(said.kind.upper())
    return OPERATIONS.get(said.operation, said.operation)


def _cost(said: Value) -> Decimal | None:
    """What the span says that the call cost. 0 is what instrumentations write that know no price."""
    cost = number("costUsd", said)
    return Decimal(repr(cost)) if cost else None


def _first_token(span: Span, said: Said) -> float | None:
    """Milliseconds until the answer began."""
    if said.first_seconds is not None:
        return (number(FIRST, said.first_seconds) or 0.0) * 1000
    if said.first_milliseconds is not None:
        return number(FIRST, said.first_milliseconds)
    if not span.events:
        return None
    start = span.start_time_unix_nano
    times = [moment.time_unix_nano for moment in span.events if moment.name in FIRST_TOKEN_EVENTS]
    return (min(times) - start) * NANOSECONDS if times and min(times) >= start else None


def _error(span: Span, said: Said, traces: Traces) -> CallError | None:
    """Why the call failed, None when it did not: an error that was noted on the way to an OK is none."""
    status, kind = span.status, said.error
    code, message = status.code, status.message
    for moment in span.events if code != OK else ():
        if moment.name == EXCEPTION:
            # Their names mean nothing elsewhere, so their values are as they are encoded.
            thrown = dict(traces.pairs_of(moment.attributes))
            kind = kind or str(_of(thrown, EXCEPTION_TYPE, traces) or SOME_ERROR)
            message = message or str(_of(thrown, EXCEPTION_MESSAGE, traces) or "")
    if kind is None and code != ERROR:
        return None
    return CallError((kind or SOME_ERROR)[:ERROR_TYPE], clean(message)[:ERROR_MESSAGE] or None)


def _of(attributes: dict[str, Any], name: str, traces: Traces) -> Value | None:
    return traces.value_of(attributes[name]) if name in attributes else None
