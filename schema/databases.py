"""How the database itself is, as administrators see it."""

import datetime as dt
from enum import Enum
from typing import Self

import strawberry

from resolvers.databases.looks import DatabaseLook, look_at
from resolvers.databases.postgres import Counts, LongQuery, SlowQuery, UnusedIndex
from resolvers.databases.sqlite import SqliteFile
from schema.context import Info
from schema.guards import ADMINISTERS
from schema.scalars import BigInt


@strawberry.enum(description="Which database Vigie runs on.")
class DatabaseKind(Enum):
    POSTGRESQL = strawberry.enum_value("postgresql", description="A PostgreSQL server.")
    SQLITE = strawberry.enum_value("sqlite", description="A SQLite file.")


@strawberry.type(description="Connections of the whole PostgreSQL server.")
class DatabaseConnections:
    used: int = strawberry.field(description="Open ones, of all databases.")
    own: int = strawberry.field(description="Those to Vigie's database.")
    max: int = strawberry.field(description="The most that the server takes.")
    share: float = strawberry.field(description="The used ones as a share of the most.")

    @classmethod
    def of(cls, counts: Counts) -> Self:
        return cls(
            used=counts.connections,
            own=counts.own_connections,
            max=counts.most_connections,
            share=counts.connections_share,
        )


@strawberry.type(description="A kind of statement, by its duration.")
class SlowDatabaseQuery:
    query: str = strawberry.field(description="Its text without values, at most 2,000 characters.")
    calls: BigInt = strawberry.field(description="How often it ran.")
    mean_ms: float = strawberry.field(description="How long on average, in milliseconds.")
    max_ms: float = strawberry.field(description="How long at most.")
    total_ms: float = strawberry.field(description="How long all together.")
    rows: BigInt = strawberry.field(description="Rows that it answered or changed, all together.")

    @classmethod
    def of(cls, slow: SlowQuery) -> Self:
        return cls(
            query=slow.query,
            calls=slow.calls,
            mean_ms=slow.mean_ms,
            max_ms=slow.max_ms,
            total_ms=slow.total_ms,
            rows=slow.rows,
        )


@strawberry.type(description="A statement, or a transaction that waits for its client, that goes on for long.")
class LongDatabaseQuery:
    pid: int = strawberry.field(description="The server's process: `pg_cancel_backend` takes it.")
    seconds: float = strawberry.field(description="For how long it has gone on.")
    state: str = strawberry.field(description="`active`, or `idle in transaction`.")
    waits_for: str | None = strawberry.field(description="What it waits for, such as `Lock`; null: it runs.")
    query: str = strawberry.field(description="Its last statement without values, at most 2,000 characters.")

    @classmethod
    def of(cls, long: LongQuery) -> Self:
        return cls(pid=long.pid, seconds=long.seconds, state=long.state, waits_for=long.waits_for, query=long.query)


@strawberry.type(description="An index that no statement has used since statistics are kept.")
class UnusedDatabaseIndex:
    name: str = strawberry.field(description="Its name.")
    table: str = strawberry.field(description="The table, or the month of one, that it is on.")
    bytes: BigInt = strawberry.field(description="What it takes.")

    @classmethod
    def of(cls, index: UnusedIndex) -> Self:
        return cls(name=index.name, table=index.table, bytes=index.bytes)


@strawberry.type(description="How large the database was on a day.")
class DatabaseSize:
    day: dt.datetime = strawberry.field(description="The day's start (UTC).")
    bytes: BigInt = strawberry.field(description="What it took when it was last looked at that day.")


@strawberry.type(description="The file of a SQLite database.")
class DatabaseFile:
    file_bytes: BigInt = strawberry.field(description="What the file takes.")
    wal_bytes: BigInt = strawberry.field(description="What its write-ahead log takes beside it.")
    page_bytes: int = strawberry.field(description="The size of a page.")
    pages: BigInt = strawberry.field(description="Pages of the file.")
    free_pages: BigInt = strawberry.field(description="Those of them that are free to be used again.")

    @classmethod
    def of(cls, file: SqliteFile) -> Self:
        return cls(
            file_bytes=file.file_bytes,
            wal_bytes=file.wal_bytes,
            page_bytes=file.page_bytes,
            pages=file.pages,
            free_pages=file.free_pages,
        )


@strawberry.type(description="How the database is, all projects together. Texts of statements are without values.")
class Database:
    kind: DatabaseKind = strawberry.field(description="Which it is.")
    version: str = strawberry.field(description="Its version.")
    bytes: BigInt = strawberry.field(description="What it takes, without what is free inside a SQLite file.")
    growth_bytes_per_day: float | None = strawberry.field(
        description="How much it grew a day, over the last 7 days at most; null until an hour of it is known."
    )
    sizes: list[DatabaseSize] = strawberry.field(description="Its size by day, the oldest first, at most 33.")
    connections: DatabaseConnections | None = strawberry.field(description="Connections; null on SQLite.")
    cache_hit_rate: float | None = strawberry.field(
        description="The share of blocks that were in the server's memory; null on SQLite, and before any was read."
    )
    deadlocks: BigInt | None = strawberry.field(description="Deadlocks; null on SQLite, which has none.")
    statistics_since: dt.datetime | None = strawberry.field(
        description="From when on the server counts these two; null where they were never reset, and on SQLite."
    )
    slow_queries: list[SlowDatabaseQuery] = strawberry.field(
        description="Kinds of statements, the slowest on average first, at most 50; none where nothing counts them."
    )
    slow_queries_missing: str | None = strawberry.field(
        description="Why nothing counts them, and what would; null where they are counted."
    )
    long_queries: list[LongDatabaseQuery] = strawberry.field(
        description="What has gone on for over five minutes, the longest first, at most 50."
    )
    unused_indexes: list[UnusedDatabaseIndex] = strawberry.field(
        description="Indexes that nothing has used and that keep nothing unique, the largest first, at most 50."
    )
    file: DatabaseFile | None = strawberry.field(description="The file; null on PostgreSQL.")

    @classmethod
    def of(cls, look: DatabaseLook) -> Self:
        counts = look.counts
        return cls(
            kind=DatabaseKind(look.kind),
            version=look.version,
            bytes=look.bytes,
            growth_bytes_per_day=look.growth.bytes_a_day,
            sizes=[DatabaseSize(day=day, bytes=size) for day, size in look.growth.days],
            connections=DatabaseConnections.of(counts) if counts else None,
            cache_hit_rate=counts.cache_hit_rate if counts else None,
            deadlocks=counts.deadlocks if counts else None,
            statistics_since=counts.since if counts else None,
            slow_queries=[SlowDatabaseQuery.of(one) for one in look.slow_queries],
            slow_queries_missing=look.slow_queries_missing,
            long_queries=[LongDatabaseQuery.of(one) for one in look.long_queries],
            unused_indexes=[UnusedDatabaseIndex.of(one) for one in look.unused_indexes],
            file=DatabaseFile.of(look.file) if look.file else None,
        )


@strawberry.type
class DatabaseQuery:
    @strawberry.field(description="How the database itself is.", extensions=[ADMINISTERS])
    async def database(self, info: Info) -> Database:
        async with info.context.reading() as session:
            path = info.context.services.database.url.database or ""
            return Database.of(await look_at(session, path=path, now=dt.datetime.now(dt.UTC)))
