"""What one read session sees of a project: how far the log goes, and how far its roll-ups."""

import datetime as dt
from dataclasses import dataclass

from sqlalchemy import func, select

from models import Commit, Counter, ReadSession, Retention, Watermark
from resolvers.metrics.periods import EARLIEST


@dataclass(frozen=True, slots=True)
class Tail:
    """The facts behind a watermark, and the stretch of time that they lie in."""

    after_seq: int
    first: dt.datetime
    last: dt.datetime


@dataclass(frozen=True, slots=True)
class Snapshot:
    """`as_of` is the time of the last commit it includes (None before the first); `tails` by watermark, if any.

    Below `floor` there are no facts any more, below `rollups_floor` no roll-ups either.
    """

    project_id: int
    last_seq: int
    as_of: dt.datetime | None
    now: dt.datetime
    tails: dict[str, Tail]
    floor: dt.datetime = EARLIEST
    rollups_floor: dt.datetime = EARLIEST


async def take_snapshot(session: ReadSession, *, project_id: int, now: dt.datetime) -> Snapshot:
    """The snapshot that this session's transaction reads."""
    counters = await session.rows(
        select(Counter.last_seq, Counter.floor, Retention.rollups_floor)
        .outerjoin(Retention, Retention.project_id == Counter.project_id)
        .where(Counter.project_id == project_id)
    )
    last_seq, floor, rollups_floor = counters[0] if counters else (0, EARLIEST, None)
    as_of = await session.scalar(
        select(Commit.committed_at).where(Commit.project_id == project_id).order_by(Commit.last_seq.desc()).limit(1)
    )
    watermarks = await session.rows(select(Watermark.name, Watermark.seq).where(Watermark.project_id == project_id))
    reached = {"series": 0, "subjects": 0} | dict(watermarks)
    tails = {}
    for name, seq in reached.items():
        if seq < last_seq:
            first, last = await session.one(
                select(func.min(Commit.min_time), func.max(Commit.max_time)).where(
                    Commit.project_id == project_id, Commit.last_seq > seq
                )
            )
            tails[name] = Tail(seq, first, last)
    return Snapshot(project_id, last_seq, as_of, now, tails, floor, rollups_floor or EARLIEST)
