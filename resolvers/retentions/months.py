"""Whole months of facts on PostgreSQL: dropped when no project needs them any more.

In a month that another project still needs, the rows of one that does not are removed as on SQLite: a little at a
time. A month that a floor cuts is left until it lies below it.
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import structlog
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError

from models import Counter, Database, Watermark
from models.partitions import LOCK, PARTITIONED, next_month
from resolvers.retentions.removing import remove_facts

LOCK_TIMEOUT: Final = "2s"
"""A drop waits for those who read the table, and others wait behind it: it would rather come back later."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Month:
    """A partition of one table of facts."""

    name: str
    start: dt.datetime
    end: dt.datetime


async def end_months(database: Database) -> int:
    """Drops the months that nobody needs, and removes what single projects do not need; answers how many it dropped."""
    async with database.read() as session:
        floors = {row.project_id: row.floor for row in await session.rows(select(Counter.project_id, Counter.floor))}
    dropped = 0
    for month in await _months(database, before=max(floors.values(), default=None)):
        present = await _projects_in(database, month, sorted(floors))
        done = [project_id for project_id in present if floors[project_id] >= month.end]
        if len(done) == len(present):
            dropped += await _drop(database, month)
        else:
            for project_id in done:
                await remove_facts(database, project_id=project_id, since=month.start, before=month.end)
    return dropped


async def _months(database: Database, *, before: dt.datetime | None) -> Sequence[Month]:
    """The partitions that end by then, oldest first."""
    children = text(
        "SELECT c.relname FROM pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhrelid "
        "WHERE i.inhparent = ANY (CAST(:parents AS regclass[])) ORDER BY right(c.relname, 7), c.relname"
    )
    async with database.engine.connect() as connection:
        names = (await connection.execute(children, {"parents": list(PARTITIONED)})).scalars().all()
    months = []
    for name in names:
        year, month = name[-7:].split("_")
        first = dt.date(int(year), int(month), 1)
        start, end = (dt.datetime.combine(day, dt.time(tzinfo=dt.UTC)) for day in (first, next_month(first)))
        if before is not None and end <= before:
            months.append(Month(name, start, end))
    return months


async def _projects_in(database: Database, month: Month, project_ids: Sequence[int]) -> list[int]:
    """The projects that have rows in a month: an index look-up for each."""
    there = text(
        f"SELECT p FROM unnest(CAST(:ids AS int[])) AS p "  # noqa: S608 — the name is the catalogue's
        f"WHERE EXISTS (SELECT 1 FROM {month.name} AS f WHERE f.project_id = p)"
    )
    async with database.engine.connect() as connection:
        return list((await connection.execute(there, {"ids": list(project_ids)})).scalars())


async def _drop(database: Database, month: Month) -> bool:
    """Drops a month, unless roll-ups lack some of it, or somebody reads the table for long."""
    async with database.read() as session:
        watermarks = await session.rows(select(Watermark.project_id, Watermark.seq))
    known: dict[int, int] = {}
    for project_id, seq in watermarks:
        known[project_id] = min(seq, known.get(project_id, seq))
    try:
        async with database.engine.begin() as connection:
            await connection.execute(text(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'"))
            await connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
            await connection.execute(text(f"LOCK TABLE {month.name} IN ACCESS EXCLUSIVE MODE"))
            newest = text(f"SELECT project_id, max(seq) FROM {month.name} GROUP BY project_id")  # noqa: S608
            there = {row.project_id: row.max for row in await connection.execute(newest)}
            if not _all_known(there, known):
                return False
            await connection.execute(text(f"DROP TABLE {month.name}"))
    except DBAPIError as error:
        log.warning("month not dropped", partition=month.name, error=str(error.orig))
        return False
    log.info("month dropped", partition=month.name)
    return True


def _all_known(newest: Mapping[int, int], known: Mapping[int, int]) -> bool:
    return all(seq <= known.get(project_id, seq) for project_id, seq in newest.items())
