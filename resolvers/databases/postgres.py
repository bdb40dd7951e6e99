"""What PostgreSQL tells about itself, of this database alone but for the connections, which all databases share."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import (
    Boolean,
    DateTime,
    Double,
    Integer,
    Row,
    String,
    and_,
    case,
    cast,
    column,
    func,
    or_,
    select,
    table,
)
from sqlalchemy.types import BigInteger

from models import ReadSession
from resolvers.databases.wording import without_values

MOST_LISTED: Final = 50
LONG_SECONDS: Final = 300
"""From when on a query has run for long."""
FIRST_WITH_TIMES: Final = (1, 8)
"""The version of pg_stat_statements that has the columns that are read."""

_DATABASES: Final = table(
    "pg_stat_database",
    column("datname", String),
    column("numbackends", Integer),
    column("blks_hit", BigInteger),
    column("blks_read", BigInteger),
    column("deadlocks", BigInteger),
    column("stats_reset", DateTime(timezone=True)),
)
_ACTIVITY: Final = table(
    "pg_stat_activity",
    column("datname", String),
    column("pid", Integer),
    column("state", String),
    column("wait_event_type", String),
    column("query", String),
    column("query_start", DateTime(timezone=True)),
    column("xact_start", DateTime(timezone=True)),
)
_INDEX_USE: Final = table(
    "pg_stat_user_indexes",
    column("indexrelid", BigInteger),
    column("relname", String),
    column("indexrelname", String),
    column("idx_scan", BigInteger),
)
_INDEXES: Final = table("pg_index", column("indexrelid", BigInteger), column("indisunique", Boolean))
_EXTENSIONS: Final = table(
    "pg_extension", column("extname", String), column("extversion", String), column("extnamespace", BigInteger)
)
_SCHEMAS: Final = table("pg_namespace", column("oid", BigInteger), column("nspname", String))


@dataclass(frozen=True, slots=True)
class Counts:
    """Connections of the whole server and the most it takes; the rest is this database's, counted since `since`."""

    connections: int
    own_connections: int
    most_connections: int
    blocks_hit: int
    blocks_read: int
    deadlocks: int
    long_queries: int
    since: dt.datetime | None

    @property
    def connections_share(self) -> float:
        return self.connections / self.most_connections

    @property
    def cache_hit_rate(self) -> float | None:
        blocks = self.blocks_hit + self.blocks_read
        return self.blocks_hit / blocks if blocks else None


@dataclass(frozen=True, slots=True)
class LongQuery:
    """A statement, or an open transaction that waits for its client, and for how long it has gone on."""

    pid: int
    seconds: float
    state: str
    waits_for: str | None
    query: str


@dataclass(frozen=True, slots=True)
class SlowQuery:
    """A kind of statement by its mean duration; milliseconds."""

    query: str
    calls: int
    mean_ms: float
    max_ms: float
    total_ms: float
    rows: int


@dataclass(frozen=True, slots=True)
class UnusedIndex:
    """An index that no statement has used since statistics are kept, and that keeps nothing unique."""

    name: str
    table: str
    bytes: int


async def read_counts(session: ReadSession) -> Counts:
    """How many there are of everything."""
    own = _DATABASES.c.datname == func.current_database()
    connections = select(func.sum(_DATABASES.c.numbackends)).scalar_subquery()
    most = cast(func.current_setting("max_connections"), Integer)
    long = select(func.count()).select_from(_ACTIVITY).where(_is_long()).scalar_subquery()
    row = await session.one(
        select(
            connections,
            _DATABASES.c.numbackends,
            most,
            _DATABASES.c.blks_hit,
            _DATABASES.c.blks_read,
            _DATABASES.c.deadlocks,
            long,
            _DATABASES.c.stats_reset,
        ).where(own)
    )
    connected, own_connections, most_connections, hit, read, deadlocks, long_queries, since = row
    return Counts(
        connections=int(connected or 0),
        own_connections=own_connections,
        most_connections=most_connections,
        blocks_hit=hit,
        blocks_read=read,
        deadlocks=deadlocks,
        long_queries=long_queries,
        since=since,
    )


