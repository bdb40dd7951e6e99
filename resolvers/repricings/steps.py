"""The steps of a repricing: a UTC day each, in a transaction that changes events, roll-ups and progress together.

Who is killed in the middle has done nothing: whoever takes the next step does that day. A day is done under both leases
of the roll-ups, so nobody folds meanwhile, and the roll-ups of the day are made anew from its events.
"""

import datetime as dt
from collections.abc import Sequence

import msgspec
from sqlalchemy import ColumnElement, Select, func, select

from integrations.prices import Prices
from models import Counter, Database, ReadSession, Repricing, UsageByTime, UsageEvent, WriteSession
from models.repricings import DONE, RUNNING
from models.rollups import DAY
from resolvers.prices.listing import read_book
from resolvers.repricings.events import difference, reprice
from resolvers.repricings.sums import Sums
from resolvers.revisions import revise
from resolvers.rollups.leases import lease_all
from resolvers.rollups.rebuild import ONE_DAY, rebuild_usage
from resolvers.rollups.slices import day_of
from resolvers.usage_events import UsageFilter, conditions_of


async def step(database: Database, prices: Prices, *, project_id: int, number: int) -> bool:
    """Does the next day of a repricing; answers whether that may leave another one.

    False too when somebody else is at it.
    """
    async with database.read() as session:
        row = await session.scalar(_one(project_id, number))
    if row is None or row.status != RUNNING:
        return False
    if row.dry_run:
        return await _measure(database, prices, row)
    async with database.write() as session:
        rows = await session.execute(_one(project_id, number).with_for_update(skip_locked=True))
        if not rows or rows[0][0].status != RUNNING:
            return False
        return await _change(session, prices, rows[0][0])


async def _measure(database: Database, prices: Prices, seen: Repricing) -> bool:
    """A day of a dry run, which locks nothing but its own progress."""
    async with database.read() as session:
        start = await _start(session, seen)
        day, sums = await _day(session, seen, start), Sums()
        if day is not None:
            book = await read_book(session, project_id=seen.project_id, prices=prices)
            sums = await difference(session, book, *_conditions(seen, day))
        skipped = await _skipped(session, seen, start)
    async with database.write() as session:
        rows = await session.execute(_one(seen.project_id, seen.id).with_for_update())
        if not rows or rows[0][0].next_day != seen.next_day or rows[0][0].status != RUNNING:
            return False
        return _advance(rows[0][0], day, sums, skipped)


async def _change(session: WriteSession, prices: Prices, row: Repricing) -> bool:
    reached = await lease_all(session, project_id=row.project_id)
    start = await _start(session, row)
    day, sums = await _day(session, row, start), Sums()
    if day is not None:
        book = await read_book(session, project_id=row.project_id, prices=prices)
        sums = await reprice(session, book, *_conditions(row, day), project_id=row.project_id)
        if sums.total().changed:
            await rebuild_usage(session, project_id=row.project_id, day=day, reached=reached)
    skipped = await _skipped(session, row, start)
    more = _advance(row, day, sums, skipped)
    await revise(session, project_id=row.project_id)
    return more


def _advance(row: Repricing, day: dt.datetime | None, sums: Sums, skipped: int) -> bool:
    """Writes down that everything up to the end of a day is done; None: there was no day any more."""
    now = dt.datetime.now(dt.UTC)
    sums.add_to(row)
    row.days_skipped += skipped
    row.updated_at, row.failures, row.error = now, 0, None
    if day is not None:
        row.days_done += 1
        row.next_day = day + ONE_DAY
    row.days = max(row.days, row.days_done + row.days_skipped)
    if day is not None and row.next_day < row.ends_at:
        return True
    row.status, row.finished_at = DONE, now
    return False


async def _start(session: ReadSession, row: Repricing) -> dt.datetime:
    """From which day on the repricing may go on: days that begin below the project's floor are left alone."""
    floor = await session.scalar(select(Counter.floor).where(Counter.project_id == row.project_id)) or row.next_day
    first = day_of(floor)
    return max(row.next_day, first if first == floor else first + ONE_DAY)


async def _skipped(session: ReadSession, row: Repricing, start: dt.datetime) -> int:
    """How many days with usage lie below that."""
    days = select(func.count()).where(
        UsageByTime.project_id == row.project_id,
        UsageByTime.grain == DAY,
        UsageByTime.bucket >= row.next_day,
        UsageByTime.bucket < min(start, row.ends_at),
    )
    return await session.scalar(days) or 0


async def _day(session: ReadSession, row: Repricing, start: dt.datetime) -> dt.datetime | None:
    """The next day with events, or None."""
    time = await session.scalar(
        select(func.min(UsageEvent.time)).where(
            UsageEvent.project_id == row.project_id,
            UsageEvent.time >= max(start, row.starts_at),
            UsageEvent.time < row.ends_at,
        )
    )
    return None if time is None else day_of(time)


def _conditions(row: Repricing, day: dt.datetime) -> Sequence[ColumnElement[bool]]:
    """Which events of a day are meant."""
    return [
        UsageEvent.project_id == row.project_id,
        UsageEvent.time >= max(day, row.starts_at),
        UsageEvent.time < min(day + ONE_DAY, row.ends_at),
        *conditions_of(msgspec.convert(row.filter, UsageFilter)),
    ]


def _one(project_id: int, number: int) -> Select[Repricing]:
    return select(Repricing).where(Repricing.project_id == project_id, Repricing.id == number)
