"""Figures over time: buckets of an interval, and the week's heat map."""

import datetime as dt
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from zoneinfo import ZoneInfo

from models import ReadSession
from models.base import EPOCH
from models.rollups import DAY, MINUTE, QUARTER
from resolvers.metrics.figures import Figures, cost_usd, figures_of, named_sums
from resolvers.metrics.periods import Period
from resolvers.metrics.readings import Question, Reading, read
from resolvers.metrics.scopes import Scope

HOUR_MINUTES = 60
WEEK = dt.timedelta(weeks=1)


@dataclass(frozen=True, slots=True)
class Point:
    """A bucket that starts at `start`; the first and last hold only what lies inside the period."""

    start: dt.datetime
    figures: Figures


@dataclass(frozen=True, slots=True)
class Cell:
    """An hour of the local week: `weekday` 1 (Monday) to 7, `hour` 0 to 23."""

    weekday: int
    hour: int
    requests: int
    cost_usd: Decimal | None


async def series(session: ReadSession, scope: Scope, *, interval: str, needs: frozenset[str]) -> list[Point]:
    """Every bucket of the period, empty ones too. Raises Invalid beyond 3,000 of them."""
    starts = scope.period.starts(interval)
    readings = await buckets(session, scope, starts=starts, needs=needs)
    figures = await figures_of(session, scope, readings)
    return [Point(start, made) for start, made in zip(starts, figures, strict=True)]


async def buckets(
    session: ReadSession, scope: Scope, *, starts: Sequence[dt.datetime], needs: frozenset[str] = frozenset()
) -> list[Reading]:
    """A reading for each bucket that begins at one of `starts`, of what lies inside the period."""
    edges = (scope.period.start, *starts[1:], scope.period.end)
    question = Question(scope.block, edges, scope.columns, every=_alignment(starts), needs=needs)
    readings = [Reading.empty(scope.block) for _ in starts]
    for (time, _), reading in (await read(session, scope.snapshot, question)).items():
        if time is not None:
            readings[bisect_right(starts, time) - 1].add(reading)
    return readings


async def heatmap(session: ReadSession, scope: Scope) -> list[Cell]:
    """The 168 hours of the local week, from Monday's midnight on."""
    period = scope.period
    every = HOUR_MINUTES if _on_full_hours(period) else QUARTER
    question = Question(scope.block, (period.start, period.end), scope.columns, every=every)
    readings = [[Reading.empty(scope.block) for _ in range(24)] for _ in range(7)]
    for (time, _), reading in (await read(session, scope.snapshot, question)).items():
        if time is not None:
            local = max(time, period.start).astimezone(period.zone)
            readings[local.weekday()][local.hour].add(reading)
    return [
        Cell(weekday + 1, hour, sums["requests"], cost_usd(sums))
        for weekday, hours in enumerate(readings)
        for hour, sums in enumerate(named_sums(scope.block, reading) for reading in hours)
    ]


def _alignment(starts: Sequence[dt.datetime]) -> int:
    """The longest bucket, in minutes, that no inner start cuts."""
    for minutes in (DAY, HOUR_MINUTES, QUARTER):
        if all((start - EPOCH) % dt.timedelta(minutes=minutes) == dt.timedelta(0) for start in starts):
            return minutes
    return MINUTE


def _on_full_hours(period: Period) -> bool:
    """Whether the zone's clocks show full hours when UTC's do, all through the period."""
    weeks = range((period.end - period.start) // WEEK + 1)
    return all(_full_hour(period.zone, time) for time in (period.end, *(period.start + week * WEEK for week in weeks)))


def _full_hour(zone: ZoneInfo, time: dt.datetime) -> bool:
    offset = time.astimezone(zone).utcoffset()
    return offset is not None and offset % dt.timedelta(hours=1) == dt.timedelta(0)
