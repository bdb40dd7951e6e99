"""The database's figures as time goes by: once a minute for alert rules and growth, and for Prometheus."""

import datetime as dt
from dataclasses import dataclass
from typing import Final

from prometheus_client import Gauge
from sqlalchemy import func, select

from models import Database, ReadSession, Sample, WriteSession
from models.functions import time_bucket
from resolvers.alerts.figures import (
    DATABASE_BYTES,
    DATABASE_CACHE_HIT_RATE,
    DATABASE_CONNECTIONS_SHARE,
    DATABASE_DEADLOCKS,
    DATABASE_LONG_QUERIES,
)
from resolvers.alerts.samples import NOBODY, store_samples
from resolvers.databases.postgres import Counts, read_counts
from resolvers.rollups.upserts import insert_into, table_of
from resolvers.storage.room import database_bytes

LOOK_SECONDS: Final = 5.0
EVERY: Final = dt.timedelta(minutes=1)
DAYS: Final = 32
ONE_DAY: Final = dt.timedelta(days=1)
MINUTES_A_DAY: Final = 1440
WINDOW: Final = dt.timedelta(days=7)
SHORTEST: Final = dt.timedelta(hours=1)
"""Over less, growth says nothing."""

DEADLOCKS_SO_FAR, HIT_SO_FAR, READ_SO_FAR = (
    "database_deadlocks_so_far",
    "database_blocks_hit_so_far",
    "database_blocks_read_so_far",
)
"""What the server has counted by a sample: kept to see how much was added by the next."""

SIZE: Final = Gauge("vigie_database_size_bytes", "What the database takes, of which all processes see the same.")
CONNECTIONS: Final = Gauge("vigie_database_connections", "Connections of the whole PostgreSQL server.")
MOST: Final = Gauge("vigie_database_connections_max", "The most connections that the PostgreSQL server takes.")
HIT: Final = Gauge("vigie_database_cache_hit_ratio", "Share of blocks that were in memory, since statistics are kept.")
DEADLOCKS: Final = Gauge("vigie_database_deadlocks", "Deadlocks of this database, since statistics are kept.")
LONG: Final = Gauge("vigie_database_long_queries", "Queries of this database that have run for over five minutes.")


@dataclass(frozen=True, slots=True)
class Growth:
    """Bytes at the end of each day with samples, the oldest first; `bytes_a_day` is None while there are too few."""

    days: list[tuple[dt.datetime, int]]
    bytes_a_day: float | None


class Sampler:
    """Looks at the database once a minute. Every process shows what it saw; one of them keeps it."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._sampled = dt.datetime.min.replace(tzinfo=dt.UTC)

    async def look(self, now: dt.datetime | None = None) -> None:
        """Looks, if a minute has begun since it did last."""
        now = now or dt.datetime.now(dt.UTC)
        time = now.replace(second=0, microsecond=0)
        if time <= self._sampled:
            return
        async with self._database.read() as session:
            size = await database_bytes(session)
            counts = await read_counts(session) if session.dialect == "postgresql" else None
        _show(size, counts)
        async with self._database.write() as session:
            await _keep(session, time, size, counts)
        self._sampled = time


async def read_growth(session: ReadSession, *, now: dt.datetime) -> Growth:
    """How large the database was, day by day, and how much it grew a day in the last seven."""
    bucket = time_bucket(Sample.time, MINUTES_A_DAY)
    of_size = (Sample.project_id == NOBODY, Sample.metric == DATABASE_BYTES, Sample.time <= now)
    last = (
        select(func.max(Sample.time).label("time"))
        .where(*of_size, Sample.time > now - DAYS * ONE_DAY)
        .group_by(bucket)
        .subquery()
    )
    rows = await session.rows(
        select(Sample.time, Sample.value).join(last, last.c.time == Sample.time).where(*of_size).order_by(Sample.time)
    )
    first = await session.rows(
        select(Sample.time, Sample.value).where(*of_size, Sample.time > now - WINDOW).order_by(Sample.time).limit(1)
    )
    days = [(time.replace(hour=0, minute=0, second=0, microsecond=0), int(value)) for time, value in rows]
    if not first or rows[-1][0] - first[0][0] < SHORTEST:
        return Growth(days, None)
    return Growth(days, (rows[-1][1] - first[0][1]) / ((rows[-1][0] - first[0][0]) / ONE_DAY))


def _show(size: int, counts: Counts | None) -> None:
    SIZE.set(size)
    if counts is not None:
        CONNECTIONS.set(counts.connections)
        MOST.set(counts.most_connections)
        HIT.set(counts.cache_hit_rate or 0.0)
        DEADLOCKS.set(counts.deadlocks)
        LONG.set(counts.long_queries)


async def _keep(session: WriteSession, time: dt.datetime, size: int, counts: Counts | None) -> None:
    claim = insert_into(table_of(Sample), session.dialect).values(
        project_id=NOBODY, metric=DATABASE_BYTES, time=time, process="", value=float(size)
    )
    if not await session.run(claim.on_conflict_do_nothing()) or counts is None:
        return  # another process has kept this minute, or there is no more to keep
    so_far = {
        DEADLOCKS_SO_FAR: counts.deadlocks,
        HIT_SO_FAR: counts.blocks_hit,
        READ_SO_FAR: counts.blocks_read,
    }
    before = await _before(session, time)
    added = {metric: _added(total, before.get(metric, 0.0)) if before else 0.0 for metric, total in so_far.items()}
    found: dict[str, float] = {
        **so_far,
        DATABASE_CONNECTIONS_SHARE: counts.connections_share,
        DATABASE_LONG_QUERIES: counts.long_queries,
        DATABASE_DEADLOCKS: added[DEADLOCKS_SO_FAR],
    }
    hit, read = added[HIT_SO_FAR], added[READ_SO_FAR]
    if hit + read:
        found[DATABASE_CACHE_HIT_RATE] = hit / (hit + read)
    await store_samples(session, {(NOBODY, metric): value for metric, value in found.items()}, time=time, process="")


async def _before(session: WriteSession, time: dt.datetime) -> dict[str, float]:
    """What had been counted at the sample before; empty without one. What is missing in it was 0."""
    of = (Sample.project_id == NOBODY, Sample.time < time)
    last = select(func.max(Sample.time)).where(*of, Sample.metric == HIT_SO_FAR).scalar_subquery()
    rows = await session.rows(
        select(Sample.metric, Sample.value).where(
            *of, Sample.metric.in_((DEADLOCKS_SO_FAR, HIT_SO_FAR, READ_SO_FAR)), Sample.time == last
        )
    )
    return {row.metric: row.value for row in rows}


def _added(total: int, before: float) -> float:
    """What came since; where it was counted anew meanwhile, all of it."""
    return total - before if before <= total else float(total)
