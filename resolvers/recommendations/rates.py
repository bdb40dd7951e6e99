"""Recommendations: what was advised, and how much of it was seen and done."""

import datetime as dt
from dataclasses import dataclass

from sqlalchemy import func, select

from models import ReadSession, Recommendation


@dataclass(frozen=True, slots=True)
class KindCounts:
    kind: str
    total: int
    viewed: int
    implemented: int


async def counts_by_kind(
    session: ReadSession, *, project_id: int, start: dt.datetime, end: dt.datetime
) -> list[KindCounts]:
    """Recommendations issued in [start, end) by kind, most first."""
    total = func.count().label("total")
    rows = await session.rows(
        select(
            Recommendation.kind,
            total,
            func.count(func.coalesce(Recommendation.viewed_at, Recommendation.implemented_at)),
            func.count(Recommendation.implemented_at),
        )
        .where(
            Recommendation.project_id == project_id,
            Recommendation.created_at >= start,
            Recommendation.created_at < end,
        )
        .group_by(Recommendation.kind)
        .order_by(total.desc(), Recommendation.kind)
    )
    return [KindCounts(*row) for row in rows]
