"""Silences, and maintenance windows, which are silences planned ahead that may come again."""

import datetime as dt
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import func, or_, select, tuple_

from models import Database, ReadSession, Silence, WriteSession
from resolvers.alerts.clocks import lock
from resolvers.alerts.matchers import parse
from resolvers.alerts.telling import tell_expired
from resolvers.audit_entries import record_audit_entry
from resolvers.deliveries.outbox import SILENCE_EXPIRED, Notification, enqueue
from resolvers.errors import Invalid, LimitReached, NotFound
from resolvers.global_ids import global_id
from resolvers.texts import check_text

SILENCE, MAINTENANCE = "silence", "maintenance"
MOST_ACTIVE: Final = 1_000
MOST_REASON: Final = 2_000
LONGEST: Final = dt.timedelta(days=3660)
SHORTEST_REPEAT: Final = dt.timedelta(minutes=1)
A_SWEEP: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Quiet:
    """What is to be quiet from `starts_at` (None: now) to `ends_at`, and again every `repeat_every`. Unchecked."""

    kind: str
    matcher: str
    starts_at: dt.datetime | None
    ends_at: dt.datetime
    reason: str
    repeat_every: dt.timedelta | None = None


async def add_silence(
    session: WriteSession, *, project_id: int, author: str, quiet: Quiet, now: dt.datetime
) -> Silence:
    """A new silence or maintenance window. Raises Invalid that names the field, and LimitReached."""
    parse(quiet.matcher)
    starts_at = quiet.starts_at or now
    if not max(starts_at, now) < quiet.ends_at <= now + LONGEST or starts_at < now - LONGEST:
        raise Invalid("`endsAt` lies after `startsAt` and in the future, at most ten years ahead.", field="endsAt")
    repeat = quiet.repeat_every
    if repeat is not None and (
        repeat < SHORTEST_REPEAT or repeat.microseconds or not quiet.ends_at - starts_at <= repeat <= LONGEST
    ):
        raise Invalid("`repeatEvery` is at least as long as the window itself, in whole seconds.", field="repeatEvery")
    reason = check_text(quiet.reason, field="reason", most=MOST_REASON)
    await lock(session, project_id=project_id)
    if await _count_running(session, project_id, now) >= MOST_ACTIVE:
        raise LimitReached(f"A project has at most {MOST_ACTIVE:,} silences and windows that are not over.")
    last = await session.scalar(select(func.max(Silence.id)).where(Silence.project_id == project_id))
    row = Silence(
        project_id=project_id,
        id=(last or 0) + 1,
        kind=quiet.kind,
        matcher=quiet.matcher.strip(),
        starts_at=starts_at,
        ends_at=quiet.ends_at,
        repeat_seconds=None if repeat is None else int(repeat.total_seconds()),
        author=author,
        reason=reason,
        created_at=now,
        told_at=None,
    )
    session.add(row)
    record_audit_entry(
        session,
        project_id=project_id,
        actor=author,
        action=f"{quiet.kind}.scheduled",
        target=f"{quiet.kind}:{row.id}",
        details={"matcher": row.matcher, "from": starts_at.isoformat(), "to": quiet.ends_at.isoformat()},
    )
    return row


async def end_silence(
    session: WriteSession, *, project_id: int, kind: str, number: int, actor: str, now: dt.datetime
) -> Silence:
    """Ends a silence now; one that is over stays as it is. Raises NotFound."""
    await lock(session, project_id=project_id)
    row = await get_silence(session, project_id=project_id, number=number)
    if row is None or row.kind != kind:
        raise NotFound("There is no such silence in this project.", field="id")
    if row.ends_at > now or row.repeat_seconds is not None:
        row.starts_at, row.ends_at, row.repeat_seconds = min(row.starts_at, now), now, None
        await _tell(session, row, now)
        record_audit_entry(
            session,
            project_id=project_id,
            actor=actor,
            action=f"{kind}.ended",
            target=f"{kind}:{number}",
            details={"matcher": row.matcher},
        )
    return row


