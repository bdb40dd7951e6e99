"""Uptime, outages and latencies over a period, from the spells of a component.

Uptime is the share of the time with a known status in which that was healthy or degraded; None when nothing is known.
"""

import datetime as dt
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import ColumnElement, case, func, literal, or_, select

from models import ComponentHour, ComponentSpell, ReadSession
from models.base import UtcDateTime
from models.functions import seconds_between
from resolvers.components.latencies import hour_of, unpack
from resolvers.components.states import DOWN, UNKNOWN
from resolvers.metrics.periods import Period

P95: Final = 0.95


@dataclass(frozen=True, slots=True)
class Point:
    """A bucket that starts at `start`; the first and last hold only what lies inside the period."""

    start: dt.datetime
    mean_ms: float | None
    p95_ms: float | None
    uptime: float | None


async def uptimes(
    session: ReadSession, *, project_id: int, numbers: Collection[int], period: Period, now: dt.datetime
) -> dict[int, float | None]:
    """The uptime of each of some components."""
    end = min(period.end, now)
    began = case((ComponentSpell.began_at < period.start, _at(period.start)), else_=ComponentSpell.began_at)
    ended = case(
        (or_(ComponentSpell.ended_at.is_(None), ComponentSpell.ended_at > end), _at(end)),
        else_=ComponentSpell.ended_at,
    )
    rows = await session.rows(
        select(ComponentSpell.component_id, ComponentSpell.status, func.sum(seconds_between(ended, began)))
        .where(*_overlapping(project_id, numbers, period.start, end), ComponentSpell.status != UNKNOWN)
        .group_by(ComponentSpell.component_id, ComponentSpell.status)
    )
    known = dict.fromkeys(numbers, 0.0)
    down = dict.fromkeys(numbers, 0.0)
    for number, status, seconds in rows:
        known[number] += seconds
        down[number] += seconds if status == DOWN else 0.0
    return {number: 1 - down[number] / known[number] if known[number] > 0 else None for number in numbers}


async def list_outages(
    session: ReadSession, *, project_id: int, number: int, period: Period, limit: int, before: dt.datetime | None = None
) -> Sequence[ComponentSpell]:
    """At most `limit` spells in which a component was down, that touch the period, the newest first."""
    statement = select(ComponentSpell).where(
        *_overlapping(project_id, [number], period.start, period.end), ComponentSpell.status == DOWN
    )
    if before is not None:
        statement = statement.where(ComponentSpell.began_at < before)
    return await session.scalars(statement.order_by(ComponentSpell.began_at.desc()).limit(limit))


async def count_outages(session: ReadSession, *, project_id: int, number: int, period: Period) -> int:
    """How many outages touch the period."""
    counted = select(func.count()).where(
        *_overlapping(project_id, [number], period.start, period.end), ComponentSpell.status == DOWN
    )
    return await session.scalar(counted) or 0


async def component_series(
    session: ReadSession, *, project_id: int, number: int, period: Period, interval: str, now: dt.datetime
) -> list[Point]:
    """Every bucket of the period. Raises Invalid beyond 3,000 of them."""
    starts = period.starts(interval)
    edges = np.array([time.timestamp() for time in (period.start, *starts[1:], period.end)])
    latencies = await _latencies(session, project_id, number, period, edges)
    shares = await _shares(session, project_id, number, period, edges, min(period.end, now))
    return [
        Point(
            start,
            float(found.mean()) if len(found) else None,
            float(np.sort(found)[max(0, int(np.ceil(P95 * len(found))) - 1)]) if len(found) else None,
            share,
        )
        for start, found, share in zip(starts, latencies, shares, strict=True)
    ]


async def _latencies(
    session: ReadSession, project_id: int, number: int, period: Period, edges: NDArray[Any]
) -> list[NDArray[Any]]:
    """The milliseconds in each bucket."""
    rows = await session.rows(
        select(ComponentHour.hour, ComponentHour.latencies)
        .where(
            ComponentHour.project_id == project_id,
            ComponentHour.component_id == number,
            ComponentHour.hour >= hour_of(period.start),
            ComponentHour.hour < period.end,
        )
        .order_by(ComponentHour.hour)
    )
    pairs = [unpack(hour, packed) for hour, packed in rows]
    times = np.concatenate([times for times, _ in pairs] or [np.empty(0)])
    values = np.concatenate([values for _, values in pairs] or [np.empty(0)])
    order = np.argsort(times, kind="stable")
    return np.split(values[order], np.searchsorted(times[order], edges))[1:-1]


async def _shares(
    session: ReadSession, project_id: int, number: int, period: Period, edges: NDArray[Any], end: dt.datetime
) -> list[float | None]:
    """The uptime of each bucket: what lies between two edges of the sums up to each."""
    rows = await session.rows(
        select(ComponentSpell.began_at, ComponentSpell.ended_at, ComponentSpell.status)
        .where(*_overlapping(project_id, [number], period.start, end), ComponentSpell.status != UNKNOWN)
        .order_by(ComponentSpell.began_at)
    )
    times, known, down = [edges[0]], [0.0], [0.0]
    for began_at, ended_at, status in rows:
        began = max(began_at, period.start).timestamp()
        ended = min(ended_at or end, end).timestamp()
        times += [began, ended]
        known += [known[-1], known[-1] + ended - began]
        down += [down[-1], down[-1] + (ended - began) * (status == DOWN)]
    knowns = np.diff(np.interp(edges, times, known))
    downs = np.diff(np.interp(edges, times, down))
    return [float(1 - bad / whole) if whole > 0 else None for whole, bad in zip(knowns, downs, strict=True)]


def _overlapping(
    project_id: int, numbers: Collection[int], start: dt.datetime, end: dt.datetime
) -> list[ColumnElement[bool]]:
    return [
        ComponentSpell.project_id == project_id,
        ComponentSpell.component_id.in_(numbers),
        ComponentSpell.began_at < end,
        or_(ComponentSpell.ended_at.is_(None), ComponentSpell.ended_at > start),
    ]


def _at(time: dt.datetime) -> ColumnElement[dt.datetime]:
    return literal(time, UtcDateTime())
