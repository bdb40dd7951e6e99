"""Beating: a sign of life arrives, or does not."""

import datetime as dt
from dataclasses import dataclass

from sqlalchemy import and_, select

from models import Component, Heartbeat, ReadSession, WriteSession
from resolvers.api_keys import digest_of
from resolvers.components.observing import Observation, lock_component, observe
from resolvers.components.states import DOWN, HEALTHY


@dataclass(frozen=True, slots=True)
class Beat:
    """A sign of life: whether the work went well, in words, and how long it took."""

    ok: bool = True
    message: str | None = None
    duration_ms: float | None = None


async def look_up(session: ReadSession, *, token: str, sent: Beat) -> tuple[bool, bool]:
    """Whether the token is one, and whether its beat is worth recording: another one in the same second is not."""
    rows = await session.rows(
        select(Heartbeat.beaten_at, Component.status, Component.enabled)
        .join(Component, and_(Component.project_id == Heartbeat.project_id, Component.id == Heartbeat.component_id))
        .where(Heartbeat.digest == digest_of(token))
    )
    if not rows:
        return False, False
    beaten_at, status, enabled = rows[0]
    just_now = beaten_at is not None and dt.datetime.now(dt.UTC) - beaten_at < dt.timedelta(seconds=1)
    return True, enabled and not (just_now and status == (HEALTHY if sent.ok else DOWN))


async def beat(session: WriteSession, *, token: str, sent: Beat) -> None:
    """Takes a beat in; one for nothing, or for what is switched off, changes nothing."""
    found = await session.scalar(select(Heartbeat).where(Heartbeat.digest == digest_of(token)))
    if found is None:
        return
    row = await lock_component(session, project_id=found.project_id, number=found.component_id)
    if row is None or not row.enabled:
        return
    now = dt.datetime.now(dt.UTC)
    found.beaten_at = found.expected_since = now
    await observe(session, row, Observation(HEALTHY if sent.ok else DOWN, now, sent.message, sent.duration_ms))
    row.due_at = late_at(row, found)


async def look(session: WriteSession, row: Component, now: dt.datetime) -> None:
    """Looks at a locked component whose beat is due. One that is late is down until the next beat."""
    found = await get_heartbeat_row(session, row)
    if found is None:
        return
    late = late_at(row, found)
    if now < late:
        row.due_at = late
        return
    last = f"the last one came {found.beaten_at:%Y-%m-%d %H:%M:%S} UTC" if found.beaten_at else "none ever came"
    message = f"No heartbeat since its interval and grace passed: {last}."
    await observe(session, row, Observation(DOWN, now, message))
    row.due_at = now + dt.timedelta(seconds=row.every_seconds)


async def get_heartbeat_row(session: ReadSession, row: Component) -> Heartbeat | None:
    """The heartbeat of a component."""
    return await session.scalar(
        select(Heartbeat).where(Heartbeat.project_id == row.project_id, Heartbeat.component_id == row.id)
    )


def late_at(row: Component, heartbeat: Heartbeat) -> dt.datetime:
    """When its next beat is late."""
    return heartbeat.expected_since + dt.timedelta(seconds=row.every_seconds + heartbeat.grace_seconds)
