"""The log read back from its tables: forwards from a place, page by page, or the newest facts first.

A page costs what it holds, however large the tables are: facts are found by the index on (project_id, seq), and
`commits` says in which months to look.
"""

import datetime as dt
from collections.abc import Collection, Sequence
from typing import Any, Final, TypeAlias, TypeVarTuple

from sqlalchemy import Row, Select, func, select

from models import Activity, Commit, Counter, Project, ReadSession
from models.functions import unindexed
from models.partitions import from_month_of
from realtime.cursors import BadCursor
from realtime.facts import (
    API_CALL,
    TABLES,
    USAGE,
    ActivityFact,
    ApiCallFact,
    Fact,
    Span,
    UsageFact,
    columns_of,
)

Ts = TypeVarTuple("Ts")
AnyRow: TypeAlias = Row[*tuple[Any, ...]]

PAGE: Final = 500
"""The most facts that one span holds."""
COMMITS: Final = 20_000
"""How many commits one span of some kinds covers at most."""


async def last_seq(session: ReadSession, *, project_id: int) -> int:
    """The number of a project's last fact; 0 before the first."""
    return await session.scalar(select(Counter.last_seq).where(Counter.project_id == project_id)) or 0


async def last_seqs(session: ReadSession, *, project_ids: Collection[int]) -> dict[int, int]:
    """The numbers of the last facts of several projects, in one statement."""
    counters = select(Counter.project_id, Counter.last_seq).where(Counter.project_id.in_(project_ids))
    return {row.project_id: row.last_seq for row in await session.rows(counters)}


async def read_span(
    session: ReadSession,
    *,
    project_id: int,
    after: int,
    until: int | None = None,
    kinds: Collection[str] | None = None,
    limit: int = PAGE,
) -> Span:
    """The next facts behind `after` in commit order, at most `limit`; empty at the end of the log, or at `until`.

    Of some `kinds` (None: of all) only their tables are read, so a span of rare ones covers a long stretch. Numbers
    whose facts retention has taken are skipped at once, however many there are, and counted in `missed`.
    """
    end, floor = await _extent(session, project_id)
    end = end if until is None else min(end, until)
    if after >= end:
        return Span(after, after, (), dt.datetime.now(dt.UTC))
    if kinds is not None and (stretch := await _whole(session, project_id, after=after, floor=floor)):
        return await _read_kinds(session, project_id, stretch, after=after, until=end, kinds=kinds, limit=limit)
    commits = await session.rows(
        select(Commit.first_seq, Commit.last_seq, Commit.min_time, Commit.max_time, Commit.committed_at)
        .where(Commit.project_id == project_id, Commit.last_seq > after, Commit.max_time >= floor)
        .order_by(Commit.last_seq)
        .limit(limit)
    )
    commits = [commit for commit in commits if commit.first_seq <= end]
    if not commits:
        return Span(after, end, (), dt.datetime.now(dt.UTC))
    upper, wanted = _window(commits, after=after, until=end, limit=limit)
    within = [commit for commit in commits if commit.first_seq <= upper]
    earliest = max(floor, min(commit.min_time for commit in within))
    facts: list[Fact] = []
    for kind, table in TABLES.items():
        if len(facts) < wanted:
            rows = _select(kind, project_id).where(
                table.seq > after,
                table.seq <= upper,
                from_month_of(table.time, earliest),
                unindexed(table.time) >= floor,
            )
            facts += [kind(*row) for row in await session.rows(rows.order_by(table.seq))]
    facts.sort(key=lambda fact: fact.seq)
    return Span(after, upper, facts, commits[0].committed_at)


async def _whole(
    session: ReadSession, project_id: int, *, after: int, floor: dt.datetime
) -> Row[*tuple[Any, ...]] | None:
    """The next commits behind a place, many thousands as one, when retention has taken nothing from them."""
    following = (
        select(Commit.first_seq, Commit.last_seq, Commit.min_time, Commit.max_time, Commit.committed_at)
        .where(Commit.project_id == project_id, Commit.last_seq > after)
        .order_by(Commit.last_seq)
        .limit(COMMITS)
        .subquery()
    )
    stretch = await session.one(
        select(
            func.min(following.c.first_seq).label("first_seq"),
            func.max(following.c.last_seq).label("last_seq"),
            func.min(following.c.min_time).label("min_time"),
            func.max(following.c.max_time).label("max_time"),
            func.min(following.c.committed_at).label("committed_at"),
            func.sum(following.c.last_seq - following.c.first_seq + 1).label("numbers"),
        )
    )
    if stretch.numbers is None or stretch.min_time < floor or stretch.first_seq > after + 1:
        return None
    return stretch if stretch.numbers == stretch.last_seq - stretch.first_seq + 1 else None


