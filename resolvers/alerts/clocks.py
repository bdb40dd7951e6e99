"""The clock of a project's rules: how far they are evaluated, by whom, and the lock of all that is about alerts."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import or_, select, update
from sqlalchemy.orm import defer

from models import AlertClock, ReadSession, WriteSession

CLAIM: Final = dt.timedelta(seconds=30)
"""After which an evaluation that did not end is taken over."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A project whose rules somebody has set out to evaluate, and how far they are."""

    project_id: int
    evaluated_until: dt.datetime


async def lock(session: WriteSession, *, project_id: int) -> AlertClock:
    """Changes to the alerts of a project come one after the other. The last figures are not read along.

    Raises LookupError for an unknown project.
    """
    row = select(AlertClock).options(defer(AlertClock.figures, raiseload=True))
    rows = await session.execute(row.where(AlertClock.project_id == project_id).with_for_update())
    if not rows:
        raise LookupError(f"project {project_id} has no alert clock")
    clock: AlertClock = rows[0][0]
    return clock


async def claim(session: WriteSession, *, due: dt.datetime, now: dt.datetime) -> Sequence[Claim]:
    """Takes the clocks that are behind `due` and that nobody else is at work on."""
    free = or_(AlertClock.claimed_until.is_(None), AlertClock.claimed_until <= now)
    rows = await session.execute(
        update(AlertClock)
        .where(AlertClock.evaluated_until < due, free)
        .values(claimed_until=now + CLAIM)
        .returning(AlertClock.project_id, AlertClock.evaluated_until)
    )
    claims = [Claim(row.project_id, row.evaluated_until) for row in rows]
    return sorted(claims, key=lambda claim: claim.project_id)


async def get_clock(session: ReadSession, *, project_id: int) -> AlertClock | None:
    """The clock of a project."""
    return await session.scalar(select(AlertClock).where(AlertClock.project_id == project_id))


async def clocks_by_project(session: ReadSession, keys: Sequence[Any]) -> dict[Any, AlertClock]:
    """The clocks of projects, by project id."""
    rows = await session.scalars(select(AlertClock).where(AlertClock.project_id.in_(list(keys))))
    return {row.project_id: row for row in rows}
