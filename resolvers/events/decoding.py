"""From bytes or objects to events: all at once when everything is well, each alone when something is not."""

import datetime as dt
import json
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final, TypeVar

import msgspec

from resolvers.errors import LimitReached
from resolvers.events.attributes import NUL_ESCAPED
from resolvers.events.inputs import MOST_EVENTS, ApiCallInput, EventInput, UsageEventInput
from resolvers.events.rejections import Refused, undecodable

Kind = TypeVar("Kind", UsageEventInput, ApiCallInput)

_one: Final[msgspec.json.Decoder[EventInput]] = msgspec.json.Decoder(EventInput)


class _Events(msgspec.Struct, forbid_unknown_fields=True):
    events: list[EventInput]


class _RawEvents(msgspec.Struct, forbid_unknown_fields=True):
    events: list[msgspec.Raw]


_all: Final = msgspec.json.Decoder(_Events)
_raw: Final = msgspec.json.Decoder(_RawEvents)
_anything: Final = msgspec.json.Decoder(msgspec.Raw)
_LONGEST_INTEGER: Final = 300
HALF_A_PAIR: Final = re.compile(rb"\\u[dD][89a-fA-F]")
"""Where a body may hold half a surrogate pair."""


@dataclass(frozen=True, slots=True)
class Decoded:
    """The events of a request in order, refused ones and blank lines (None) in their places.

    `suspect` as the checker understands it.
    """

    events: Sequence[EventInput | Refused | None]
    suspect: bool


class TooManyEvents(LimitReached):
    """More events than one request may have."""

    def __init__(self, events: int) -> None:
        super().__init__(f"A request has at most {MOST_EVENTS:,} events, and this one {events:,}: split it.")


def from_json(body: bytes) -> Decoded:
    """The events of `{"events": [...]}`.

    Raises TooManyEvents; msgspec.DecodeError, UnicodeDecodeError or RecursionError when the body is not JSON, and
    msgspec.ValidationError (a DecodeError too) when it is JSON of another shape.
    """
    try:
        events = _all.decode(body).events
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return Decoded(_each(body), suspect=True)
    _check_number(len(events))
    return Decoded(events, suspect=_may_hold_nul(body))


def from_lines(body: bytes) -> Decoded:
    """The events of newline-delimited JSON. A line that is no event is refused by itself. Raises TooManyEvents."""
    _check_number(body.count(b"\n") + (not body.endswith(b"\n")))
    return Decoded([_decode(line) if line.strip() else None for line in body.split(b"\n")], _may_hold_nul(body))


def from_objects(kind: type[Kind], objects: Sequence[dict[str, Any]]) -> Decoded:
    """The events of objects with the wire's names and Python's values, such as datetime. Raises TooManyEvents."""
    _check_number(len(objects))
    return Decoded([_convert(kind, item) for item in objects], suspect=True)


def checked(event: EventInput) -> EventInput | Refused:
    """An event that was not decoded here, when its fields keep their limits."""
    return _convert(EventInput, msgspec.to_builtins(event, builtin_types=(dt.datetime, Decimal)))


def _may_hold_nul(body: bytes) -> bool:
    return b"\\" in body and NUL_ESCAPED in body  # a single byte is found much faster, and most bodies have none


def _each(body: bytes) -> list[EventInput | Refused]:
    """The events of a body that is not all well, each decoded alone."""
    text = body.decode()
    try:
        raw_events = _raw.decode(body).events
    except msgspec.ValidationError:
        _anything.decode(body)  # what is no JSON at all has no shape either
        raise
    except msgspec.DecodeError:
        # Half a surrogate pair is bad for one event, but msgspec then reads nothing.
        if not HALF_A_PAIR.search(body):
            raise
        return [_convert(EventInput, item) for item in _objects(text)]
    _check_number(len(raw_events))
    return [_decode(raw) for raw in raw_events]


def _objects(text: str) -> list[Any]:
    """The items of `events`, by the one parser that minds no surrogates."""
    try:
        body = json.loads(text, parse_int=_integer, parse_constant=_no_constant)
    except ValueError as error:
        raise msgspec.DecodeError(str(error)) from error
    if not isinstance(body, dict) or body.keys() != {"events"} or not isinstance(body["events"], list):
        raise msgspec.ValidationError("not an object with `events`")
    _check_number(len(body["events"]))
    return body["events"]


def _integer(digits: str) -> float:
    return int(digits) if len(digits) <= _LONGEST_INTEGER else math.inf


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _check_number(events: int) -> None:
    if events > MOST_EVENTS:
        raise TooManyEvents(events)


def _decode(raw: bytes | msgspec.Raw) -> EventInput | Refused:
    try:
        return _one.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return _undecodable(error, raw)


def _convert(kind: Any, item: Any) -> EventInput | Refused:
    try:
        converted: EventInput = msgspec.convert(item, kind)
    except (msgspec.ValidationError, UnicodeEncodeError) as error:
        return _undecodable(error, item)
    return converted


def _undecodable(error: msgspec.DecodeError | UnicodeError | RecursionError, sent: Any) -> Refused:
    refused = undecodable(error)
    refused.sent = sent
    return refused
