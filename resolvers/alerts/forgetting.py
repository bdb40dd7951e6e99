"""The end of what is kept only for previews and for whoever asks why."""

import datetime as dt
from typing import Final

from sqlalchemy import select

from models import AlertEvaluation, Database, Project, Sample
from resolvers.alerts.samples import NOBODY
from resolvers.removal import remove_rows

SAMPLES_KEPT: Final = dt.timedelta(days=32)
"""As far as a preview reaches."""
EVALUATIONS_KEPT: Final = dt.timedelta(days=93)


async def forget(database: Database, *, now: dt.datetime) -> int:
    """Removes the samples and evaluations that nobody asks about any more; answers how many."""
    async with database.read() as session:
        projects = await session.scalars(select(Project.id))
    removed = 0
    for project_id in (NOBODY, *projects):
        for model, kept in ((Sample, SAMPLES_KEPT), (AlertEvaluation, EVALUATIONS_KEPT)):
            old = (model.project_id == project_id, model.time < now - kept)
            removed += await remove_rows(database, model, *old)
    return removed
