"""Where a list of facts by time continues."""

import datetime as dt

from realtime.facts import ApiCallFact, UsageFact
from schema.paging import decode_cursor, encode_cursor


def time_cursor(place: str, fact: UsageFact | ApiCallFact) -> str:
    """The cursor of a fact in a list by time."""
    return encode_cursor(place, (fact.time.isoformat(), fact.seq))


def time_position(place: str, cursor: str | None) -> tuple[dt.datetime, int] | None:
    """Where a list by time continues. Raises Invalid for a cursor of another list."""
    return None if cursor is None else decode_cursor(place, cursor, tuple[dt.datetime, int])
