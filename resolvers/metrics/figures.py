"""Figures: what readings add up to, as frozen values with units in their names."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from models import ReadSession
from models.base import PICODOLLARS
from resolvers.metrics.blocks import USAGE, Block
from resolvers.metrics.readings import Reading
from resolvers.metrics.scopes import Scope
from resolvers.rollups import sketch
from resolvers.rollups.subjects import known_numbers, union_of

SHARES = (0.5, 0.95, 0.99)
FEWEST_PAIRS = 30


@dataclass(frozen=True, slots=True)
class Latency:
    """Milliseconds; None without a single duration."""

    mean_ms: float | None
    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None
    max_ms: float | None


@dataclass(frozen=True, slots=True)
class Tokens:
    """`input` includes what was read from and written to a cache, `output` includes reasoning."""

    input: int
    output: int
    cache_read: int
    cache_write: int
    reasoning: int

    @property
    def total(self) -> int:
        return self.input + self.output


@dataclass(frozen=True, slots=True)
class UsageFigures:
    requests: int
    errors: int
    error_rate: float | None
    tokens: Tokens
    cost_usd: Decimal | None
    priced_share: float | None
    unpriced_share: float | None
    estimated_share: float | None
    active_subjects: int
    latency: Latency
    time_to_first_token: Latency


@dataclass(frozen=True, slots=True)
class ApiFigures:
    requests: int
    errors: int
    error_rate: float | None
    request_bytes: int
    response_bytes: int
    cache_hit_rate: float | None
    active_subjects: int
    latency: Latency


Figures = UsageFigures | ApiFigures


@dataclass(frozen=True, slots=True)
class Correlation:
    """Pearson's coefficient over the events that have both a cost and a duration; None under 30 of them."""

    coefficient: float | None
    sample_count: int


async def figures_of(session: ReadSession, scope: Scope, readings: Sequence[Reading]) -> list[Figures]:
    """The figures of each reading. Percentiles and active subjects are right where the reading holds their sketches."""
    active = await _active(session, readings, scope.snapshot.project_id)
    quantiles = {name: _quantiles(readings, name) for name in scope.block.sketches}
    made: list[Figures] = []
    for place, reading in enumerate(readings):
        sums = named_sums(scope.block, reading)
        latency = _latency(sums, quantiles["latency"][place])
        if scope.block is USAGE:
            p50, p95, p99 = quantiles["time_to_first_token"][place]
            made.append(_usage(sums, active[place], latency, Latency(None, p50, p95, p99, None)))
        else:
            made.append(_api(sums, active[place], latency))
    return made


def named_sums(block: Block, reading: Reading) -> dict[str, Any]:
    """A reading's sums by the name of their measure."""
    return dict(zip(block.sums, reading.sums, strict=True))


def cost_usd(sums: dict[str, Any]) -> Decimal | None:
    """The sum of the priced: 0 without requests, None when there are some and none has a price."""
    return dollars(sums["cost_picousd"]) if sums["priced"] or not sums["requests"] else None


def dollars(picodollars: int) -> Decimal:
    return Decimal(picodollars) / PICODOLLARS


def share(part: float | Decimal, whole: float | Decimal) -> float | None:
    """A part of a whole, or None without one."""
    return float(part / whole) if whole else None  # type: ignore[operator]


def correlation_of(reading: Reading) -> Correlation:
    """The correlation of cost and latency in a reading that was asked for `pairs`."""
    count, usd, usd_squared, ms, ms_squared, product = reading.pairs
    if count < FEWEST_PAIRS:
        return Correlation(None, count)
    spread_usd, spread_ms = usd_squared - usd * usd / count, ms_squared - ms * ms / count
    # What is left of a constant after cancellation is noise, not spread.
    if spread_usd <= 1e-12 * usd_squared or spread_ms <= 1e-12 * ms_squared:
        return Correlation(None, count)
    coefficient = (product - usd * ms / count) / math.sqrt(spread_usd * spread_ms)
    return Correlation(max(-1.0, min(1.0, coefficient)), count)


def _usage(sums: dict[str, Any], active: int, latency: Latency, first_token: Latency) -> UsageFigures:
    requests = sums["requests"]
    return UsageFigures(
        requests=requests,
        errors=sums["errors"],
        error_rate=share(sums["errors"], requests),
        tokens=Tokens(
            input=sums["uncached_tokens"] + sums["cache_read_tokens"] + sums["cache_write_tokens"],
            output=sums["visible_tokens"] + sums["reasoning_tokens"],
            cache_read=sums["cache_read_tokens"],
            cache_write=sums["cache_write_tokens"],
            reasoning=sums["reasoning_tokens"],
        ),
        cost_usd=cost_usd(sums),
        priced_share=share(sums["priced"], requests),
        unpriced_share=share(sums["unpriced"], requests),
        estimated_share=share(sums["estimated"], requests),
        active_subjects=active,
        latency=latency,
        time_to_first_token=first_token,
    )


def _api(sums: dict[str, Any], active: int, latency: Latency) -> ApiFigures:
    return ApiFigures(
        requests=sums["requests"],
        errors=sums["errors"],
        error_rate=share(sums["errors"], sums["requests"]),
        request_bytes=sums["request_bytes"],
        response_bytes=sums["response_bytes"],
        cache_hit_rate=share(sums["hits"], sums["hits"] + sums["misses"]),
        active_subjects=active,
        latency=latency,
    )


def _latency(sums: dict[str, Any], quantiles: list[float | None]) -> Latency:
    timed, longest = sums["timed"], sums["max_duration_ms"]
    # A sketch's middle may lie a hair above the largest value, which is known exactly.
    p50, p95, p99 = (value if value is None or longest is None else min(value, longest) for value in quantiles)
    return Latency(sums["duration_ms"] / timed if timed else None, p50, p95, p99, longest)


def _quantiles(readings: Sequence[Reading], name: str) -> list[list[float | None]]:
    stored = [b"".join(reading.stored.get(name, ())) for reading in readings]
    raw = [b"".join(reading.raw.get(name, ())) for reading in readings]
    return sketch.grouped_quantiles(stored, raw, SHARES)


async def _active(session: ReadSession, readings: Sequence[Reading], project_id: int) -> list[int]:
    """The distinct subjects of each reading: names that a bitmap counts already are not counted again."""
    mixed = set().union(*(reading.names for reading in readings if reading.bitmaps))
    numbers = await known_numbers(session, project_id=project_id, names=mixed)
    counted = []
    for reading in readings:
        if not reading.bitmaps:
            counted.append(len(reading.names))
            continue
        known = union_of(reading.bitmaps)
        known.update(numbers[name] for name in reading.names if name in numbers)
        counted.append(len(known) + sum(name not in numbers for name in reading.names))
    return counted
