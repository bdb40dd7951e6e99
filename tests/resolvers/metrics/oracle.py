"""What every figure must be: from a plain list of facts, by the words of the contract and nothing cleverer.

Each function answers the JSON of a GraphQL field, with Decimal for money that must be exact.
"""

import math
import statistics
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from scipy import stats

from realtime.facts import ApiCallFact, UsageFact
from tests.resolvers.metrics.calendars import buckets, full_days, label
from tests.resolvers.metrics.periods import Period

F = TypeVar("F", UsageFact, ApiCallFact)
Json = dict[str, Any]

PICO = Decimal(10) ** -12
MONTH_DAYS, YEAR_DAYS = Decimal("30.4375"), Decimal("365.25")


def within(facts: Iterable[F], period: Period) -> list[F]:
    return [fact for fact in facts if period.start <= fact.time < period.end]


def ratio(part: float, whole: float) -> float | None:
    return part / whole if whole else None


def nearest_rank(values: Sequence[float], percent: int) -> float | None:
    """The smallest value that at least `percent` per cent of the values do not exceed."""
    return sorted(values)[-(-percent * len(values) // 100) - 1] if values else None


def latency(facts: Sequence[F]) -> Json:
    values = [fact.duration_ms for fact in facts if fact.duration_ms is not None]
    return {
        "meanMs": ratio(math.fsum(values), len(values)),
        **{f"p{percent}Ms": nearest_rank(values, percent) for percent in (50, 95, 99)},
        "maxMs": max(values, default=None),
    }


def active_subjects(facts: Sequence[F]) -> int:
    return len({fact.subject for fact in facts if fact.subject is not None})


def cost_usd(events: Sequence[UsageFact]) -> Decimal | None:
    priced = [event.cost_picousd for event in events if event.cost_picousd is not None]
    return None if events and not priced else sum(priced) * PICO


def tokens(events: Sequence[UsageFact]) -> Json:
    read, write = sum(event.cache_read_tokens for event in events), sum(event.cache_write_tokens for event in events)
    reasoning = sum(event.reasoning_tokens for event in events)
    prompt = sum(event.uncached_tokens for event in events) + read + write
    answer = sum(event.visible_tokens for event in events) + reasoning
    return {
        "input": prompt,
        "output": answer,
        "total": prompt + answer,
        "cacheRead": read,
        "cacheWrite": write,
        "reasoning": reasoning,
    }


def usage_totals(events: Sequence[UsageFact]) -> Json:
    errors = sum(event.status == "error" for event in events)
    first = [event.time_to_first_token_ms for event in events if event.time_to_first_token_ms is not None]
    return {
        "requests": len(events),
        "errors": errors,
        "errorRate": ratio(errors, len(events)),
        "tokens": tokens(events),
        "costUsd": cost_usd(events),
        "pricedShare": ratio(sum(event.cost_picousd is not None for event in events), len(events)),
        "estimatedShare": ratio(sum(event.estimated for event in events), len(events)),
        "activeSubjects": active_subjects(events),
        "latency": latency(events),
        "timeToFirstToken": {f"p{percent}Ms": nearest_rank(first, percent) for percent in (50, 95, 99)},
    }


def api_totals(calls: Sequence[ApiCallFact]) -> Json:
    errors = sum(call.status >= 500 for call in calls)
    hits, misses = (sum(call.cache == state for call in calls) for state in ("hit", "miss"))
    return {
        "requests": len(calls),
        "errors": errors,
        "errorRate": ratio(errors, len(calls)),
        "requestBytes": sum(call.request_bytes or 0 for call in calls),
        "responseBytes": sum(call.response_bytes or 0 for call in calls),
        "cacheHitRate": ratio(hits, hits + misses),
        "activeSubjects": active_subjects(calls),
        "latency": latency(calls),
    }


TOTALS: dict[str, Callable[[Any], Json]] = {"usage": usage_totals, "api": api_totals}


def groups(facts: Iterable[F], name: Callable[[F], Hashable]) -> dict[Any, list[F]]:
    found: dict[Any, list[F]] = defaultdict(list)
    for fact in facts:
        found[name(fact)].append(fact)
    return found


def key(fact: F, dimension: str) -> str | None:
    """The JSON word of a fact's dimension (`MODEL`, `STATUS`, ...)."""
    value = getattr(fact, dimension.lower())
    return None if value is None else str(value)


def measure(totals: Json, order: str) -> Any:
    """What a breakdown is ordered by."""
    match order:
        case "COST":
            return totals["costUsd"]
        case "TOKENS":
            return totals["tokens"]["total"]
        case "P95":
            return totals["latency"]["p95Ms"]
        case _:
            return totals[order.lower()]


def share(part: Json, whole: Json, order: str) -> float | None:
    """The part of the ordering measure; a percentile has no parts."""
    mine, everything = measure(part, order), measure(whole, order)
    if order == "P95" or mine is None or not everything:
        return None
    return float(Fraction(mine) / Fraction(everything))


def rating(totals: Json) -> str | None:
    """By p95 and error rate; without a duration, by the error rate alone."""
    if not totals["requests"]:
        return None
    p95, errors = totals["latency"]["p95Ms"] or 0, totals["errorRate"]
    if p95 <= 500 and errors <= 0.01:
        return "GOOD"
    return "FAIR" if p95 <= 2000 and errors <= 0.05 else "POOR"


def series(facts: Sequence[F], period: Period, interval: str, totals: Callable[[Any], Json]) -> list[Json]:
    inside = groups(within(facts, period), lambda fact: label(fact.time, period.zone, interval))
    return [
        {"start": start, "totals": totals(inside.get(name, []))}
        for start, name in buckets(period.start, period.end, period.zone, interval)
    ]


def heatmap(events: Sequence[UsageFact], zone: ZoneInfo) -> list[Json]:
    def cell(event: UsageFact) -> tuple[int, int]:
        here = event.time.astimezone(zone)
        return here.isoweekday(), here.hour

    inside = groups(events, cell)
    return [
        {
            "weekday": weekday,
            "hour": hour,
            "requests": len(inside.get((weekday, hour), [])),
            "costUsd": cost_usd(inside.get((weekday, hour), [])),
        }
        for weekday in range(1, 8)
        for hour in range(24)
    ]


def correlation(events: Sequence[UsageFact]) -> Json:
    """Pearson by its definition, in exact fractions until the root."""
    pairs = [
        (Fraction(event.cost_picousd), Fraction(event.duration_ms))
        for event in events
        if event.cost_picousd is not None and event.duration_ms is not None
    ]
    coefficient = None
    if len(pairs) >= 30:
        mean_x, mean_y = (sum(values, Fraction()) / len(pairs) for values in zip(*pairs, strict=True))
        xy = sum((x - mean_x) * (y - mean_y) for x, y in pairs)
        xx, yy = sum((x - mean_x) ** 2 for x, _ in pairs), sum((y - mean_y) ** 2 for _, y in pairs)
        if xx and yy:
            coefficient = float(xy) / math.sqrt(float(xx)) / math.sqrt(float(yy))
    return {"coefficient": coefficient, "sampleCount": len(pairs)}


def projection(events: Sequence[UsageFact], period: Period) -> Json:
    days = full_days(period.start, period.end, period.zone)[-28:]
    inside = groups(within(events, period), lambda event: label(event.time, period.zone, "DAY"))
    costs = [float(cost_usd(inside.get(day, [])) or 0) for day in days]
    mean = low = high = None
    if days:
        mean = math.fsum(costs) / len(days)
    if mean is not None and len(days) > 1:
        margin = stats.t.ppf(0.9, len(days) - 1) * statistics.stdev(costs) / math.sqrt(len(days))
        low, high = mean - margin, mean + margin
    return {
        "basisDays": len(days),
        "dailyUsd": mean,
        "monthlyUsd": None if mean is None else mean * float(MONTH_DAYS),
        "yearlyUsd": None if mean is None else mean * float(YEAR_DAYS),
        "monthlyLowUsd": None if low is None else float(low) * float(MONTH_DAYS),
        "monthlyHighUsd": None if high is None else float(high) * float(MONTH_DAYS),
        "enoughData": len(days) >= 7,
    }
