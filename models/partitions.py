"""Monthly partitions of the facts, on PostgreSQL."""

import datetime as dt
from collections.abc import Iterable

import asyncpg
from asyncpg.pool import PoolConnectionProxy
from sqlalchemy import ColumnElement, literal
from sqlalchemy.orm import InstrumentedAttribute

PARTITIONED = ("usage_events", "api_calls")
LOCK = 0x706172746974

Connection = asyncpg.Connection | PoolConnectionProxy


def month_of(time: dt.datetime) -> dt.date:
    """The first day of the UTC month of a time."""
    return dt.date(time.year, time.month, 1)


def next_month(month: dt.date) -> dt.date:
    return (month + dt.timedelta(days=32)).replace(day=1)


def from_month_of(column: InstrumentedAttribute[dt.datetime], time: dt.datetime) -> ColumnElement[bool]:
    """Spares a query the partitions of earlier months, and gives the planner no reason to look rows up by time.

    A bound inside the month would: behind the end of its statistics any stretch of time looks short.
    """
    start = dt.datetime.combine(month_of(time), dt.time(tzinfo=dt.UTC))
    return column >= literal(start, column.type)


async def ensure_months(connection: Connection, months: Iterable[dt.date]) -> None:
    """Creates the missing partitions of these months for every fact table, in a transaction of its own.

    A partition is made beside its parent and then attached: that takes a lock which lets reads and writes go on.
    """
    async with connection.transaction():
        await connection.execute("SELECT pg_advisory_xact_lock($1)", LOCK)
        for table in PARTITIONED:
            for month in sorted(set(months)):
                name = f"{table}_{month:%Y_%m}"
                if await connection.fetchval("SELECT to_regclass($1)", name) is not None:
                    continue
                await connection.execute(f"CREATE TABLE {name} (LIKE {table} INCLUDING DEFAULTS INCLUDING CONSTRAINTS)")
                await connection.execute(
                    f"ALTER TABLE {table} ATTACH PARTITION {name} "
                    f"FOR VALUES FROM ('{month:%Y-%m-%d} 00:00:00Z') TO ('{next_month(month):%Y-%m-%d} 00:00:00Z')"
                )
