"""One try to send a delivery: taken in a transaction, sent outside of one, and recorded in another.

Whoever sends holds the delivery: `next_attempt_at` lies ahead then, and is moved on while the sending lasts. Nobody
else takes it before, so each is sent by one process at a time. A process that dies leaves it, and it falls due again.
"""

import asyncio
import datetime as dt
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

import structlog
from prometheus_client import Counter, Histogram
from sqlalchemy import select, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import aliased

from integrations.notifications import Message, Outcome, Sender, Target
from models import Channel, Database, Delivery, DeliveryAlert, DeliveryAttempt, WriteSession
from models.deliveries import PENDING
from models.secrets import CannotOpen, Vault
from resolvers.channels import Sealed
from resolvers.deliveries.messages import message_of
from resolvers.deliveries.outbox import TEST
from resolvers.deliveries.retries import next_attempt

DELIVERED, FAILED = "delivered", "failed"
HELD: Final = dt.timedelta(seconds=10)
RENEWED_SECONDS: Final = 3.0
RECORDED_AFTER: Final = 4
BEHIND: Final = dt.timedelta(seconds=1)

SENT: Final = Counter("vigie_deliveries_total", "Deliveries that have ended, by kind of channel.", ["kind", "outcome"])
RETRIES: Final = Counter("vigie_delivery_retries_total", "Tries of deliveries that will be tried again.", ["kind"])
SECONDS: Final = Histogram("vigie_delivery_attempt_seconds", "Duration of one try to send.", ["kind"])
LATENCY: Final = Histogram(
    "vigie_delivery_latency_seconds",
    "From when a notification was written until its channel took it.",
    buckets=(0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800, 3600, 21600),
)

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Taken:
    """A delivery that is ours to send: where to, and what; or why not."""

    delivery: Delivery
    kind: str
    target: Target | None
    message: Message
    obstacle: str | None = None


async def attempt(
    database: Database, *, project_id: int, number: int, sender: Sender, vault: Vault
) -> dt.datetime | None:
    """Tries a delivery once, if it is due and nobody else's. Answers when to look at it again, None when it has ended.

    Raises what the database raises.
    """
    async with database.write() as session:
        taken = await _take(session, project_id, number, vault)
    if not isinstance(taken, Taken):
        return taken
    started, clock = dt.datetime.now(dt.UTC), time.perf_counter()
    outcome = await _send(database, sender, taken)
    duration = time.perf_counter() - clock
    SECONDS.labels(taken.kind).observe(duration)
    return await _record_at_last(database, taken, outcome, started, duration)


async def _take(session: WriteSession, project_id: int, number: int, vault: Vault) -> Taken | dt.datetime | None:
    now = dt.datetime.now(dt.UTC)
    rows = await session.execute(
        select(Delivery).where(Delivery.project_id == project_id, Delivery.id == number).with_for_update()
    )
    delivery: Delivery | None = rows[0][0] if rows else None
    if delivery is None or delivery.status != PENDING or delivery.next_attempt_at is None:
        return None
    if delivery.next_attempt_at > now:
        return delivery.next_attempt_at
    behind = await _behind(session, delivery, now)
    if behind is not None:
        delivery.next_attempt_at = behind
        return behind
    delivery.next_attempt_at = now + HELD
    return await _aim(session, delivery, vault)


async def _behind(session: WriteSession, delivery: Delivery, now: dt.datetime) -> dt.datetime | None:
    """When to come back for a delivery that waits for one before it, which tells the same channel of the same alerts:
    an end never overtakes. None when there is none.
    """
    mine, other = aliased(DeliveryAlert), aliased(DeliveryAlert)
    rows = await session.rows(
        select(Delivery.attempts, Delivery.next_attempt_at)
        .join(other, (other.project_id == Delivery.project_id) & (other.delivery_id == Delivery.id))
        .join(mine, (mine.project_id == other.project_id) & (mine.alert_id == other.alert_id))
        .where(
            Delivery.project_id == delivery.project_id,
            Delivery.channel_id == delivery.channel_id,
            Delivery.status == PENDING,
            Delivery.id < delivery.id,
            mine.delivery_id == delivery.id,
        )
        .order_by(Delivery.id)
        .limit(1)
    )
    if not rows:
        return None
    attempts, next_attempt_at = rows[0]
    return (max(next_attempt_at or now, now) if attempts else now) + BEHIND


