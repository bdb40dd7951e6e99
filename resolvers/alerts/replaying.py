"""Reads what a rule would have seen at each of many past moments: the same figures as `reading` has one by one.

The traffic is read once, in buckets that divide both the windows and the steps between moments; a window is then the
difference of two running totals.
"""

import asyncio
import datetime as dt
import itertools
import math
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from sqlalchemy import func, or_, select

from models import BugSpell, ReadSession
from models.base import to_microseconds
from models.functions import latency_buckets, seconds_bucket
from resolvers.alerts.figures import BUGS_OPEN, FIGURES, OF_BUDGETS, Figure, Measure, value_of
from resolvers.alerts.reading import capped
from resolvers.alerts.samples import sampled
from resolvers.budgets.watching import standings_over
from resolvers.errors import Invalid
from resolvers.rollups import sketch

MOST_READ: Final = dt.timedelta(days=93)
RAW: Final = np.dtype(">i2")


async def figures_over(
    session: ReadSession,
    *,
    project_id: int,
    measure: Measure,
    instants: Sequence[dt.datetime],
    every: dt.timedelta,
) -> list[float | None]:
    """The figure of a measure at each moment; moments ascend in steps of `every`. Not for components.

    Raises Invalid when it would have to read more than 93 days.
    """
    if measure.metric == BUGS_OPEN:
        return await _bugs_open(session, project_id, measure, instants)
    if measure.metric in OF_BUDGETS:
        number = measure.budget or 0
        standings = await standings_over(session, project_id=project_id, number=number, instants=instants, every=every)
        return [OF_BUDGETS[measure.metric](standing) for standing in standings]
    if measure.metric not in FIGURES:
        return await sampled(session, project_id=project_id, measure=measure, instants=instants)
    buckets = await _buckets(session, project_id, measure, instants, every)
    return await asyncio.to_thread(_slid, measure, buckets, instants)


def _slid(measure: Measure, buckets: "_Buckets", instants: Sequence[dt.datetime]) -> list[float | None]:
    windows = []
    for ago in measure.windows:
        sliding = _Sliding(FIGURES[measure.metric], buckets)
        windows.append([sliding.window(instant - ago - measure.window, instant - ago) for instant in instants])
    return [value_of(list(parts)) for parts in zip(*windows, strict=True)]


@dataclass(frozen=True, slots=True)
class _Buckets:
    """What occurred, by bucket that is not empty: its start in microseconds, sums, the longest, latencies."""

    starts: list[int]
    sums: Mapping[str, list[Any]]
    longest: list[float]
    raw: list[bytes]


class _Sliding:
    """The figure over windows that move forward."""

    def __init__(self, figure: Figure, buckets: _Buckets) -> None:
        self._figure = figure
        self._buckets = buckets
        self._totals = {name: [0, *itertools.accumulate(values)] for name, values in buckets.sums.items()}
        self._longest = np.array(buckets.longest)
        self._raw = [np.frombuffer(part, RAW).astype(np.int64) for part in buckets.raw]
        occupied = [int(edge) for part in self._raw if part.size for edge in (part.min(), part.max())]
        self._lowest = min(occupied, default=0)
        self._counts = np.zeros(max(occupied, default=0) - self._lowest + 1, np.int64)
        self._seen: tuple[int, int] = (0, 0)
        self._value: float | None = self._of(0, 0)

    def window(self, start: dt.datetime, end: dt.datetime) -> float | None:
        """The figure over [start, end), which begins and ends no earlier than the window before."""
        edges = (self._place(start), self._place(end))
        if edges != self._seen:
            self._move(*edges)
            self._value = self._of(*edges)
        return self._value

    def _place(self, time: dt.datetime) -> int:
        return bisect_left(self._buckets.starts, to_microseconds(time))

    def _move(self, first: int, last: int) -> None:
        before_first, before_last = self._seen
        if self._figure.sketch:
            for place in range(before_last, last):
                np.add.at(self._counts, self._raw[place] - self._lowest, 1)
            for place in range(before_first, first):
                np.subtract.at(self._counts, self._raw[place] - self._lowest, 1)
        self._seen = (first, last)

    def _of(self, first: int, last: int) -> float | None:
        sums: dict[str, Any] = {name: totals[last] - totals[first] for name, totals in self._totals.items()}
        if self._figure.sketch:
            sums["p95_ms"] = self._p95(first, last)
        return self._figure.of(sums)

    def _p95(self, first: int, last: int) -> float | None:
        """As `sketch.quantiles` has it, of the few buckets that are ever occupied."""
        below = np.cumsum(self._counts)
        total = int(below[-1])
        if not total:
            return None
        rank = -(-total * 95 // 100)
        value = float(sketch.VALUES_MS[self._lowest + int(np.searchsorted(below, rank))])
        return capped(value, float(self._longest[first:last].max()))


async def _buckets(
    session: ReadSession,
    project_id: int,
    measure: Measure,
    instants: Sequence[dt.datetime],
    every: dt.timedelta,
) -> _Buckets:
    start, end = instants[0] - measure.reach, instants[-1]
    if end - start > MOST_READ:
        raise Invalid(
            f"With its windows this reaches over more than {MOST_READ.days} days: shorten the period.", field="period"
        )
    figure, facts = FIGURES[measure.metric], FIGURES[measure.metric].block.facts
    size = math.gcd(int(every.total_seconds()), int(measure.window.total_seconds()))
    measures = [figure.block.sums[name] for name in figure.names]
    if figure.sketch:
        measures.append(latency_buckets(figure.block.sketches["latency"]))
    bucket = seconds_bucket(facts.time, size).label("bucket")
    rows = await session.rows(
        select(bucket, *measures)
        .where(
            facts.project_id == project_id,
            facts.time >= start,
            facts.time < end,
            *(getattr(facts, name).in_(values) for name, values in measure.filter.columns(figure.block).items()),
        )
        .group_by(bucket)
        .order_by(bucket)
    )
    columns = list(zip(*rows, strict=True)) if rows else [()] * (len(measures) + 1)
    named = dict(zip(figure.names, columns[1:], strict=False))
    longest = named.pop("max_duration_ms", ())
    return _Buckets(
        starts=[to_microseconds(time) for time in columns[0]],
        sums={name: list(values) for name, values in named.items()},
        longest=[value or 0.0 for value in longest],
        raw=[part or b"" for part in columns[-1]] if figure.sketch else [],
    )


async def _bugs_open(
    session: ReadSession, project_id: int, measure: Measure, instants: Sequence[dt.datetime]
) -> list[float | None]:
    """Counts stretches that began before a moment and had not ended by then, as `bugStats` does."""
    earliest = instants[0] - measure.reach
    of_project = BugSpell.project_id == project_id
    lasting = await session.scalar(
        select(func.count()).where(
            of_project, BugSpell.began_at < earliest, or_(BugSpell.ended_at.is_(None), BugSpell.ended_at >= earliest)
        )
    )
    began, ended = [
        sorted(
            time
            for time in await session.scalars(select(column).where(of_project, column >= earliest))
            if time is not None
        )
        for column in (BugSpell.began_at, BugSpell.ended_at)
    ]

    def at(time: dt.datetime) -> float:
        return float((lasting or 0) + bisect_left(began, time) - bisect_left(ended, time))

    return [value_of([at(instant - ago) for ago in measure.windows]) for instant in instants]
