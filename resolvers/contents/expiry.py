"""The end of content: after the days that the project says, a little at a time."""

import datetime as dt

from sqlalchemy import select

from models import ContentSettings, Counter, Database, UsageContent
from resolvers.removal import remove_rows


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
        old = (UsageContent.project_id == project_id, UsageContent.time < before)
        deleted += await remove_rows(database, UsageContent, *old)
    return deleted
