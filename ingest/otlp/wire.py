"""What both encodings of OTLP decode to, and how the values of attributes are read from each."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from ingest.otlp.attributes import Attribute, Value
from resolvers.events.rejections import Refused

UNSPECIFIED: Final = 0
SERVER: Final = 2
"""Kinds of spans."""
OK: Final = 1
ERROR: Final = 2
"""Codes of statuses."""


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
    def attributes(self) -> Iterable[Attribute]: ...


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
    def events(self) -> Iterable[Moment]: ...
    @property
    def attributes(self) -> Iterable[Attribute]: ...


@dataclass(frozen=True, slots=True)
class Traces:
    """A request: the spans of each resource, undecodable ones (refused) in their places, and the reader of values."""

    resources: Sequence[tuple[Iterable[Attribute], Sequence[Span | Refused]]]
    value_of: Callable[[Any], Value | None]


class Undecodable(Exception):  # noqa: N818 — an answer, not a fault
    """The body is not what its type says; the text tells the sender."""
