"""Prompts and answers: whole, or taken apart by instrumentations into an attribute for each part of a message."""

from collections.abc import Callable
from typing import Any

from ingest.otlp.attributes import Value
from ingest.otlp.plans import Found
from resolvers.events.inputs import Content


def content_of(found: Found, value_of: Callable[[Any], Value | None]) -> Content | None:
    """What went to the model and what came back; None when the span says neither."""
    said = found.said
    if said.sent is not None or said.received is not None:
        sent, received = (None if side is None else value_of(side) for side in (said.sent, said.received))
        return Content(None if sent == "" else sent, None if received == "" else received)
    if not found.plan.parts:
        return None
    sides: dict[str, dict[int, dict[str, Any]]] = {}
    for side, number, name, place in found.plan.parts:
        sides.setdefault(side, {}).setdefault(number, {})[name] = value_of(found.values[place])
    return Content(**{side: [messages[number] for number in sorted(messages)] for side, messages in sides.items()})
