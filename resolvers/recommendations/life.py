"""The life of a recommendation: issued, viewed, then implemented, dismissed or expired.

Whoever changes one locks its row first, so that of two who do the same at once one changes it and the other finds it
changed.
"""

import datetime as dt

from sqlalchemy import select

from models import Recommendation, WriteSession
from resolvers.errors import Conflict, Invalid, NotFound
from resolvers.recommendations.issuing import OPEN
from resolvers.recommendations.telling import tell
from resolvers.recommendations.terms import Terms
from resolvers.texts import check_text

MOST_REASON = 2000
EARLIEST = dt.datetime(2000, 1, 1, tzinfo=dt.UTC)
AHEAD = dt.timedelta(minutes=5)
PENDING = "pending"


async def mark_viewed(session: WriteSession, *, project_id: int, number: int, actor: str) -> Recommendation:
    """Notes that somebody has seen it; the first time counts, whatever became of it since. Raises NotFound."""
    now = dt.datetime.now(dt.UTC)
    row = await _locked(session, project_id, number)
    if row.viewed_at is None:
        row.viewed_at = row.updated_at = now
        if row.status == "issued":
            row.status = "viewed"
        tell(session, row, "viewed", now=now, by=actor)
    return row


async def implement(
    session: WriteSession,
    *,
    project_id: int,
    number: int,
    implemented_at: dt.datetime | None,
    actor: str,
    terms: Terms,
) -> Recommendation:
    """Notes that it was done, now or at `implemented_at`; from then on its effect is measured.

    Doing so again is fine. Raises NotFound, Invalid for a time that cannot be, and Conflict for one that was
    dismissed, or implemented at another time. An expired one can still be done.
    """
    now = dt.datetime.now(dt.UTC)
    if implemented_at is not None and not EARLIEST <= implemented_at <= now + AHEAD:
        raise Invalid("`implementedAt` lies between the year 2000 and now.", field="implementedAt")
    row = await _locked(session, project_id, number)
    if row.status == "implemented":
        if implemented_at in (None, row.implemented_at):
            return row
        raise Conflict("It is implemented already, at another time.", field="implementedAt", current=row)
    if row.status == "dismissed":
        raise Conflict("It was dismissed: what is dismissed is not implemented.", field="id", current=row)
    row.status = "implemented"
    row.implemented_at = min(implemented_at or now, now)
    row.reported_at = row.updated_at = now
    row.effect_state = PENDING
    row.due_at = max(row.implemented_at + terms.window, now)
    tell(session, row, "implemented", now=now, by=actor)
    return row


async def dismiss(session: WriteSession, *, project_id: int, number: int, reason: str, actor: str) -> Recommendation:
    """Notes that it will not be done, and why. Doing so again for the same reason is fine.

    Raises NotFound, Invalid for the reason, and Conflict for one that is not open any more.
    """
    now = dt.datetime.now(dt.UTC)
    reason = check_text(reason, field="reason", most=MOST_REASON)
    row = await _locked(session, project_id, number)
    if row.status == "dismissed" and row.dismiss_reason == reason:
        return row
    if row.status not in OPEN:
        raise Conflict(f"It is {row.status} already.", field="id", current=row)
    row.status = "dismissed"
    row.dismissed_at = row.updated_at = now
    row.dismiss_reason = reason
    row.due_at = None
    tell(session, row, "dismissed", now=now, by=actor, reason=reason)
    return row


async def expire(session: WriteSession, *, project_id: int, number: int, now: dt.datetime) -> bool:
    """Ends an open one whose time is over; answers whether it did."""
    row = await find_locked(session, project_id=project_id, number=number)
    if row is None or row.status not in OPEN or row.expires_at > now:
        return False
    row.status = "expired"
    row.expired_at = row.updated_at = now
    row.due_at = None
    tell(session, row, "expired", now=now)
    return True


async def find_locked(session: WriteSession, *, project_id: int, number: int) -> Recommendation | None:
    """The recommendation of that number, locked until the transaction ends."""
    return await session.scalar(
        select(Recommendation)
        .where(Recommendation.project_id == project_id, Recommendation.id == number)
        .with_for_update()
    )


async def _locked(session: WriteSession, project_id: int, number: int) -> Recommendation:
    row = await find_locked(session, project_id=project_id, number=number)
    if row is None:
        raise NotFound("There is no such recommendation in this project.", field="id")
    return row
