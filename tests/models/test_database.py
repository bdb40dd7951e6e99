"""Sessions: what a read sees, what a write leaves behind, and how facts get their numbers."""

import asyncio
import datetime as dt
from collections.abc import Sequence

import pytest
from sqlalchemy import Integer, Select, delete, func, insert, literal_column, select, text, update
from sqlalchemy.exc import DBAPIError, IntegrityError

from models import Activity, Commit, Counter, Database, Project, WriteSession
from tests.databases import on_every_server, only_postgresql, only_sqlite

NOON = dt.datetime(2026, 11, 20, 12, tzinfo=dt.UTC)


def activity(project_id: int, name: str, *, time: dt.datetime = NOON) -> Activity:
    return Activity(
        project_id=project_id, time=time, id=name, kind="deployment", name="deployment.recorded", title=name, payload={}
    )


async def add_project(session: WriteSession, project_id: int) -> None:
    session.add(Project(id=project_id, name=f"project-{project_id}", created_at=NOON))
    session.add(Counter(project_id=project_id, last_seq=0, floor=NOON))
    await session.flush()


async def numbers(database: Database, project_id: int) -> list[tuple[int, str]]:
    statement = select(Activity.seq, Activity.id).where(Activity.project_id == project_id).order_by(Activity.seq)
    async with database.read() as session:
        return [(seq, name) for seq, name in await session.rows(statement)]


async def names(database: Database) -> Sequence[str]:
    async with database.read() as session:
        return await session.scalars(select(Project.name).order_by(Project.name))


@on_every_server
async def test_a_read_session_cannot_write(database: Database, project: Project) -> None:
    with pytest.raises(DBAPIError, match=r"read-?only"):
        async with database.read() as session:
            await session._session.execute(delete(Project))

    assert await names(database) == ["acme"]


@on_every_server
async def test_a_reader_that_is_cancelled_leaves_the_session_usable(database: Database, project: Project) -> None:
    series = "generate_series(1, 3000000)"
    if database.dialect == "sqlite":
        series = "(WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000000) SELECT i FROM n)"
    long: Select[int] = select(literal_column(f"(SELECT count(*) FROM {series})", Integer))
    async with database.read() as session:
        reading = asyncio.create_task(session.scalar(long))
        await asyncio.sleep(0.05)
        assert not reading.done()
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading
        assert await session.scalar(select(Project.name).where(Project.id == project.id)) == "acme"


async def test_a_connection_that_read_can_write_again(database: Database, project: Project) -> None:
    assert await names(database) == ["acme"]

    async with database.write() as session:
        await session.run(update(Project).values(name="other"))

    assert await names(database) == ["other"]


@on_every_server
async def test_a_read_session_sees_one_snapshot(database: Database, project: Project) -> None:
    count = select(func.count()).select_from(Project)
    async with database.read() as reading:
        before = (await reading.one(count))[0]
        async with database.write() as writing:
            await add_project(writing, 7)
        after = (await reading.one(count))[0]

    assert (before, after) == (1, 1)
    assert await names(database) == ["acme", "project-7"]


async def test_a_write_session_reads_what_it_wrote(database: Database) -> None:
    async with database.write() as session:
        await add_project(session, 7)
        assert await session.scalar(select(Project.name)) == "project-7"


@on_every_server
async def test_a_failed_write_leaves_nothing_and_announces_nothing(database: Database, project: Project) -> None:
    published: list[object] = []
    database.published = lambda *commit: published.append(commit)

    async def fail() -> None:
        async with database.write() as session:
            await add_project(session, 7)
            session.announce(activity(project.id, "never"))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()

    assert await names(database) == ["acme"]
    assert await numbers(database, project.id) == []
    assert published == []


async def test_a_write_that_the_database_refuses_announces_nothing(database: Database, project: Project) -> None:
    published: list[object] = []
    database.published = lambda *commit: published.append(commit)

    async def take_the_name() -> None:
        async with database.write() as session:
            session.announce(activity(project.id, "never"))
            session.add(Project(id=project.id + 1, name=project.name, created_at=NOON))

    with pytest.raises(IntegrityError):
        await take_the_name()

    assert await numbers(database, project.id) == []
    assert published == []


async def test_a_cancelled_write_leaves_nothing(database: Database, project: Project) -> None:
    reached = asyncio.Event()

    async def stuck() -> None:
        async with database.write() as session:
            await add_project(session, 7)
            session.announce(activity(project.id, "never"))
            reached.set()
            await asyncio.Event().wait()

    writing = asyncio.create_task(stuck())
    await reached.wait()
    writing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await writing

    assert await names(database) == ["acme"]
    async with database.write() as session:
        session.announce(activity(project.id, "next"))
    assert await numbers(database, project.id) == [(1, "next")]


