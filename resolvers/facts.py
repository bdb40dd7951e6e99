"""How the tables of facts are listed: pages by time, single rows by sequence number."""

import datetime as dt
from collections.abc import Sequence
from typing import Any, TypeVar, cast

from sqlalchemy import BigInteger, ColumnElement, ScalarSelect, Select, and_, func, literal, or_, select

from models import Commit, Counter, ReadSession
from models.functions import json_scalar, unindexed
from realtime.facts import TABLES, ApiCallFact, UsageFact, columns_of
from resolvers.attribute_dimensions import AttributeFilter
from resolvers.errors import Invalid
from resolvers.metrics.periods import Period

F = TypeVar("F", UsageFact, ApiCallFact)
MOST_VALUES = 1000


async def page(
    session: ReadSession,
    fact: type[F],
    project_id: int,
    period: Period,
    conditions: Sequence[ColumnElement[bool]],
    *,
    limit: int,
    after: tuple[dt.datetime, int] | None,
) -> list[F]:
    """At most `limit` facts of a period behind `after` (time, seq): newest time first, then commit order."""
    table: Any = TABLES[fact]
    statement = _select(fact).where(*_within(table, project_id, period), *conditions)
    if after is not None:
        time, seq = after
        statement = statement.where(
            table.time <= time, or_(table.time < time, and_(table.time == time, table.seq > seq))
        )
    rows = await session.rows(statement.order_by(table.time.desc(), table.seq).limit(limit))
    return [fact(*row) for row in rows]


async def oldest(
    session: ReadSession,
    fact: type[F],
    project_id: int,
    period: Period,
    conditions: Sequence[ColumnElement[bool]],
    *,
    limit: int,
    after: tuple[dt.datetime, int] | None,
    last_seq: int,
) -> list[F]:
    """At most `limit` facts of a period behind `after` (time, seq), of the log up to `last_seq`: oldest time first."""
    table: Any = TABLES[fact]
    known = unindexed(table.seq) <= literal(last_seq, BigInteger)
    statement = _select(fact).where(*_within(table, project_id, period), known, *conditions)
    if after is not None:
        time, seq = after
        statement = statement.where(
            table.time >= time, or_(table.time > time, and_(table.time == time, table.seq > seq))
        )
    rows = await session.rows(statement.order_by(table.time, table.seq).limit(limit))
    return [fact(*row) for row in rows]


async def count(
    session: ReadSession,
    fact: type[F],
    project_id: int,
    period: Period,
    conditions: Sequence[ColumnElement[bool]],
) -> int:
    """How many facts a period has. Costs a scan of its index."""
    table: Any = TABLES[fact]
    return cast(
        "int",
        await session.scalar(select(func.count()).where(*_within(table, project_id, period), *conditions)),
    )


async def get(session: ReadSession, fact: type[F], project_id: int, seq: int) -> F | None:
    """The fact with a sequence number, or None. Its commit tells in which partitions to look."""
    commit = await session.rows(
        select(Commit.min_time, Commit.max_time)
        .where(Commit.project_id == project_id, Commit.last_seq >= seq, Commit.first_seq <= seq)
        .order_by(Commit.last_seq)
        .limit(1)
    )
    if not commit:
        return None
    table: Any = TABLES[fact]
    rows = await session.rows(
        _select(fact).where(
            table.project_id == project_id,
            table.seq == seq,
            table.time >= commit[0].min_time,
            table.time <= commit[0].max_time,
            table.time >= _floor(project_id),
        )
    )
    return fact(*rows[0]) if rows else None


def _select(fact: type[F]) -> Select[*tuple[Any, ...]]:
    table: Any = TABLES[fact]
    return select(*(getattr(table, column) for column in columns_of(fact)))


def _within(table: Any, project_id: int, period: Period) -> list[ColumnElement[bool]]:
    """The rows of a period; without those below the floor, which may be there still."""
    return [
        table.project_id == project_id,
        table.time >= period.start,
        table.time < period.end,
        table.time >= _floor(project_id),
    ]


def _floor(project_id: int) -> ScalarSelect[dt.datetime]:
    return select(Counter.floor).where(Counter.project_id == project_id).scalar_subquery()


def among(column: Any, values: Sequence[Any]) -> list[ColumnElement[bool]]:
    """The condition that a column has one of the values, if there are any. Raises Invalid past 1,000 values."""
    if len(values) > MOST_VALUES:
        raise Invalid(f"A filter takes at most {MOST_VALUES} values a list.", field="filter")
    if not values:
        return []
    # PostgreSQL cannot even be asked for what its columns cannot hold.
    return [column.in_([v for v in values if (0 <= v <= 999 if isinstance(v, int) else "\x00" not in v)])]


def among_attributes(column: Any, filters: Sequence[AttributeFilter]) -> list[ColumnElement[bool]]:
    """The conditions that `attributes` have one of the values under each key."""
    return [condition for one in filters for condition in among(json_scalar(column, one.key), one.values)]
