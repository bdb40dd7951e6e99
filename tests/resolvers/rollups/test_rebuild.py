"""Roll-ups made anew from the facts are those that folding makes."""

import datetime as dt
from typing import Any

import pytest
from sqlalchemy import delete, insert, select, update

from models import ApiByRoute, Counter, Database, Project, UsageBySubject, UsageByTime, UsageEvent, Watermark
from resolvers.rollups import rebuild as rebuilding
from resolvers.rollups import routes
from resolvers.rollups.fold import fold
from resolvers.rollups.rebuild import build, rebuild
from tests.resolvers.rollups.facts import Traffic, catch_up, commit
from tests.resolvers.rollups.recomputed import assert_same, recomputed, stored

NOW = dt.datetime.now(dt.UTC)
DAY = dt.timedelta(days=1)
MIDNIGHT = NOW.replace(hour=0, minute=0, second=0, microsecond=0)


@pytest.fixture
async def traffic(database: Database, project: Project) -> Traffic:
    """Facts of today, yesterday and twenty days ago, in three commits."""
    traffic = Traffic(project.id)
    for _ in range(3):
        await commit(database, traffic.batch(traffic.times(60, NOW) + traffic.times(60, NOW - 20 * DAY, hours=30)))
    return traffic


async def watermarks(database: Database) -> dict[str, int]:
    async with database.read() as session:
        rows = await session.rows(select(Watermark.name, Watermark.seq))
    return {row.name: row.seq for row in rows}


async def test_a_log_is_rolled_up_in_one_go(database: Database, project: Project, traffic: Traffic) -> None:
    assert await build(database, project.id) == len(traffic.facts)
    assert_same(await stored(database, project.id), recomputed(traffic.facts, now=NOW))
    assert await watermarks(database) == dict.fromkeys(("series", "subjects"), len(traffic.facts))
    assert await fold(database, project.id) == 0
    await commit(database, traffic.batch([NOW] * 30))
    await catch_up(database, project.id)
    assert_same(await stored(database, project.id), recomputed(traffic.facts, now=NOW))


async def test_building_again_replaces_whatever_is_there(
    database: Database, project: Project, traffic: Traffic
) -> None:
    await fold(database, project.id, 200)
    await damage(database)
    await build(database, project.id)
    assert_same(await stored(database, project.id), recomputed(traffic.facts, now=NOW))


async def test_a_rebuild_repairs_the_days_it_touches_and_no_others(
    database: Database, project: Project, traffic: Traffic
) -> None:
    await catch_up(database, project.id)
    whole = await stored(database, project.id)
    await damage(database)
    damaged = await stored(database, project.id)
    await rebuild(database, project.id, MIDNIGHT - 22 * DAY + dt.timedelta(hours=13), NOW - 5 * DAY)
    early = NOW - 10 * DAY
    assert_same(
        await stored(database, project.id),
        {key: values for key, values in whole.items() if _bucket(key) < early}
        | {key: values for key, values in damaged.items() if _bucket(key) >= early},
    )
    await rebuild(database, project.id, NOW - 2 * DAY, NOW)
    assert_same(await stored(database, project.id), recomputed(traffic.facts, now=NOW))


async def test_a_rebuild_stops_at_each_watermark(database: Database, project: Project, traffic: Traffic) -> None:
    await fold(database, project.id, 150)
    await rebuild(database, project.id, NOW - 22 * DAY, NOW + DAY)
    found = await stored(database, project.id)
    wanted = recomputed(traffic.facts[:150], now=NOW)
    assert_same(found, {key: values for key, values in wanted.items() if not key[0].endswith("by_subject")})
    await catch_up(database, project.id)
    assert_same(await stored(database, project.id), recomputed(traffic.facts, now=NOW))


async def test_days_below_the_floor_are_frozen(database: Database, project: Project, traffic: Traffic) -> None:
    await catch_up(database, project.id)
    floor = MIDNIGHT - 5 * DAY + dt.timedelta(hours=1)
    async with database.write() as session:
        await session.run(update(Counter).values(floor=floor))
        await session.run(delete(UsageEvent).where(UsageEvent.time < floor))
    await rebuild(database, project.id, NOW - 30 * DAY, NOW + DAY)
    assert_same(await stored(database, project.id), recomputed(traffic.facts, now=NOW))
    await build(database, project.id)
    assert_same(await stored(database, project.id), recomputed(traffic.facts, now=NOW))


async def test_the_cap_on_routes_admits_the_same_ones_again(
    database: Database, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (routes, rebuilding):
        monkeypatch.setattr(module, "ROUTES_A_DAY", 4)
    traffic = Traffic(project.id, routes=9)
    for _ in range(3):
        await commit(database, traffic.batch(traffic.times(60, NOW, hours=30)))
        await catch_up(database, project.id)
    wanted = recomputed(traffic.facts, now=NOW, routes_a_day=4)
    assert_same(await stored(database, project.id), wanted)
    await rebuild(database, project.id, NOW - 3 * DAY, NOW)
    assert_same(await stored(database, project.id), wanted)


async def test_an_unknown_project_has_nothing_to_rebuild(database: Database) -> None:
    with pytest.raises(LookupError, match="project 77"):
        await build(database, 77)


async def damage(database: Database) -> None:
    """Wrong sums, rows that should not be, and rows that are missing."""
    async with database.write() as session:
        await session.run(update(UsageByTime).values(requests=UsageByTime.requests + 1, cost_picousd=7, latency=b""))
        await session.run(delete(UsageBySubject))
        rows: list[Any] = [row._asdict() for row in await session.rows(select(ApiByRoute.__table__))]
        if rows:
            await session.run_many(insert(ApiByRoute), [row | {"route": f"/never{row['route']}"} for row in rows])


def _bucket(key: tuple[Any, ...]) -> dt.datetime:
    return next(value for value in key if isinstance(value, dt.datetime))
