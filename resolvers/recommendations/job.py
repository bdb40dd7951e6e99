"""The job that looks at recommendations when their time comes: it expires what is open, measures what is done.

What is due stands in the table, so a restart forgets nothing. Processes that look at the same one at once read the same
log, and whoever locks the row first changes it: the others find it changed.
"""

import datetime as dt
from typing import Final

import structlog
from prometheus_client import Counter
from sqlalchemy import select

from models import Database, Recommendation
from resolvers.recommendations.issuing import OPEN
from resolvers.recommendations.life import expire, find_locked
from resolvers.recommendations.listing import get_recommendation
from resolvers.recommendations.measuring import look_at
from resolvers.recommendations.telling import tell
from resolvers.recommendations.terms import Terms

A_SWEEP: Final = 100
POSTPONED: Final = dt.timedelta(minutes=1)

MEASURED: Final = Counter("vigie_recommendation_measurements_total", "Measured effects, by what came of it.", ["state"])
FAILED: Final = Counter("vigie_recommendation_measurement_failures_total", "Effects that could not be measured yet.")

log = structlog.get_logger(__name__)


async def sweep(database: Database, terms: Terms, *, now: dt.datetime | None = None) -> None:
    """Looks at every recommendation that is due. One that fails holds nobody else up and is tried again later."""
    now = now or dt.datetime.now(dt.UTC)
    async with database.read() as session:
        due = await session.rows(
            select(Recommendation.project_id, Recommendation.id, Recommendation.status)
            .where(Recommendation.due_at <= now)
            .order_by(Recommendation.due_at)
            .limit(A_SWEEP)
        )
    for project_id, number, status in due:
        try:
            if status in OPEN:
                async with database.write() as session:
                    await expire(session, project_id=project_id, number=number, now=now)
            else:
                await _look(database, project_id, number, terms, now)
        except Exception:
            FAILED.inc()
            log.exception("recommendation failed", project=project_id, number=number)
            await _postpone(database, project_id, number, now + POSTPONED)


async def _look(database: Database, project_id: int, number: int, terms: Terms, now: dt.datetime) -> None:
    async with database.read() as session:
        seen = await get_recommendation(session, project_id=project_id, number=number)
        if seen is None or seen.status != "implemented":
            return
        look = await look_at(session, seen, terms=terms, now=now)
    async with database.write() as session:
        row = await find_locked(session, project_id=project_id, number=number)
        if row is None or (row.due_at, row.effect_seq) != (seen.due_at, seen.effect_seq):
            return
        row.due_at = look.due_at
        if look.effect is None:
            return
        news = look.effect.state != row.effect_state
        look.effect.store(row)
        row.effect_seq, row.updated_at = look.seq, now
        if news:
            tell(session, row, "measured", now=now, effect=look.effect.state)
    MEASURED.labels(look.effect.state).inc()


async def _postpone(database: Database, project_id: int, number: int, until: dt.datetime) -> None:
    async with database.write() as session:
        row = await find_locked(session, project_id=project_id, number=number)
        if row is not None and row.due_at is not None:
            row.due_at = until