async def list_long_queries(session: ReadSession) -> list[LongQuery]:
    """Those of this database that have gone on for more than five minutes, the longest first."""
    rows = await session.rows(
        select(
            _ACTIVITY.c.pid,
            cast(func.extract("epoch", func.clock_timestamp() - _since()), Double),
            _ACTIVITY.c.state,
            _ACTIVITY.c.wait_event_type,
            _ACTIVITY.c.query,
        )
        .where(_is_long())
        .order_by(_since())
        .limit(MOST_LISTED)
    )
    return [LongQuery(pid, seconds, state, waits, without_values(query)) for pid, seconds, state, waits, query in rows]


async def list_unused_indexes(session: ReadSession) -> list[UnusedIndex]:
    """Those that no statement has used, the largest first."""
    size = func.coalesce(func.pg_relation_size(_INDEX_USE.c.indexrelid), 0, type_=BigInteger)
    rows = await session.rows(
        select(_INDEX_USE.c.indexrelname, _INDEX_USE.c.relname, size)
        .join_from(_INDEX_USE, _INDEXES, _INDEXES.c.indexrelid == _INDEX_USE.c.indexrelid)
        .where(_INDEX_USE.c.idx_scan == 0, ~_INDEXES.c.indisunique)
        .order_by(size.desc(), _INDEX_USE.c.indexrelname)
        .limit(MOST_LISTED)
    )
    return [UnusedIndex(*row) for row in rows]


async def list_slow_queries(session: ReadSession) -> tuple[list[SlowQuery], str | None]:
    """Kinds of statements of this database, the slowest on average first; none, and why, when nothing counts them."""
    found = await session.rows(
        select(
            _SCHEMAS.c.nspname,
            _EXTENSIONS.c.extversion,
            func.current_setting("pg_stat_statements.max", True),
            func.has_schema_privilege(_SCHEMAS.c.oid, "USAGE"),
        )
        .join_from(_EXTENSIONS, _SCHEMAS, _SCHEMAS.c.oid == _EXTENSIONS.c.extnamespace)
        .where(_EXTENSIONS.c.extname == "pg_stat_statements")
    )
    reason = _reason(found)
    if reason is not None:
        return [], reason
    statements = table(
        "pg_stat_statements",
        column("dbid", BigInteger),
        column("query", String),
        column("calls", BigInteger),
        column("mean_exec_time", Double),
        column("max_exec_time", Double),
        column("total_exec_time", Double),
        column("rows", BigInteger),
        schema=found[0].nspname,
    )
    databases = table("pg_database", column("oid", BigInteger), column("datname", String))
    own = select(databases.c.oid).where(databases.c.datname == func.current_database()).scalar_subquery()
    rows = await session.rows(
        select(
            func.coalesce(statements.c.query, ""),
            statements.c.calls,
            statements.c.mean_exec_time,
            statements.c.max_exec_time,
            statements.c.total_exec_time,
            statements.c.rows,
        )
        .where(statements.c.dbid == own)
        .order_by(statements.c.mean_exec_time.desc())
        .limit(MOST_LISTED)
    )
    return [SlowQuery(without_values(query), *rest) for query, *rest in rows], None


def _reason(found: Sequence[Row[str, str, str | None, bool]]) -> str | None:
    if not found:
        return "The extension pg_stat_statements is not there: `CREATE EXTENSION pg_stat_statements` makes it."
    ((_, version, loaded, may),) = found
    if loaded is None:
        return "The server has not loaded pg_stat_statements: name it in `shared_preload_libraries` and restart it."
    if tuple(int(part) for part in version.split(".")) < FIRST_WITH_TIMES:
        return f"pg_stat_statements {version} is too old: `ALTER EXTENSION pg_stat_statements UPDATE`."
    return None if may else "Vigie's role may not use the schema that pg_stat_statements is in."


def _since() -> Any:
    """When what a connection does began: its statement, or its transaction when that waits for the client."""
    return case((_ACTIVITY.c.state == "active", _ACTIVITY.c.query_start), else_=_ACTIVITY.c.xact_start)


def _is_long() -> Any:
    return and_(
        _ACTIVITY.c.datname == func.current_database(),
        _ACTIVITY.c.pid != func.pg_backend_pid(),
        or_(_ACTIVITY.c.state == "active", _ACTIVITY.c.state.like("idle in transaction%")),
        func.extract("epoch", func.clock_timestamp() - _since()) > LONG_SECONDS,
    )
