"""The removal of many rows, a little at a time: in transactions that nobody has to wait for."""

import asyncio
from typing import Any, Final

from sqlalchemy import ColumnElement, delete, select, tuple_

from models import Database
from resolvers.rollups.upserts import table_of

AT_ONCE: Final = 1000
PAUSE_SECONDS: Final = 0.02
"""Between two transactions: ingest has its turn."""


async def remove_rows(database: Database, model: Any, *conditions: ColumnElement[bool]) -> int:
    """Deletes the rows that meet the conditions, which an index should answer; tells how many."""
    key = list(table_of(model).primary_key)
    removed = 0
    while True:
        async with database.write() as session:
            rows = await session.rows(select(*key).where(*conditions).limit(AT_ONCE))
            if rows:
                some = tuple_(*key).in_([tuple(row) for row in rows])
                removed += await session.run(delete(model).where(*conditions, some))
        if len(rows) < AT_ONCE:
            return removed
        await asyncio.sleep(PAUSE_SECONDS)