async def _read_kinds(
    session: ReadSession,
    project_id: int,
    stretch: AnyRow,
    *,
    after: int,
    until: int,
    kinds: Collection[str],
    limit: int,
) -> Span:
    """The next facts of some kinds in a stretch of commits that is whole."""
    facts: list[Fact] = []
    upper = min(stretch.last_seq, until)
    for kind in _tables_of(kinds):
        table = TABLES[kind]
        rows = _of_kinds(_select(kind, project_id), kind, kinds).where(
            table.seq > after, table.seq <= upper, from_month_of(table.time, stretch.min_time)
        )
        facts += [kind(*row) for row in await session.rows(rows.order_by(table.seq).limit(limit))]
    facts.sort(key=lambda fact: fact.seq)
    if len(facts) >= limit:
        facts = facts[:limit]
        upper = facts[-1].seq
    return Span(after, upper, facts, stretch.committed_at, unread=upper - after - len(facts))


async def list_newest(
    session: ReadSession, *, project_id: int, before: int | None, kinds: Collection[str] | None, limit: int
) -> list[Fact]:
    """The newest facts below `before` (None: from the end), newest first, of some `kinds` (None: of all).

    Raises BadCursor when the log has not come as far as `before`.
    """
    end, floor = await _extent(session, project_id)
    if before is not None and before > end:
        raise BadCursor
    facts: list[Fact] = []
    for kind in _tables_of(kinds):
        table = TABLES[kind]
        rows = _select(kind, project_id).where(table.seq < (end + 1 if before is None else before), table.time >= floor)
        rows = _of_kinds(rows, kind, kinds).order_by(table.seq.desc()).limit(limit)
        facts += [kind(*row) for row in await session.rows(rows)]
    facts.sort(key=lambda fact: -fact.seq)
    return facts[:limit]


async def count(session: ReadSession, *, project_id: int, kinds: Collection[str] | None) -> int:
    """How many facts there are of some `kinds` (None: of all). Costs a scan of their index."""
    _, floor = await _extent(session, project_id)
    total = 0
    for kind in _tables_of(kinds):
        table = TABLES[kind]
        rows = select(func.count()).where(table.project_id == project_id, table.time >= floor)
        total += await session.scalar(_of_kinds(rows, kind, kinds)) or 0
    return total


async def installation(session: ReadSession) -> str:
    """A name that replicas of one installation share and that others do not: when its first project was made."""
    made = await session.scalar(select(func.min(Project.created_at)))
    return made.strftime("%Y%m%dT%H%M%S%f") if made else "new"


def _window(commits: Sequence[AnyRow], *, after: int, until: int, limit: int) -> tuple[int, int]:
    """Up to which number, `until` at most, the first `limit` facts of these commits go, and how many they are."""
    upper, wanted = after, 0
    for commit in commits:
        first = max(commit.first_seq, after + 1)
        upper = min(commit.last_seq, until, first + limit - wanted - 1)
        wanted += upper - first + 1
        if wanted == limit:
            break
    return upper, wanted


def _tables_of(kinds: Collection[str] | None) -> list[type[Fact]]:
    if kinds is None:
        return list(TABLES)
    own: dict[str, type[Fact]] = {USAGE: UsageFact, API_CALL: ApiCallFact}
    tables = [own[kind] for kind in own if kind in kinds]
    return [*tables, ActivityFact] if set(kinds) - set(own) else tables


def _of_kinds(rows: Select[*Ts], kind: type[Fact], kinds: Collection[str] | None) -> Select[*Ts]:
    return rows.where(Activity.kind.in_(kinds)) if kind is ActivityFact and kinds is not None else rows


def _select(kind: type[Fact], project_id: int) -> Select[*tuple[Any, ...]]:
    table = TABLES[kind]
    return select(*(getattr(table, name) for name in columns_of(kind))).where(table.project_id == project_id)


async def _extent(session: ReadSession, project_id: int) -> tuple[int, dt.datetime]:
    counters = select(Counter.last_seq, Counter.floor).where(Counter.project_id == project_id)
    for end, floor in await session.rows(counters):
        return end, floor
    return 0, dt.datetime.max.replace(tzinfo=dt.UTC)
