"""Reads repricings."""

from collections.abc import Sequence

from sqlalchemy import func, select

from models import ReadSession, Repricing


async def get_repricing(session: ReadSession, *, project_id: int, number: int) -> Repricing | None:
    """The repricing of that number."""
    return await session.scalar(select(Repricing).where(Repricing.project_id == project_id, Repricing.id == number))


async def list_repricings(
    session: ReadSession, *, project_id: int, limit: int, after: int | None = None
) -> Sequence[Repricing]:
    """At most `limit` repricings, the newest first, behind repricing number `after`."""
    rows = select(Repricing).where(Repricing.project_id == project_id)
    if after is not None:
        rows = rows.where(Repricing.id < after)
    return await session.scalars(rows.order_by(Repricing.id.desc()).limit(limit))


async def count_repricings(session: ReadSession, *, project_id: int) -> int:
    """How many repricings are remembered: the last hundred."""
    return await session.scalar(select(func.count()).where(Repricing.project_id == project_id)) or 0
