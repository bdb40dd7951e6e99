"""Single calls as a file, page by page: each page is read in a session of its own, so that a slow reader holds none.

The pages are those of one state of the log all the same: facts are never changed by what comes after them, and what
was committed later is left out by its number.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any, Final, TypeVar

import orjson
from sqlalchemy import ColumnElement

from models import Database
from realtime.facts import ApiCallFact, UsageFact
from resolvers import facts
from resolvers.exports.cells import lines
from resolvers.exports.columns import COLUMNS, event_of
from resolvers.metrics.periods import Period

F = TypeVar("F", UsageFact, ApiCallFact)
PAGE: Final = 1000


async def export_facts(
    database: Database,
    fact: type[F],
    *,
    project_id: int,
    period: Period,
    conditions: Sequence[ColumnElement[bool]],
    last_seq: int,
    as_events: bool,
) -> AsyncIterator[bytes]:
    """The calls of a period up to `last_seq` of the log, oldest first: as CSV with a heading, or as JSONL of events."""
    encode = _events(fact) if as_events else _rows(fact)
    if not as_events:
        yield lines([[column.name for column in COLUMNS[fact][1]]])
    after = None
    while True:
        async with database.read() as session:
            page = await facts.oldest(
                session, fact, project_id, period, conditions, limit=PAGE, after=after, last_seq=last_seq
            )
        if page:
            yield await asyncio.to_thread(encode, page)
        if len(page) < PAGE:
            return
        after = (page[-1].time, page[-1].seq)


def _rows(fact: type[Any]) -> Callable[[Sequence[Any]], bytes]:
    _, columns = COLUMNS[fact]
    return lambda page: lines([[column.cell(row) for column in columns] for row in page])


def _events(fact: type[Any]) -> Callable[[Sequence[Any]], bytes]:
    kind, columns = COLUMNS[fact]
    return lambda page: b"".join(
        orjson.dumps(event_of(columns, kind, row), option=orjson.OPT_APPEND_NEWLINE) for row in page
    )
