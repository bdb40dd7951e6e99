"""Figures of bugs over any period: how many are open, were filed and resolved, and how long that took."""

import datetime as dt
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, func, or_, select

from models import Bug, BugSpell, ReadSession
from models.bugs import SEVERITIES
from models.functions import seconds_between, time_bucket
from resolvers.metrics.periods import Period
from resolvers.metrics.series import alignment

SECONDS_AN_HOUR = 3600


@dataclass(frozen=True, slots=True)
class Open:
    """How many bugs were open at one instant; a category of None is that of bugs without one."""

    total: int
    by_severity: dict[str, int]
    by_category: list[tuple[str | None, int]]


@dataclass(frozen=True, slots=True)
class Resolutions:
    """How many bugs were resolved and how long that took them since they were filed, in hours; None without any."""

    count: int
    mean_hours: float | None
    median_hours: float | None


NO_RESOLUTIONS = Resolutions(0, None, None)


@dataclass(frozen=True, slots=True)
class Point:
    """A bucket that starts at `start`; `open` is at its end."""

    start: dt.datetime
    filed: int
    resolved: int
    open: int


async def open_at(session: ReadSession, *, project_id: int, time: dt.datetime) -> Open:
    """The bugs that were open just before an instant, by what they were then; the largest category first."""
    rows = await session.rows(
        select(BugSpell.severity, BugSpell.category, func.count())
        .where(*_spells_at(project_id, time))
        .group_by(BugSpell.severity, BugSpell.category)
    )
    severities, categories = dict.fromkeys(reversed(SEVERITIES), 0), dict[str | None, int]()
    for severity, category, count in rows:
        severities[severity] += count
        categories[category] = categories.get(category, 0) + count
    ranked = sorted(categories.items(), key=lambda item: (-item[1], item[0] is None, item[0] or ""))
    return Open(sum(severities.values()), severities, ranked)


async def count_filed(session: ReadSession, *, project_id: int, period: Period) -> int:
    """How many bugs were filed in a period."""
    return await _count(session, project_id, *_within(Bug.created_at, period.start, period.end))


async def count_resolved_today(session: ReadSession, *, project_id: int, period: Period, now: dt.datetime) -> int:
    """How many bugs were resolved since midnight in the period's zone."""
    local = now.astimezone(period.zone)
    midnight = dt.datetime(local.year, local.month, local.day, tzinfo=period.zone).astimezone(dt.UTC)
    return await _count(session, project_id, Bug.resolved_at >= midnight)


async def resolutions_by_period(
    session: ReadSession, keys: Sequence[tuple[int, Period]]
) -> dict[tuple[int, Period], Resolutions]:
    """The bugs that were resolved in each period, by project id and period, and stayed so."""
    return {key: await _resolutions(session, *key) for key in dict.fromkeys(keys)}


async def _resolutions(session: ReadSession, project_id: int, period: Period) -> Resolutions:
    took = seconds_between(Bug.resolved_at, Bug.created_at)
    resolved = (Bug.project_id == project_id, *_within(Bug.resolved_at, period.start, period.end))
    count, mean = await session.one(select(func.count(), func.avg(took)).where(*resolved))
    if not count:
        return NO_RESOLUTIONS
    middle = await session.scalars(
        select(took).where(*resolved).order_by(took).offset((count - 1) // 2).limit(2 - count % 2)
    )
    median = sum(float(seconds) for seconds in middle) / len(middle)
    return Resolutions(count, float(mean) / SECONDS_AN_HOUR, median / SECONDS_AN_HOUR)


async def trend(session: ReadSession, *, project_id: int, period: Period, interval: str) -> list[Point]:
    """Every bucket of the period, empty ones too. Raises Invalid beyond 3,000 of them."""
    starts = period.starts(interval)
    was_open = await session.scalar(select(func.count()).where(*_spells_at(project_id, period.start))) or 0
    of_bugs, of_spells = Bug.project_id == project_id, BugSpell.project_id == project_id
    filed = await _buckets(session, Bug.created_at, of_bugs, period, starts)
    resolved = await _buckets(session, Bug.resolved_at, of_bugs, period, starts)
    began = await _buckets(session, BugSpell.began_at, of_spells, period, starts)
    ended = await _buckets(session, BugSpell.ended_at, of_spells, period, starts)
    points = []
    for place, start in enumerate(starts):
        was_open += began[place] - ended[place]
        points.append(Point(start, filed[place], resolved[place], was_open))
    return points


def _spells_at(project_id: int, time: dt.datetime) -> tuple[ColumnElement[bool], ...]:
    """The stretches of being open that an instant lies in."""
    lasted = or_(BugSpell.ended_at.is_(None), BugSpell.ended_at >= time)
    return BugSpell.project_id == project_id, BugSpell.began_at < time, lasted


def _within(column: Any, start: dt.datetime, end: dt.datetime) -> tuple[ColumnElement[bool], ...]:
    return column >= start, column < end


async def _count(session: ReadSession, project_id: int, *conditions: ColumnElement[bool]) -> int:
    counted = select(func.count()).select_from(Bug).where(Bug.project_id == project_id, *conditions)
    return await session.scalar(counted) or 0


async def _buckets(
    session: ReadSession, column: Any, of_project: ColumnElement[bool], period: Period, starts: Sequence[dt.datetime]
) -> list[int]:
    """How many times of a column lie in each bucket of the period."""
    bucket = time_bucket(column, *alignment(starts)).label("bucket")
    counts = [0] * len(starts)
    counted = select(bucket, func.count()).where(of_project, *_within(column, period.start, period.end))
    for time, count in await session.rows(counted.group_by(bucket)):
        counts[max(0, bisect_right(starts, time) - 1)] += count
    return counts
