"""Refusals as they are read: by period, the newest first; and their end."""

import datetime as dt
from collections.abc import Sequence
from typing import Final

from sqlalchemy import ColumnElement, func, or_, select

from models import Database, IngestReject, ReadSession
from resolvers.metrics.periods import Period
from resolvers.removal import remove_rows

KEPT: Final = dt.timedelta(days=7)
MOST_ROWS: Final = 20_000
"""Of each project."""

Place = tuple[dt.datetime, str]
"""Where a refusal stands in the list: its time and id."""


async def list_rejects(
    session: ReadSession, *, project_id: int, period: Period, limit: int, after: Place | None
) -> Sequence[IngestReject]:
    """At most `limit` refusals of a period behind `after`, the newest first."""
    rows = select(IngestReject).where(*_within(project_id, period))
    if after is not None:
        time, id_ = after
        rows = rows.where(or_(IngestReject.time < time, (IngestReject.time == time) & (IngestReject.id < id_)))
    return await session.scalars(rows.order_by(IngestReject.time.desc(), IngestReject.id.desc()).limit(limit))


async def count_rejects(session: ReadSession, *, project_id: int, period: Period) -> int:
    """How many a period has."""
    return await session.scalar(select(func.count()).where(*_within(project_id, period))) or 0


async def expire_rejects(database: Database, *, now: dt.datetime) -> int:
    """Deletes those that are a week old, and of each project those behind the newest 20,000; answers how many."""
    async with database.read() as session:
        counts = await session.rows(select(IngestReject.project_id, func.count()).group_by(IngestReject.project_id))
    deleted = 0
    for project_id, count in counts:
        before = now - KEPT
        if count > MOST_ROWS:
            before = max(before, await _time_of_last_kept(database, project_id))
        old = (IngestReject.project_id == project_id, IngestReject.time < before)
        deleted += await remove_rows(database, IngestReject, *old)
    return deleted


def _within(project_id: int, period: Period) -> list[ColumnElement[bool]]:
    return [IngestReject.project_id == project_id, IngestReject.time >= period.start, IngestReject.time < period.end]


async def _time_of_last_kept(database: Database, project_id: int) -> dt.datetime:
    newest = select(IngestReject.time).where(IngestReject.project_id == project_id).order_by(IngestReject.time.desc())
    async with database.read() as session:
        (time,) = await session.scalars(newest.offset(MOST_ROWS - 1).limit(1))
    return time
