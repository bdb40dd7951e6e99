"""Bugs in pages: filtered, ordered, continued behind a place."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import func, literal, select, tuple_

from models import Bug, ReadSession
from resolvers.bugs.filters import BugFilter

NEWEST_FIRST: Final = "number"
PLANNED: Final = 200
"""How many rows a search is planned for at least."""


@dataclass(frozen=True, slots=True)
class BugOrder:
    """By number, update, severity or priority. Numbers are in the order of filing; among equals they decide too."""

    field: str = NEWEST_FIRST
    descending: bool = True

    @property
    def columns(self) -> tuple[Any, ...]:
        return (Bug.number,) if self.field == NEWEST_FIRST else (getattr(Bug, self.field), Bug.number)

    def keys(self, bug: Bug) -> tuple[Any, ...]:
        """What a page continues behind."""
        return tuple(getattr(bug, column.key) for column in self.columns)


async def list_bugs(
    session: ReadSession,
    *,
    project_id: int,
    kept: BugFilter,
    order: BugOrder,
    limit: int,
    after: tuple[Any, ...] | None = None,
) -> Sequence[Bug]:
    """At most `limit` bugs behind the sort keys `after`. Raises Invalid for a filter that is too long."""
    columns, conditions = order.columns, kept.conditions(project_id, session.dialect)
    if after is not None:
        here = tuple_(*columns)
        # A number of a cursor may be larger than its column holds.
        types = (None if isinstance(key, int) else column.type for key, column in zip(after, columns, strict=True))
        place = tuple_(*(literal(key, type_) for key, type_ in zip(after, types, strict=True)))
        conditions.append(here < place if order.descending else here > place)
    sorts = [column.desc() if order.descending else column.asc() for column in columns]
    if kept.search:
        # A few rows of a word that nobody knows how rare it is: the planner would look for them among all bugs.
        numbers = select(Bug.number).where(*conditions).order_by(*sorts).limit(max(limit, PLANNED)).cte("numbers")
        numbers = numbers.prefix_with("MATERIALIZED")
        conditions = [Bug.project_id == project_id, Bug.number.in_(select(numbers.c.number))]
    return await session.scalars(select(Bug).where(*conditions).order_by(*sorts).limit(limit))


async def count_bugs(session: ReadSession, *, project_id: int, kept: BugFilter) -> int:
    """How many bugs a filter keeps. All of them are as many as the last number says: none is ever taken away."""
    if kept == BugFilter():
        return await session.scalar(select(func.max(Bug.number)).where(Bug.project_id == project_id)) or 0
    counted = select(func.count()).select_from(Bug).where(*kept.conditions(project_id, session.dialect))
    return await session.scalar(counted) or 0
