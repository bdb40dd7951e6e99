"""The end of minute rows: they are kept for 14 days."""

import datetime as dt

from sqlalchemy import delete

from models import Database
from models.rollups import MINUTE
from resolvers.rollups.cubes import API, USAGE, minutes_from
from resolvers.rollups.leases import SERIES, try_lease


async def expire_minutes(database: Database, project_id: int, *, now: dt.datetime) -> int:
    """Deletes the minute rows of a project that are too old; answers how many, 0 when a fold is at work there."""
    deleted = 0
    async with database.write() as session:
        if await try_lease(session, SERIES, project_id=project_id) is None:
            return 0
        for model in (USAGE.by_time, USAGE.split, API.by_time, API.split):
            deleted += await session.run(
                delete(model).where(
                    model.project_id == project_id, model.grain == MINUTE, model.bucket < minutes_from(now)
                )
            )
    return deleted
