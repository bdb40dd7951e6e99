"""The outbox: a notification is written in the transaction of what it tells of, one delivery for each channel.

    await enqueue(session, notification=Notification(project_id=1, kind="firing", severity="high", payload={...}))

Whoever enqueues holds the project's lock (`resolvers.alerts.clocks.lock`): deliveries are numbered under it.
"""

import datetime as dt
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import func, select

from models import Channel, Delivery, DeliveryAlert, ReadSession, WriteSession
from models.bugs import SEVERITIES
from models.deliveries import PENDING

FIRING, RESOLVED, SILENCE_EXPIRED, TEST = "firing", "resolved", "silence_expired", "test"
SMS: Final = "sms"


@dataclass(frozen=True, slots=True, kw_only=True)
class Notification:
    """What is told of, and to whom: to `channel_ids` (None: every channel), where enabled and severe enough.

    `anyhow` tells them whatever the severity, because they heard of it before. `payload` is JSON, without secrets.
    """

    project_id: int
    kind: str
    severity: str
    payload: dict[str, Any]
    time: dt.datetime
    channel_ids: Collection[int] | None = None
    alert_ids: Sequence[int] = ()
    anyhow: bool = False


async def enqueue(session: WriteSession, *, notification: Notification) -> list[Delivery]:
    """Writes a delivery for each channel that is meant, to be sent after the commit."""
    channels = [channel for channel in await _enabled(session, notification) if _hears(channel, notification)]
    if not channels:
        return []
    project_id = notification.project_id
    last = await session.scalar(select(func.max(Delivery.id)).where(Delivery.project_id == project_id)) or 0
    deliveries = [
        Delivery(
            project_id=project_id,
            id=number,
            channel_id=channel.id,
            kind=notification.kind,
            severity=notification.severity,
            payload=notification.payload,
            status=PENDING,
            attempts=0,
            created_at=notification.time,
            next_attempt_at=notification.time,
        )
        for number, channel in enumerate(channels, last + 1)
    ]
    for delivery in deliveries:
        session.add(delivery)
        for alert_id in notification.alert_ids:
            session.add(DeliveryAlert(project_id=project_id, alert_id=alert_id, delivery_id=delivery.id))
    return deliveries


async def channels_told(
    session: ReadSession, *, project_id: int, alert_ids: Collection[int]
) -> dict[int, frozenset[int]]:
    """The channels that were told that an alert fires, by alert; alerts that none was told of are left out."""
    told: dict[int, set[int]] = {}
    rows = await session.rows(
        select(DeliveryAlert.alert_id, Delivery.channel_id)
        .join(Delivery, (Delivery.project_id == DeliveryAlert.project_id) & (Delivery.id == DeliveryAlert.delivery_id))
        .where(
            DeliveryAlert.project_id == project_id,
            DeliveryAlert.alert_id.in_(list(alert_ids)),
            Delivery.kind == FIRING,
        )
        .distinct()
    )
    for alert_id, channel_id in rows:
        told.setdefault(alert_id, set()).add(channel_id)
    return {alert_id: frozenset(channels) for alert_id, channels in told.items()}


async def _enabled(session: ReadSession, notification: Notification) -> Sequence[Channel]:
    channels = select(Channel).where(
        Channel.project_id == notification.project_id, Channel.enabled, Channel.deleted_at.is_(None)
    )
    if notification.channel_ids is not None:
        channels = channels.where(Channel.id.in_(sorted(notification.channel_ids)))
    return await session.scalars(channels.order_by(Channel.id))


def _hears(channel: Channel, notification: Notification) -> bool:
    if notification.anyhow:
        return True
    least = "critical" if channel.kind == SMS else channel.minimum_severity
    return SEVERITIES.index(notification.severity) >= SEVERITIES.index(least)
