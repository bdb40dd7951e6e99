"""The end of content: after the days that the project says, a little at a time."""

import datetime as dt
from typing import Final

from sqlalchemy import delete, select, tuple_

from models import ContentSettings, Counter, Database, UsageContent

AT_ONCE: Final = 500


async def expire_contents(database: Database, *, now: dt.datetime) -> int:
    """Deletes what is older than its project keeps content for, and than its events; answers how many."""
    async with database.read() as session:
        projects = await session.rows(
            select(ContentSettings.project_id, ContentSettings.days_kept, Counter.floor).join(
                Counter, Counter.project_id == ContentSettings.project_id
            )
        )
    deleted = 0
    for project_id, days, floor in projects:
        before = max(now - dt.timedelta(days=days), floor)
        while keys := await _old(database, project_id, before):
            async with database.write() as session:
                deleted += await session.run(
                    delete(UsageContent).where(
                        UsageContent.project_id == project_id,
                        tuple_(UsageContent.time, UsageContent.id).in_(keys),
                    )
                )
    return deleted


async def _old(database: Database, project_id: int, before: dt.datetime) -> list[tuple[dt.datetime, str]]:
    async with database.read() as session:
        rows = await session.rows(
            select(UsageContent.time, UsageContent.id)
            .where(UsageContent.project_id == project_id, UsageContent.time < before)
            .order_by(UsageContent.time)
            .limit(AT_ONCE)
        )
    return [(time, id_) for time, id_ in rows]
