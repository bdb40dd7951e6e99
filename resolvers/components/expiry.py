"""What is kept of the past of components: retention, a little at a time."""

import datetime as dt
from typing import Final

from sqlalchemy import delete, select, tuple_

from models import ComponentHour, ComponentSpell, Database

AT_ONCE: Final = 1000


async def expire(database: Database, *, before: dt.datetime) -> None:
    """Deletes spells that ended before, and latencies of hours before."""
    hours = (ComponentHour.project_id, ComponentHour.component_id, ComponentHour.hour)
    spells = (ComponentSpell.project_id, ComponentSpell.component_id, ComponentSpell.began_at)
    for table, key, old in (
        (ComponentHour, hours, ComponentHour.hour < before),
        (ComponentSpell, spells, ComponentSpell.ended_at < before),
    ):
        while True:
            async with database.read() as session:
                rows = await session.rows(select(*key).where(old).limit(AT_ONCE))
            if not rows:
                break
            async with database.write() as session:
                await session.run(delete(table).where(tuple_(*key).in_([tuple(row) for row in rows])))
