"""Spans of model calls as usage events."""

import json
from decimal import Decimal
from typing import Any, Final

from ingest.otlp.attributes import Found, Value
from ingest.otlp.names import EXCEPTION, EXCEPTION_MESSAGE, EXCEPTION_TYPE, FIRST_TOKEN_EVENTS, Field
from ingest.otlp.wire import ERROR, OK, Span, Traces
from resolvers.events.inputs import ERROR_MESSAGE, ERROR_TYPE
from resolvers.events.rejections import Refused
from resolvers.events.usage import Reported

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
SOME_ERROR: Final = "error"
EXCLUDING: Final = ("anthropic", "bedrock", "claude")
"""Providers whose own `input_tokens` leave out what was cached, by a part of their name or the model's."""
NANOSECONDS: Final = 1e-6
"""In milliseconds."""


def is_model_call(found: Found) -> bool:
    """Whether a span with these attributes is one call of a model: those around it would count its tokens twice."""
    if (kind := found.text(Field.KIND)) is not None:
        return kind.upper() in KINDS
    operation = found.text(Field.OPERATION)
    if operation in OPERATIONS:
        return True
    if operation in STEPS or Field.STEP in found.values:
        return False
    return (Field.MODEL in found.values or Field.REQUESTED_MODEL in found.values) and Field.METHOD not in found.values


def model_call(span: Span, found: Found, traces: Traces) -> dict[str, Any]:
    """What the span says, as the JSON door has it, but for what all spans say. Raises Refused."""
    error = _error(span, found, traces)
    first = _first_token(span, found)
    status = _status(span, found, error, streamed=first is not None)
    event: dict[str, Any] = {
        "type": "usage",
        "model": _model(found),
        "provider": found.text(Field.PROVIDER),
        "operation": _operation(found),
        "sessionId": found.text(Field.SESSION),
        "status": status,
        "timeToFirstTokenMs": first,
        "serviceTier": found.text(Field.TIER),
        "costUsd": _cost(found),
    }
    if error is not None and status == "error":
        event["error"] = error
    if found.counts:
        event["rawUsage"] = found.counts
    elif status == "aborted":
        event["estimated"] = True  # nobody said what it used: the 0 is no figure
    if Field.SENT in found.values or Field.RECEIVED in found.values:
        event["content"] = {"input": found.values.get(Field.SENT), "output": found.values.get(Field.RECEIVED)}
    return event


def reported(found: Found, model: str) -> Reported | None:
    """The counts of tokens, None when there are none. Raises Refused for what is no count."""
    if not found.counts:
        return None
    read, written = found.count(Field.CACHE_READ), found.count(Field.CACHE_WRITE)
    billed_read, billed_written = found.count(Field.CACHE_READ_AS_BILLED), found.count(Field.CACHE_WRITE_AS_BILLED)
    # Who copies the provider's names copies what they mean, too.
    copied = read is None and written is None and (billed_read is not None or billed_written is not None)
    maker = f"{found.text(Field.PROVIDER)} {model}".lower()
    return Reported(
        input=found.count(Field.INPUT),
        output=found.count(Field.OUTPUT),
        total=found.count(Field.TOTAL),
        cache_read=billed_read if read is None else read,
        cache_write=billed_written if written is None else written,
        reasoning=found.count(Field.REASONING),
        input_audio=found.count(Field.INPUT_AUDIO),
        output_audio=found.count(Field.OUTPUT_AUDIO),
        input_image=found.count(Field.INPUT_IMAGE),
        output_image=found.count(Field.OUTPUT_IMAGE),
        cached_beside=copied and any(name in maker for name in EXCLUDING),
    )


def _model(found: Found) -> str:
    """The model that answered, or else the one that was asked. Raises Refused when no attribute names one."""
    model = found.text(Field.MODEL) or found.text(Field.REQUESTED_MODEL)
    if model is None and (parameters := found.text(Field.PARAMETERS)):
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
    operation = found.text(Field.OPERATION)
    if operation is None:
        return KINDS.get((found.text(Field.KIND) or "").upper())
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
    start = span.start_time_unix_nano
    times = [moment.time_unix_nano for moment in span.events if moment.name in FIRST_TOKEN_EVENTS]
    return (min(times) - start) * NANOSECONDS if times and min(times) >= start else None


def _error(span: Span, found: Found, traces: Traces) -> dict[str, str] | None:
    """Why the call failed, None when it did not: an error that was noted on the way to an OK is none."""
    status = span.status
    kind, message = found.text(Field.ERROR), status.message
    for moment in span.events:
        if moment.name == EXCEPTION and status.code != OK:
            said: dict[str, Value | None] = {pair.key: traces.value_of(pair.value) for pair in moment.attributes}
            kind = kind or str(said.get(EXCEPTION_TYPE) or SOME_ERROR)
            message = message or str(said.get(EXCEPTION_MESSAGE) or "")
    if kind is None and status.code != ERROR:
        return None
    error = {"type": (kind or SOME_ERROR)[:ERROR_TYPE]}
    if message := message.replace("\0", "")[:ERROR_MESSAGE]:
        error["message"] = message
    return error


def _status(span: Span, found: Found, error: dict[str, str] | None, *, streamed: bool) -> str:
    if error is not None:
        return "aborted" if error["type"].rpartition(".")[2] in GIVEN_UP else "error"
    streamed = streamed or found.text(Field.STREAM) == "true"
    whole = span.status.code == OK or Field.FINISH in found.values or bool(found.counts)
    return "aborted" if streamed and not whole else "ok"
