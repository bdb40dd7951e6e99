"""Prompts and answers that instrumentations take apart into an attribute for each part of a message."""

from typing import Any, Final

from ingest.otlp.names import SIDES
from ingest.otlp.wire import Span, Traces

MOST_DIGITS: Final = 4
_STARTS: Final = tuple(SIDES)


def content_in_parts(span: Span, traces: Traces) -> dict[str, Any] | None:
    """The messages of both sides in order, as an event's `content`; None without any."""
    sides: dict[str, dict[int, dict[str, Any]]] = {}
    for key, value in traces.map_of(span.attributes).items():
        if not key.startswith(_STARTS):
            continue
        start = next(start for start in _STARTS if key.startswith(start))
        number, _, part = key.removeprefix(start).partition(".")
        if part and number.isdecimal() and len(number) <= MOST_DIGITS:
            message = sides.setdefault(SIDES[start], {}).setdefault(int(number), {})
            message[part.removeprefix("message.")] = traces.value_of(value)
    return {side: [messages[number] for number in sorted(messages)] for side, messages in sides.items()} or None
