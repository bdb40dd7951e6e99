"""Budgets against plain Python: three zones, over the days on which their clocks change."""

import datetime as dt
import random
from fractions import Fraction
from zoneinfo import ZoneInfo

import pytest

from models import Budget, Database, Project
from models.base import PICODOLLARS
from realtime.facts import Fact, UsageFact
from resolvers.budgets.spending import standings, used_up_at
from resolvers.budgets.watching import standings_over
from resolvers.metrics.snapshots import take_snapshot
from tests.resolvers.metrics.calendars import buckets, label
from tests.resolvers.metrics.log import Log
from tests.resolvers.rollups.facts import Traffic

CHANGES = {
    "Europe/Paris": dt.datetime(2026, 10, 25, 1, tzinfo=dt.UTC),
    "America/New_York": dt.datetime(2026, 11, 1, 6, tzinfo=dt.UTC),
    "Australia/Lord_Howe": dt.datetime(2026, 10, 3, 15, 30, tzinfo=dt.UTC),
}
SCOPES = (("project", None), ("subject", "subject 3"), ("model", "large"), ("key", "2"))
HOUR, MICROSECOND = dt.timedelta(hours=1), dt.timedelta(microseconds=1)


def budget(project: Project, number: int, scope: tuple[str, str | None], window: str, zone: str, usd: int) -> Budget:
    return Budget(
        project_id=project.id,
        id=number,
        name="b",
        amount_picousd=usd * PICODOLLARS,
        scope=scope[0],
        scope_value=scope[1],
        window=window,
        time_zone=zone,
        soft_threshold=0.8,
        hard_threshold=1.0,
        created_at=CHANGES["Europe/Paris"],
        updated_at=CHANGES["Europe/Paris"],
        deleted_at=None,
    )


def concerns(fact: Fact, one: Budget) -> bool:
    if not isinstance(fact, UsageFact):
        return False
    values = {"project": None, "subject": fact.subject, "model": fact.model, "key": str(fact.api_key_id)}
    return values[one.scope] == one.scope_value


async def filled(database: Database, project: Project, change: dt.datetime) -> Log:
    """Forty days of traffic around a change of the clocks: a third in roll-ups by key, two thirds in series."""
    log, traffic, pick = Log(database, project, change), Traffic(project.id, seed=3), random.Random(4)
    facts: list[Fact] = []
    for _ in range(900):
        time = change + dt.timedelta(days=40) * (pick.random() - 0.75)
        key, cost = pick.choice([None, 1, 2]), pick.choice([None, pick.randrange(4 * PICODOLLARS)])
        facts.append(traffic.usage(time, api_key_id=key, cost_picousd=cost))
    await log.append(facts[:300])
    await log.fold_subjects()
    await log.append(facts[300:600])
    await log.fold()
    await log.append(facts[600:])
    return log


@pytest.mark.parametrize("zone", CHANGES)
async def test_standings_agree_with_a_plain_sum_over_the_events(
    database: Database, project: Project, zone: str
) -> None:
    change, where, seen = CHANGES[zone], ZoneInfo(zone), 0
    log = await filled(database, project, change)
    for at in (change - 3 * HOUR, change + 5 * HOUR, change + 7 * 24 * HOUR + 17 * MICROSECOND):
        for window in ("day", "week", "month"):
            some = [budget(project, n, scope, window, zone, 40) for n, scope in enumerate(SCOPES, 1)]
            async with database.read() as session:
                snapshot = await take_snapshot(session, project_id=project.id, now=at)
                found = await standings(session, snapshot, some, at=at)
            name = window.upper()
            (start, here), *_, (end, _) = buckets(at, at + dt.timedelta(days=40), where, name)[:2]
            for one in some:
                events = [f for f in log.usage if concerns(f, one) and f.time < at]
                inside = [f for f in events if label(f.time, where, name) == here]
                spent = sum(f.cost_picousd or 0 for f in inside)
                standing = found[one.id]
                assert (standing.window.start, standing.window.end) == (start, end)
                assert (standing.spent.picousd, standing.spent.requests) == (spent, len(inside))
                assert standing.spent.priced == sum(f.cost_picousd is not None for f in inside)
                assert standing.left == one.amount_picousd - spent
                elapsed = max((at - start) / MICROSECOND, (end - start) / MICROSECOND // 24)
                projected = spent + Fraction(spent) * int((end - at) / MICROSECOND) / int(elapsed)
                assert abs(standing.projected - projected) <= 1
                seen += spent > 0
    assert seen > 25


async def test_a_daily_budget_projects_to_midnight_and_not_to_the_months_end(
    database: Database, project: Project
) -> None:
    log, traffic = Log(database, project, CHANGES["Europe/Paris"]), Traffic(project.id)
    midnight = dt.datetime(2026, 10, 24, 22, tzinfo=dt.UTC)  # in Paris, of a day of 25 hours
    await log.append([traffic.usage(midnight + hour * HOUR, cost_picousd=PICODOLLARS) for hour in range(5)])
    one = budget(project, 1, ("project", None), "day", "Europe/Paris", 20)
    at = midnight + 5 * HOUR
    async with database.read() as session:
        snapshot = await take_snapshot(session, project_id=project.id, now=at)
        standing = (await standings(session, snapshot, [one], at=at))[1]
        exhausted = await used_up_at(session, snapshot, one, standing)
    assert standing.projected == 25 * PICODOLLARS
    assert standing.window.end - standing.window.start == 25 * HOUR
    assert exhausted == midnight + 20 * HOUR
    assert standing.state == "ok"


@pytest.mark.parametrize("scope", SCOPES)
async def test_what_is_used_up_says_when_to_the_quarter_hour(
    database: Database, project: Project, scope: tuple[str, str | None]
) -> None:
    log = await filled(database, project, CHANGES["Europe/Paris"])
    one = budget(project, 1, scope, "month", "Europe/Paris", 30)
    at = CHANGES["Europe/Paris"] + 4 * 24 * HOUR
    async with database.read() as session:
        snapshot = await take_snapshot(session, project_id=project.id, now=at)
        standing = (await standings(session, snapshot, [one], at=at))[1]
        exhausted = await used_up_at(session, snapshot, one, standing)
    total, crossed = 0, None
    for fact in sorted(log.usage, key=lambda fact: fact.time):
        if concerns(fact, one) and standing.window.start <= fact.time < at and crossed is None:
            total += fact.cost_picousd or 0
            crossed = fact.time if total >= one.amount_picousd else None
    assert crossed is not None
    assert exhausted is not None
    assert standing.state == "hard"
    assert dt.timedelta(0) < exhausted - crossed <= dt.timedelta(minutes=15)


async def test_a_preview_sees_what_each_moment_saw(database: Database, project: Project) -> None:
    change = CHANGES["America/New_York"]
    await filled(database, project, change)
    one = budget(project, 1, ("model", "large"), "day", "America/New_York", 5)
    every = dt.timedelta(minutes=10)
    async with database.write() as session:
        session.add(one)
    instants = [change - 12 * HOUR + place * every for place in range(240)]
    async with database.read() as session:
        over = await standings_over(session, project_id=project.id, number=1, instants=instants, every=every)
        snapshot = await take_snapshot(session, project_id=project.id, now=instants[-1])
        for at, standing in list(zip(instants, over, strict=True))[::20]:
            assert standing == (await standings(session, snapshot, [one], at=at))[1]
    assert len({standing.window for standing in over}) == 3
