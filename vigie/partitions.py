"""Months of facts on PostgreSQL, made before their first event comes."""

import datetime as dt
from typing import cast

import asyncpg

from models import Database
from models.partitions import ensure_months, month_of, next_month


async def make_months(database: Database) -> None:
    """Makes the partitions of this month and of the next one where they are missing."""
    this = month_of(dt.datetime.now(dt.UTC))
    async with database.engine.connect() as connection:
        pooled = await connection.get_raw_connection()
        await ensure_months(cast("asyncpg.Connection", pooled.driver_connection), [this, next_month(this)])