async def _aim(session: WriteSession, delivery: Delivery, vault: Vault) -> Taken:
    channel = await session.scalar(
        select(Channel).where(Channel.project_id == delivery.project_id, Channel.id == delivery.channel_id)
    )
    message = message_of(delivery)
    if channel is None or channel.deleted_at is not None:
        return Taken(delivery, "deleted", None, message, "The channel was deleted.")
    if not channel.enabled and delivery.kind != TEST:
        return Taken(delivery, channel.kind, None, message, "The channel was disabled.")
    try:
        sealed = Sealed.open(vault, channel)
    except CannotOpen as error:
        return Taken(delivery, channel.kind, None, message, f"The address cannot be read: {error}.")
    circuit = f"channel:{channel.project_id}:{channel.id}"
    target = Target(kind=channel.kind, url=sealed.url, secret=sealed.secret, circuit=circuit)
    return Taken(delivery, channel.kind, target, message)


async def _send(database: Database, sender: Sender, taken: Taken) -> Outcome:
    if taken.target is None:
        return Outcome(error=taken.obstacle, hopeless=True)
    ended = asyncio.Event()
    holding = asyncio.create_task(_hold(database, taken.delivery, ended))
    try:
        return await sender.send(taken.target, taken.message)
    except Exception as error:  # noqa: BLE001 — whatever a library of a channel's throws
        # The type alone: a message may quote the address.
        log.error("sending failed", delivery=taken.delivery.id, error=type(error).__name__)  # noqa: TRY400
        return Outcome(error=f"A fault of Vigie's own: {type(error).__name__}.")
    finally:
        ended.set()
        await asyncio.gather(holding, return_exceptions=True)


async def _hold(database: Database, delivery: Delivery, ended: asyncio.Event) -> None:
    """Keeps a delivery for as long as it is being sent."""
    while True:
        with suppress(TimeoutError):
            await asyncio.wait_for(ended.wait(), RENEWED_SECONDS)
        if ended.is_set():
            return
        async with database.write() as session:
            await session.run(
                update(Delivery)
                .where(Delivery.project_id == delivery.project_id, Delivery.id == delivery.id)
                .values(next_attempt_at=dt.datetime.now(dt.UTC) + HELD)
            )


async def _record_at_last(
    database: Database, taken: Taken, outcome: Outcome, started: dt.datetime, duration: float
) -> dt.datetime | None:
    """Records what came of it, also when the database was away meanwhile: what is not recorded is sent again."""
    for tried in range(RECORDED_AFTER):
        try:
            async with database.write() as session:
                return await _record(session, taken, outcome, started, duration)
        except (DBAPIError, OSError):
            log.warning("not recorded yet", delivery=taken.delivery.id, tried=tried + 1)
            await asyncio.sleep(1 + tried)
    async with database.write() as session:
        return await _record(session, taken, outcome, started, duration)


async def _record(
    session: WriteSession, taken: Taken, outcome: Outcome, started: dt.datetime, duration: float
) -> dt.datetime | None:
    now = dt.datetime.now(dt.UTC)
    rows = await session.execute(
        select(Delivery)
        .where(Delivery.project_id == taken.delivery.project_id, Delivery.id == taken.delivery.id)
        .with_for_update()
    )
    delivery: Delivery = rows[0][0]
    delivery.attempts += 1
    delivery.duration_ms, delivery.error = duration * 1000, outcome.error
    session.add(
        DeliveryAttempt(
            project_id=delivery.project_id,
            delivery_id=delivery.id,
            ordinal=delivery.attempts,
            time=started,
            duration_ms=duration * 1000,
            error=outcome.error,
        )
    )
    again = None
    if outcome.error is not None and not outcome.hopeless and delivery.kind != TEST:
        again = next_attempt(
            created_at=delivery.created_at, now=now, attempts=delivery.attempts, retry_after=outcome.retry_after
        )
    delivery.next_attempt_at = again
    if again is not None:
        RETRIES.labels(taken.kind).inc()
        return again
    delivery.status = DELIVERED if outcome.error is None else FAILED
    delivery.finished_at = now
    SENT.labels(taken.kind, delivery.status).inc()
    if outcome.error is None:
        LATENCY.observe((now - delivery.created_at).total_seconds())
    else:
        log.warning("delivery given up", delivery=delivery.id, channel=delivery.channel_id, error=outcome.error)
    return None
