"""What both encodings of OTLP decode to, and how the values of attributes are read from each."""

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from ingest.otlp.attributes import Found, Value, gather
from resolvers.events.rejections import Refused

UNSPECIFIED: Final = 0
SERVER: Final = 2
"""Kinds of spans."""
OK: Final = 1
ERROR: Final = 2
"""Codes of statuses."""
EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
NANOSECONDS: Final = 1e-6
"""In milliseconds."""


class Status(Protocol):
    """How a span ended."""

    @property
    def code(self) -> int: ...
    @property
    def message(self) -> str: ...


class Moment(Protocol):
    """An event of a span."""

    @property
    def name(self) -> str: ...
    @property
    def time_unix_nano(self) -> int: ...
    @property
    def attributes(self) -> Any: ...


class Span(Protocol):
    """A span. Times are nanoseconds since 1970, 0 for none."""

    @property
    def trace_id(self) -> bytes: ...
    @property
    def span_id(self) -> bytes: ...
    @property
    def name(self) -> str: ...
    @property
    def kind(self) -> int: ...
    @property
    def start_time_unix_nano(self) -> int: ...
    @property
    def end_time_unix_nano(self) -> int: ...
    @property
    def status(self) -> Status: ...
    @property
    def events(self) -> Sequence[Moment]: ...
    @property
    def attributes(self) -> Any: ...


@dataclass(frozen=True, slots=True)
class Traces:
    """A request: attributes and spans of each resource, undecodable ones (refused) in their places.

    `map_of` answers the values of attributes by their names, `value_of` reads a value as the encoding has it.
    """

    resources: Sequence[tuple[Any, Sequence[Span | Refused]]]
    map_of: Callable[[Any], Mapping[str, Any]]
    value_of: Callable[[Any], Value | None]

    def gather(self, attributes: Any) -> Found:
        """What attributes say, as the encoding has them."""
        return gather(self.map_of(attributes), self.value_of)


class Undecodable(Exception):  # noqa: N818 — an answer, not a fault
    """The body is not what its type says; the text tells the sender."""
