"""Observing: what a look at a component found, and what that makes of its status."""

import datetime as dt
from dataclasses import dataclass
from typing import Final

from sqlalchemy import select, update

from models import Component, ComponentSpell, ReadSession, WriteSession
from models.base import EPOCH
from resolvers.components.latencies import keep_latency
from resolvers.components.states import DOWN, UNKNOWN
from resolvers.components.telling import tell

MOST_MESSAGE: Final = 500
MISSED_LOOKS: Final = 3
PATIENCE: Final = dt.timedelta(minutes=1)
MICROSECOND: Final = dt.timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Observation:
    """What was found at `time`: healthy, degraded, down or unknown."""

    status: str
    time: dt.datetime
    message: str | None = None
    latency_ms: float | None = None


async def lock_component(session: WriteSession, *, project_id: int, number: int) -> Component | None:
    """The component of that number; nobody else changes it until this transaction ends."""
    rows = await session.execute(
        select(Component)
        .where(Component.project_id == project_id, Component.id == number)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return rows[0][0] if rows else None


async def observe(session: WriteSession, row: Component, seen: Observation) -> None:
    """Takes an observation of a locked component in. One from before the latest changes nothing.

    So many that contradict its status, in a row, change it; what was unknown becomes known by the first good one.
    """
    if row.checked_at is not None and seen.time < row.checked_at:
        return
    await _leave_gap(session, row, seen.time)
    row.checked_at, row.latency_ms = seen.time, seen.latency_ms
    row.message = seen.message[:MOST_MESSAGE] if seen.message else None
    if seen.latency_ms is not None:
        await keep_latency(session, row, seen.time, seen.latency_ms)
    status = _next_status(row, seen.status)
    if status != row.status:
        await change_status(session, row, status, seen.time)


async def change_status(session: WriteSession, row: Component, status: str, now: dt.datetime) -> None:
    """Ends one spell of a locked component, begins another, and tells it."""
    before = row.status
    await _begin_spell(session, row, status, now, row.message)
    row.streak = 0
    tell(session, row, before)


def first_spell(row: Component) -> ComponentSpell:
    """The spell that a new component begins with."""
    return ComponentSpell(
        project_id=row.project_id,
        component_id=row.id,
        began_at=row.since,
        ended_at=None,
        status=row.status,
        message=None,
    )


def next_look(now: dt.datetime, every: dt.timedelta, origin: dt.datetime = EPOCH) -> dt.datetime:
    """The first of the times that lie `every` apart from `origin` on, which is still to come."""
    return origin + ((now - origin) // every + 1) * every


def looked_after(row: Component) -> dt.timedelta:
    """How long after a look a component counts as watched: a few looks may be missed."""
    return MISSED_LOOKS * dt.timedelta(seconds=row.every_seconds) + PATIENCE


async def current_message(session: ReadSession, row: Component) -> str | None:
    """What was found when the present status began."""
    return await session.scalar(
        select(ComponentSpell.message).where(
            ComponentSpell.project_id == row.project_id,
            ComponentSpell.component_id == row.id,
            ComponentSpell.began_at == row.since,
        )
    )


def _next_status(row: Component, seen: str) -> str:
    failed = seen == DOWN
    if seen == UNKNOWN or failed == (row.status == DOWN) or (row.status == UNKNOWN and not failed):
        row.streak = 0
        return seen
    row.streak += 1
    needed = row.failures_before_down if failed else row.successes_before_healthy
    return seen if row.streak >= needed else row.status


async def _leave_gap(session: WriteSession, row: Component, now: dt.datetime) -> None:
    """Nobody knows how it was while nobody looked: that time becomes a spell of its own, without any change told."""
    if row.checked_at is None or row.status == UNKNOWN or now - row.checked_at <= looked_after(row):
        return
    status, message = row.status, await current_message(session, row)
    await _begin_spell(
        session, row, UNKNOWN, row.checked_at + dt.timedelta(seconds=row.every_seconds), "Nobody looked."
    )
    await _begin_spell(session, row, status, now, message)


async def _begin_spell(
    session: WriteSession, row: Component, status: str, now: dt.datetime, message: str | None
) -> None:
    began_at = max(now, row.since + MICROSECOND)
    await session.flush()
    await session.run(
        update(ComponentSpell)
        .where(
            ComponentSpell.project_id == row.project_id,
            ComponentSpell.component_id == row.id,
            ComponentSpell.ended_at.is_(None),
        )
        .values(ended_at=began_at)
    )
    session.add(
        ComponentSpell(
            project_id=row.project_id,
            component_id=row.id,
            began_at=began_at,
            ended_at=None,
            status=status,
            message=message,
        )
    )
    row.status, row.since = status, began_at
