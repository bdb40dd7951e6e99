"""What the writer asks of a database: one transaction that takes counters, inserts rows, and writes down the commit.

StoreError
├── AlreadyStored    a row's key is taken
├── UnfitData        the database refuses a value
├── UnknownProject   a project has no counter
├── StoreDown        the database does not answer; what was about to be committed may be there or not
└── StoreFull        its disk is full
"""

import datetime as dt
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Final, Protocol, TypeAlias

import orjson

from realtime.facts import ApiCallFact, Fact, UsageFact, columns_of
from resolvers.events.checks import Row

PROJECT: Final = 0
TIME: Final = 1
ID: Final = 2
SEQ: Final = 3

Key: TypeAlias = tuple[int, dt.datetime, str]
"""Project, time and id: what makes two rows of a table one event."""


class StoreError(Exception):
    """The database did not do what was asked; nothing of the transaction is stored, but see StoreDown."""


class AlreadyStored(StoreError):  # noqa: N818
    """A row with this key is there already."""


class UnfitData(StoreError):  # noqa: N818
    """The database refuses a value."""


class UnknownProject(StoreError):  # noqa: N818
    """Projects without a counter."""

    def __init__(self, project_ids: set[int]) -> None:
        super().__init__(f"no counter for projects {sorted(project_ids)}")
        self.project_ids = project_ids


class StoreDown(StoreError):  # noqa: N818
    """The database does not answer. When it was about to commit, nobody knows whether it did."""


class StoreFull(StoreError):  # noqa: N818
    """There is no room left on the database's disk."""


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """A table of facts; a row has its columns in order, those of `json` as text, and `make` takes the same."""

    name: str
    columns: tuple[str, ...]
    json: tuple[int, ...]
    make: Callable[..., Fact]

    def fact(self, row: Row) -> Fact:
        """The fact that a row holds."""
        values = list(row)
        for place in self.json:
            values[place] = values[place] and orjson.loads(values[place])
        return self.make(*values)


def _table(name: str, fact: type[Fact], *json: str) -> Table:
    columns = columns_of(fact)
    return Table(name, columns, tuple(map(columns.index, json)), fact)


USAGE: Final = _table("usage_events", UsageFact, "attributes", "raw_usage")
CALLS: Final = _table("api_calls", ApiCallFact, "attributes")


@dataclass(frozen=True, slots=True)
class NewCommit:
    """What one commit adds to a project's log: its numbers, and the times that its facts lie between."""

    project_id: int
    first_seq: int
    last_seq: int
    min_time: dt.datetime
    max_time: dt.datetime


class Transaction(Protocol):
    """An open transaction, used in this order. Every method may raise a StoreError."""

    async def lock(self, project_ids: Sequence[int]) -> dict[int, int]:
        """Takes the counters of these projects, in order of their ids; answers the last number of each."""
        ...

    async def stored(self, table: Table, rows: Sequence[Row]) -> dict[Key, int]:
        """Which of the rows are stored already, with their numbers."""
        ...

    async def insert(self, table: Table, rows: Sequence[Row]) -> None:
        """Stores the rows. Raises AlreadyStored or UnfitData when one of them cannot be."""
        ...

    async def insert_contents(self, rows: Sequence[Row]) -> None:
        """Stores contents of usage events; one that lies there without its event gives way."""
        ...

    async def advance(self, commits: Sequence[NewCommit]) -> dict[int, dt.datetime]:
        """Moves the counters and writes the commits rows; answers when each project's commit is said to have been.

        That time is now, or that of the project's commit before where this one's clock is behind.
        """
        ...


class Store(Protocol):
    """A connection of its own to one database. Opens at first use, and again after StoreDown."""

    async def prepare(self, table: Table, rows: Sequence[Row]) -> None:
        """Makes room for the rows where the table has to grow first (partitions)."""
        ...

    def transaction(self) -> AbstractAsyncContextManager[Transaction]:
        """Begins; commits at exit, rolls back on any exception."""
        ...

    async def close(self) -> None: ...
