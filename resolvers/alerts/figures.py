"""The figures that rules can watch: how each is made from sums over a window, and which block or source it reads."""

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from resolvers.budgets.standing import Standing
from resolvers.metrics.blocks import API, USAGE, Block
from resolvers.metrics.figures import cost_usd
from resolvers.metrics.filters import MetricsFilter

VALUE, CHANGE = "value", "change"
BASES: Final = (VALUE, CHANGE)
NO_INSTANCE: Final = ""

Instances = Mapping[str, float | None]
"""A figure's values (None: no data): by component where it watches components, else one under the empty name."""


@dataclass(frozen=True, slots=True)
class Measure:
    """A figure over a window that ends when it is asked for; by `change`, relative to the window before.

    `budget` is the number of the one that it is about.
    """

    metric: str
    basis: str
    filter: MetricsFilter
    window: dt.timedelta
    budget: int | None = None

    @property
    def windows(self) -> tuple[dt.timedelta, ...]:
        """How long before the end each window to read ends."""
        return (dt.timedelta(0),) if self.basis == VALUE else (dt.timedelta(0), self.window)

    @property
    def reach(self) -> dt.timedelta:
        """How far back it looks."""
        return self.window * len(self.windows)


@dataclass(frozen=True, slots=True)
class Figure:
    """Made by `of` from sums of a block by their names; with `sketch`, the 95th percentile of its latency instead."""

    block: Block
    names: tuple[str, ...]
    of: Callable[[Mapping[str, Any]], float | None]
    sketch: bool = False


def _sum(*names: str) -> tuple[tuple[str, ...], Callable[[Mapping[str, Any]], float]]:
    return names, lambda sums: float(sum(sums[name] for name in names))


def _share(part: str, *whole: str) -> tuple[tuple[str, ...], Callable[[Mapping[str, Any]], float | None]]:
    def of(sums: Mapping[str, Any]) -> float | None:
        total = sum(sums[name] for name in whole)
        return float(sums[part] / total) if total else None

    return (part, *(name for name in whole if name != part)), of


def _cost(sums: Mapping[str, Any]) -> float | None:
    usd = cost_usd(dict(sums))
    return None if usd is None else float(usd)


def _p95(sums: Mapping[str, Any]) -> float | None:
    p95: float | None = sums["p95_ms"]
    return p95


TOKENS: Final = ("uncached_tokens", "cache_read_tokens", "cache_write_tokens", "visible_tokens", "reasoning_tokens")

FIGURES: Final[Mapping[str, Figure]] = {
    "usage_cost_usd": Figure(USAGE, ("requests", "priced", "cost_picousd"), _cost),
    "usage_requests": Figure(USAGE, *_sum("requests")),
    "usage_tokens": Figure(USAGE, *_sum(*TOKENS)),
    "usage_error_rate": Figure(USAGE, *_share("errors", "requests")),
    "usage_mean_ms": Figure(USAGE, *_share("duration_ms", "timed")),
    "usage_p95_ms": Figure(USAGE, ("max_duration_ms",), _p95, sketch=True),
    "api_requests": Figure(API, *_sum("requests")),
    "api_error_rate": Figure(API, *_share("errors", "requests")),
    "api_mean_ms": Figure(API, *_share("duration_ms", "timed")),
    "api_p95_ms": Figure(API, ("max_duration_ms",), _p95, sketch=True),
    "api_cache_hit_rate": Figure(API, *_share("hits", "hits", "misses")),
}
"""Figures of the traffic."""

BUGS_OPEN, COMPONENTS_DOWN = "bugs_open", "components_down"
SOCKETS, AUTH_FAILURES, INGEST_LAG_SECONDS = "sockets", "auth_failures", "ingest_lag_seconds"
INTRUSION_ATTEMPTS: Final = "intrusion_attempts"
DATABASE_CONNECTIONS_SHARE, DATABASE_CACHE_HIT_RATE = "database_connections_share", "database_cache_hit_rate"
DATABASE_DEADLOCKS, DATABASE_LONG_QUERIES = "database_deadlocks", "database_long_queries"
DATABASE_BYTES: Final = "database_bytes"
SAMPLED: Final = (
    SOCKETS,
    AUTH_FAILURES,
    INTRUSION_ATTEMPTS,
    INGEST_LAG_SECONDS,
    DATABASE_CONNECTIONS_SHARE,
    DATABASE_CACHE_HIT_RATE,
    DATABASE_DEADLOCKS,
    DATABASE_LONG_QUERIES,
    DATABASE_BYTES,
)
COUNTED: Final = frozenset({AUTH_FAILURES, INTRUSION_ATTEMPTS, DATABASE_DEADLOCKS})
"""Those whose samples are added up over the window."""
LOWEST: Final = frozenset({DATABASE_CACHE_HIT_RATE})
"""Those of which the lowest sample of the window counts."""
NEVER_ZERO: Final = frozenset({DATABASE_CONNECTIONS_SHARE, DATABASE_CACHE_HIT_RATE, DATABASE_BYTES})
"""Those that have no data where there is no sample: SQLite has no connections."""
OF_BUDGETS: Final[Mapping[str, Callable[[Standing], float]]] = {
    "budget_spent_share": lambda standing: standing.spent_share,
    "budget_projected_share": lambda standing: standing.projected_share,
}
"""Figures of a budget in its own window: that of the rule does not matter."""
METRICS: Final = (*FIGURES, COMPONENTS_DOWN, BUGS_OPEN, *SAMPLED, *OF_BUDGETS)


def value_of(parts: list[float | None]) -> float | None:
    """The figure from what its windows hold: itself, or its relative change, which needs something to compare with."""
    now, *before = parts
    if not before:
        return now
    (then,) = before
    return None if now is None or not then else (now - then) / then
