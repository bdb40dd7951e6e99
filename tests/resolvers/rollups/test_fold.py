"""Roll-ups equal a recomputation from the facts, however the facts came and whatever happened meanwhile."""

import asyncio
import datetime as dt
from collections.abc import Awaitable, Callable

import pytest
from sqlalchemy import select, update

from models import Counter, Database, Project, Watermark
from resolvers.projects import create_project
from resolvers.rollups import routes
from resolvers.rollups.fold import fold, fold_subjects
from tests.resolvers.rollups.facts import Traffic, catch_up, commit
from tests.resolvers.rollups.recomputed import assert_same, recomputed, stored

NOW = dt.datetime.now(dt.UTC)
Folding = Callable[[Database, int, int], Awaitable[int]]


async def test_roll_ups_equal_a_recomputation_from_the_facts(database: Database, project: Project) -> None:
    traffic = Traffic(project.id)
    for _ in range(12):
        age = dt.timedelta(days=traffic.random.choice([0.0, 0.1, 1.5, 13.5, 14.5, 45.0]))
        now = traffic.times(traffic.random.randrange(200), NOW, hours=5)
        then = traffic.times(traffic.random.randrange(1, 200), NOW - age)
        await commit(database, traffic.batch([*now, *then]))
        if traffic.random.random() < 0.7:
            await fold(database, project.id, traffic.random.randrange(1, 300))
            await fold_subjects(database, project.id, traffic.random.randrange(1, 300))
    await catch_up(database, project.id)
    assert_same(await stored(database, project.id), recomputed(traffic.facts, now=NOW))
    assert await fold(database, project.id) == await fold_subjects(database, project.id) == 0


async def test_a_fold_takes_what_is_there_up_to_its_limit(database: Database, project: Project) -> None:
    traffic = Traffic(project.id)
    assert await fold(database, project.id) == 0
    await commit(database, traffic.batch([NOW] * 25))
    assert [await fold(database, project.id, 10) for _ in range(4)] == [10, 10, 5, 0]
    assert await fold(database, project.id + 1) == 0


async def test_late_facts_join_the_rows_of_their_time(database: Database, project: Project) -> None:
    traffic = Traffic(project.id)
    for age in (0, 3, 0, 90, 3):
        await commit(database, traffic.batch([NOW - dt.timedelta(days=age)] * 50))
        await catch_up(database, project.id)
    assert_same(await stored(database, project.id), recomputed(traffic.facts, now=NOW))


async def test_sequence_numbers_beyond_32_bits_are_folded(database: Database, project: Project) -> None:
    start = 5_000_000_000
    async with database.write() as session:
        await session.run(update(Counter).values(last_seq=start))
        await session.run(update(Watermark).values(seq=start))
    traffic = Traffic(project.id, first_seq=start + 1)
    await commit(database, traffic.batch([NOW] * 40))
    await catch_up(database, project.id)
    assert_same(await stored(database, project.id), recomputed(traffic.facts, now=NOW))


async def test_projects_do_not_mix(database: Database, project: Project) -> None:
    async with database.write() as session:
        other = await create_project(session, name="other", actor="tests")
    ours, theirs = Traffic(project.id, seed=2), Traffic(other.id, seed=3)
    await commit(database, ours.batch([NOW] * 60))
    await commit(database, theirs.batch([NOW] * 60))
    await catch_up(database, project.id)
    assert await stored(database, other.id) == {}
    await catch_up(database, other.id)
    assert_same(await stored(database, project.id), recomputed(ours.facts, now=NOW))
    assert_same(await stored(database, other.id), recomputed(theirs.facts, now=NOW))


async def test_two_folders_at_once_count_each_fact_once(database: Database, project: Project) -> None:
    traffic = Traffic(project.id)
    second = Database(database.url.render_as_string(hide_password=False))
    await commit(database, traffic.batch(traffic.times(1_500, NOW)))

    async def work(mine: Database, folding: Folding) -> int:
        folded, idle = 0, 0
        while idle < 20:
            facts = await folding(mine, project.id, 70)
            folded, idle = folded + facts, 0 if facts else idle + 1
            await asyncio.sleep(0.001)
        return folded

    everyone = [(mine, folding) for mine in (database, second) for folding in (fold, fold_subjects)]
    folded = await asyncio.gather(*(work(*one) for one in everyone))
    await second.close()
    await catch_up(database, project.id)
    assert sum(folded) <= 2 * len(traffic.facts)
    assert_same(await stored(database, project.id), recomputed(traffic.facts, now=NOW))


async def test_a_fold_cut_off_at_any_moment_leaves_the_roll_ups_right(database: Database, project: Project) -> None:
    traffic = Traffic(project.id)
    await commit(database, traffic.batch(traffic.times(600, NOW)))
    delay = 0.0
    async with asyncio.timeout(25):  # no lock outlives its transaction: SQLite would wait 30 s for one
        while await _cut(fold(database, project.id, 150), delay) or delay < 0.1:
            delay += 0.004
            await _connect(database)
    await catch_up(database, project.id)
    assert_same(await stored(database, project.id), recomputed(traffic.facts, now=NOW))


async def _connect(database: Database) -> None:
    """A connection for the next fold: cut while it connects, the driver complains of a promise nobody waits for."""
    async with database.write() as session:
        await session.execute(select(1))


async def _cut(folding: Awaitable[int], delay: float) -> bool:
    """Whether the fold had to be cut off."""
    task = asyncio.ensure_future(folding)
    await asyncio.wait([task], timeout=delay)
    task.cancel()
    return isinstance((await asyncio.gather(task, return_exceptions=True))[0], asyncio.CancelledError)


async def test_routes_beyond_the_cap_of_a_day_share_one_row(
    database: Database, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(routes, "ROUTES_A_DAY", 4)
    traffic = Traffic(project.id, routes=9)
    for _ in range(8):
        ages = traffic.random.choices([0, 1, 20], k=12)
        await commit(database, traffic.batch(NOW - dt.timedelta(days=age) for age in ages))
        await fold(database, project.id, traffic.random.randrange(1, 20))
    await catch_up(database, project.id)
    found = await stored(database, project.id)
    assert_same(found, recomputed(traffic.facts, now=NOW, routes_a_day=4))
    assert any("(other)" in key for key in found)
