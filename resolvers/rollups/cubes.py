"""The series that are rolled up, usage and API calls: each by time, and by time and its dimensions."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from models import ApiByRoute, ApiByTime, ApiCall, UsageByModel, UsageByTime, UsageEvent
from models.rollups import QUARTER
from resolvers.rollups.measures import API_SUMS, USAGE_PAIRS, USAGE_SUMS, Measures

LONGEST = "max_duration_ms"
MINUTES_KEPT = dt.timedelta(days=14)


@dataclass(frozen=True, slots=True)
class Series:
    """Facts that are summed in buckets of time: all of them (`by_time`), and split by their `dimensions` (`split`).

    `sums` are the additive measures, `sketches` the milliseconds that each sketch is made from.
    """

    facts: Any
    by_time: Any
    split: Any
    dimensions: tuple[str, ...]
    sums: Measures
    longest: Any
    sketches: Mapping[str, Any]


def _additive(*measures: Measures) -> Measures:
    return {name: sql for part in measures for name, sql in part.items() if name != LONGEST}


USAGE = Series(
    facts=UsageEvent,
    by_time=UsageByTime,
    split=UsageByModel,
    dimensions=("provider", "model", "operation", "status"),
    sums=_additive(USAGE_SUMS, USAGE_PAIRS),
    longest=USAGE_SUMS[LONGEST],
    sketches={"latency": UsageEvent.duration_ms, "time_to_first_token": UsageEvent.time_to_first_token_ms},
)
API = Series(
    facts=ApiCall,
    by_time=ApiByTime,
    split=ApiByRoute,
    dimensions=("method", "route", "status"),
    sums=_additive(API_SUMS),
    longest=API_SUMS[LONGEST],
    sketches={"latency": ApiCall.duration_ms},
)


def minutes_from(now: dt.datetime) -> dt.datetime:
    """From when on minute rows are kept: 14 days before, at the start of a quarter-hour."""
    since = now - MINUTES_KEPT
    return since.replace(minute=since.minute - since.minute % QUARTER, second=0, microsecond=0)
