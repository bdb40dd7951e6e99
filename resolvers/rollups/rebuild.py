"""Roll-ups made anew from the facts, UTC day by UTC day, under both leases.

Days that begin below a project's floor are left alone: their facts may be gone, so their roll-ups are frozen.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, delete, func, literal, select

from models import ApiCall, Counter, Database, ReadSession, UsageEvent, WriteSession
from models.functions import unindexed
from models.rollups import DAY, MINUTE, QUARTER
from resolvers.rollups.by_subject import CUBES, BySubject, add_by_subject
from resolvers.rollups.cubes import API, USAGE, Series, minutes_from
from resolvers.rollups.fold import collect, write
from resolvers.rollups.leases import SERIES, SUBJECTS, lease_all, move_watermark
from resolvers.rollups.routes import OTHER_ROUTES, ROUTES_A_DAY, Admitted, cap_routes
from resolvers.rollups.slices import Groups, day_of, slice_of, slices_of

ONE_DAY = dt.timedelta(days=1)
ONE_HOUR = dt.timedelta(hours=1)


async def rebuild(database: Database, project_id: int, from_: dt.datetime, to: dt.datetime) -> None:
    """Recomputes every UTC day that [from_, to) touches, each in a transaction, up to the watermarks as they stand.

    Raises LookupError for an unknown project.
    """
    day = day_of(from_.astimezone(dt.UTC))
    while day < to:
        async with database.write() as session:
            reached = await lease_all(session, project_id=project_id)
            if day >= await _floor(session, project_id=project_id):
                await _clear(session, project_id=project_id, start=day, end=day + ONE_DAY)
                await _fill(session, project_id=project_id, day=day, reached=reached)
        day += ONE_DAY


async def rebuild_usage(
    session: WriteSession, *, project_id: int, day: dt.datetime, reached: Mapping[str, int]
) -> None:
    """Recomputes the usage of one UTC day, in a transaction that has `lease_all` tell how far roll-ups have come."""
    await _clear(session, project_id=project_id, start=day, end=day + ONE_DAY, only=(USAGE,))
    await _fill(session, project_id=project_id, day=day, reached=reached, only=(USAGE,))


async def build(database: Database, project_id: int) -> int:
    """Recomputes all days, and brings both watermarks to the end of the log, in one transaction; answers that end.

    It is the way to roll up a log of any length at once: nothing is half done when it fails, and readers see the old
    roll-ups until it is through. On SQLite nobody else writes meanwhile. Raises LookupError for an unknown project.
    """
    async with database.write() as session:
        standing = await lease_all(session, project_id=project_id)
        last_seq = await session.scalar(select(Counter.last_seq).where(Counter.project_id == project_id)) or 0
        floor = await _floor(session, project_id=project_id)
        first = floor if floor == day_of(floor) else day_of(floor) + ONE_DAY
        await _clear(session, project_id=project_id, start=first, end=None)
        reached = dict.fromkeys(standing, last_seq)
        day = await _next_day(session, project_id=project_id, since=first)
        while day is not None:
            await _fill(session, project_id=project_id, day=day, reached=reached)
            day = await _next_day(session, project_id=project_id, since=day + ONE_DAY)
        for name, after in standing.items():
            await move_watermark(session, name, project_id=project_id, after=after, to=last_seq)
    return last_seq


async def _clear(
    session: WriteSession,
    *,
    project_id: int,
    start: dt.datetime,
    end: dt.datetime | None,
    only: Sequence[Series] = (USAGE, API),
) -> None:
    """Deletes all rows of [start, end)."""
    models = [model for series in only for model in (series.by_time, series.split)]
    models += [cube.model for cube in _cubes(only)]
    for model in models:
        doomed = delete(model).where(model.project_id == project_id, model.bucket >= start)
        if hasattr(model, "grain"):
            doomed = doomed.where(model.grain.in_([MINUTE, QUARTER, DAY]))
        await session.run(doomed if end is None else doomed.where(model.bucket < end))


async def _fill(
    session: WriteSession,
    *,
    project_id: int,
    day: dt.datetime,
    reached: Mapping[str, int],
    only: Sequence[Series] = (USAGE, API),
) -> None:
    """Rolls up the facts of a day that has no rows yet. Reads them hour by hour, so that no answer is too long."""
    kept = minutes_from(dt.datetime.now(dt.UTC))
    for series in only:
        groups: tuple[Groups, Groups] = ({}, {})
        admitted: Admitted = defaultdict(set)
        if series is API:
            admitted[day] = await _first_routes(
                session, _between(ApiCall, project_id, day, day + ONE_DAY, reached[SERIES])
            )
        for start in (day + hour * ONE_HOUR for hour in range(24)):
            conditions = _between(series.facts, project_id, start, start + ONE_HOUR, reached[SERIES])
            slices = [
                slice_of(series, row) for row in await session.rows(slices_of(series, *conditions, minutes_from=kept))
            ]
            if series is API:
                cap_routes(slices, admitted)
            await collect(session, slices, project_id=project_id, kept=kept, into=groups)
        await write(session, series, groups, project_id=project_id)
    for cube in _cubes(only):
        await add_by_subject(session, cube, *_between(cube.facts, project_id, day, day + ONE_DAY, reached[SUBJECTS]))


def _cubes(only: Sequence[Series]) -> list[BySubject]:
    """The roll-ups without shapes of the facts of these series."""
    facts = [series.facts for series in only]
    return [cube for cube in CUBES if cube.facts in facts]


def _between(
    facts: Any, project_id: int, start: dt.datetime, end: dt.datetime, last_seq: int
) -> list[ColumnElement[bool]]:
    return [
        facts.project_id == project_id,
        facts.time >= start,
        facts.time < end,
        unindexed(facts.seq) <= literal(last_seq, BigInteger),
    ]


async def _first_routes(session: ReadSession, conditions: list[ColumnElement[bool]]) -> set[str]:
    """The routes of a day that have rows of their own: those whose first fact came first."""
    routes = await session.scalars(
        select(ApiCall.route)
        .where(*conditions, ApiCall.route != OTHER_ROUTES)
        .group_by(ApiCall.route)
        .order_by(func.min(ApiCall.seq))
        .limit(ROUTES_A_DAY)
    )
    return set(routes)


async def _next_day(session: ReadSession, *, project_id: int, since: dt.datetime) -> dt.datetime | None:
    """The first day from then on that has facts."""
    times = [
        await session.scalar(select(func.min(facts.time)).where(facts.project_id == project_id, facts.time >= since))
        for facts in (UsageEvent, ApiCall)
    ]
    return min((day_of(time) for time in times if time is not None), default=None)


async def _floor(session: ReadSession, *, project_id: int) -> dt.datetime:
    floors = await session.scalars(select(Counter.floor).where(Counter.project_id == project_id))
    return floors[0]
