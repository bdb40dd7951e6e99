"""Rows that end are removed a little at a time, in transactions that nobody has to wait for."""

import asyncio
import datetime as dt
from typing import Any, Final

from sqlalchemy import ColumnElement, delete, func, select, true

from models import Activity, ApiCall, Commit, Counter, Database, ReadSession, UsageEvent, Watermark
from models.rollups import DAY, MINUTE, QUARTER
from resolvers.removal import AT_ONCE, PAUSE_SECONDS
from resolvers.rollups.by_subject import CUBES
from resolvers.rollups.cubes import API, USAGE

BUCKETS_AT_ONCE: Final = dt.timedelta(hours=1)


async def remove_facts(
    database: Database, *, project_id: int, before: dt.datetime, since: dt.datetime | None = None
) -> int:
    """Removes the calls of a project in [since, before) that roll-ups know; answers how many."""
    return sum(
        [
            await _remove(database, table, table.time, project_id=project_id, before=before, since=since)
            for table in (UsageEvent, ApiCall)
        ]
    )


async def remove_log(database: Database, *, project_id: int, before: dt.datetime) -> int:
    """Removes activities from before, and what is written of commits that had nothing later; the newest one stays."""
    removed = await _remove(database, Activity, Activity.time, project_id=project_id, before=before)
    newest = select(Counter.last_seq).where(Counter.project_id == project_id).scalar_subquery()
    old = (Commit.max_time < before, Commit.last_seq < newest)
    return removed + await _remove(
        database, Commit, Commit.committed_at, *old, project_id=project_id, before=before, number=Commit.last_seq
    )


async def remove_rollups(database: Database, *, project_id: int, before: dt.datetime) -> int:
    """Removes roll-up rows from before; answers how many."""
    removed = 0
    for model in (USAGE.by_time, USAGE.split, API.by_time, API.split, *(cube.model for cube in CUBES)):
        grains = [model.grain == grain for grain in (MINUTE, QUARTER, DAY)] if hasattr(model, "grain") else [true()]
        for grain in grains:
            removed += await _remove_buckets(database, model, grain, project_id=project_id, before=before)
    return removed


async def reached(session: ReadSession, *, project_id: int) -> int:
    """How far every roll-up of a project has come."""
    return await session.scalar(select(func.min(Watermark.seq)).where(Watermark.project_id == project_id)) or 0


async def _remove(
    database: Database,
    table: Any,
    time: Any,
    *conditions: ColumnElement[bool],
    project_id: int,
    before: dt.datetime,
    since: dt.datetime | None = None,
    number: Any = None,
) -> int:
    """Removes a project's rows whose `time` lies in [since, before) and whose `number` all roll-ups have passed."""
    removed = 0
    while True:
        async with database.write() as session:
            known = (table.seq if number is None else number) <= await reached(session, project_id=project_id)
            old = [table.project_id == project_id, time < before, *([] if since is None else [time >= since])]
            last = await session.scalar(select(time).where(*old).order_by(time).offset(AT_ONCE - 1).limit(1))
            some = old if last is None else [*old, time <= last]
            removed += await session.run(delete(table).where(*some, known, *conditions))
        if last is None:
            return removed
        since = last + dt.timedelta(microseconds=1)
        await asyncio.sleep(PAUSE_SECONDS)


async def _remove_buckets(
    database: Database, model: Any, grain: ColumnElement[bool], *, project_id: int, before: dt.datetime
) -> int:
    removed = 0
    old = [model.project_id == project_id, grain, model.bucket < before]
    while True:
        async with database.write() as session:
            first = await session.scalar(select(model.bucket).where(*old).order_by(model.bucket).limit(1))
            if first is None:
                return removed
            removed += await session.run(delete(model).where(*old, model.bucket < first + BUCKETS_AT_ONCE))
        await asyncio.sleep(PAUSE_SECONDS)