async def tell_of_expired(database: Database, *, now: dt.datetime) -> None:
    """Tells the authors of silences that are over."""
    over = (Silence.told_at.is_(None), Silence.ends_at <= now, Silence.repeat_seconds.is_(None))
    async with database.read() as session:
        waiting = await session.rows(
            select(Silence.project_id, Silence.id).where(*over).order_by(Silence.ends_at).limit(A_SWEEP)
        )
    for project_id, number in waiting:
        async with database.write() as session:
            await lock(session, project_id=project_id)
            row = await get_silence(session, project_id=project_id, number=number)
            if row is not None and row.told_at is None:
                await _tell(session, row, now)


def is_quiet(row: Silence, now: dt.datetime) -> dt.datetime | None:
    """Until when a silence holds, or None when it does not hold now."""
    if row.repeat_seconds is None:
        return row.ends_at if row.starts_at <= now < row.ends_at else None
    if now < row.starts_at:
        return None
    since = (now - row.starts_at) % dt.timedelta(seconds=row.repeat_seconds)
    left = (row.ends_at - row.starts_at) - since
    return now + left if left > dt.timedelta(0) else None


async def silences_that_hold(
    session: ReadSession, *, project_id: int, now: dt.datetime
) -> list[tuple[Silence, dt.datetime]]:
    """The silences and windows that hold now, each with its end."""
    rows = await session.scalars(
        select(Silence).where(
            Silence.project_id == project_id,
            Silence.starts_at <= now,
            or_(Silence.ends_at > now, Silence.repeat_seconds.is_not(None)),
        )
    )
    return [(row, until) for row in rows if (until := is_quiet(row, now)) is not None]


async def get_silence(session: ReadSession, *, project_id: int, number: int) -> Silence | None:
    """The silence or window of that number."""
    return await session.scalar(select(Silence).where(Silence.project_id == project_id, Silence.id == number))


async def list_silences(
    session: ReadSession, *, project_id: int, kind: str, limit: int, before: int | None = None
) -> Sequence[Silence]:
    """At most `limit` of a kind, the newest first, from those older than number `before`."""
    rows = select(Silence).where(Silence.project_id == project_id, Silence.kind == kind)
    if before is not None:
        rows = rows.where(Silence.id < min(before, 2**31 - 1))
    return await session.scalars(rows.order_by(Silence.id.desc()).limit(limit))


async def count_silences(session: ReadSession, *, project_id: int, kind: str) -> int:
    """How many of a kind there ever were."""
    counted = select(func.count()).where(Silence.project_id == project_id, Silence.kind == kind)
    return await session.scalar(counted) or 0


async def silences_by_number(session: ReadSession, keys: Collection[Any]) -> dict[tuple[int, int], Silence]:
    """The silences with these project ids and numbers."""
    rows = await session.scalars(select(Silence).where(tuple_(Silence.project_id, Silence.id).in_(list(keys))))
    return {(row.project_id, row.id): row for row in rows}


async def _count_running(session: ReadSession, project_id: int, now: dt.datetime) -> int:
    counted = select(func.count()).where(
        Silence.project_id == project_id, or_(Silence.ends_at > now, Silence.repeat_seconds.is_not(None))
    )
    return await session.scalar(counted) or 0


async def _tell(session: WriteSession, row: Silence, now: dt.datetime) -> None:
    row.told_at = now
    if row.kind != SILENCE:
        return
    tell_expired(session, row, now=now)
    payload = {
        "kind": SILENCE_EXPIRED,
        "time": now.isoformat(),
        "title": f"The silence of {row.author} is over",
        "text": f"{row.matcher}: {row.reason}",
        "silence": {
            "id": global_id("Silence", row.project_id, row.id),
            "matcher": row.matcher,
            "author": row.author,
            "reason": row.reason,
            "startsAt": row.starts_at.isoformat(),
            "endsAt": row.ends_at.isoformat(),
        },
    }
    await enqueue(
        session,
        notification=Notification(
            project_id=row.project_id, kind=SILENCE_EXPIRED, severity="low", payload=payload, time=now
        ),
    )
