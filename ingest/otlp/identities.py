"""What every span says of itself: which one it is, and when it was."""

import datetime as dt
from typing import Final

from ingest.otlp.wire import NANOSECONDS, Span
from resolvers.events.rejections import TIME_OUT_OF_RANGE, Refused

SECOND: Final = 10**9
NO_SPAN_ID: Final = bytes(8)
NO_TRACE_ID: Final = bytes(16)


def identity_of(span: Span) -> tuple[str, str | None, dt.datetime, float | None]:
    """The span's id and that of its trace, its start, and how long it took, in milliseconds.

    Raises Refused for a span without an id or a start.
    """
    span_id, trace_id = span.span_id, span.trace_id
    if len(span_id) != len(NO_SPAN_ID) or span_id == NO_SPAN_ID:
        raise Refused("id", "A span needs an id of 8 bytes that are not all 0: 16 hexadecimal digits in JSON.")
    start, end = span.start_time_unix_nano, span.end_time_unix_nano
    if not start:
        raise Refused("time", "A span needs a start, from which its `time` comes.", TIME_OUT_OF_RANGE)
    return (
        span_id.hex(),
        trace_id.hex() if len(trace_id) == len(NO_TRACE_ID) and trace_id != NO_TRACE_ID else None,
        dt.datetime.fromtimestamp(start / SECOND, dt.UTC),  # a float tells microseconds for centuries
        (end - start) * NANOSECONDS if end >= start else None,
    )
