"""From bytes or objects to events: all at once when everything is well, each alone when something is not."""

from collections.abc import Sequence
from dataclasses import dataclass
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
    suspect = NUL_ESCAPED in body
    try:
        events: Sequence[EventInput | Refused] = _all.decode(body).events
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        body.decode()
        raw_events = _raw.decode(body).events
        _check_number(len(raw_events))
        events = [_decode(raw) for raw in raw_events]
    _check_number(len(events))
    return Decoded(events, suspect)


def from_lines(body: bytes) -> Decoded:
    """The events of newline-delimited JSON. A line that is no event is refused by itself. Raises TooManyEvents."""
    _check_number(body.count(b"\n") + (not body.endswith(b"\n")))
    return Decoded([_decode(line) if line.strip() else None for line in body.split(b"\n")], NUL_ESCAPED in body)


def from_objects(kind: type[Kind], objects: Sequence[dict[str, Any]]) -> Decoded:
    """The events of objects with the wire's names and Python's values, such as datetime. Raises TooManyEvents."""
    _check_number(len(objects))
    return Decoded([_convert(kind, item) for item in objects], suspect=True)


def _check_number(events: int) -> None:
    if events > MOST_EVENTS:
        raise TooManyEvents(events)


def _decode(raw: bytes | msgspec.Raw) -> EventInput | Refused:
    try:
        return _one.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return undecodable(error)


def _convert(kind: type[Kind], item: dict[str, Any]) -> EventInput | Refused:
    try:
        return msgspec.convert(item, kind)
    except msgspec.ValidationError as error:
        return undecodable(error)
