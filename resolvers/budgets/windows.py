"""The windows of budgets: days, weeks and months of a time zone's calendar."""

import datetime as dt
from dataclasses import dataclass
from typing import Final
from zoneinfo import ZoneInfo

from resolvers.metrics.periods import Period

REACH: Final = {"day": dt.timedelta(days=3), "week": dt.timedelta(days=9), "month": dt.timedelta(days=33)}
"""Longer than each window, however the clocks are set in it."""


@dataclass(frozen=True, slots=True)
class Window:
    """Half-open [start, end), in UTC, between two midnights of the zone."""

    start: dt.datetime
    end: dt.datetime


def window_at(kind: str, zone: str, at: dt.datetime) -> Window:
    """The `day`, `week` (from Monday) or `month` of a time zone that a moment lies in."""
    start, end, *_ = Period(at, at + REACH[kind], ZoneInfo(zone)).starts(kind)
    return Window(start, end)
