"""The writer's store on PostgreSQL: a connection of its own, rows by binary COPY."""

import datetime as dt
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import Any, Final

import asyncpg

from models import Database
from models.partitions import ensure_months, month_of
from resolvers.events.checks import Row
from resolvers.events.stores import (
    ID,
    PROJECT,
    TIME,
    AlreadyStored,
    Key,
    NewCommit,
    StoreDown,
    StoreError,
    StoreFull,
    Table,
    UnfitData,
)

CONNECT_SECONDS: Final = 10.0
STATEMENT_SECONDS: Final = 30.0
OUR_OPTIONS: Final = ("prepared_statement_cache_size", "prepared_statement_name_func", "async_fallback")
CONTENTS_AT_ONCE: Final = 100
DISK_FULL: Final = "53100"
UNFIT: Final = ("22", "23502", "54")  # data exceptions, a missing value, an index entry that is too large
OF_THE_DATA: Final = (
    StoreError,
    asyncpg.DataError,
    asyncpg.IntegrityConstraintViolationError,
    asyncpg.ProgramLimitExceededError,
)

_LOCK: Final = """
SELECT project_id, last_seq FROM counters WHERE project_id = ANY($1::int[]) ORDER BY project_id FOR UPDATE
"""
_STORED: Final = """
SELECT e.project_id, e.time, e.id, e.seq
FROM unnest($1::int[], $2::timestamptz[], $3::text[]) AS k (project_id, time, id)
JOIN {table} AS e ON e.project_id = k.project_id AND e.time = k.time AND e.id = k.id
WHERE e.time BETWEEN $4 AND $5
"""
_CONTENTS: Final = """
INSERT INTO usage_contents (project_id, time, id, input, input_truncated, output, output_truncated)
SELECT * FROM unnest($1::int[], $2::timestamptz[], $3::text[], $4::text[], $5::bool[], $6::text[], $7::bool[])
ON CONFLICT (project_id, time, id) DO UPDATE SET input = excluded.input, input_truncated = excluded.input_truncated,
output = excluded.output, output_truncated = excluded.output_truncated
"""
_ADVANCE: Final = """
WITH made AS (
    SELECT * FROM unnest($1::int[], $2::bigint[], $3::bigint[], $4::timestamptz[], $5::timestamptz[])
    AS s (project_id, first_seq, last_seq, min_time, max_time)
), moved AS (
    UPDATE counters AS c SET last_seq = s.last_seq FROM made AS s WHERE c.project_id = s.project_id
)
INSERT INTO commits (project_id, first_seq, last_seq, min_time, max_time, committed_at)
SELECT s.*, greatest($6::timestamptz, (
    SELECT c.committed_at FROM commits AS c WHERE c.project_id = s.project_id ORDER BY c.last_seq DESC LIMIT 1
)) FROM made AS s
RETURNING project_id, committed_at
"""


class PostgresStore:
    """Holds one connection, which no one else uses."""

    def __init__(self, database: Database) -> None:
        _, options = database.engine.dialect.create_connect_args(database.url)
        self._options = {name: value for name, value in options.items() if name not in OUR_OPTIONS}
        self._connection: asyncpg.Connection | None = None
        self._months: set[dt.date] = set()

    async def prepare(self, table: Table, rows: Sequence[Row]) -> None:
        times = [row[TIME] for row in rows]
        months = {month_of(min(times)), month_of(max(times))}
        missing = (months if len(months) == 1 else {month_of(time) for time in times}) - self._months
        if missing:
            with self._translating():
                await ensure_months(await self._open(), missing)
            self._months |= missing

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator["PostgresTransaction"]:
        with self._translating():
            connection = await self._open()
            await connection.execute("BEGIN ISOLATION LEVEL READ COMMITTED")
            try:
                yield PostgresTransaction(connection)
            except OF_THE_DATA:
                await connection.execute("ROLLBACK")
                raise
            except BaseException:
                self._forget()  # the driver may be anywhere; the server rolls back what loses its connection
                raise
            if await connection.execute("COMMIT") != "COMMIT":
                raise StoreDown("the transaction was rolled back")

    async def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None and not connection.is_closed():
            with self._translating():
                await connection.close(timeout=CONNECT_SECONDS)

    async def _open(self) -> asyncpg.Connection:
        if self._connection is None or self._connection.is_closed():
            self._connection = await asyncpg.connect(
                **self._options,
                timeout=CONNECT_SECONDS,
                command_timeout=STATEMENT_SECONDS,
                server_settings={"jit": "off", "timezone": "UTC", "application_name": "vigie writer"},
            )
        return self._connection

    @contextmanager
    def _translating(self) -> Iterator[None]:
        """Driver's errors become the store's; a connection that failed is not used again."""
        try:
            yield
        except (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError) as error:
            state = getattr(error, "sqlstate", None) or ""
            if isinstance(error, asyncpg.UniqueViolationError):
                raise AlreadyStored(str(error)) from error
            if state.startswith(UNFIT):
                raise UnfitData(str(error)) from error
            if state == DISK_FULL:
                raise StoreFull(str(error)) from error
            self._forget()
            raise StoreDown(f"{type(error).__name__}: {error}") from error

    def _forget(self) -> None:
        self._months.clear()  # retention may have dropped one meanwhile
        connection, self._connection = self._connection, None
        if connection is not None and not connection.is_closed():
            connection.terminate()


class PostgresTransaction:
    def __init__(self, connection: asyncpg.Connection) -> None:
        self._connection = connection

    async def lock(self, project_ids: Sequence[int]) -> dict[int, int]:
        return {row[0]: row[1] for row in await self._connection.fetch(_LOCK, project_ids)}

    async def stored(self, table: Table, rows: Sequence[Row]) -> dict[Key, int]:
        times = [row[TIME] for row in rows]
        found = await self._connection.fetch(
            _STORED.format(table=table.name),
            [row[PROJECT] for row in rows],
            times,
            [row[ID] for row in rows],
            min(times),
            max(times),
        )
        return {(row[0], row[1], row[2]): row[3] for row in found}

    async def insert(self, table: Table, rows: Sequence[Row]) -> None:
        try:
            await self._connection.copy_records_to_table(table.name, records=rows, columns=table.columns)
        except (ValueError, TypeError, OverflowError) as error:
            raise UnfitData(str(error)) from error

    async def insert_contents(self, rows: Sequence[Row]) -> None:
        for start in range(0, len(rows), CONTENTS_AT_ONCE):
            columns = zip(*rows[start : start + CONTENTS_AT_ONCE], strict=True)
            await self._connection.execute(_CONTENTS, *map(list, columns))

    async def advance(self, commits: Sequence[NewCommit]) -> dict[int, dt.datetime]:
        columns: list[list[Any]] = [
            [commit.project_id for commit in commits],
            [commit.first_seq for commit in commits],
            [commit.last_seq for commit in commits],
            [commit.min_time for commit in commits],
            [commit.max_time for commit in commits],
        ]
        found = await self._connection.fetch(_ADVANCE, *columns, dt.datetime.now(dt.UTC))
        return {row[0]: row[1] for row in found}
