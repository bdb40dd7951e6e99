"""Spans of model calls as usage events."""

import json
from decimal import Decimal
from typing import Any, Final, Literal, TypeAlias

from ingest.otlp.attributes import Found, Value, clean
from ingest.otlp.messages import content_in_parts
from ingest.otlp.names import EXCEPTION, EXCEPTION_MESSAGE, EXCEPTION_TYPE, FIRST_TOKEN_EVENTS, Field
from ingest.otlp.wire import EPOCH, ERROR, NANOSECONDS, OK, Span, Traces
from resolvers.events.inputs import ERROR_MESSAGE, ERROR_TYPE, CallError, Content, UsageEventInput
from resolvers.events.rejections import Refused
from resolvers.events.usage import Reported, tokens_of

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
REQUESTED: Final = "gen_ai.request.model"
"""Is kept where another model answered."""
SOME_ERROR: Final = "error"
COUNTS: Final = {
    Field.INPUT: "input",
    Field.OUTPUT: "output",
    Field.TOTAL: "total",
    Field.CACHE_READ: "cache_read",
    Field.CACHE_WRITE: "cache_write",
    Field.REASONING: "reasoning",
    Field.INPUT_AUDIO: "input_audio",
    Field.OUTPUT_AUDIO: "output_audio",
    Field.INPUT_IMAGE: "input_image",
    Field.OUTPUT_IMAGE: "output_image",
}
"""Where each count stands in what is reported."""
EXCLUDING: Final = ("anthropic", "bedrock", "claude")
"""Providers whose own `input_tokens` leave out what was cached, by a part of their name or the model's."""


def is_model_call(found: Found) -> bool:
    """Whether a span with these attributes is one call of a model: those around it would count its tokens twice."""
    if (kind := found.texts.get(Field.KIND)) is not None:
        return kind.upper() in KINDS
    operation = found.texts.get(Field.OPERATION)
    if operation in OPERATIONS:
        return True
    if operation in STEPS or Field.STEP in found.texts:
        return False
    return (Field.MODEL in found.texts or Field.REQUESTED_MODEL in found.texts) and Field.METHOD not in found.texts


def model_call(span: Span, found: Found, traces: Traces) -> UsageEventInput:
    """What the span says of the call; all spans have more to say. Raises Refused.

    Nothing has looked at the limits of its texts and numbers yet.
    """
    error = _error(span, found, traces)
    first = _first_token(span, found)
    status = _status(span, found, error, streamed=first is not None)
    texts = found.texts
    model = _model(found)
    if found.kept.get(REQUESTED) == model:
        del found.kept[REQUESTED]
    counts = found.counts
    content = None
    if Field.SENT in texts or Field.RECEIVED in texts:
        content = Content(texts.get(Field.SENT), texts.get(Field.RECEIVED))
    elif found.in_parts and (parts := content_in_parts(span, traces)) is not None:
        content = Content(**parts)
    return UsageEventInput(
        time=EPOCH,
        model=model,
        provider=texts.get(Field.PROVIDER),
        operation=_operation(found),
        session_id=texts.get(Field.SESSION),
        status=status,
        error=error if status == "error" else None,
        time_to_first_token_ms=first,
        tokens=tokens_of(_reported(found, model)) if counts else None,
        cost_usd=_cost(found),
        estimated=status == "aborted" and not counts,  # nobody said what it used: the 0 is no figure
        service_tier=texts.get(Field.TIER),
        content=content,
        raw_usage=counts or None,
    )


def _reported(found: Found, model: str) -> Reported:
    """The counts of tokens. Raises Refused for what is no count."""
    said: dict[str, Any] = {COUNTS[field]: found.count(field) for field in found.numbers if field in COUNTS}
    read, written = found.count(Field.CACHE_READ_AS_BILLED), found.count(Field.CACHE_WRITE_AS_BILLED)
    if (read is None and written is None) or "cache_read" in said or "cache_write" in said:
        return Reported(**said)
    # Who copies the provider's names copies what they mean, too.
    maker = f"{found.texts.get(Field.PROVIDER)} {model}".lower()
    beside = any(name in maker for name in EXCLUDING)
    return Reported(**said, cache_read=read, cache_write=written, cached_beside=beside)


def _model(found: Found) -> str:
    """The model that answered, or else the one that was asked. Raises Refused when no attribute names one."""
    model = found.texts.get(Field.MODEL) or found.texts.get(Field.REQUESTED_MODEL)
    if model is None and (parameters := found.texts.get(Field.PARAMETERS)):
        # OpenInference says it nowhere else when no answer came.
        try:
            said = json.loads(parameters)
        except (ValueError, RecursionError):
            said = None
        asked = said.get("model") if isinstance(said, dict) else None
        model = asked if isinstance(asked, str) else None
    if not model:
        raise Refused(
            "model", "No attribute names the model: set `gen_ai.request.model`, `gen_ai.response.model` or their like."
        )
    return model


def _operation(found: Found) -> str | None:
    operation = found.texts.get(Field.OPERATION)
    if operation is None:
        return KINDS.get((found.texts.get(Field.KIND) or "").upper())
    return OPERATIONS.get(operation, operation)


def _cost(found: Found) -> Decimal | None:
    """What the span says that the call cost. 0 is what instrumentations write that know no price."""
    cost = found.number(Field.COST)
    return Decimal(repr(cost)) if cost else None


def _first_token(span: Span, found: Found) -> float | None:
    """Milliseconds until the answer began."""
    if (seconds := found.number(Field.FIRST_SECONDS)) is not None:
        return seconds * 1000
    if (milliseconds := found.number(Field.FIRST_MILLISECONDS)) is not None:
        return milliseconds
    if not span.events:
        return None
    start = span.start_time_unix_nano
    times = [moment.time_unix_nano for moment in span.events if moment.name in FIRST_TOKEN_EVENTS]
    return (min(times) - start) * NANOSECONDS if times and min(times) >= start else None


def _error(span: Span, found: Found, traces: Traces) -> CallError | None:
    """Why the call failed, None when it did not: an error that was noted on the way to an OK is none."""
    status = span.status
    kind, message = found.texts.get(Field.ERROR), status.message
    code = status.code
    for moment in span.events if code != OK else ():
        if moment.name == EXCEPTION:
            said: dict[str, Value | None] = {
                key: traces.value_of(value) for key, value in traces.map_of(moment.attributes).items()
            }
            kind = kind or str(said.get(EXCEPTION_TYPE) or SOME_ERROR)
            message = message or str(said.get(EXCEPTION_MESSAGE) or "")
    if kind is None and code != ERROR:
        return None
    return CallError((kind or SOME_ERROR)[:ERROR_TYPE], clean(message)[:ERROR_MESSAGE] or None)


def _status(span: Span, found: Found, error: CallError | None, *, streamed: bool) -> CallStatus:
    if error is not None:
        return "aborted" if error.type.rpartition(".")[2] in GIVEN_UP else "error"
    streamed = streamed or found.texts.get(Field.STREAM) == "true"
    whole = span.status.code == OK or Field.FINISH in found.texts or bool(found.counts)
    return "aborted" if streamed and not whole else "ok"
