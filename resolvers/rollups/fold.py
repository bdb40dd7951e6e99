"""The fold: takes the facts behind a watermark into the roll-ups, in one transaction under its lease."""

import asyncio
import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import ColumnElement, func, select

from models import Commit, Counter, Database, ReadSession, WriteSession
from models.partitions import from_month_of
from resolvers.rollups.by_subject import CUBES, add_by_subject
from resolvers.rollups.cubes import API, USAGE, Series, minutes_from
from resolvers.rollups.leases import SERIES, SUBJECTS, move_watermark, try_lease
from resolvers.rollups.routes import admitted_routes, cap_routes
from resolvers.rollups.rows import add_groups
from resolvers.rollups.slices import Groups, Slice, day_of, gather, slice_of, slices_of
from resolvers.rollups.subjects import numbers_of

FACTS_A_FOLD = 50_000
SCATTERED = dt.timedelta(days=1)
SCATTERED_FACTS = 5_000
"""Facts spread over more than a day make a row for nearly each: fewer of them at a time keep the fold short."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """The facts with `seq` in (after, to]. All of them lie in [first, last] of time."""

    after: int
    to: int
    first: dt.datetime
    last: dt.datetime

    def conditions(self, facts: Any, *, project_id: int) -> list[ColumnElement[bool]]:
        """What a SELECT of these facts asks: the index of `seq` finds them."""
        return [
            facts.project_id == project_id,
            facts.seq > self.after,
            facts.seq <= self.to,
            from_month_of(facts.time, self.first),
        ]


async def fold(database: Database, project_id: int, limit: int = FACTS_A_FOLD) -> int:
    """Folds at most `limit` facts into the series; answers how many. 0: nothing to do, or another fold is at it."""
    async with database.write() as session:
        stretch = await _take(session, SERIES, project_id=project_id, limit=limit)
        if stretch is None:
            return 0
        if stretch.last - stretch.first > SCATTERED:
            stretch = replace(stretch, to=min(stretch.to, stretch.after + SCATTERED_FACTS))
        kept = minutes_from(dt.datetime.now(dt.UTC))
        for series in (USAGE, API):
            conditions = stretch.conditions(series.facts, project_id=project_id)
            slices = [
                slice_of(series, row) for row in await session.rows(slices_of(series, *conditions, minutes_from=kept))
            ]
            if series is API:
                days = {day_of(each.bucket) for each in slices}
                cap_routes(slices, await admitted_routes(session, project_id=project_id, days=days))
            groups: tuple[Groups, Groups] = ({}, {})
            await collect(session, slices, project_id=project_id, kept=kept, into=groups)
            await write(session, series, groups, project_id=project_id)
        await move_watermark(session, SERIES, project_id=project_id, after=stretch.after, to=stretch.to)
    return stretch.to - stretch.after


async def fold_subjects(database: Database, project_id: int, limit: int = FACTS_A_FOLD) -> int:
    """`fold` for the roll-ups by subject, which have a watermark of their own."""
    async with database.write() as session:
        stretch = await _take(session, SUBJECTS, project_id=project_id, limit=limit)
        if stretch is None:
            return 0
        for cube in CUBES:
            conditions = stretch.conditions(cube.facts, project_id=project_id)
            await add_by_subject(session, cube, *conditions)
        await move_watermark(session, SUBJECTS, project_id=project_id, after=stretch.after, to=stretch.to)
    return stretch.to - stretch.after


async def collect(
    session: WriteSession, slices: Sequence[Slice], *, project_id: int, kept: dt.datetime, into: tuple[Groups, Groups]
) -> None:
    """Adds slices to the groups by time and to those by dimensions, numbering their subjects."""
    names = {name for each in slices for name in each.names}
    numbers = await numbers_of(session, project_id=project_id, names=names)
    await asyncio.to_thread(gather, slices, numbers, minutes_from=kept, into=into)


async def write(session: WriteSession, series: Series, groups: tuple[Groups, Groups], *, project_id: int) -> None:
    """Adds the groups by time and those by dimensions to their roll-ups."""
    for model, some in zip((series.by_time, series.split), groups, strict=True):
        await add_groups(session, series, model, some, project_id=project_id)


async def _take(session: WriteSession, name: str, *, project_id: int, limit: int) -> Stretch | None:
    """Takes the lease of a watermark; answers the facts after it, or None: there are none, or it is taken."""
    after = await try_lease(session, name, project_id=project_id)
    last_seq = await _last_seq(session, project_id=project_id)
    if after is None or last_seq <= after:
        return None
    to = min(after + limit, last_seq)
    end = select(func.min(Commit.last_seq)).where(Commit.project_id == project_id, Commit.last_seq >= to)
    first, last = await session.one(
        select(func.min(Commit.min_time), func.max(Commit.max_time)).where(
            Commit.project_id == project_id, Commit.last_seq > after, Commit.last_seq <= end.scalar_subquery()
        )
    )
    return Stretch(after, to, first, last)


async def _last_seq(session: ReadSession, *, project_id: int) -> int:
    return await session.scalar(select(Counter.last_seq).where(Counter.project_id == project_id)) or 0
