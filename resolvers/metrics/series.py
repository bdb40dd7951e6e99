"""Figures over time: buckets of an interval, and the week's heat map."""

import datetime as dt
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from models import ReadSession
from models.base import EPOCH
from models.rollups import DAY, MINUTE, QUARTER
from resolvers.metrics.figures import Figures, cost_usd, figures_of, named_sums
from resolvers.metrics.periods import Period
from resolvers.metrics.readings import Question, Reading, read
from resolvers.metrics.scopes import Scope

HOUR_MINUTES = 60
A_MINUTE, WEEK = dt.timedelta(minutes=1), dt.timedelta(weeks=1)


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
    every, shift = alignment(starts)
    question = Question(scope.block, edges, scope.columns, every=every, shift=shift, needs=needs)
    readings = [Reading.empty(scope.block) for _ in starts]
    for (time, _), reading in (await read(session, scope.snapshot, question)).items():
        if time is not None:
            readings[bisect_right(starts, time) - 1].add(reading)
    return readings


async def heatmap(session: ReadSession, scope: Scope) -> list[Cell]:
    """The 168 hours of the local week, from Monday's midnight on."""
    period = scope.period
    every, shift = _hours(period)
    question = Question(scope.block, (period.start, period.end), scope.columns, every=every, shift=shift)
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


def alignment(starts: Sequence[dt.datetime]) -> tuple[int, int]:
    """The longest buckets that no inner start cuts: their minutes, and how many after midnight UTC they begin."""
    for minutes in (DAY, HOUR_MINUTES, QUARTER):
        shifts = {(start - EPOCH) % dt.timedelta(minutes=minutes) for start in starts}
        if len(shifts) == 1:
            return minutes, shifts.pop() // A_MINUTE
    return MINUTE, 0


def _hours(period: Period) -> tuple[int, int]:
    """The hours of the zone's clocks as buckets; quarters where clocks are set by less than an hour in the period."""
    weeks = range((period.end - period.start) // WEEK + 1)
    times = (period.end, *(period.start + week * WEEK for week in weeks))
    shifts = {-(time.astimezone(period.zone).utcoffset() or A_MINUTE * 0) % (HOUR_MINUTES * A_MINUTE) for time in times}
    return (HOUR_MINUTES, shifts.pop() // A_MINUTE) if len(shifts) == 1 else (QUARTER, 0)
