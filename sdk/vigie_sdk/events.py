"""Events as they travel: JSON within Vigie's limits, so that none is refused for a length.

The names are those of `POST /v1/events`. `time` may be in seconds since 1970 until here.
"""

import datetime as dt
import json
import math
import uuid
from collections.abc import Mapping
from typing import Any, Final, Protocol, TypeAlias

from vigie_sdk.quiet import say_once

Event: TypeAlias = dict[str, Any]

LONGEST: Final = {
    "id": 128,
    "provider": 100,
    "model": 200,
    "operation": 100,
    "subject": 256,
    "environment": 100,
    "traceId": 128,
    "sessionId": 256,
    "serviceTier": 100,
    "route": 500,  # its limit is 2,000 bytes, and a character has up to four
}
ERROR_TYPE: Final = 200
ERROR_MESSAGE: Final = 4096
MOST_ATTRIBUTES: Final = 32
ATTRIBUTE_KEY: Final = 128
ATTRIBUTE_BYTES: Final = 1024
DEPTH: Final = 16
LARGEST_INTEGER: Final = 2**63 - 1


class Sink(Protocol):
    """Where events go: `Vigie`, or whatever stands in for it."""

    def record(self, event: Event) -> None:
        """Takes an event. Neither waits nor raises."""
        ...


def encoded(event: Mapping[str, Any]) -> bytes:
    """The event as JSON, with an id: what is sent again is the same. Raises ValueError for what is no JSON."""
    fitted = {"id": uuid.uuid4().hex, **{key: value for key, value in event.items() if value not in (None, "", {})}}
    time = fitted.get("time")
    if isinstance(time, int | float):
        time = dt.datetime.fromtimestamp(time, dt.UTC)
    if isinstance(time, dt.datetime):
        fitted["time"] = time.isoformat()
    for key, longest in LONGEST.items():
        if key in fitted:
            fitted[key] = _text(fitted[key])[:longest]
    if "error" in fitted:
        error = fitted["error"]
        message = error.get("message")
        fitted["error"] = {"type": _text(error["type"])[:ERROR_TYPE]}
        if message:
            fitted["error"]["message"] = _text(message)[:ERROR_MESSAGE]
    if "attributes" in fitted:
        fitted["attributes"] = _attributes(fitted["attributes"])
    return json.dumps(fitted, allow_nan=False, separators=(",", ":")).encode()


def _attributes(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Those that fit; the others are left out, and named once in the log."""
    fitting: dict[str, Any] = {}
    for key, value in attributes.items():
        cleaned = _clean(value, DEPTH)
        size = len(json.dumps(cleaned, ensure_ascii=False).encode())
        if size > ATTRIBUTE_BYTES:
            say_once("the attribute %.60s is left out: it takes more than %d bytes", key, ATTRIBUTE_BYTES)
        elif len(fitting) == MOST_ATTRIBUTES:
            say_once("attributes are left out: an event has at most %d", MOST_ATTRIBUTES)
        elif value is not None:
            fitting[_text(key)[:ATTRIBUTE_KEY]] = cleaned
    return fitting


def _clean(value: Any, depth: int) -> Any:
    """The value as JSON that every database takes; what is none becomes its text."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return int(value) if abs(value) <= LARGEST_INTEGER else str(value)
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else str(value)
    if depth > 1 and isinstance(value, Mapping):
        return {_text(key): _clean(item, depth - 1) for key, item in value.items()}
    if depth > 1 and isinstance(value, list | tuple):
        return [_clean(item, depth - 1) for item in value]
    return _text(value)


def _text(value: Any) -> str:
    """Whole characters, without NUL."""
    return str(value).replace("\0", "").encode(errors="replace").decode()
