"""Erasures, read."""

from collections.abc import Sequence

from sqlalchemy import func, select

from models import Erasure, ReadSession


async def get_erasure(session: ReadSession, *, project_id: int, number: int) -> Erasure | None:
    """The erasure of that number."""
    return await session.scalar(select(Erasure).where(Erasure.project_id == project_id, Erasure.id == number))


async def list_erasures(
    session: ReadSession, *, project_id: int, limit: int, before: int | None = None
) -> Sequence[Erasure]:
    """At most `limit` erasures, the newest first, before number `before`."""
    erasures = select(Erasure).where(Erasure.project_id == project_id)
    if before is not None:
        erasures = erasures.where(Erasure.id < before)
    return await session.scalars(erasures.order_by(Erasure.id.desc()).limit(limit))


async def count_erasures(session: ReadSession, *, project_id: int) -> int:
    """How many the project has."""
    return await session.scalar(select(func.count()).where(Erasure.project_id == project_id)) or 0
