"""How far the roll-ups are behind the log."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import and_, select

from models import Commit, Counter, ReadSession, Watermark


@dataclass(frozen=True, slots=True)
class Lag:
    """A watermark behind the log, by so many facts; `since` is the time of the first commit that waits."""

    project_id: int
    name: str
    facts: int
    since: dt.datetime

    def seconds(self, now: dt.datetime) -> float:
        """How long the first of the facts has waited."""
        return max(0.0, (now - self.since).total_seconds())


async def lags(session: ReadSession) -> Sequence[Lag]:
    """Every watermark that is behind, by project; empty when all roll-ups are complete."""
    since = (
        select(Commit.committed_at)
        .where(Commit.project_id == Watermark.project_id, Commit.last_seq > Watermark.seq)
        .order_by(Commit.last_seq)
        .limit(1)
        .scalar_subquery()
    )
    behind = and_(Counter.project_id == Watermark.project_id, Counter.last_seq > Watermark.seq)
    rows = await session.rows(
        select(Watermark.project_id, Watermark.name, Counter.last_seq - Watermark.seq, since)
        .join(Counter, behind)
        .order_by(Watermark.project_id, Watermark.name)
    )
    return [Lag(*row) for row in rows]
