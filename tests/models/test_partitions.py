"""Months of facts on PostgreSQL."""

import asyncio
import datetime as dt
from collections.abc import AsyncIterator

import asyncpg
import pytest
from sqlalchemy import func, insert, select
from sqlalchemy.exc import DBAPIError

from models import ApiCall, Database
from models.functions import unindexed
from models.partitions import PARTITIONED, ensure_months, from_month_of, month_of, next_month
from tests.databases import on_every_postgresql

NOVEMBER, DECEMBER = dt.date(2026, 11, 1), dt.date(2026, 12, 1)


@pytest.fixture
async def connection(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(database_url)
    yield connection
    await connection.close()


async def partitions(connection: asyncpg.Connection, table: str) -> dict[str, str]:
    """The bounds of each partition of a table, by its name."""
    rows = await connection.fetch(
        "SELECT relname, pg_get_expr(relpartbound, part.oid) "
        "FROM pg_inherits JOIN pg_class part ON inhrelid = part.oid "
        "WHERE inhparent = $1::regclass ORDER BY relname",
        table,
    )
    return {row["relname"]: row["pg_get_expr"] for row in rows}


async def record(database: Database, time: dt.datetime) -> None:
    call = {"project_id": 1, "id": "1", "seq": 1, "method": "GET", "route": "/", "status": 200, "attributes": {}}
    async with database.write() as session:
        await session.run(insert(ApiCall).values(time=time, **call))


def test_a_month_starts_in_utc_and_ends_where_the_next_one_starts() -> None:
    assert month_of(dt.datetime(2026, 11, 30, 23, 59, 59, 999_999, tzinfo=dt.UTC)) == NOVEMBER
    assert next_month(NOVEMBER) == DECEMBER
    assert next_month(DECEMBER) == dt.date(2027, 1, 1)
    assert next_month(dt.date(2027, 1, 1)) == dt.date(2027, 2, 1)


@on_every_postgresql
async def test_missing_months_are_made_for_every_table(connection: asyncpg.Connection) -> None:
    await connection.execute("SET timezone = 'Asia/Kathmandu'")
    await ensure_months(connection, [DECEMBER, NOVEMBER, NOVEMBER])
    await connection.execute("SET timezone = 'UTC'")

    for table in PARTITIONED:
        assert await partitions(connection, table) == {
            f"{table}_2026_11": "FOR VALUES FROM ('2026-11-01 00:00:00+00') TO ('2026-12-01 00:00:00+00')",
            f"{table}_2026_12": "FOR VALUES FROM ('2026-12-01 00:00:00+00') TO ('2027-01-01 00:00:00+00')",
        }


@on_every_postgresql
async def test_months_that_are_there_stay(connection: asyncpg.Connection) -> None:
    await ensure_months(connection, [NOVEMBER])
    await ensure_months(connection, [NOVEMBER, DECEMBER])

    assert list(await partitions(connection, "usage_events")) == ["usage_events_2026_11", "usage_events_2026_12"]


@on_every_postgresql
async def test_writers_that_need_the_same_month_do_not_collide(database_url: str) -> None:
    connections = [await asyncpg.connect(database_url) for _ in range(5)]
    try:
        await asyncio.gather(*(ensure_months(connection, [NOVEMBER, DECEMBER]) for connection in connections))
        assert len(await partitions(connections[0], "api_calls")) == 2
    finally:
        for connection in connections:
            await connection.close()


@on_every_postgresql
async def test_a_partition_has_the_indexes_of_its_table(connection: asyncpg.Connection) -> None:
    await ensure_months(connection, [NOVEMBER])

    indexes = "SELECT regexp_replace(indexdef, '.* USING ', '') FROM pg_indexes WHERE tablename = $1 ORDER BY 1"
    table = await connection.fetch(indexes, "usage_events")
    assert await connection.fetch(indexes, "usage_events_2026_11") == table
    assert len(table) == 3


@on_every_postgresql
async def test_facts_need_the_partition_of_their_month(database: Database, connection: asyncpg.Connection) -> None:
    with pytest.raises(DBAPIError, match="no partition"):
        await record(database, dt.datetime(2026, 11, 30, 23, 59, 59, 999_999, tzinfo=dt.UTC))

    await ensure_months(connection, [NOVEMBER])
    await record(database, dt.datetime(2026, 11, 30, 23, 59, 59, 999_999, tzinfo=dt.UTC))

    assert await connection.fetchval("SELECT count(*) FROM api_calls_2026_11") == 1


@on_every_postgresql
@pytest.mark.parametrize("analyzed", [0, 5_000])
async def test_the_newest_facts_are_found_by_their_numbers(
    database: Database, connection: asyncpg.Connection, analyzed: int
) -> None:
    """And in their month alone. Statistics end before them: to the planner every stretch of recent time is short."""
    await ensure_months(connection, [dt.date(2026, 10, 1), NOVEMBER])
    start = dt.datetime(2026, 11, 20, tzinfo=dt.UTC)
    for first, last in ((1, analyzed), (analyzed + 1, 20_000)):
        await connection.execute(RECENT, start, first, last)
        if last == analyzed:
            await connection.execute("VACUUM ANALYZE api_calls")
    found = select(func.count()).where(
        ApiCall.project_id == 1,
        ApiCall.seq > 19_000,
        ApiCall.seq <= 20_000,
        from_month_of(ApiCall.time, start),
        unindexed(ApiCall.time) >= start,
    )
    plan = str(found.compile(dialect=database.engine.dialect, compile_kwargs={"literal_binds": True}))
    lines = [row[0] for row in await connection.fetch(f"EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF) {plan}")]
    assert any("api_calls_2026_11_project_id_seq_idx" in line for line in lines), lines
    assert not any("pkey" in line or "2026_10" in line or "Rows Removed" in line for line in lines), lines


RECENT = """
INSERT INTO api_calls (project_id, time, id, seq, method, route, status, attributes)
SELECT 1, $1::timestamptz + n * 7919 % 20000 * interval '1 millisecond', n::text, n, 'GET', '/', 200, '{}'
FROM generate_series($2::int, $3::int) n
"""
