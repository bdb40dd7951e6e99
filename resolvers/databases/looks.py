"""A look at the database: all that it tells about itself."""

import datetime as dt
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from sqlalchemy import String, func, select

from models import ReadSession
from resolvers.databases.postgres import (
    Counts,
    LongQuery,
    SlowQuery,
    UnusedIndex,
    list_long_queries,
    list_slow_queries,
    list_unused_indexes,
    read_counts,
)
from resolvers.databases.sampling import Growth, read_growth
from resolvers.databases.sqlite import SqliteFile, read_file
from resolvers.storage.room import database_bytes

NOT_ON_SQLITE: Final = "SQLite counts no statements."


@dataclass(frozen=True, slots=True)
class DatabaseLook:
    """`counts` is None on SQLite, `file` on PostgreSQL. `slow_queries_missing` says why there are no slow queries."""

    kind: str
    version: str
    bytes: int
    growth: Growth
    counts: Counts | None = None
    slow_queries: list[SlowQuery] = field(default_factory=list)
    slow_queries_missing: str | None = None
    long_queries: list[LongQuery] = field(default_factory=list)
    unused_indexes: list[UnusedIndex] = field(default_factory=list)
    file: SqliteFile | None = None


async def look_at(session: ReadSession, *, path: str, now: dt.datetime) -> DatabaseLook:
    """How the database is now. `path` is that of a SQLite file."""
    size, growth = await database_bytes(session), await read_growth(session, now=now)
    if session.dialect == "sqlite":
        version = await session.scalar(select(func.sqlite_version(type_=String)))
        file = await read_file(session, Path(path))
        return DatabaseLook("sqlite", version or "", size, growth, slow_queries_missing=NOT_ON_SQLITE, file=file)
    slow, missing = await list_slow_queries(session)
    return DatabaseLook(
        "postgresql",
        await session.scalar(select(func.current_setting("server_version", type_=String))) or "",
        size,
        growth,
        counts=await read_counts(session),
        slow_queries=slow,
        slow_queries_missing=missing,
        long_queries=await list_long_queries(session),
        unused_indexes=await list_unused_indexes(session),
    )
