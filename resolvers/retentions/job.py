"""The job that ends the past: each project once an hour, and soon after its retention was changed, in one process."""

import datetime as dt
from collections.abc import Sequence
from typing import Final

import structlog
from prometheus_client import Counter
from sqlalchemy import or_, select, update

from models import Database, Project, Retention
from resolvers.retentions.floors import raise_floors
from resolvers.retentions.history import remove_history
from resolvers.retentions.months import end_months
from resolvers.retentions.removing import remove_facts, remove_log, remove_rollups
from resolvers.retentions.settings import HISTORY_DAYS, floor_of, get_floors, get_retention
from resolvers.revisions import revise
from resolvers.rollups.upserts import insert_into, table_of

EVERY: Final = dt.timedelta(hours=1)
CLAIM: Final = dt.timedelta(minutes=15)

REMOVED: Final = Counter("vigie_retention_rows_removed_total", "Rows removed for their age.", ["what"])
for _what in ("facts", "log", "rollups", "history"):
    REMOVED.labels(_what)
DROPPED: Final = Counter("vigie_retention_months_dropped_total", "Monthly partitions of facts dropped.")

log = structlog.get_logger(__name__)


async def enforce(database: Database, *, now: dt.datetime | None = None) -> None:
    """Ends what is due of each project that nobody else is at."""
    now = now or dt.datetime.now(dt.UTC)
    enforced = 0
    for project_id in await _due(database, now):
        if await _claim(database, project_id, now):
            await _enforce_project(database, project_id, now)
            enforced += 1
    if enforced and database.dialect == "postgresql":
        DROPPED.inc(await end_months(database))


async def _enforce_project(database: Database, project_id: int, now: dt.datetime) -> None:
    async with database.write() as session:
        kept = await get_retention(session, project_id=project_id)
        await raise_floors(session, project_id=project_id, kept=kept, now=now)
    async with database.read() as session:
        floors = await get_floors(session, project_id=project_id)
    if kept.fact_days is not None:
        if database.dialect == "sqlite":
            removed = await remove_facts(database, project_id=project_id, before=floors.facts)
            REMOVED.labels("facts").inc(removed)
        REMOVED.labels("log").inc(await remove_log(database, project_id=project_id, before=floors.facts))
    if kept.rollup_days is not None:
        removed = await remove_rollups(database, project_id=project_id, before=floors.rollups)
        REMOVED.labels("rollups").inc(removed)
    if (before := floor_of(kept.history_days, now=now)) is not None:
        REMOVED.labels("history").inc(await remove_history(database, project_id=project_id, before=before))
    async with database.write() as session:
        await session.run(
            update(Retention)
            # What was changed meanwhile took the claim away: it is due again.
            .where(Retention.project_id == project_id, Retention.claimed_until == now + CLAIM)
            .values(enforced_at=now, claimed_until=None)
        )
        await revise(session, project_id=project_id)


async def _due(database: Database, now: dt.datetime) -> Sequence[int]:
    async with database.read() as session:
        return await session.scalars(
            select(Project.id)
            .outerjoin(Retention, Retention.project_id == Project.id)
            .where(or_(Retention.enforced_at.is_(None), Retention.enforced_at <= now - EVERY))
            .order_by(Project.id)
        )


async def _claim(database: Database, project_id: int, now: dt.datetime) -> bool:
    """Whether the project is now this process's to look at."""
    async with database.write() as session:
        first = insert_into(table_of(Retention), session.dialect)
        row = first.values(project_id=project_id, history_days=HISTORY_DAYS)
        await session.run(row.on_conflict_do_nothing())
        claimed = await session.run(
            update(Retention)
            .where(
                Retention.project_id == project_id,
                or_(Retention.enforced_at.is_(None), Retention.enforced_at <= now - EVERY),
                or_(Retention.claimed_until.is_(None), Retention.claimed_until <= now),
            )
            .values(claimed_until=now + CLAIM)
        )
    return claimed == 1
