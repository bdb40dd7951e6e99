"""Prices the stored events of a stretch of time anew, batch by batch, by the same arithmetic as at their arrival."""

import datetime as dt
from collections.abc import AsyncIterator, Sequence
from typing import Any, Final

from sqlalchemy import ColumnElement, Row, and_, bindparam, or_, select, update

from models import ReadSession, UsageEvent, WriteSession
from resolvers.prices.book import PriceBook
from resolvers.prices.pricing import FROM_PROVIDER, Basis, basis_of, compute
from resolvers.repricings.sums import Sums
from resolvers.rollups.given import given_rows
from resolvers.rollups.upserts import table_of

A_BATCH: Final = 5_000

TABLE: Final = table_of(UsageEvent)
KEY: Final = ("time", "id")
BASIS: Final = ("cost_picousd", "cost_source", "price_version", "unpriced", "computed_picousd")
"""The columns of a Basis, in its order."""
TOKENS: Final = (
    "uncached_tokens",
    "cache_read_tokens",
    "cache_write_tokens",
    "visible_tokens",
    "reasoning_tokens",
    "input_audio_tokens",
    "output_audio_tokens",
    "input_image_tokens",
    "output_image_tokens",
)
"""In the order of `compute`."""
READ: Final = (*KEY, *BASIS, "provider", "model", "service_tier", "reported_picousd", *TOKENS)

Change = tuple[dt.datetime, str, Basis]


async def difference(session: ReadSession, book: PriceBook, *conditions: ColumnElement[bool]) -> Sums:
    """What the prices of the book would change of the events that meet the conditions."""
    sums = Sums()
    async for rows in _batches(session, conditions):
        _compare(rows, book, sums)
    return sums


async def reprice(session: WriteSession, book: PriceBook, *conditions: ColumnElement[bool], project_id: int) -> Sums:
    """Writes what the prices of the book change of the events that meet the conditions."""
    sums = Sums()
    async for rows in _batches(session, conditions):
        if changes := _compare(rows, book, sums):
            await _write(session, changes, project_id=project_id)
    return sums


async def _batches(
    session: ReadSession, conditions: Sequence[ColumnElement[bool]]
) -> AsyncIterator[Sequence[Row[Any]]]:
    columns = [TABLE.c[name] for name in READ]
    time, id_ = (TABLE.c[name] for name in KEY)
    wanted = select(*columns).where(*conditions).order_by(time, id_).limit(A_BATCH)
    rows = await session.rows(wanted)
    while rows:
        yield rows
        if len(rows) < A_BATCH:
            return
        last = rows[-1]
        behind = or_(time > last.time, and_(time == last.time, id_ > last.id))
        rows = await session.rows(wanted.where(time >= last.time, behind))


def _compare(rows: Sequence[Sequence[Any]], book: PriceBook, sums: Sums) -> list[Change]:
    """Adds the events to the sums; answers those that change."""
    changes = []
    for row in rows:
        time, id_, cost, source, version, unpriced, computed, provider, model, tier, reported, *tokens = row
        before = Basis(cost, source, version, unpriced, computed)
        if source == FROM_PROVIDER and reported is None:
            reported = cost  # stored before what was reported had a column of its own
        ours, rates, lacking = compute(book, provider, model, tier, time, *(count or 0 for count in tokens))
        after = basis_of(ours, rates, lacking, reported)
        sums.of((provider, model)).count(before.cost, after.cost, changed=before != after)
        if before != after:
            changes.append((time, id_, after))
    return changes


async def _write(session: WriteSession, changes: Sequence[Change], *, project_id: int) -> None:
    if session.dialect == "postgresql":
        columns = [TABLE.c[name] for name in (*KEY, *BASIS)]
        rows = [(time, id_, *basis) for time, id_, basis in changes]
        _, (time, id_, *basis) = given_rows(columns, rows, session.dialect)
        await session.run(
            update(TABLE)
            .where(
                TABLE.c.project_id == project_id,
                TABLE.c.time.between(changes[0][0], changes[-1][0]),  # says which partitions
                TABLE.c.time == time,
                TABLE.c.id == id_,
            )
            .values(dict(zip(BASIS, basis, strict=True)))
        )
        return
    statement = (
        update(TABLE)
        .where(TABLE.c.project_id == project_id, TABLE.c.time == bindparam("at"), TABLE.c.id == bindparam("named"))
        .values({name: bindparam(f"new_{name}") for name in BASIS})
    )
    names = [f"new_{name}" for name in BASIS]
    await session.run_many(
        statement,
        [{"at": time, "named": id_, **dict(zip(names, basis, strict=True))} for time, id_, basis in changes],
    )
