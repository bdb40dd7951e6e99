"""The writer's store on SQLite: a connection of its own, in turn with the process's other writers."""

import datetime as dt
import sqlite3
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import Final

import aiosqlite
import orjson

from models import Database
from models.base import from_microseconds, to_microseconds
from models.functions import SqliteConnection
from resolvers.events.checks import Row
from resolvers.events.stores import (
    ID,
    PROJECT,
    TIME,
    AlreadyStored,
    Key,
    NewCommit,
    StoreDown,
    StoreFull,
    Table,
    UnfitData,
)

BUSY_SECONDS: Final = 30
PRAGMAS: Final = ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", f"busy_timeout={BUSY_SECONDS * 1000}")
FULL: Final = "SQLITE_FULL"
TAKEN: Final = ("SQLITE_CONSTRAINT_PRIMARYKEY", "SQLITE_CONSTRAINT_UNIQUE")

_LOCK: Final = """
SELECT project_id, last_seq FROM counters WHERE project_id IN (SELECT value FROM json_each(?))
"""
_STORED: Final = """
SELECT e.project_id, e.time, e.id, e.seq
FROM json_each(?) AS k CROSS JOIN {table} AS e
ON e.project_id = k.value ->> 0 AND e.time = k.value ->> 1 AND e.id = k.value ->> 2
"""
_CONTENTS: Final = """
INSERT OR REPLACE INTO usage_contents (project_id, time, id, input, input_truncated, output, output_truncated)
VALUES (?, ?, ?, ?, ?, ?, ?)
"""
_COMMIT: Final = """
INSERT INTO commits (project_id, first_seq, last_seq, min_time, max_time, committed_at)
VALUES (?, ?, ?, ?, ?, max(?, ifnull((
    SELECT committed_at FROM commits WHERE project_id = ? ORDER BY last_seq DESC LIMIT 1
), 0)))
RETURNING committed_at
"""


class SqliteStore:
    """Holds one connection, which no one else uses, and the database's write lock while it writes."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._connection: aiosqlite.Connection | None = None

    async def prepare(self, table: Table, rows: Sequence[Row]) -> None:
        """Nothing to do: SQLite's tables are whole."""

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator["SqliteTransaction"]:
        async with self._database.write_lock:
            with _translating():
                connection = await self._open()
                await connection.execute("BEGIN IMMEDIATE")
                try:
                    yield SqliteTransaction(connection)
                    await connection.execute("COMMIT")
                except BaseException:
                    if connection.in_transaction:
                        await connection.execute("ROLLBACK")
                    raise

    async def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()

    async def _open(self) -> aiosqlite.Connection:
        if self._connection is None:
            connection = await aiosqlite.connect(
                self._database.url.database or "",
                isolation_level=None,
                factory=SqliteConnection,
                timeout=BUSY_SECONDS,
            )
            for pragma in PRAGMAS:
                await connection.execute(f"PRAGMA {pragma}")
            self._connection = connection
        return self._connection


class SqliteTransaction:
    def __init__(self, connection: aiosqlite.Connection) -> None:
        self._connection = connection

    async def lock(self, project_ids: Sequence[int]) -> dict[int, int]:
        return {row[0]: row[1] for row in await self._connection.execute_fetchall(_LOCK, (_json(project_ids),))}

    async def stored(self, table: Table, rows: Sequence[Row]) -> dict[Key, int]:
        keys = [(row[PROJECT], to_microseconds(row[TIME]), row[ID]) for row in rows]
        found = await self._connection.execute_fetchall(_STORED.format(table=table.name), (_json(keys),))
        return {(row[0], from_microseconds(row[1]), row[2]): row[3] for row in found}

    async def insert(self, table: Table, rows: Sequence[Row]) -> None:
        marks = ", ".join("?" * len(table.columns))
        statement = f"INSERT INTO {table.name} ({', '.join(table.columns)}) VALUES ({marks})"  # noqa: S608
        await self._connection.executemany(statement, [_bound(row) for row in rows])

    async def insert_contents(self, rows: Sequence[Row]) -> None:
        await self._connection.executemany(_CONTENTS, [_bound(row) for row in rows])

    async def advance(self, commits: Sequence[NewCommit]) -> dict[int, dt.datetime]:
        now = to_microseconds(dt.datetime.now(dt.UTC))
        committed = {}
        for commit in commits:
            await self._connection.execute(
                "UPDATE counters SET last_seq = ? WHERE project_id = ?", (commit.last_seq, commit.project_id)
            )
            times = (to_microseconds(commit.min_time), to_microseconds(commit.max_time))
            values = (commit.project_id, commit.first_seq, commit.last_seq, *times, now, commit.project_id)
            ((committed_at,),) = await self._connection.execute_fetchall(_COMMIT, values)
            committed[commit.project_id] = from_microseconds(committed_at)
        return committed


def _bound(row: Row) -> Row:
    return [*row[:TIME], to_microseconds(row[TIME]), *row[TIME + 1 :]]


def _json(value: Sequence[object]) -> str:
    return orjson.dumps(value).decode()


@contextmanager
def _translating() -> Iterator[None]:
    """The driver's errors become the store's."""
    try:
        yield
    except (sqlite3.Error, OverflowError, UnicodeEncodeError) as error:
        name = getattr(error, "sqlite_errorname", "")
        if name in TAKEN:
            raise AlreadyStored(str(error)) from error
        if name == FULL:
            raise StoreFull(str(error)) from error
        if isinstance(error, sqlite3.OperationalError):
            raise StoreDown(f"{name}: {error}") from error
        raise UnfitData(str(error)) from error
