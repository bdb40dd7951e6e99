"""The end of what was told long ago: closed alerts, ended deliveries, silences that are over, the audit log."""

import asyncio
import datetime as dt
from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import ColumnElement, delete, func, select

from models import (
    Alert,
    AlertEvaluation,
    AlertSuppression,
    AlertTransition,
    AuditEntry,
    Database,
    Delivery,
    DeliveryAlert,
    DeliveryAttempt,
    Silence,
)
from models.alerts import OPEN_STATES
from models.deliveries import PENDING
from resolvers.removal import PAUSE_SECONDS, remove_rows

AT_ONCE: Final = 200
OF_ALERTS: Final = (
    AlertTransition.alert_id,
    AlertEvaluation.alert_id,
    AlertSuppression.alert_id,
    DeliveryAlert.alert_id,
)
OF_DELIVERIES: Final = (DeliveryAttempt.delivery_id, DeliveryAlert.delivery_id)


async def remove_history(database: Database, *, project_id: int, before: dt.datetime) -> int:
    """Removes what ended before, each with what belongs to it; answers how many."""
    closed = [
        Alert.started_at < before,
        Alert.state.not_in(OPEN_STATES),
        func.coalesce(Alert.resolved_at, Alert.started_at) < before,
    ]
    ended = [Delivery.created_at < before, Delivery.status != PENDING]
    over = [Silence.ends_at < before, Silence.repeat_seconds.is_(None), Silence.told_at.is_not(None)]
    return sum(
        [
            await _remove(database, Alert, closed, OF_ALERTS, project_id),
            await _remove(database, Delivery, ended, OF_DELIVERIES, project_id),
            await _remove(database, Silence, over, (), project_id),
            await _remove(database, AuditEntry, [AuditEntry.time < before], (), project_id),
        ]
    )


async def _remove(
    database: Database, table: Any, old: Sequence[ColumnElement[bool]], parts: Sequence[Any], project_id: int
) -> int:
    removed = 0
    while True:
        async with database.read() as session:
            ids = await session.scalars(select(table.id).where(table.project_id == project_id, *old).limit(AT_ONCE))
        for column in parts:  # of a single alert there may be very many
            await remove_rows(database, column.class_, column.class_.project_id == project_id, column.in_(ids))
        async with database.write() as session:
            removed += await session.run(delete(table).where(table.project_id == project_id, table.id.in_(ids)))
        if len(ids) < AT_ONCE:
            return removed
        await asyncio.sleep(PAUSE_SECONDS)
