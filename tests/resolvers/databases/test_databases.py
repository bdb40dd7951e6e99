"""What the database tells about itself, on every server, and that it tells no values."""

import datetime as dt
from typing import Any

import pytest
from sqlalchemy import select

from models import Database, Project, Sample
from resolvers.alerts.figures import DATABASE_BYTES, DATABASE_CACHE_HIT_RATE, DATABASE_CONNECTIONS_SHARE, VALUE, Measure
from resolvers.alerts.samples import NOBODY, sampled, store_samples
from resolvers.databases.sampling import DEADLOCKS_SO_FAR, HIT_SO_FAR, Sampler
from resolvers.databases.wording import without_values
from resolvers.metrics.filters import MetricsFilter
from resolvers.principals import Role
from tests.databases import on_every_server, only_postgresql
from tests.schema.test_projects_and_members import Client

NOW = dt.datetime(2026, 11, 20, 12, tzinfo=dt.UTC)
MINUTE = dt.timedelta(minutes=1)
DATABASE = """{ database {
    kind version bytes growthBytesPerDay sizes { day bytes } connections { used own max share } cacheHitRate deadlocks
    statisticsSince slowQueries { query calls meanMs maxMs totalMs rows } slowQueriesMissing
    longQueries { pid seconds state waitsFor query } unusedIndexes { name table bytes }
    file { fileBytes walBytes pageBytes pages freePages }
} }"""


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("SELECT 'it''s', 12.5e-3, x2 FROM t1 WHERE a = $1", "SELECT ?, ?, x2 FROM t1 WHERE a = $1"),
        (r"SELECT E'a\'b', 'c\', secret FROM t", "SELECT ?, ?, secret FROM t"),
        ("SELECT $$a'b$$, $q$ $$ 'x' $q$, 'end'", "SELECT ?, ?, ?"),
        ("SELECT 1 -- 'note\n, /* a /* nested 'x */ b */ \"Kept 1\"", 'SELECT ? , "Kept 1"'),
        ("SELECT U&'d\\0061', B'01', x'ff', -7, .5, 0xFF", "SELECT ?, ?, ?, -?, ?, ?"),
        ("INSERT INTO t VALUES ('cut in the midd", "INSERT INTO t VALUES (?"),
        ("SELECT $tag$cut", "SELECT ?"),
        ("SELECT 1 /* cut 'x", "SELECT ?"),
    ],
)
def test_a_statement_is_shown_without_its_values(written: str, shown: str) -> None:
    assert without_values(written) == shown


@on_every_server
async def test_the_database_tells_of_itself(database: Database, project: Project) -> None:
    found = await Client(database, project).get(DATABASE)

    assert found["bytes"] > 0
    assert found["sizes"] == []
    assert found["growthBytesPerDay"] is None
    if database.dialect == "sqlite":
        assert (found["kind"], found["connections"], found["deadlocks"]) == ("SQLITE", None, None)
        file = found["file"]
        assert file["pages"] * file["pageBytes"] >= file["freePages"] * file["pageBytes"] > -1
        assert file["fileBytes"] > 0
        assert found["slowQueriesMissing"]
    else:
        assert found["kind"] == "POSTGRESQL"
        assert found["file"] is None
        assert 1 <= found["connections"]["own"] <= found["connections"]["used"] <= found["connections"]["max"]
        assert 0 <= found["cacheHitRate"] <= 1
        assert found["deadlocks"] == 0
        assert found["longQueries"] == []
        assert found["slowQueries"] or found["slowQueriesMissing"]


async def test_only_administrators_ask(database: Database, project: Project) -> None:
    answer = await Client(database, project, Role.EDITOR).ask(DATABASE)

    assert answer["errors"][0]["extensions"]["code"] == "FORBIDDEN"


async def test_a_minute_is_kept_once_and_growth_is_told(database: Database, project: Project) -> None:
    now = dt.datetime.now(dt.UTC).replace(second=0, microsecond=0)
    async with database.write() as session:
        old = {(NOBODY, DATABASE_BYTES): 1000.0}
        await store_samples(session, old, time=now - dt.timedelta(days=2), process="")
    for _ in range(2):
        await Sampler(database).look(now)
    await Sampler(database).look(now + MINUTE)

    async with database.read() as reading:
        rows = await reading.rows(select(Sample.metric, Sample.time).where(Sample.metric == DATABASE_BYTES))
    assert len(rows) == 3
    found = await Client(database, project).get(DATABASE)
    assert len(found["sizes"]) == 2
    assert found["sizes"][0]["bytes"] == 1000
    assert found["growthBytesPerDay"] == pytest.approx((found["sizes"][1]["bytes"] - 1000) / 2, rel=0.01)


@only_postgresql
async def test_rules_watch_what_was_added_since(database: Database, project: Project) -> None:
    async with database.write() as session:
        await store_samples(session, {(NOBODY, HIT_SO_FAR): 1.0}, time=NOW, process="")
    sampler = Sampler(database)
    await sampler.look(NOW + MINUTE)

    async def figure(metric: str) -> Any:
        measure = Measure(metric, VALUE, MetricsFilter(), MINUTE)
        async with database.read() as session:
            return await sampled(session, project_id=project.id, measure=measure, instants=[NOW, NOW + MINUTE])

    none, share = await figure(DATABASE_CONNECTIONS_SHARE)
    assert none is None
    assert 0 < share < 1
    none, rate = await figure(DATABASE_CACHE_HIT_RATE)
    assert none is None
    assert 0 < rate <= 1
    assert await figure("database_deadlocks") == [0.0, 0.0]
    async with database.read() as reading:
        assert await reading.rows(select(Sample.value).where(Sample.metric == DEADLOCKS_SO_FAR)) == []
