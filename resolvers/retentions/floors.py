"""Floors rise, and never fall: readers are told before anything is gone."""

import datetime as dt

from sqlalchemy import or_, update

from models import Counter, Retention, WriteSession
from resolvers.retentions.settings import Kept, floor_of


async def raise_floors(session: WriteSession, *, project_id: int, kept: Kept, now: dt.datetime) -> None:
    """Raises the floors of a project to what it keeps."""
    facts, rollups = floor_of(kept.fact_days, now=now), floor_of(kept.rollup_days, now=now)
    if facts is not None:
        await session.run(
            update(Counter).where(Counter.project_id == project_id, Counter.floor < facts).values(floor=facts)
        )
    if rollups is not None:
        lower = or_(Retention.rollups_floor.is_(None), Retention.rollups_floor < rollups)
        await session.run(
            update(Retention).where(Retention.project_id == project_id, lower).values(rollups_floor=rollups)
        )
