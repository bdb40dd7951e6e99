"""Deliveries that are to be tried now, and how many wait."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from prometheus_client import Gauge
from sqlalchemy import func, or_, select

from models import Database, Delivery, ReadSession
from models.deliveries import PENDING
from resolvers.deliveries.outbox import TEST

LEFT_TO_ITS_AUTHOR: Final = dt.timedelta(seconds=5)
"""Who tries a channel sends by themselves."""

WAITING: Final = Gauge("vigie_deliveries_pending", "Deliveries that have not ended, in the whole installation.")


@dataclass(frozen=True, slots=True)
class Due:
    """A delivery, and since when it is due."""

    project_id: int
    number: int
    since: dt.datetime


async def list_due(session: ReadSession, *, now: dt.datetime, limit: int) -> Sequence[Due]:
    """At most `limit` deliveries that are due, those that have waited longest first."""
    rows = await session.rows(
        select(Delivery.project_id, Delivery.id, Delivery.next_attempt_at)
        .where(
            Delivery.status == PENDING,
            Delivery.next_attempt_at <= now,
            or_(Delivery.kind != TEST, Delivery.next_attempt_at <= now - LEFT_TO_ITS_AUTHOR),
        )
        .order_by(Delivery.next_attempt_at)
        .limit(limit)
    )
    return [Due(project_id, number, since) for project_id, number, since in rows if since is not None]


async def show_pending(database: Database) -> None:
    """Counts what waits, for Prometheus."""
    async with database.read() as session:
        WAITING.set(await session.scalar(select(func.count()).where(Delivery.status == PENDING)) or 0)
