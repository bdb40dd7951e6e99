"""The job that works repricings off, one day of each at a time, in whatever process comes first."""

import datetime as dt
import time
from typing import Final

import structlog
from prometheus_client import Counter, Histogram
from sqlalchemy import select, update

from integrations.prices import Prices
from models import Database, Repricing
from models.outages import database_is_down
from models.repricings import FAILED, RUNNING
from resolvers.repricings.steps import step
from resolvers.rollups.fold import fold, fold_subjects

MOST_FAILURES: Final = 5
"""Of one step in a row; then the repricing has failed, and what is done stays done."""
LEFT_ALONE: Final = dt.timedelta(seconds=15)
"""After which a dry run that came no further is taken up here."""

Key = tuple[int, int]
"""Project and number of a repricing."""

DAYS: Final = Counter("vigie_repricing_days_total", "Days priced anew, by how that ended.", ["outcome"])
STEP_SECONDS: Final = Histogram(
    "vigie_repricing_step_seconds", "How long a day of a repricing took.", buckets=(0.03, 0.1, 0.3, 1, 3, 10, 30, 100)
)
for _outcome in ("done", "failed"):
    DAYS.labels(_outcome)

log = structlog.get_logger(__name__)


async def sweep(database: Database, prices: Prices) -> None:
    """Works until no repricing is left to do here. One that fails holds no other up and is tried again."""
    failed: set[Key] = set()
    more = True
    while more:
        due = [key for key in await _due(database) if key not in failed]
        ahead = [key for key in due if await _step(database, prices, key, failed)]
        for project_id in {project_id for project_id, _ in ahead}:
            # Folds look away while a day is done: give the facts that came meanwhile their turn.
            await fold(database, project_id)
            await fold_subjects(database, project_id)
        more = bool(ahead)


async def _due(database: Database) -> list[Key]:
    """What runs, one day of each in turn. A dry run is its request's, until that has left it."""
    left = dt.datetime.now(dt.UTC) - LEFT_ALONE
    async with database.read() as session:
        running = await session.rows(
            select(Repricing.project_id, Repricing.id)
            .where(Repricing.status == RUNNING, Repricing.dry_run.is_(False) | (Repricing.updated_at < left))
            .order_by(Repricing.created_at)
        )
    return [(project_id, number) for project_id, number in running]


async def _step(database: Database, prices: Prices, key: Key, failed: set[Key]) -> bool:
    (project_id, number), started = key, time.monotonic()
    try:
        more = await step(database, prices, project_id=project_id, number=number)
    except Exception as error:
        if database_is_down(error):
            raise
        failed.add(key)
        DAYS.labels("failed").inc()
        log.exception("repricing failed", project=project_id, number=number)
        await _count_failure(database, project_id, number)
        return False
    DAYS.labels("done").inc()
    STEP_SECONDS.observe(time.monotonic() - started)
    return more


async def _count_failure(database: Database, project_id: int, number: int) -> None:
    mine = (Repricing.project_id == project_id, Repricing.id == number, Repricing.status == RUNNING)
    async with database.write() as session:
        await session.run(
            update(Repricing)
            .where(*mine)
            .values(failures=Repricing.failures + 1, error="A day could not be priced: the log of the server says why.")
        )
        await session.run(
            update(Repricing)
            .where(*mine, Repricing.failures >= MOST_FAILURES)
            .values(status=FAILED, finished_at=dt.datetime.now(dt.UTC))
        )
