"""Deliveries as they are read: by number, in pages, and each with its tries."""

from collections.abc import Collection, Sequence
from typing import Final

from sqlalchemy import func, select

from models import Delivery, DeliveryAttempt, ReadSession

MOST_ATTEMPTS: Final = 50
"""Tries of a delivery that are shown, the last ones."""


async def get_delivery(session: ReadSession, *, project_id: int, number: int) -> Delivery | None:
    """The delivery of that number."""
    return await session.scalar(select(Delivery).where(Delivery.project_id == project_id, Delivery.id == number))


async def list_deliveries(
    session: ReadSession, *, project_id: int, statuses: Collection[str], limit: int, before: int | None = None
) -> Sequence[Delivery]:
    """At most `limit` deliveries with one of the statuses (none: any), the newest first, older than number `before`."""
    rows = select(Delivery).where(Delivery.project_id == project_id)
    if statuses:
        rows = rows.where(Delivery.status.in_(sorted(statuses)))
    if before is not None:
        rows = rows.where(Delivery.id < before)
    return await session.scalars(rows.order_by(Delivery.id.desc()).limit(limit))


async def count_deliveries(session: ReadSession, *, project_id: int, statuses: Collection[str]) -> int:
    """How many deliveries there are with one of the statuses."""
    rows = select(func.count()).select_from(Delivery).where(Delivery.project_id == project_id)
    if statuses:
        rows = rows.where(Delivery.status.in_(sorted(statuses)))
    return await session.scalar(rows) or 0


async def attempts_by_delivery(
    session: ReadSession, keys: Collection[tuple[int, int]]
) -> dict[tuple[int, int], list[DeliveryAttempt]]:
    """The last tries of deliveries, by project id and number, the oldest first."""
    found: dict[tuple[int, int], list[DeliveryAttempt]] = {}
    for project_id, number in keys:
        rows = await session.scalars(
            select(DeliveryAttempt)
            .where(DeliveryAttempt.project_id == project_id, DeliveryAttempt.delivery_id == number)
            .order_by(DeliveryAttempt.ordinal.desc())
            .limit(MOST_ATTEMPTS)
        )
        found[project_id, number] = list(reversed(rows))
    return found
