"""How many days a project keeps what."""

import datetime as dt
from dataclasses import asdict, dataclass
from typing import Final

from sqlalchemy import select

from models import Counter, ReadSession, Retention, WriteSession
from resolvers.audit_entries import changes, record_audit_entry
from resolvers.errors import Invalid
from resolvers.locks import lock_project
from resolvers.metrics.periods import EARLIEST
from resolvers.rollups.slices import day_of

MOST_DAYS: Final = 3660
HISTORY_DAYS: Final = 400


@dataclass(frozen=True, slots=True)
class Kept:
    """Days, None for ever: single calls and activities, roll-ups, and alerts, deliveries and the audit log."""

    fact_days: int | None = None
    rollup_days: int | None = None
    history_days: int | None = HISTORY_DAYS


@dataclass(frozen=True, slots=True)
class Floors:
    """From when on there are single calls, and roll-ups."""

    facts: dt.datetime
    rollups: dt.datetime


async def get_retention(session: ReadSession, *, project_id: int) -> Kept:
    """What a project decided, or the defaults."""
    row = await session.scalar(select(Retention).where(Retention.project_id == project_id))
    return Kept() if row is None else Kept(row.fact_days, row.rollup_days, row.history_days)


async def get_floors(session: ReadSession, *, project_id: int) -> Floors:
    """The floors of a project that is there."""
    facts, rollups = await session.one(
        select(Counter.floor, Retention.rollups_floor)
        .outerjoin(Retention, Retention.project_id == Counter.project_id)
        .where(Counter.project_id == project_id)
    )
    return Floors(facts, rollups or EARLIEST)


async def save_retention(session: WriteSession, *, project_id: int, kept: Kept, actor: str) -> Kept:
    """Decides it; the job acts on it within seconds. Raises Invalid.

    Roll-ups are kept at least as long as the calls that they are made of: answers would else forget calls that are
    there. What is gone stays gone: more days hold for what comes.
    """
    for field, days in (
        ("factDays", kept.fact_days),
        ("rollUpDays", kept.rollup_days),
        ("historyDays", kept.history_days),
    ):
        if days is not None and not 1 <= days <= MOST_DAYS:
            raise Invalid(f"`{field}` lies between 1 and {MOST_DAYS:,}, or is null: for ever.", field=field)
    if kept.rollup_days is not None and (kept.fact_days is None or kept.rollup_days < kept.fact_days):
        raise Invalid("Roll-ups are kept at least as long as facts: raise `rollUpDays`.", field="rollUpDays")
    await lock_project(session, project_id=project_id)
    row = await session.scalar(select(Retention).where(Retention.project_id == project_id))
    before = Kept() if row is None else Kept(row.fact_days, row.rollup_days, row.history_days)
    if row is None:
        row = Retention(project_id=project_id, rollups_floor=None)
        session.add(row)
    row.fact_days, row.rollup_days, row.history_days = kept.fact_days, kept.rollup_days, kept.history_days
    row.enforced_at = row.claimed_until = None
    record_audit_entry(
        session,
        project_id=project_id,
        actor=actor,
        action="retention.saved",
        details=changes(asdict(before), asdict(kept)),
    )
    return kept


def floor_of(days: int | None, *, now: dt.datetime) -> dt.datetime | None:
    """The midnight (UTC) that so many whole days begin at, today not counted; None without an end."""
    return None if days is None else day_of(now) - dt.timedelta(days=days)
