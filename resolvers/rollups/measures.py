"""What is summed, said once: the SQL of each measure over facts. Roll-up columns have the same names."""

from typing import Any

from sqlalchemy import ColumnElement, Double, Integer, case, cast, func, literal

from models import ApiCall, UsageEvent
from models.base import PICODOLLARS
from models.functions import big_sum

Measures = dict[str, ColumnElement[Any]]


def _count(condition: ColumnElement[bool]) -> ColumnElement[int]:
    return func.coalesce(func.sum(case((condition, 1), else_=0)), 0)


def _total(column: Any) -> ColumnElement[int]:
    return func.coalesce(func.sum(column), 0)


_PAIRED = UsageEvent.cost_picousd.is_not(None) & UsageEvent.duration_ms.is_not(None)
_USD = cast(UsageEvent.cost_picousd, Double) / literal(float(PICODOLLARS), Double)
_MS = UsageEvent.duration_ms


def _paired(value: Any) -> ColumnElement[float]:
    return func.coalesce(func.sum(case((_PAIRED, value), else_=literal(0.0, Double))), literal(0.0, Double))


USAGE_SUMS: Measures = {
    "requests": func.count(),
    "errors": _count(UsageEvent.status == "error"),
    "priced": func.count(UsageEvent.cost_picousd),
    "estimated": _total(cast(UsageEvent.estimated, Integer)),
    "unpriced": func.count(UsageEvent.unpriced),
    "cost_picousd": func.coalesce(big_sum(UsageEvent.cost_picousd), 0),
    "uncached_tokens": _total(UsageEvent.uncached_tokens),
    "cache_read_tokens": _total(UsageEvent.cache_read_tokens),
    "cache_write_tokens": _total(UsageEvent.cache_write_tokens),
    "visible_tokens": _total(UsageEvent.visible_tokens),
    "reasoning_tokens": _total(UsageEvent.reasoning_tokens),
    "timed": func.count(UsageEvent.duration_ms),
    "duration_ms": func.coalesce(func.sum(UsageEvent.duration_ms), literal(0.0, Double)),
    "max_duration_ms": func.max(UsageEvent.duration_ms),
}
"""Additive over usage events, `max_duration_ms` by the maximum."""

USAGE_PAIRS: Measures = {
    "paired": _count(_PAIRED),
    "paired_usd": _paired(_USD),
    "paired_usd_squared": _paired(_USD * _USD),
    "paired_ms": _paired(_MS),
    "paired_ms_squared": _paired(_MS * _MS),
    "paired_product": _paired(_USD * _MS),
}
"""Moments of the events that have both a cost and a duration."""

API_SUMS: Measures = {
    "requests": func.count(),
    "errors": _count(ApiCall.status >= 500),
    "request_bytes": func.coalesce(big_sum(ApiCall.request_bytes), 0),
    "response_bytes": func.coalesce(big_sum(ApiCall.response_bytes), 0),
    "hits": _count(ApiCall.cache == "hit"),
    "misses": _count(ApiCall.cache == "miss"),
    "timed": func.count(ApiCall.duration_ms),
    "duration_ms": func.coalesce(func.sum(ApiCall.duration_ms), literal(0.0, Double)),
    "max_duration_ms": func.max(ApiCall.duration_ms),
}
"""Additive over API calls, `max_duration_ms` by the maximum."""
