"""What ends by itself: content after its days, and what ingest refused."""

import datetime as dt
from typing import Final

from models import Database
from resolvers.contents.expiry import expire_contents
from resolvers.rejects.listing import expire_rejects

EXPIRE_SECONDS: Final = 600.0


async def expire(database: Database) -> None:
    """Deletes what is over, a little at a time."""
    now = dt.datetime.now(dt.UTC)
    await expire_contents(database, now=now)
    await expire_rejects(database, now=now)
