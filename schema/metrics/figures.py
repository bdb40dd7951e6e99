"""The figures that both blocks share, and which of their sketches a selection needs."""

from collections.abc import Sequence
from decimal import Decimal
from enum import Enum
from typing import Self

import strawberry
from strawberry.types.nodes import SelectedField

from resolvers.metrics import breakdowns
from resolvers.metrics import figures as resolved
from schema.paging import decode_cursor, encode_cursor
from schema.scalars import BigInt
from schema.selections import below

PERCENTILES = {"p50Ms", "p95Ms", "p99Ms"}


@strawberry.type(description="Milliseconds. Percentiles are nearest rank, within 1 %; null without a single duration.")
class Latency:
    mean_ms: float | None = strawberry.field(description="The mean.")
    p50_ms: float | None = strawberry.field(description="The median.")
    p95_ms: float | None = strawberry.field(description="95 % take at most this long.")
    p99_ms: float | None = strawberry.field(description="99 % take at most this long.")
    max_ms: float | None = strawberry.field(description="The longest.")

    @classmethod
    def of(cls, latency: resolved.Latency) -> Self:
        return cls(
            mean_ms=latency.mean_ms,
            p50_ms=latency.p50_ms,
            p95_ms=latency.p95_ms,
            p99_ms=latency.p99_ms,
            max_ms=latency.max_ms,
        )


@strawberry.type(description="Time to the first token of streamed answers, in milliseconds; null without any.")
class TimeToFirstToken:
    p50_ms: float | None = strawberry.field(description="The median.")
    p95_ms: float | None = strawberry.field(description="95 % take at most this long.")
    p99_ms: float | None = strawberry.field(description="99 % take at most this long.")


@strawberry.type(description="Tokens as OpenTelemetry counts them.")
class Tokens:
    input: BigInt = strawberry.field(description="All of the prompt, what came from and went to a cache included.")
    output: BigInt = strawberry.field(description="All of the answer, reasoning included.")
    total: BigInt = strawberry.field(description="Input and output.")
    cache_read: BigInt = strawberry.field(description="The part of `input` that was read from the provider's cache.")
    cache_write: BigInt = strawberry.field(description="The part of `input` that was written to the provider's cache.")
    reasoning: BigInt = strawberry.field(description="The part of `output` that was reasoning.")

    @classmethod
    def of(cls, tokens: resolved.Tokens) -> Self:
        return cls(
            input=tokens.input,
            output=tokens.output,
            total=tokens.total,
            cache_read=tokens.cache_read,
            cache_write=tokens.cache_write,
            reasoning=tokens.reasoning,
        )


@strawberry.enum(description="How well a route does, from its 95th percentile and its error rate.")
class Rating(Enum):
    GOOD = strawberry.enum_value("good", description="Up to 500 ms and 1 % errors.")
    FAIR = strawberry.enum_value("fair", description="Up to 2,000 ms and 5 % errors.")
    POOR = strawberry.enum_value("poor", description="Slower, or failing more often.")


def needs(fields: Sequence[SelectedField]) -> frozenset[str]:
    """The sketches that figures selected like this are made of, besides sums."""
    found = set()
    if PERCENTILES & {field.name for field in below(fields, "latency")}:
        found.add("latency")
    names = {field.name for field in fields}
    if "timeToFirstToken" in names:
        found.add("time_to_first_token")
    if "activeSubjects" in names:
        found.add("subjects")
    return frozenset(found)


def position_cursor(place: str, position: breakdowns.Position) -> str:
    """The cursor of a breakdown's entry. `place` names the dimension and the order that it belongs to."""
    return encode_cursor(place, position)


def position_at(place: str, cursor: str | None) -> breakdowns.Position | None:
    """Where a page continues. Raises Invalid for a cursor of another list."""
    return None if cursor is None else decode_cursor(place, cursor, tuple[Decimal | None, str | None])
