"""The database behind everything: one class, two dialects, sessions that say in their type what they may do.

async with database.read() as session:    # one snapshot, read-only
async with database.write() as session:   # one transaction, committed at exit
"""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeVar, TypeVarTuple, cast

import orjson
from sqlalchemy import CursorResult, Delete, Executable, Insert, Row, Select, Update, event, insert, select, update
from sqlalchemy.engine import URL, Connection, create_engine, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry, NullPool

from models.activities import Activity
from models.base import Base
from models.commits import Commit, Counter
from models.deadlines import current_deadline
from models.functions import SqliteConnection
from models.pools import CountedPool, time_statements

T = TypeVar("T")
Ts = TypeVarTuple("Ts")
Table = TypeVar("Table", bound=Base)
Published = Callable[[int, int, int, Sequence[Activity]], None]


class ReadSession:
    """Reads from one snapshot. Only SELECT fits through it: by type, and in the database."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    @property
    def dialect(self) -> str:
        """`postgresql` or `sqlite`."""
        return self._session.get_bind().dialect.name

    async def rows(self, statement: Select[*Ts]) -> Sequence[Row[*Ts]]:
        """Every row of a SELECT."""
        return (await _to_its_end(self._session.execute(statement))).all()

    async def one(self, statement: Select[*Ts]) -> Row[*Ts]:
        """The only row of a SELECT that has exactly one."""
        return (await _to_its_end(self._session.execute(statement))).one()

    async def scalar(self, statement: Select[T]) -> T | None:
        """The first column of the first row, or None."""
        return await _to_its_end(self._session.scalar(statement))

    async def scalars(self, statement: Select[T]) -> Sequence[T]:
        """The first column of every row."""
        return (await _to_its_end(self._session.scalars(statement))).all()


class WriteSession(ReadSession):
    """One transaction that may write; the edge that opened it commits."""

    def __init__(self, session: AsyncSession) -> None:
        super().__init__(session)
        self.announced: list[Activity] = []

    def add(self, row: Base) -> None:
        self._session.add(row)

    async def flush(self) -> None:
        await self._session.flush()

    async def run(self, statement: Insert | Update | Delete) -> int:
        """Executes a write; answers the number of rows that it touched."""
        return cast("CursorResult[Any]", await self._session.execute(statement)).rowcount

    async def run_many(self, statement: Insert | Update | Delete, rows: Sequence[Mapping[str, Any]]) -> None:
        """Executes a write once for each row of parameters."""
        await self._session.execute(statement, rows)

    async def execute(self, statement: Executable) -> Sequence[Row[Any]]:
        """Executes a write that answers rows (RETURNING, or a locking SELECT)."""
        return (await self._session.execute(statement)).all()

    def announce(self, activity: Activity) -> None:
        """Adds a fact to the feed: numbered and stored with this transaction, published after its commit."""
        self.announced.append(activity)


class Database:
    """Opens sessions on SQLite or PostgreSQL, chosen by the URL. `published` hears of activities after their commit."""

    def __init__(self, url: str, *, pool_size: int = 10) -> None:
        self.url: URL = make_url(url)
        self.dialect = self.url.get_backend_name()
        self.published: Published | None = None
        if self.dialect == "postgresql":
            self._writer = _postgres_engine(self.url, pool_size)
            self._reader = self._writer.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
            self._glances = self._writer.execution_options(isolation_level="AUTOCOMMIT")
        else:
            self._writer = _sqlite_engine(self.url, begin="BEGIN IMMEDIATE", pool_size=1)
            self._reader = _sqlite_engine(self.url, begin="BEGIN", pool_size=pool_size)
        self._beside: Connection | None = None
        self.write_lock = asyncio.Lock()
        """Taken by every writer of this process on SQLite, which has one at a time: waiting here beats busy polling."""

    @property
    def engine(self) -> AsyncEngine:
        """The engine that writes (migrations use it)."""
        return self._writer

    @asynccontextmanager
    async def read(self) -> AsyncIterator[ReadSession]:
        """A REPEATABLE READ, read-only transaction: every statement sees the same snapshot."""
        async with AsyncSession(self._reader, expire_on_commit=False) as session:
            yield ReadSession(session)

    @asynccontextmanager
    async def write(self) -> AsyncIterator[WriteSession]:
        """A transaction that commits at exit and rolls back on any exception, announcing nothing then."""
        if self.dialect == "postgresql":
            async with self._write() as session:
                yield session
        else:
            async with self.write_lock, self._write() as session:
                yield session

    @asynccontextmanager
    async def _write(self) -> AsyncIterator[WriteSession]:
        commits: list[tuple[int, int, int, list[Activity]]] = []
        async with AsyncSession(self._writer, expire_on_commit=False) as session, session.begin():
            writing = WriteSession(session)
            try:
                yield writing
            except BaseException:
                session.expunge_all()  # a rollback empties the rows it knows, also one that a refusal carries
                raise
            await session.flush()
            for project_id in sorted({activity.project_id for activity in writing.announced}):
                facts = [activity for activity in writing.announced if activity.project_id == project_id]
                last_seq = await _number(session, project_id, facts)
                commits.append((project_id, last_seq - len(facts) + 1, last_seq, facts))
        if self.published is not None:
            for commit in commits:
                self.published(*commit)

    async def glance(self, statement: Select[*Ts]) -> Sequence[Row[*Ts]]:
        """The few rows of a SELECT by key that stands alone: the quickest way to what was committed last.

        On SQLite it takes microseconds, without the thread that other statements wait for.
        """
        if self.dialect == "postgresql":
            async with self._glances.connect() as connection:
                return (await _to_its_end(connection.execute(statement))).all()
        if self._beside is None:
            self._beside = create_engine(
                self.url.set(drivername="sqlite"),
                poolclass=NullPool,
                isolation_level="AUTOCOMMIT",
                connect_args={"timeout": 0.05},
            ).connect()
        return self._beside.execute(statement).all()

    async def close(self) -> None:
        if self._beside is not None:
            self._beside.close()
        await self._reader.dispose()
        await self._writer.dispose()


async def _to_its_end(statement: Coroutine[Any, Any, T]) -> T:
    """What the statement answers. Who is cancelled meanwhile still waits for it, unless the deadline of all has passed.

    A field that fails cancels those beside it, and an interrupted driver drops the connection that they share.
    """
    task = asyncio.create_task(statement)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        limit = current_deadline()
        if limit is not None and limit.passed:
            task.cancel()
        await asyncio.wait([task])
        raise


async def _number(session: AsyncSession, project_id: int, facts: list[Activity]) -> int:
    """Takes the counter (the last step before COMMIT), numbers the facts, stores them; answers the last number."""
    last_seq = await session.scalar(
        update(Counter)
        .where(Counter.project_id == project_id)
        .values(last_seq=Counter.last_seq + len(facts))
        .returning(Counter.last_seq)
    )
    if last_seq is None:
        raise LookupError(f"project {project_id} has no counter")
    for seq, fact in enumerate(facts, last_seq - len(facts) + 1):
        fact.seq = seq
    session.add_all(facts)
    previous = await session.scalar(
        select(Commit.committed_at).where(Commit.project_id == project_id).order_by(Commit.last_seq.desc()).limit(1)
    )
    now = dt.datetime.now(dt.UTC)
    await session.execute(
        insert(Commit).values(
            project_id=project_id,
            first_seq=last_seq - len(facts) + 1,
            last_seq=last_seq,
            min_time=min(fact.time for fact in facts),
            max_time=max(fact.time for fact in facts),
            committed_at=max(now, previous) if previous else now,
        )
    )
    await session.flush()
    return int(last_seq)


def _postgres_engine(url: URL, pool_size: int) -> AsyncEngine:
    engine = create_async_engine(
        url.set(drivername="postgresql+asyncpg"),
        poolclass=CountedPool,
        pool_size=pool_size,
        max_overflow=pool_size,
        pool_pre_ping=True,
        json_serializer=lambda value: orjson.dumps(value).decode(),
        json_deserializer=orjson.loads,
        connect_args={
            "server_settings": {
                # Just-in-time compilation costs more than it gives on statements that take milliseconds.
                "jit": "off",
                # Plans that do not know their periods and keys read whole partitions, eight times as slow.
                "plan_cache_mode": "force_custom_plan",
                "timezone": "UTC",
                "application_name": "vigie",
            }
        },
    )
    time_statements(engine.sync_engine)
    return engine


def _sqlite_engine(url: URL, *, begin: str, pool_size: int) -> AsyncEngine:
    engine = create_async_engine(
        url.set(drivername="sqlite+aiosqlite"),
        poolclass=CountedPool,
        pool_size=pool_size,
        max_overflow=0 if pool_size == 1 else pool_size,
        # The driver must not open transactions of its own: its deferred BEGIN loses concurrent updates.
        connect_args={"isolation_level": None, "factory": SqliteConnection, "timeout": 30},
    )
    time_statements(engine.sync_engine)

    @event.listens_for(engine.sync_engine, "connect")
    def _prepare(connection: DBAPIConnection, _: ConnectionPoolEntry) -> None:
        cursor = connection.cursor()
        for pragma in (
            "journal_mode=WAL",
            "synchronous=FULL",
            "foreign_keys=ON",
            "busy_timeout=30000",
            "secure_delete=ON",
        ):
            cursor.execute(f"PRAGMA {pragma}")
        if begin == "BEGIN":
            cursor.execute("PRAGMA query_only=ON")
        cursor.close()

    @event.listens_for(engine.sync_engine, "checkout")
    def _mind(connection: DBAPIConnection, record: ConnectionPoolEntry, _: object) -> None:
        limit = current_deadline()
        if limit is not None:
            thread: Any = connection.driver_connection
            limit.interrupts[record] = thread._conn.interrupt  # noqa: SLF001 — its own way is a coroutine
            record.info["deadline"] = limit

    @event.listens_for(engine.sync_engine, "checkin")
    def _forget(_: DBAPIConnection | None, record: ConnectionPoolEntry) -> None:
        limit = record.info.pop("deadline", None)
        if limit is not None:
            del limit.interrupts[record]

    @event.listens_for(engine.sync_engine, "begin")
    def _begin(connection: Any) -> None:
        connection.exec_driver_sql(begin)

    return engine
