"""Where a list of facts by time continues."""

import datetime as dt

from models.base import from_microseconds, to_microseconds
from realtime.facts import ApiCallFact, UsageFact
from schema.paging import Microseconds, decode_cursor, encode_cursor


def time_cursor(place: str, fact: UsageFact | ApiCallFact) -> str:
    """The cursor of a fact in a list by time."""
    return encode_cursor(place, (to_microseconds(fact.time), fact.seq))


def time_position(place: str, cursor: str | None) -> tuple[dt.datetime, int] | None:
    """Where a list by time continues. Raises Invalid for a cursor of another list."""
    if cursor is None:
        return None
    microseconds, seq = decode_cursor(place, cursor, tuple[Microseconds, int])
    return from_microseconds(microseconds), seq
