"""One transaction of the log: whatever requests are waiting, stored together.

Optimistic: take the counters, number every row, COPY. When a key turns out to be taken, the same again with a look at
what is stored before anything is numbered. Either way `seq` follows commit order, without holes.
"""

import asyncio
import datetime as dt
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from realtime.facts import Committed, Fact
from resolvers.events.checks import Row
from resolvers.events.stores import (
    CALLS,
    ID,
    PROJECT,
    SEQ,
    TIME,
    USAGE,
    NewCommit,
    Store,
    Table,
    Transaction,
    UnknownProject,
)
from resolvers.events.turns import Turn

TABLES: Final = (USAGE, CALLS)
NEW: Final = -1
"""Stands for the number of a row that this transaction is going to store."""
MOST_FACTS: Final = 100
"""A commit of at most so many rows travels with its facts; listeners read larger ones from the tables."""


@dataclass(frozen=True, slots=True)
class Stored:
    """What became of a request. `unfit` are rows that the database refused, each with its reason."""

    accepted: int
    duplicates: int
    unfit: list[tuple[Row, str]]


@dataclass(slots=True, eq=False)
class Request:
    """The rows of one request of one project, and what has become of them so far.

    `contents` are rows of `usage_contents`, by the identity of the usage row that each belongs to.
    """

    project_id: int
    answer: asyncio.Future[Stored]
    contents: dict[int, Row] = field(default_factory=dict)
    accepted: int = 0
    duplicates: int = 0
    unfit: list[tuple[Row, str]] = field(default_factory=list)

    def finish(self, rows: int, failure: Exception | None = None) -> None:
        """Answers the caller, if it still waits: with the failure unless each of its rows was settled before."""
        if self.answer.done():
            return
        if failure is not None and self.accepted + self.duplicates + len(self.unfit) < rows:
            self.answer.set_exception(failure)
        else:
            self.answer.set_result(Stored(self.accepted, self.duplicates, self.unfit))


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """Rows of one request that are stored together: all of them, but for a search after an unfit one."""

    request: Request
    rows: dict[Table, list[Row]]
    size: int

    def halves(self) -> "tuple[Part, Part]":
        """The same rows as two parts."""
        middle = rest = self.size // 2
        first: dict[Table, list[Row]] = {}
        second: dict[Table, list[Row]] = {}
        for table, rows in self.rows.items():
            first[table], second[table] = rows[:rest], rows[rest:]
            rest -= len(first[table])
        return Part(self.request, first, middle), Part(self.request, second, self.size - middle)


async def store(
    store: Store, parts: Sequence[Part], turn: Turn, *, exact: bool, uncertain: bool = False
) -> list[Committed]:
    """Stores the parts in one transaction and adds to their requests' counts; answers the commit of each project.

    `exact` finds duplicates instead of failing on them. `uncertain` says that an attempt with the same numbers may
    have been committed: a row that is stored under its own number is then ours. Raises a StoreError, and nothing was
    counted then.
    """
    for table in TABLES:
        if rows := [row for part in parts for row in part.rows.get(table, ())]:
            await store.prepare(table, rows)
    project_ids = sorted({part.request.project_id for part in parts})
    dropped: set[int] = set()
    duplicates: Counter[Part] = Counter()
    turn.take()
    async with store.transaction() as transaction:
        last = await transaction.lock(project_ids)
        if missing := set(project_ids) - last.keys():
            raise UnknownProject(missing)
        turn.give()
        if exact:
            dropped, duplicates = await _known(transaction, parts, uncertain=uncertain)
        new, commits = _number(parts, dropped, last)
        for table, rows in new.items():
            if rows:
                await transaction.insert(table, rows)
        if contents := _contents(parts, dropped):
            await transaction.insert_contents(contents)
        turn.take()
        times = await transaction.advance(commits) if commits else {}
    for part in parts:
        part.request.duplicates += duplicates[part]
        part.request.accepted += part.size - duplicates[part]
    facts = _facts(new, commits)
    return [
        Committed(
            commit.project_id, commit.first_seq, commit.last_seq, times[commit.project_id], facts.get(commit.project_id)
        )
        for commit in commits
    ]


async def _known(transaction: Transaction, parts: Sequence[Part], *, uncertain: bool) -> tuple[set[int], Counter[Part]]:
    """The rows (by identity) that are stored or come twice, and how many of each part are somebody else's."""
    dropped: set[int] = set()
    duplicates: Counter[Part] = Counter()
    for table in TABLES:
        rows = [row for part in parts for row in part.rows.get(table, ())]
        numbers = await transaction.stored(table, rows) if rows else {}
        for part in parts:
            for row in part.rows.get(table, ()):
                key = (row[PROJECT], row[TIME], row[ID])
                number = numbers.get(key)
                if number is None:
                    numbers[key] = NEW
                else:
                    dropped.add(id(row))
                    duplicates[part] += not (uncertain and number == row[SEQ])
    return dropped, duplicates


def _contents(parts: Sequence[Part], dropped: set[int]) -> list[Row]:
    """The contents of the usage rows that are left."""
    return [
        part.request.contents[id(row)]
        for part in parts
        if part.request.contents
        for row in part.rows.get(USAGE, ())
        if id(row) in part.request.contents and id(row) not in dropped
    ]


def _number(
    parts: Sequence[Part], dropped: set[int], last: dict[int, int]
) -> tuple[dict[Table, list[Row]], list[NewCommit]]:
    """Gives the rows that are left their numbers, request after request; answers them by table, and the commits."""
    new: dict[Table, list[Row]] = {table: [] for table in TABLES}
    spans: dict[int, list[dt.datetime]] = {}
    next_seq = dict(last)
    for part in parts:
        project_id = part.request.project_id
        for table, every in part.rows.items():
            rows = [row for row in every if id(row) not in dropped] if dropped else every
            if not rows:
                continue
            seq = next_seq[project_id]
            for row in rows:
                seq += 1
                row[SEQ] = seq
            next_seq[project_id] = seq
            new[table] += rows
            times = [row[TIME] for row in rows]
            spans.setdefault(project_id, []).extend((min(times), max(times)))
    return new, [
        NewCommit(project_id, last[project_id] + 1, next_seq[project_id], min(times), max(times))
        for project_id, times in sorted(spans.items())
    ]


def _facts(new: dict[Table, list[Row]], commits: Sequence[NewCommit]) -> dict[int, list[Fact]]:
    """The facts of the small commits, by project, in order of their numbers."""
    small: dict[int, list[Fact]] = {
        commit.project_id: [] for commit in commits if commit.last_seq - commit.first_seq < MOST_FACTS
    }
    if small:
        for table, rows in new.items():
            for row in rows:
                if (facts := small.get(row[PROJECT])) is not None:
                    facts.append(table.fact(row))
        for facts in small.values():
            facts.sort(key=lambda fact: fact.seq)
    return small
