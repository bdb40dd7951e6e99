"""The past ends when it is old enough: floors first, figures as before, nothing of what others still need."""

import datetime as dt
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest
from sqlalchemy import func, select

from integrations.prices import ListPrices
from models import (
    Activity,
    Alert,
    AlertTransition,
    ApiCall,
    AuditEntry,
    Commit,
    Counter,
    Database,
    Project,
    Retention,
    UsageByTime,
    UsageEvent,
)
from resolvers.audit_entries import record_audit_entry
from resolvers.errors import Invalid
from resolvers.events.writer import Writer
from resolvers.projects import create_project
from resolvers.retentions.job import enforce
from resolvers.retentions.settings import Kept, get_floors, save_retention
from resolvers.rollups.fold import fold, fold_subjects
from tests.databases import only_postgresql, only_sqlite
from tests.resolvers.events.events import call, send, usage
from tests.resolvers.metrics.asking import Client

NOW = (dt.datetime.now(dt.UTC) - dt.timedelta(days=1)).replace(hour=15, minute=7, second=0, microsecond=0)
TODAY = NOW.replace(hour=0, minute=0)
DAYS = 120
FIGURES = """
  notice period { from }
  usage { totals { requests costUsd activeSubjects latency { p95Ms } } previous { requests }
          series(interval: DAY) { start totals { requests } }
          breakdown(by: SUBJECT, orderBy: REQUESTS, first: 5) { edges { node { key totals { requests } } } } }
  api { totals { requests } }
"""


def day(number: int, hour: float = 12) -> dt.datetime:
    """A time so many days ago."""
    return TODAY - dt.timedelta(days=number) + dt.timedelta(hours=hour)


@pytest.fixture
async def writer(database: Database) -> AsyncIterator[Writer]:
    writer = Writer(database, ListPrices())
    await writer.start()
    yield writer
    await writer.stop()


async def filled(database: Database, writer: Writer, project: Project) -> None:
    """A call of each kind a day, and half of one that cuts a quarter-hour."""
    events = []
    for number in range(DAYS):
        time = day(number, hour=12 - number / 100).isoformat()
        events.append(
            usage(f"u{number}", time=time, subject=f"s{number % 3}", durationMs=float(number), model="gpt-4o")
        )
        events.append(call(f"c{number}", time=time))
    assert (await send(writer, project.id, events)).rejected == []
    while await fold(database, project.id) or await fold_subjects(database, project.id):
        pass


async def keep(database: Database, project: Project, **days: Any) -> None:
    async with database.write() as session:
        await save_retention(session, project_id=project.id, kept=Kept(**days), actor="tests")


async def count(database: Database, table: Any, project: Project, *conditions: Any) -> int:
    async with database.read() as session:
        return (
            await session.scalar(
                select(func.count()).select_from(table).where(table.project_id == project.id, *conditions)
            )
            or 0
        )


async def figures(database: Database, project: Project, start: dt.datetime, **filters: Any) -> Any:
    period = {"from": start.isoformat(), "to": NOW.isoformat(), "timeZone": "Europe/Paris"}
    return await Client(database, project).metrics(FIGURES, period, filters or None)


async def test_figures_are_the_same_when_the_calls_are_gone(
    database: Database, project: Project, writer: Writer
) -> None:
    await filled(database, writer, project)
    before = await figures(database, project, day(90, hour=0))
    await keep(database, project, fact_days=30)
    await enforce(database, now=NOW)

    after = await figures(database, project, day(90, hour=0))
    assert before.pop("notice") is None
    assert day(30, hour=0).strftime("%Y-%m-%d") in after.pop("notice")
    assert after == before
    cut = await figures(database, project, day(90, hour=0) + dt.timedelta(minutes=7))
    assert cut["period"]["from"] == f"{day(90, hour=0):%Y-%m-%dT%H:%M:%SZ}"
    assert cut["usage"]["totals"] == before["usage"]["totals"]
    assert await count(database, UsageByTime, project, UsageByTime.bucket < day(30, hour=0)) > 0


