"""Budgets, read."""

from collections.abc import Sequence

from sqlalchemy import func, select

from models import Budget, ReadSession


async def get_budget(session: ReadSession, *, project_id: int, number: int) -> Budget | None:
    """The budget of that number, unless it was deleted."""
    return await session.scalar(
        select(Budget).where(Budget.project_id == project_id, Budget.id == number, Budget.deleted_at.is_(None))
    )


async def list_budgets(
    session: ReadSession, *, project_id: int, limit: int, after: int | None = None
) -> Sequence[Budget]:
    """At most `limit` budgets, in the order of adding, behind number `after`."""
    budgets = select(Budget).where(Budget.project_id == project_id, Budget.deleted_at.is_(None))
    return await session.scalars(budgets.where(Budget.id > (after or 0)).order_by(Budget.id).limit(limit))


async def count_budgets(session: ReadSession, *, project_id: int) -> int:
    """How many budgets the project has."""
    budgets = select(func.count()).select_from(Budget)
    return await session.scalar(budgets.where(Budget.project_id == project_id, Budget.deleted_at.is_(None))) or 0
