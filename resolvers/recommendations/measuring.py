"""When an effect is measured, and measured again: the windows have passed, and the calls in them have come.

Windows lie in the time of the calls, which come later than they happen: a window is over when calls of its last seventh
are there and no more come in, or after a day of patience. Even then, as long again as the window was, calls that come
late are taken in.
"""

import datetime as dt
from dataclasses import dataclass, replace
from typing import Final

from sqlalchemy import ColumnElement, select

from models import ApiCall, Commit, Counter, ReadSession, Recommendation, UsageEvent
from resolvers.metrics.snapshots import take_snapshot
from resolvers.recommendations.effects import INCONCLUSIVE, PENDING, Effect, basis_of, compare
from resolvers.recommendations.targets import Target
from resolvers.recommendations.terms import Terms
from resolvers.recommendations.windows import calls_of, read_window

QUIET: Final = dt.timedelta(seconds=5)
SETTLING: Final = dt.timedelta(minutes=10)
PATIENCE: Final = dt.timedelta(days=1)
SOONEST: Final = dt.timedelta(seconds=2)
RARELY: Final = dt.timedelta(hours=6)

GONE: Final = "Calls of the time before are gone by retention."


@dataclass(frozen=True, slots=True)
class Look:
    """What a look at an implemented recommendation found: a new effect, if any, which knows the log up to `seq`.

    `due_at` is when to look again, None for never.
    """

    effect: Effect | None
    seq: int
    due_at: dt.datetime | None


async def look_at(session: ReadSession, row: Recommendation, *, terms: Terms, now: dt.datetime) -> Look:
    """Measures the effect of an implemented recommendation, if its windows have passed and hold something new.

    Raises ValueError for one that is not implemented.
    """
    if row.implemented_at is None or row.reported_at is None:
        raise ValueError(f"recommendation {row.id} of project {row.project_id} is not implemented")
    snapshot = await take_snapshot(session, project_id=row.project_id, now=now)
    start, middle, end = row.implemented_at - terms.window, row.implemented_at, row.implemented_at + terms.window
    # Calls of the past may be sent only after the recommendation was reported as implemented.
    since = max(end, row.reported_at)
    waited = now - since
    if now < end:
        return Look(None, snapshot.last_seq, end)
    within = (Commit.project_id == row.project_id, Commit.max_time >= start, Commit.min_time < end)
    if row.effect_state == PENDING:
        if waited < PATIENCE and not await _any_call(session, row.project_id, from_=end - terms.window / 7):
            return Look(None, snapshot.last_seq, now + max(SOONEST, waited / 10))
    elif not await _any_commit(session, *within, Commit.last_seq > (row.effect_seq or 0)):
        again = now + min(max(waited, SOONEST), RARELY)
        return Look(None, snapshot.last_seq, again if again < since + terms.window else None)
    if waited < SETTLING and await _any_commit(session, *within, Commit.committed_at > now - QUIET):
        return Look(None, snapshot.last_seq, now + SOONEST)
    target = Target.from_json(row.target)
    basis = basis_of(row.kind, target)
    calls = await calls_of(session, snapshot, target=target, before=(start, middle))
    before = await read_window(session, snapshot, calls=calls, basis=basis, window=(start, middle))
    after = await read_window(session, snapshot, calls=calls, basis=basis, window=(middle, end))
    effect = compare(before, after, basis=basis, window=terms.window, fewest_requests=terms.fewest_requests, now=now)
    floor = await session.scalar(select(Counter.floor).where(Counter.project_id == row.project_id))
    if floor is not None and start < floor:
        effect = replace(effect, state=INCONCLUSIVE, reason=GONE, monthly_saving_usd=None)
    return Look(effect, snapshot.last_seq, now + min(max(waited, SOONEST), RARELY))


async def _any_call(session: ReadSession, project_id: int, *, from_: dt.datetime) -> bool:
    """Whether the project has calls of that time or later."""
    for table in (UsageEvent, ApiCall):
        calls = select(table.id).where(table.project_id == project_id, table.time >= from_)
        if await session.scalar(calls.limit(1)) is not None:
            return True
    return False


async def _any_commit(session: ReadSession, *conditions: ColumnElement[bool]) -> bool:
    return await session.scalar(select(Commit.last_seq).where(*conditions).limit(1)) is not None