async def test_what_only_calls_know_is_refused_below_the_floor(
    database: Database, project: Project, writer: Writer
) -> None:
    await filled(database, writer, project)
    await keep(database, project, fact_days=10)
    await enforce(database, now=NOW)
    client = Client(database, project)
    document = (
        "query ($period: PeriodInput!, $filter: MetricsFilter) { metrics(period: $period, filter: $filter) { %s } }"
    )
    old = {"from": day(20).isoformat(), "to": NOW.isoformat()}
    new = {"from": day(10, hour=0).isoformat(), "to": NOW.isoformat()}
    totals = document % "usage { totals { requests } }"
    prod = {"environments": ["prod"]}
    assert "are gone" in await client.refusal(totals, period=old, filter=prod)
    await client.ask(totals, period=new, filter=prod)
    # The roll-up by subject knows a subject's sums, though not how fast its calls were.
    some = {"subjects": ["s1"]}
    assert (await client.ask(totals, period=old, filter=some))["metrics"]["usage"]["totals"]["requests"] == 7
    fast = document % "usage { totals { latency { p95Ms } } }"
    assert "are gone" in await client.refusal(fast, period=old, filter=some)


async def test_calls_below_the_floor_are_neither_shown_nor_taken_in(
    database: Database, project: Project, writer: Writer
) -> None:
    await filled(database, writer, project)
    await keep(database, project, fact_days=30)
    await enforce(database, now=NOW)
    async with database.read() as session:
        floors = await get_floors(session, project_id=project.id)
    assert floors.facts == day(30, hour=0)
    listed = """query ($period: PeriodInput!) {
      usageEvents(period: $period, first: 200) { totalCount edges { node { time } } }
      apiCalls(period: $period, first: 200) { totalCount }
    }"""
    period = {"from": day(DAYS).isoformat(), "to": NOW.isoformat()}
    answer = await Client(database, project).ask(listed, period=period)
    assert answer["usageEvents"]["totalCount"] == answer["apiCalls"]["totalCount"] == 31
    writer.terms._known.clear()  # as after five seconds
    late = await send(writer, project.id, [usage("late", time=day(31).isoformat())])
    assert [rejected.code for rejected in late.rejected] == ["TIME_OUT_OF_RANGE"]


@only_sqlite
async def test_sqlite_forgets_calls_activities_and_commits(
    database: Database, project: Project, writer: Writer
) -> None:
    await filled(database, writer, project)
    await keep(database, project, fact_days=30)
    await enforce(database, now=NOW)
    for table in (UsageEvent, ApiCall):
        assert await count(database, table, project) == 31
    # What was committed today is remembered, whatever its time; and the newest commit always.
    await enforce(database, now=NOW + dt.timedelta(days=200))
    assert await count(database, UsageEvent, project) == 0
    assert await count(database, Activity, project) == 0
    assert await count(database, Commit, project) == 1
    async with database.read() as session:
        assert (await session.scalar(select(Counter.last_seq).where(Counter.project_id == project.id)) or 0) > 0


async def test_facts_that_no_roll_up_knows_are_kept(database: Database, project: Project, writer: Writer) -> None:
    await send(writer, project.id, [usage("unfolded", time=day(100).isoformat())])
    await keep(database, project, fact_days=30)
    await enforce(database, now=NOW)
    assert await count(database, UsageEvent, project) == 1
    while await fold(database, project.id) or await fold_subjects(database, project.id):
        pass
    assert (await figures(database, project, day(110)))["usage"]["totals"]["requests"] == 1
    await enforce(database, now=NOW + dt.timedelta(hours=2))
    assert await count(database, UsageEvent, project) == 0


