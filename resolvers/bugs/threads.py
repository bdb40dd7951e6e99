"""What hangs on a bug (comments, history, occurrences), in pages, for many bugs by one statement."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from sqlalchemy import func, literal, select, tuple_
from sqlalchemy.orm import aliased

from models import BugChange, BugComment, BugOccurrence, ReadSession
from resolvers.errors import Invalid

MOST_ROWS: Final = 5_000

Row = TypeVar("Row", BugComment, BugChange, BugOccurrence)


@dataclass(frozen=True, slots=True)
class Stretch:
    """At most `limit` rows of a bug (a page and one more), behind the one with these sort keys."""

    project_id: int
    number: int
    limit: int
    after: tuple[Any, ...] | None = None


async def comments_by_bug(session: ReadSession, wanted: Sequence[Stretch]) -> dict[Stretch, list[BugComment]]:
    """The comments of bugs, the oldest first; sort keys: (id)."""
    return await _rows(session, wanted, BugComment, (BugComment.id,))


async def changes_by_bug(session: ReadSession, wanted: Sequence[Stretch]) -> dict[Stretch, list[BugChange]]:
    """The history of bugs, the oldest first; sort keys: (version, field)."""
    return await _rows(session, wanted, BugChange, (BugChange.version, BugChange.field))


async def occurrences_by_bug(session: ReadSession, wanted: Sequence[Stretch]) -> dict[Stretch, list[BugOccurrence]]:
    """The occurrences of bugs, the newest first; sort keys: (ordinal)."""
    return await _rows(session, wanted, BugOccurrence, (BugOccurrence.ordinal,), newest_first=True)


async def contexts_by_bug(session: ReadSession, keys: Sequence[tuple[int, int]]) -> dict[tuple[int, int], Any]:
    """What bugs were filed with, by project id and number: the context of their first occurrence."""
    rows = await session.rows(
        select(BugOccurrence.project_id, BugOccurrence.bug_number, BugOccurrence.context).where(
            tuple_(BugOccurrence.project_id, BugOccurrence.bug_number).in_(list(keys)), BugOccurrence.ordinal == 1
        )
    )
    return {(project_id, number): context for project_id, number, context in rows}


async def change_counts_by_bug(session: ReadSession, keys: Sequence[tuple[int, int]]) -> dict[tuple[int, int], int]:
    """How long the history of bugs is, by project id and number."""
    rows = await session.rows(
        select(BugChange.project_id, BugChange.bug_number, func.count())
        .where(tuple_(BugChange.project_id, BugChange.bug_number).in_(list(keys)))
        .group_by(BugChange.project_id, BugChange.bug_number)
    )
    return {(project_id, number): count for project_id, number, count in rows}


async def _rows(
    session: ReadSession,
    wanted: Sequence[Stretch],
    table: type[Row],
    keys: tuple[Any, ...],
    *,
    newest_first: bool = False,
) -> dict[Stretch, list[Row]]:
    """One statement for all stretches that differ in nothing but their bug. Raises Invalid for too many rows."""
    if sum(stretch.limit - 1 for stretch in wanted) > MOST_ROWS:
        raise Invalid(
            f"Of what hangs on bugs at most {MOST_ROWS:,} rows are read at once: ask for fewer bugs, or fewer of each.",
            field="first",
        )
    alike: dict[tuple[Any, ...], dict[int, Stretch]] = defaultdict(dict)
    for stretch in wanted:
        alike[stretch.project_id, stretch.limit, stretch.after][stretch.number] = stretch
    found: dict[Stretch, list[Row]] = {stretch: [] for stretch in wanted}
    for (project_id, limit, after), stretches in alike.items():
        order = [key.desc() for key in keys] if newest_first else keys
        place = func.row_number().over(partition_by=table.bug_number, order_by=order).label("place")
        numbered = select(table, place).where(table.project_id == project_id, table.bug_number.in_(stretches))
        if after is not None:
            here, behind = tuple_(*keys), tuple_(*(literal(key) for key in after))
            numbered = numbered.where(here < behind if newest_first else here > behind)
        rows = numbered.subquery()
        statement = select(aliased(table, rows)).where(rows.c.place <= limit)
        for row in await session.scalars(statement.order_by(rows.c.bug_number, rows.c.place)):
            found[stretches[row.bug_number]].append(row)
    return found
