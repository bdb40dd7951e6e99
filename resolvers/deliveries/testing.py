"""Trying a channel: a delivery that is sent at once, once, by whoever asks for it."""

import datetime as dt

from sqlalchemy import func, select

from models import Delivery, WriteSession
from models.deliveries import PENDING
from resolvers.alerts.clocks import lock
from resolvers.audit_entries import record_audit_entry
from resolvers.channels import get_channel
from resolvers.deliveries.messages import TEST_PAYLOAD
from resolvers.deliveries.outbox import TEST
from resolvers.errors import NotFound


async def write_test(session: WriteSession, *, project_id: int, channel_id: int, actor: str) -> Delivery:
    """Writes the delivery, due now. Disabled channels can be tried too. Raises NotFound."""
    now = dt.datetime.now(dt.UTC)
    await lock(session, project_id=project_id)
    channel = await get_channel(session, project_id=project_id, number=channel_id)
    if channel is None:
        raise NotFound("There is no such channel in this project.", field="id")
    last = await session.scalar(select(func.max(Delivery.id)).where(Delivery.project_id == project_id)) or 0
    delivery = Delivery(
        project_id=project_id,
        id=last + 1,
        channel_id=channel_id,
        kind=TEST,
        severity="low",
        payload={**TEST_PAYLOAD, "time": now.isoformat()},
        status=PENDING,
        attempts=0,
        created_at=now,
        next_attempt_at=now,
    )
    session.add(delivery)
    record_audit_entry(
        session, project_id=project_id, actor=actor, action="channel.tested", target=f"channel:{channel_id}"
    )
    return delivery