@on_every_server
async def test_announced_facts_are_numbered_and_published_after_the_commit(database: Database) -> None:
    published: list[tuple[int, int, int, list[str]]] = []

    def publish(project_id: int, first_seq: int, last_seq: int, facts: Sequence[Activity]) -> None:
        published.append((project_id, first_seq, last_seq, [fact.id for fact in facts]))

    async with database.write() as session:
        await add_project(session, 1)
        await add_project(session, 2)
    database.published = publish
    async with database.write() as session:
        session.announce(activity(2, "a"))
        session.announce(activity(1, "b"))
        session.announce(activity(2, "c"))
        assert published == []
    async with database.write() as session:
        session.announce(activity(2, "d"))

    assert await numbers(database, 1) == [(1, "b")]
    assert await numbers(database, 2) == [(1, "a"), (2, "c"), (3, "d")]
    assert published == [(1, 1, 1, ["b"]), (2, 1, 2, ["a", "c"]), (2, 3, 3, ["d"])]


async def test_a_commit_says_which_facts_it_holds(database: Database, project: Project) -> None:
    later = NOON + dt.timedelta(hours=1)
    before = dt.datetime.now(dt.UTC)
    async with database.write() as session:
        session.announce(activity(project.id, "late", time=later))
        session.announce(activity(project.id, "early"))
    async with database.write() as session:
        session.announce(activity(project.id, "next"))

    async with database.read() as session:
        first, second = await session.scalars(select(Commit).order_by(Commit.last_seq))
    assert (first.first_seq, first.last_seq, first.min_time, first.max_time) == (1, 2, NOON, later)
    assert (second.first_seq, second.last_seq) == (3, 3)
    assert before <= first.committed_at <= second.committed_at <= dt.datetime.now(dt.UTC)


async def test_commit_times_never_go_back(database: Database, project: Project) -> None:
    """Not even when another replica, whose clock is ahead, committed before."""
    ahead = dt.datetime.now(dt.UTC) + dt.timedelta(minutes=5)
    commit = {"first_seq": 1, "last_seq": 1, "min_time": NOON, "max_time": NOON, "committed_at": ahead}
    async with database.write() as session:
        await session.run(insert(Commit).values(project_id=project.id, **commit))
        await session.run(update(Counter).values(last_seq=1))
    async with database.write() as session:
        session.announce(activity(project.id, "next"))

    async with database.read() as session:
        assert await session.scalar(select(Commit.committed_at).where(Commit.last_seq == 2)) == ahead


async def test_a_fact_of_an_unknown_project_stores_nothing(database: Database, project: Project) -> None:
    async def announce() -> None:
        async with database.write() as session:
            session.announce(activity(project.id, "a"))
            session.announce(activity(project.id + 1, "b"))

    with pytest.raises(LookupError):
        await announce()

    assert await numbers(database, project.id) == []


@on_every_server
async def test_numbers_have_no_holes_whoever_writes(database: Database, database_url: str, project: Project) -> None:
    """Two processes, forty writers; each third one fails on the way out."""
    other = Database(database_url)

    async def write(number: int) -> None:
        async with (database, other)[number % 2].write() as session:
            session.announce(activity(project.id, f"{number}-a"))
            session.announce(activity(project.id, f"{number}-b"))
            if number % 3 == 0:
                raise ZeroDivisionError

    results = await asyncio.gather(*(write(number) for number in range(40)), return_exceptions=True)
    await other.close()

    assert [type(result) for result in results if result] == [ZeroDivisionError] * 14
    stored = await numbers(database, project.id)
    assert [seq for seq, _ in stored] == list(range(1, 53))
    assert {name for _, name in stored} == {f"{number}-{part}" for number in range(40) if number % 3 for part in "ab"}
    for (_, first), (_, second) in zip(stored[::2], stored[1::2], strict=True):
        assert (first[:-1], first[-1], second[-1]) == (second[:-1], "a", "b")


@on_every_server
async def test_concurrent_updates_lose_nothing(database: Database, database_url: str, project: Project) -> None:
    other = Database(database_url)

    async def add_one(number: int) -> None:
        async with (database, other)[number % 2].write() as session:
            await session.run(update(Counter).values(last_seq=Counter.last_seq + 1))

    await asyncio.gather(*(add_one(number) for number in range(60)))
    await other.close()

    async with database.read() as session:
        assert await session.scalar(select(Counter.last_seq)) == 60


@only_sqlite
async def test_sqlite_keeps_what_it_acknowledged(database: Database) -> None:
    for engine in (database._reader, database._writer):
        async with engine.connect() as connection:
            pragmas = [
                await connection.scalar(text(f"PRAGMA {name}"))
                for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
            ]
        assert pragmas == ["wal", 2, 1, 30_000]


@only_postgresql
async def test_postgresql_answers_in_utc_whatever_its_zone(database: Database) -> None:
    async with database.engine.connect() as connection:
        assert await connection.scalar(text("SHOW timezone")) == "UTC"
        assert (
            str(await connection.scalar(text("SELECT '2026-11-20 12:00'::timestamptz"))) == "2026-11-20 12:00:00+00:00"
        )
