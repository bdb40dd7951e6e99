"""The job that expires and measures: in time, once, and again when calls come late."""

import asyncio
import datetime as dt
import random

from sqlalchemy import select

from models import Database, Project, Recommendation
from realtime.facts import UsageFact
from resolvers.recommendations.issuing import Advice
from resolvers.recommendations.job import sweep
from resolvers.recommendations.targets import Target
from tests.resolvers.recommendations.ledger import TERMS, found, implemented, issued, store, swept, told
from tests.resolvers.recommendations.wastes import DAY, WASTES, WEEK, Week, noise, two_weeks

HOUR = DAY / 24


async def test_what_nobody_decided_expires_once(database: Database, project: Project) -> None:
    now = dt.datetime.now(dt.UTC)
    soon, late = await issued(
        database,
        project,
        Advice(kind="A", title="soon", expires_at=now + HOUR),
        Advice(kind="A", title="late", expires_at=now + 3 * HOUR),
    )
    for _ in range(2):
        await sweep(database, TERMS, now=now + 2 * HOUR)

    assert ((await found(database, soon)).status, (await found(database, late)).status) == ("expired", "issued")
    assert await told(database, soon) == ["issued", "expired"]
    assert await told(database, late) == ["issued"]


async def test_an_effect_is_pending_until_the_week_after_is_over(database: Database, project: Project) -> None:
    middle = dt.datetime.now(dt.UTC) - WEEK + HOUR
    await store(database, [fact for fact in two_weeks(project.id, middle, noise) if fact.time < middle + WEEK - HOUR])
    row = await implemented(database, project, middle, "ANY", Target())

    assert (await swept(database, row)).state == "pending"
    assert (await found(database, row)).due_at == middle + WEEK
    assert (await swept(database, row, middle + WEEK + HOUR)).state == "measured"
    assert await told(database, row) == ["issued", "implemented", "measured"]


async def test_calls_that_have_yet_to_come_are_waited_for_a_day(
    database: Database, project: Project, middle: dt.datetime
) -> None:
    await store(database, [fact for fact in two_weeks(project.id, middle, noise) if fact.time < middle + 5 * DAY])
    row = await implemented(database, project, middle, "ANY", Target())
    now = dt.datetime.now(dt.UTC)

    assert (await swept(database, row, now + HOUR)).state == "pending"
    assert (await swept(database, row, now + 25 * HOUR)).state == "measured"


async def test_calls_that_come_right_now_are_waited_for(
    database: Database, project: Project, middle: dt.datetime
) -> None:
    row = await implemented(database, project, middle, "ANY", Target())
    await store(database, two_weeks(project.id, middle, noise))
    now = dt.datetime.now(dt.UTC)

    assert (await swept(database, row, now)).state == "pending"
    assert (await swept(database, row, now + dt.timedelta(seconds=6))).state == "measured"


async def test_calls_that_come_late_are_taken_in(database: Database, project: Project, middle: dt.datetime) -> None:
    facts = two_weeks(project.id, middle, WASTES[0].calls)
    ours = [fact for fact in facts if isinstance(fact, UsageFact) and fact.operation == "summary"]
    late = [fact for fact in ours if fact.time >= middle][::2]
    await store(database, [fact for fact in facts if fact not in late])
    row = await implemented(database, project, middle, WASTES[0].kind, WASTES[0].target)
    first = await swept(database, row)
    await store(database, late)

    second = await swept(database, row, dt.datetime.now(dt.UTC) + HOUR)

    assert first.after is not None
    assert second.after is not None
    assert (first.state, second.state) == ("measured", "measured")
    assert second.after.requests == first.after.requests + len(late)
    assert await told(database, row) == ["issued", "implemented", "measured"]


async def test_calls_that_come_late_can_change_what_is_said(
    database: Database, project: Project, middle: dt.datetime
) -> None:
    await store(database, two_weeks(project.id, middle, noise))
    row = await implemented(database, project, middle, "ANY", Target(operation="ours"))
    first = await swept(database, row)
    pick = random.Random(2)
    weeks = [Week(project.id, start, False, pick) for start in (middle - WEEK, middle)]
    await store(database, [week.call(0.1, operation="ours") for week in weeks for _ in range(20)])

    second = await swept(database, row, dt.datetime.now(dt.UTC) + HOUR)

    assert (first.state, second.state) == ("inconclusive", "measured")
    assert await told(database, row) == ["issued", "implemented", "measured", "measured"]


async def test_after_another_week_nothing_is_measured_any_more(
    database: Database, project: Project, middle: dt.datetime
) -> None:
    await store(database, two_weeks(project.id, middle, noise))
    row = await implemented(database, project, middle, "ANY", Target())
    await swept(database, row)

    effect = await swept(database, row, dt.datetime.now(dt.UTC) + 2 * WEEK)

    assert effect.state == "measured"
    assert (await found(database, row)).due_at is None


async def test_processes_that_sweep_at_once_measure_once(
    database: Database, project: Project, middle: dt.datetime
) -> None:
    await store(database, two_weeks(project.id, middle, noise))
    row = await implemented(database, project, middle, "ANY", Target())
    later = dt.datetime.now(dt.UTC) + HOUR

    await asyncio.gather(*(sweep(database, TERMS, now=later) for _ in range(8)))

    assert await told(database, row) == ["issued", "implemented", "measured"]


async def test_one_that_fails_holds_nobody_else_up(database: Database, project: Project, middle: dt.datetime) -> None:
    await store(database, two_weeks(project.id, middle, noise))
    broken = await implemented(database, project, middle, "BROKEN", Target())
    async with database.write() as session:
        row = await session.scalar(select(Recommendation).where(Recommendation.id == broken.id))
        assert row is not None
        row.target = {"nobody knows": "this"}
    well = await implemented(database, project, middle, "WELL", Target())

    assert (await swept(database, well)).state == "measured"
    assert (await found(database, broken)).effect_state == "pending"
