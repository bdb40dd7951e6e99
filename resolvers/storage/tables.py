"""What a project has stored, table by table, and how fast everything grows."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import func, literal, select

from models import (
    Activity,
    ApiByRoute,
    ApiByTime,
    Commit,
    Counter,
    ReadSession,
    Retention,
    UsageByModel,
    UsageByTime,
    UsageContent,
)
from models.rollups import DAY
from resolvers.metrics.blocks import API, USAGE, Block
from resolvers.metrics.periods import LATEST
from resolvers.metrics.readings import Question, Reading, read
from resolvers.metrics.snapshots import Snapshot
from resolvers.rollups.slices import day_of

WINDOW: Final = dt.timedelta(days=7)
ONE_DAY: Final = dt.timedelta(days=1)
FEW_ROWS: Final = 10_000
BYTES_A_ROW: Final = 1024
"""What a call takes, roll-ups and indexes included, where there are too few of them to tell."""


@dataclass(frozen=True, slots=True)
class Stored:
    """Rows of a project, the oldest, and how many come a day; the bytes are those of all projects (None: unknown)."""

    kind: str
    rows: int
    oldest: dt.datetime | None
    rows_a_day: float
    bytes: int | None


async def stored_tables(session: ReadSession, snapshot: Snapshot) -> list[Stored]:
    """What there is of each kind."""
    project_id, floor = snapshot.project_id, snapshot.floor
    found = []
    for kind, block in (("usage_events", USAGE), ("api_calls", API)):
        oldest = await _oldest(session, block.facts, block.facts.time, project_id, floor)
        rows = await _calls(session, snapshot, block, floor, LATEST)
        since = day_of(max(snapshot.now - WINDOW, oldest or snapshot.now))
        recent = await _calls(session, snapshot, block, max(since, floor), LATEST)
        found.append(
            Stored(kind, rows, oldest, recent / _days(snapshot.now - since), await _bytes(session, [block.facts]))
        )
    for kind, tables, time in (
        ("activities", [Activity], Activity.time),
        ("contents", [UsageContent], UsageContent.time),
        ("roll_ups", [UsageByTime, UsageByModel, ApiByTime, ApiByRoute], UsageByTime.bucket),
    ):
        rows = sum([await _count(session, table, project_id) for table in tables])
        oldest = await _oldest(session, tables[0], time, project_id, floor if kind == "activities" else None)
        recent = await _count(session, tables[0], project_id, time >= snapshot.now - WINDOW)
        a_day = recent / _days(min(WINDOW, snapshot.now - (oldest or snapshot.now)))
        found.append(Stored(kind, rows, oldest, a_day, await _bytes(session, tables)))
    return found


async def bytes_a_day(session: ReadSession, *, now: dt.datetime, database_bytes: int) -> float:
    """How much the database grows a day: by what came in 7 days, less what retention takes away meanwhile."""
    arrived = 0.0
    for project_id, last_seq in await session.rows(select(Counter.project_id, Counter.last_seq)):
        before = await session.rows(
            select(Commit.last_seq, Commit.committed_at)
            .where(Commit.project_id == project_id, Commit.committed_at >= now - WINDOW)
            .order_by(Commit.committed_at)
            .limit(1)
        )
        if before:
            first = await _seq_before(session, project_id, before[0].last_seq)
            arrived += (last_seq - first) / _days(now - before[0].committed_at)
    rows, leaving = 0, 0.0
    for table in (UsageByTime, ApiByTime):
        kept = select(func.sum(table.requests)).join(Counter, Counter.project_id == table.project_id)
        days = kept.where(table.grain == DAY, table.bucket >= Counter.floor)
        rows += int(await session.scalar(days) or 0)
        for floor, project_id in await session.rows(
            select(Counter.floor, Counter.project_id)
            .join(Retention, Retention.project_id == Counter.project_id)
            .where(Retention.fact_days.is_not(None))
        ):
            soon = days.where(table.project_id == project_id, table.bucket < floor + WINDOW)
            leaving += int(await session.scalar(soon) or 0) / WINDOW.days
    each = database_bytes / rows if rows >= FEW_ROWS else BYTES_A_ROW
    return max(arrived - leaving, 0.0) * each


async def _seq_before(session: ReadSession, project_id: int, seq: int) -> int:
    """The number before that of the first fact of the commit that ends with this one."""
    first = select(Commit.first_seq).where(Commit.project_id == project_id, Commit.last_seq == seq)
    return (await session.scalar(first) or 1) - 1


async def _calls(session: ReadSession, snapshot: Snapshot, block: Block, start: dt.datetime, end: dt.datetime) -> int:
    found = await read(session, snapshot, Question(block, (start, end), {}))
    return int(found.get((None, None), Reading.empty(block)).sums[0])


async def _oldest(
    session: ReadSession, table: Any, time: Any, project_id: int, floor: dt.datetime | None
) -> dt.datetime | None:
    there = select(time).where(table.project_id == project_id).order_by(time).limit(1)
    return await session.scalar(there if floor is None else there.where(time >= floor))


async def _count(session: ReadSession, table: Any, project_id: int, *conditions: Any) -> int:
    return await session.scalar(select(func.count()).where(table.project_id == project_id, *conditions)) or 0


async def _bytes(session: ReadSession, tables: Sequence[Any]) -> int | None:
    if session.dialect != "postgresql":
        return None
    total = 0
    for table in tables:
        name = table.__tablename__
        tree = func.pg_partition_tree(literal(name)).table_valued("relid")
        partitions = select(func.sum(func.pg_total_relation_size(tree.c.relid))).scalar_subquery()
        total += int(await session.scalar(select(func.coalesce(partitions, func.pg_total_relation_size(name)))) or 0)
    return total


def _days(length: dt.timedelta) -> float:
    return max(length / ONE_DAY, 1.0)
