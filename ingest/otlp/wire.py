"""What both encodings of OTLP decode to, and how the values of attributes are read from each."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from ingest.otlp.attributes import Value
from ingest.otlp.plans import Pairs
from resolvers.events.rejections import Refused

UNSPECIFIED: Final = 0
SERVER: Final = 2
"""Kinds of spans."""
OK: Final = 1
ERROR: Final = 2
"""Codes of statuses."""
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

    `pairs_of` answers attributes as pairs of a name and a value that is read when the name has a meaning, and raises
    Refused; `value_of` reads other values, which are as the encoding has them.
    """

    resources: Sequence[tuple[Pairs, Sequence[Span | Refused]]]
    pairs_of: Callable[[Any], Iterable[tuple[str, Any]]]
    value_of: Callable[[Any], Value | None]


class Undecodable(Exception):  # noqa: N818 — an answer, not a fault
    """The body is not what its type says; the text tells the sender."""