@only_postgresql
async def test_a_month_is_dropped_when_no_project_needs_it(
    database: Database, project: Project, writer: Writer, database_url: str
) -> None:
    async with database.write() as session:
        other = await create_project(session, name="other", actor="tests")
    await filled(database, writer, project)
    old = day(DAYS - 1)
    await send(writer, other.id, [usage("theirs", time=old.isoformat())])
    while await fold(database, other.id) or await fold_subjects(database, other.id):
        pass

    async def months() -> int:
        connection = await asyncpg.connect(database_url)
        try:
            found = "SELECT count(*) FROM pg_inherits WHERE inhparent = 'usage_events'::regclass"
            return int(await connection.fetchval(found))
        finally:
            await connection.close()

    all_months = await months()
    await keep(database, project, fact_days=1)
    await enforce(database, now=NOW)
    # The other project keeps its month, in which this one has nothing any more; the months between are gone.
    assert await count(database, UsageEvent, project, UsageEvent.time < old + dt.timedelta(days=1)) == 0
    assert await count(database, UsageEvent, other) == 1
    left = await months()
    assert left < all_months
    await keep(database, other, fact_days=1)
    await enforce(database, now=NOW + dt.timedelta(hours=2))
    assert await count(database, UsageEvent, other) == 0
    assert await months() == left - 1


async def test_roll_ups_end_at_their_own_age(database: Database, project: Project, writer: Writer) -> None:
    await filled(database, writer, project)
    await keep(database, project, fact_days=10, rollup_days=60)
    await enforce(database, now=NOW)
    assert await count(database, UsageByTime, project, UsageByTime.bucket < day(60, hour=0)) == 0
    found = await figures(database, project, day(90))
    assert found["usage"]["totals"]["requests"] == 61
    assert "nothing is kept" in found["notice"]


async def test_history_ends(database: Database, project: Project) -> None:
    long_ago = NOW - dt.timedelta(days=500)

    def alert(number: int, state: str) -> Alert:
        resolved = long_ago if state == "resolved" else None
        return Alert(
            project_id=project.id,
            id=number,
            rule_id=1,
            instance="",
            kind="figure",
            state=state,
            severity="low",
            value=1.0,
            threshold=1.0,
            started_at=long_ago,
            fired_at=long_ago,
            resolved_at=resolved,
        )

    async with database.write() as session:
        for number, state in ((1, "resolved"), (2, "firing")):
            session.add(alert(number, state))
            session.add(
                AlertTransition(
                    project_id=project.id,
                    alert_id=number,
                    ordinal=1,
                    time=long_ago,
                    from_state=None,
                    to_state="firing",
                    reason="",
                    actor=None,
                )
            )
        record_audit_entry(session, project_id=project.id, actor="tests", action="test.done").time = long_ago
    entries = await count(database, AuditEntry, project)
    await enforce(database, now=NOW)
    assert await count(database, Alert, project) == await count(database, AlertTransition, project) == 1
    assert await count(database, Alert, project, Alert.state == "firing") == 1
    assert await count(database, AuditEntry, project) == entries - 1


async def test_a_project_is_looked_at_once_and_anew_when_it_decides_anew(database: Database, project: Project) -> None:
    async def enforced() -> Retention | None:
        async with database.read() as session:
            return await session.scalar(select(Retention).where(Retention.project_id == project.id))

    await enforce(database, now=NOW)
    first = await enforced()
    assert first is not None
    assert first.enforced_at == NOW
    await enforce(database, now=NOW + dt.timedelta(minutes=5))
    assert (await enforced()).enforced_at == NOW  # type: ignore[union-attr]
    await keep(database, project, fact_days=30)
    await enforce(database, now=NOW + dt.timedelta(minutes=6))
    assert (await enforced()).enforced_at == NOW + dt.timedelta(minutes=6)  # type: ignore[union-attr]


@only_sqlite
@pytest.mark.parametrize(
    ("days", "field"),
    [
        ({"fact_days": 0}, "factDays"),
        ({"fact_days": 3661}, "factDays"),
        ({"rollup_days": 10}, "rollUpDays"),
        ({"fact_days": 30, "rollup_days": 29}, "rollUpDays"),
        ({"history_days": 0}, "historyDays"),
    ],
)
async def test_days_that_make_no_sense(database: Database, project: Project, days: dict[str, int], field: str) -> None:
    with pytest.raises(Invalid) as refused:
        await keep(database, project, **days)
    assert refused.value.field == field
