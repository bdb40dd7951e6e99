"""The job keeps roll-ups close behind the log, and outlives what fails."""

import asyncio
import datetime as dt
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress

import pytest
from prometheus_client import REGISTRY
from sqlalchemy import func, select
from sqlalchemy.exc import OperationalError

from models import Database, Project, ReadSession, UsageByModel, UsageByTime
from models.rollups import DAY, MINUTE, QUARTER
from resolvers.projects import create_project
from resolvers.rollups import job
from resolvers.rollups.expiry import expire_minutes
from resolvers.rollups.fold import fold, fold_subjects
from resolvers.rollups.job import run
from resolvers.rollups.lags import Lag, lags
from tests.resolvers.rollups.facts import Traffic, commit
from tests.resolvers.rollups.recomputed import assert_same, recomputed, stored

NOW = dt.datetime.now(dt.UTC)


@asynccontextmanager
async def running(database: Database, wake: asyncio.Event, pause: float) -> AsyncIterator[None]:
    task = asyncio.create_task(run(database, wake, pause=pause))
    yield
    assert not task.done()
    task.cancel()
    with suppress(asyncio.CancelledError):
        async with asyncio.timeout(5):
            await task


async def lagging(database: Database) -> list[Lag]:
    async with database.read() as session:
        return list(await lags(session))


async def until(condition: Callable[[list[Lag]], bool], database: Database) -> None:
    async with asyncio.timeout(20):
        found = await lagging(database)
        while not condition(found):
            await asyncio.sleep(0.02)
            found = await lagging(database)


def sample(name: str, watermark: str = "series") -> float:
    return REGISTRY.get_sample_value(name, {"watermark": watermark}) or 0.0


async def test_the_job_folds_every_project_without_being_woken(database: Database, project: Project) -> None:
    async with database.write() as session:
        other = await create_project(session, name="other", actor="tests")
    traffics = [Traffic(project.id), Traffic(other.id, seed=2)]
    folded = sample("vigie_rollup_facts_folded_total")
    async with running(database, asyncio.Event(), pause=0.05):
        for traffic in traffics:
            await commit(database, traffic.batch([NOW] * 50))
        await until(lambda found: not found, database)
    for traffic in traffics:
        assert_same(await stored(database, traffic.project_id), recomputed(traffic.facts, now=NOW))
    assert sample("vigie_rollup_facts_folded_total") == folded + 100
    assert sample("vigie_rollup_fold_seconds_count") > 0


async def test_the_job_folds_at_once_when_woken_because_many_wait(
    database: Database, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job, "FOLDS", {"series": job.Fold(fold, 20, 3600.0), "subjects": job.FOLDS["subjects"]})
    wake, traffic = asyncio.Event(), Traffic(project.id)
    async with running(database, wake, pause=3600.0):
        await commit(database, traffic.batch([NOW] * 10))
        wake.set()
        await until(lambda found: "series" not in {lag.name for lag in found}, database)
        await commit(database, traffic.batch([NOW] * 110))
        wake.set()
        await until(lambda found: {lag.facts for lag in found if lag.name == "series"} == {10}, database)


async def test_facts_scattered_over_months_are_folded_in_small_steps(
    database: Database, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("resolvers.rollups.fold.SCATTERED_FACTS", 15)
    traffic = Traffic(project.id)
    await commit(database, traffic.batch(traffic.times(40, NOW, hours=2000)))
    assert [await fold(database, project.id) for _ in range(4)] == [15, 15, 10, 0]
    assert await fold_subjects(database, project.id) == 40
    assert_same(await stored(database, project.id), recomputed(traffic.facts, now=NOW))


async def test_the_job_survives_failures_and_lets_others_through(
    database: Database, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[float] = []

    async def failing(database: Database, project_id: int, limit: int) -> int:
        tried.append(time.monotonic())
        raise OperationalError("select 1", {}, OSError("the server went away"))

    monkeypatch.setattr(job, "FOLDS", {"series": job.Fold(failing, 20, 0.0), "subjects": job.FOLDS["subjects"]})
    await commit(database, Traffic(project.id).batch([NOW] * 50))
    async with running(database, asyncio.Event(), pause=0.01):
        await until(lambda found: [lag.name for lag in found] == ["series"] and len(tried) > 1, database)
    assert tried[1] - tried[0] >= 1, "not at every step, but after a second, and then later and later"
    assert sample("vigie_rollup_facts_behind") == 50


async def test_the_job_outlives_a_database_that_is_away(
    database: Database, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked = 0

    async def away(session: ReadSession) -> Sequence[Lag]:
        nonlocal looked
        looked += 1
        if looked == 1:
            raise ConnectionError("not there")
        return await lags(session)

    monkeypatch.setattr(job, "lags", away)
    await commit(database, Traffic(project.id).batch([NOW] * 5))
    async with running(database, asyncio.Event(), pause=0.05):
        await until(lambda found: not found, database)
    assert looked > 1


async def test_a_lag_says_how_many_facts_wait_and_since_when(database: Database, project: Project) -> None:
    traffic = Traffic(project.id)
    assert await lagging(database) == []
    before = dt.datetime.now(dt.UTC)
    await commit(database, traffic.batch([NOW] * 5))
    between = dt.datetime.now(dt.UTC)
    await commit(database, traffic.batch([NOW] * 7))
    series, subjects = await lagging(database)
    assert (series.name, series.facts, subjects.name, subjects.facts) == ("series", 12, "subjects", 12)
    assert before <= series.since <= between
    assert series.seconds(before + dt.timedelta(seconds=9)) == pytest.approx(9, abs=1)
    assert series.seconds(before - dt.timedelta(seconds=9)) == 0
    await fold(database, project.id, 5)
    series, subjects = await lagging(database)
    assert (series.facts, subjects.facts) == (7, 12)
    assert series.since >= between


async def test_minute_rows_older_than_fourteen_days_expire(database: Database, project: Project) -> None:
    traffic = Traffic(project.id)
    await commit(database, traffic.batch(traffic.times(80, NOW, hours=48)))
    while await fold(database, project.id):
        pass
    before = await grains(database)
    later = NOW + dt.timedelta(days=13)
    deleted = await expire_minutes(database, project.id, now=later)
    after = await grains(database)
    assert 0 < after[MINUTE] < before[MINUTE]
    assert (after[QUARTER], after[DAY]) == (before[QUARTER], before[DAY])
    assert deleted > 0
    assert await expire_minutes(database, project.id, now=later) == 0
    async with database.read() as session:
        oldest = await session.scalar(select(func.min(UsageByModel.bucket)).where(UsageByModel.grain == MINUTE))
    assert oldest is not None
    assert oldest >= later - dt.timedelta(days=14, minutes=15)


async def grains(database: Database) -> dict[int, int]:
    async with database.read() as session:
        rows = await session.rows(select(UsageByTime.grain, func.count()).group_by(UsageByTime.grain))
    return {row[0]: row[1] for row in rows}
