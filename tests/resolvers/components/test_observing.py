"""Observing: what looks make of a status, its spells, its outages, its uptime and its series."""

import datetime as dt
from collections.abc import Sequence

import pytest
from sqlalchemy import select

from models import Activity, Component, ComponentSpell, Database, Project
from resolvers.components.changing import add_component
from resolvers.components.observing import Observation, lock_component, observe
from resolvers.components.uptime import component_series, count_outages, list_outages, uptimes
from resolvers.metrics.periods import Period, make_period

pytestmark = pytest.mark.anyio

MINUTE, HOUR = dt.timedelta(minutes=1), dt.timedelta(hours=1)


def start() -> dt.datetime:
    """The beginning of the next hour: observations never lie before the component."""
    return dt.datetime.now(dt.UTC).replace(minute=0, second=0, microsecond=0) + HOUR


async def watched(database: Database, project: Project, *, failures: int = 1, successes: int = 1) -> Component:
    async with database.write() as session:
        row = await add_component(
            session, project_id=project.id, name="shop", kind="http", every=MINUTE, due_at=dt.datetime.now(dt.UTC)
        )
        row.failures_before_down, row.successes_before_healthy = failures, successes
    return row


async def see(database: Database, row: Component, *seen: Observation) -> list[str]:
    """The status after each observation, each in a transaction of its own."""
    statuses = []
    for observation in seen:
        async with database.write() as session:
            locked = await lock_component(session, project_id=row.project_id, number=row.id)
            assert locked is not None
            await observe(session, locked, observation)
            statuses.append(locked.status)
    return statuses


def each_minute(begin: dt.datetime, statuses: Sequence[str]) -> list[Observation]:
    return [Observation(status, begin + number * MINUTE, status) for number, status in enumerate(statuses)]


def period(begin: dt.datetime, length: dt.timedelta) -> Period:
    return make_period(start=begin, end=begin + length, last=None, zone="UTC", now=begin)


H, D, G, U = "healthy", "down", "degraded", "unknown"


@pytest.mark.parametrize(
    ("failures", "successes", "seen", "statuses"),
    [
        (1, 1, [H, D, H], [H, D, H]),
        (3, 2, [H, D, D, H, D, D, D, D], [H, H, H, H, H, H, D, D]),
        (1, 3, [D, H, H, D, H, H, H], [D, D, D, D, D, D, H]),
        (2, 2, [D, D, H], [U, D, D]),
        (3, 3, [H, G, H], [H, G, H]),
        (1, 2, [D, H, G], [D, D, G]),
        (3, 3, [H, D, U, D, H], [H, H, U, U, H]),
    ],
)
async def test_so_many_in_a_row_change_a_status(
    database: Database, project: Project, failures: int, successes: int, seen: list[str], statuses: list[str]
) -> None:
    row = await watched(database, project, failures=failures, successes=successes)

    assert await see(database, row, *each_minute(start(), seen)) == statuses


async def test_a_change_is_told_once_and_begins_a_spell(database: Database, project: Project) -> None:
    row, begin = await watched(database, project), start()
    await see(database, row, *each_minute(begin, [H, H, D, D, H]))

    async with database.read() as session:
        told = await session.scalars(select(Activity).order_by(Activity.seq))
        spells = await session.scalars(select(ComponentSpell).where(ComponentSpell.component_id == row.id))
    assert [(fact.kind, fact.title, fact.severity) for fact in told] == [
        ("health", "shop is healthy: healthy", None),
        ("health", "shop is down: down", "high"),
        ("health", "shop is healthy: healthy", None),
    ]
    assert [(spell.status, spell.began_at, spell.ended_at) for spell in spells][1:] == [
        (H, begin, begin + 2 * MINUTE),
        (D, begin + 2 * MINUTE, begin + 4 * MINUTE),
        (H, begin + 4 * MINUTE, None),
    ]


async def test_uptime_outages_and_series_are_sums_of_spells(database: Database, project: Project) -> None:
    row, begin = await watched(database, project), start()
    seen = each_minute(begin, [H] * 30 + [D] * 15 + [G] * 15 + [H] * 60)
    await see(database, row, *(Observation(one.status, one.time, None, 10.0 * n) for n, one in enumerate(seen)))

    hours, later = period(begin, 2 * HOUR), begin + 2 * HOUR
    async with database.read() as session:
        shares = await uptimes(session, project_id=project.id, numbers=[row.id, 99], period=hours, now=later)
        outages = await list_outages(session, project_id=project.id, number=row.id, period=hours, limit=9)
        count = await count_outages(session, project_id=project.id, number=row.id, period=hours)
        points = await component_series(
            session, project_id=project.id, number=row.id, period=hours, interval="hour", now=later
        )
        inside = period(begin + 30 * MINUTE, 15 * MINUTE)
        down = await uptimes(session, project_id=project.id, numbers=[row.id], period=inside, now=later)
        before = await uptimes(
            session, project_id=project.id, numbers=[row.id], period=period(begin - 9 * HOUR, HOUR), now=later
        )
        cut = await list_outages(session, project_id=project.id, number=row.id, period=inside, limit=9)
    assert shares[row.id] == pytest.approx(1 - 15 / 120)
    assert shares[99] is None
    assert down == {row.id: 0.0}
    assert before == {row.id: None}
    assert [(one.began_at, one.ended_at) for one in outages] == [(begin + 30 * MINUTE, begin + 45 * MINUTE)]
    assert (count, len(cut)) == (1, 1)
    assert [point.start for point in points] == [begin, begin + HOUR]
    assert [point.uptime for point in points] == [pytest.approx(0.75), pytest.approx(1.0)]
    assert [point.mean_ms for point in points] == [pytest.approx(295.0), pytest.approx(895.0)]
    assert [point.p95_ms for point in points] == [pytest.approx(560.0), pytest.approx(1160.0)]


async def test_the_future_and_an_open_spell_count_up_to_now(database: Database, project: Project) -> None:
    row, begin = await watched(database, project), start()
    await see(database, row, *each_minute(begin, [H, D]))

    async with database.read() as session:
        shares = await uptimes(
            session,
            project_id=project.id,
            numbers=[row.id],
            period=period(begin, 24 * HOUR),
            now=begin + 4 * MINUTE,
        )
    assert shares[row.id] == pytest.approx(0.25)


async def test_time_in_which_nobody_looked_is_unknown(database: Database, project: Project) -> None:
    row, begin = await watched(database, project, failures=3), start()
    late = begin + HOUR
    await see(database, row, *each_minute(begin, [H, H]), *each_minute(late, [H]))

    hours = period(begin, HOUR)
    async with database.read() as session:
        spells = await session.scalars(select(ComponentSpell).where(ComponentSpell.component_id == row.id))
        told = await session.scalars(select(Activity))
        points = await component_series(
            session, project_id=project.id, number=row.id, period=hours, interval="minute", now=late
        )
    assert [(spell.status, spell.began_at) for spell in spells][1:] == [
        (H, begin),
        (U, begin + 2 * MINUTE),
        (H, late),
    ]
    assert len(told) == 1
    assert [point.uptime for point in points] == [pytest.approx(1.0)] * 2 + [None] * 58


async def test_an_older_observation_changes_nothing(database: Database, project: Project) -> None:
    row, begin = await watched(database, project), start()

    assert await see(database, row, Observation(H, begin), Observation(D, begin - MINUTE)) == [H, H]
