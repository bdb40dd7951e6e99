"""What is kept of the past of components: retention, a little at a time."""

import datetime as dt

from models import ComponentHour, ComponentSpell, Database
from resolvers.removal import remove_rows


async def expire(database: Database, *, before: dt.datetime) -> None:
    """Deletes spells that ended before, and latencies of hours before."""
    await remove_rows(database, ComponentHour, ComponentHour.hour < before)
    await remove_rows(database, ComponentSpell, ComponentSpell.ended_at < before)
