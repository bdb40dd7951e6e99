"""How much of what was advised was seen and done: by kind, by subject, over time; and what it saved."""

import datetime as dt
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, func, select

from models import ReadSession, Recommendation
from models.base import PICODOLLARS
from models.functions import big_sum, time_bucket
from models.rollups import MINUTE, QUARTER
from resolvers.metrics.periods import Period


@dataclass(frozen=True, slots=True)
class Counts:
    """Recommendations issued, and what became of them so far. What is done counts as seen."""

    total: int = 0
    viewed: int = 0
    implemented: int = 0
    dismissed: int = 0
    expired: int = 0
    measured: int = 0
    measured_picousd: int = 0

    @property
    def viewed_rate(self) -> float | None:
        """The share that was seen; None without any."""
        return self.viewed / self.total if self.total else None

    @property
    def implemented_rate(self) -> float | None:
        """The share that was done; None without any."""
        return self.implemented / self.total if self.total else None

    @property
    def measured_monthly_saving_usd(self) -> Decimal:
        """The sum of the measured savings a month."""
        return Decimal(self.measured_picousd) / PICODOLLARS

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(*(getattr(self, name) + getattr(other, name) for name in self.__slots__))


@dataclass(frozen=True, slots=True)
class KeyCounts:
    """The counts of one kind or subject; `key` is None for those without a subject."""

    key: str | None
    counts: Counts


@dataclass(frozen=True, slots=True)
class PointCounts:
    """The counts of what was issued in a bucket that starts at `start`."""

    start: dt.datetime
    counts: Counts


async def total_counts(session: ReadSession, *, project_id: int, period: Period) -> Counts:
    """The counts of everything issued in the period."""
    row = await session.one(select(*_COUNTED).where(*_issued(project_id, period)))
    return _counts(row)


async def counts_by_kind(session: ReadSession, *, project_id: int, period: Period, limit: int) -> list[KeyCounts]:
    """Recommendations issued in the period by kind, most first: at most `limit` kinds."""
    return await _by(session, Recommendation.kind, project_id, period, limit)


async def counts_by_subject(session: ReadSession, *, project_id: int, period: Period, limit: int) -> list[KeyCounts]:
    """The same by subject."""
    return await _by(session, Recommendation.subject, project_id, period, limit)


async def counts_over_time(
    session: ReadSession, *, project_id: int, period: Period, interval: str
) -> list[PointCounts]:
    """The same for each bucket of the period, empty ones too. Raises Invalid beyond 3,000 of them."""
    starts = period.starts(interval)
    # Every time zone is a multiple of a quarter of an hour, so no longer bucket cuts one.
    bucket = time_bucket(Recommendation.created_at, MINUTE if interval == "minute" else QUARTER)
    rows = await session.rows(select(bucket, *_COUNTED).where(*_issued(project_id, period)).group_by(bucket))
    points = [Counts() for _ in starts]
    for time, *values in rows:
        place = max(bisect_right(starts, time) - 1, 0)
        points[place] += _counts(values)
    return [PointCounts(start, counts) for start, counts in zip(starts, points, strict=True)]


async def _by(session: ReadSession, column: Any, project_id: int, period: Period, limit: int) -> list[KeyCounts]:
    statement = (
        select(column, *_COUNTED)
        .where(*_issued(project_id, period))
        .group_by(column)
        .order_by(func.count().desc(), column.is_(None), column)
        .limit(limit)
    )
    return [KeyCounts(key, _counts(values)) for key, *values in await session.rows(statement)]


def _issued(project_id: int, period: Period) -> tuple[ColumnElement[bool], ...]:
    created_at = Recommendation.created_at
    return Recommendation.project_id == project_id, created_at >= period.start, created_at < period.end


def _counts(values: Sequence[Any]) -> Counts:
    return Counts(*(value or 0 for value in values))  # a sum over nothing is null


_COUNTED: tuple[ColumnElement[Any], ...] = (
    func.count(),
    func.count(func.coalesce(Recommendation.viewed_at, Recommendation.implemented_at)),
    func.count(Recommendation.implemented_at),
    func.count(Recommendation.dismissed_at),
    func.count().filter(Recommendation.status == "expired"),
    func.count(Recommendation.measured_monthly_saving_picousd),
    big_sum(Recommendation.measured_monthly_saving_picousd),
)
"""In the order of the fields of `Counts`."""
