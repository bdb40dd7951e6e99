"""Generates advice once a day for each project, in one process of the cluster.

A claim in the table keeps others away; it runs out, so a process that ends in the middle leaves the work to another,
and advice that was issued already is not issued twice.
"""

import datetime as dt
from collections.abc import Sequence
from typing import Final

import structlog
from prometheus_client import Counter
from sqlalchemy import or_, select, update

from models import Database, Generation, Project
from resolvers.recommendations.generation import Generator
from resolvers.rollups.upserts import insert_into, table_of

LATE: Final = dt.timedelta(minutes=15)
"""How long after midnight the last events of a day may come."""
WINDOW: Final = dt.timedelta(days=30)
CLAIM: Final = dt.timedelta(minutes=15)

DAILY: Final = Counter("vigie_recommendation_days_total", "Daily generations, by how they ended.", ["outcome"])
for _outcome in ("done", "failed"):
    DAILY.labels(_outcome)

log = structlog.get_logger(__name__)


async def generate_daily(database: Database, generator: Generator, *, now: dt.datetime | None = None) -> None:
    """Looks at the 30 UTC days up to the last midnight, for each project where nobody did. One that fails waits."""
    now = now or dt.datetime.now(dt.UTC)
    midnight = (now - LATE).replace(hour=0, minute=0, second=0, microsecond=0)
    for project_id in await _due(database, midnight):
        if not await _claim(database, project_id, midnight, now):
            continue
        try:
            await generator.generate(database, project_id=project_id, start=midnight - WINDOW, end=midnight)
        except Exception:
            DAILY.labels("failed").inc()
            log.exception("daily advice failed", project=project_id)
            continue
        async with database.write() as session:
            await session.run(
                update(Generation)
                .where(Generation.project_id == project_id)
                .values(generated_until=midnight, claimed_until=None)
            )
        DAILY.labels("done").inc()


async def _due(database: Database, midnight: dt.datetime) -> Sequence[int]:
    async with database.read() as session:
        return await session.scalars(
            select(Project.id)
            .outerjoin(Generation, Generation.project_id == Project.id)
            .where(or_(Generation.generated_until.is_(None), Generation.generated_until < midnight))
            .order_by(Project.id)
        )


async def _claim(database: Database, project_id: int, midnight: dt.datetime, now: dt.datetime) -> bool:
    """Whether the project's day is now this process's to look at."""
    async with database.write() as session:
        first = insert_into(table_of(Generation), session.dialect).values(project_id=project_id)
        await session.run(first.on_conflict_do_nothing())
        claimed = await session.run(
            update(Generation)
            .where(
                Generation.project_id == project_id,
                or_(Generation.generated_until.is_(None), Generation.generated_until < midnight),
                or_(Generation.claimed_until.is_(None), Generation.claimed_until <= now),
            )
            .values(claimed_until=now + CLAIM)
        )
    return claimed == 1
