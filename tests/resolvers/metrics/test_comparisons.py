"""Two periods beside each other agree with each of them alone; months know their weekdays."""

import datetime as dt
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from models import Database, Project
from models.base import PICODOLLARS
from resolvers.subjects.profiles import set_subject
from tests.resolvers.metrics.asking import API_TOTALS, USAGE_TOTALS, Json
from tests.resolvers.metrics.calendars import label
from tests.resolvers.metrics.comparing import agrees
from tests.resolvers.metrics.log import Log
from tests.resolvers.rollups.facts import Traffic

TOTALS = {"usage": USAGE_TOTALS, "api": API_TOTALS}
COMPARED = """query ($period: PeriodInput!, $other: PeriodInput!) { metrics(period: $period) { compare(period: $other) {
  %s { totals { now { %s } other { %s } change { requests errors meanMs p95Ms activeSubjects } }
       breakdown(by: SUBJECT, orderBy: REQUESTS, first: 200) {
         edges { node { key now { requests } other { requests } change { requests } } } } }
} } }"""


def spans(log: Log, zone: str) -> tuple[Json, Json]:
    """Two periods that overlap: the whole weeks of the log, cut in the middle of a day."""
    start = log.now - dt.timedelta(days=21, hours=5)
    middle, end = start + dt.timedelta(days=9, minutes=7), log.now
    one = {"from": middle.isoformat(), "to": end.isoformat(), "timeZone": zone}
    return one, {"from": start.isoformat(), "to": (middle + dt.timedelta(days=1)).isoformat(), "timeZone": zone}


@pytest.mark.parametrize("block", TOTALS)
async def test_a_comparison_is_both_periods_and_their_difference(log: Log, block: str) -> None:
    period, other = spans(log, "Europe/Paris")
    totals = TOTALS[block]
    data = await log.client.ask(COMPARED % (block, totals, totals), period=period, other=other)
    compared = data["metrics"]["compare"][block]
    alone = [(await log.client.metrics(f"{block} {{ totals {{ {totals} }} }}", one))[block] for one in (period, other)]
    whole = compared["totals"]
    agrees([whole["now"], whole["other"]], [one["totals"] for one in alone])
    assert whole["change"]["requests"] == whole["now"]["requests"] - whole["other"]["requests"]
    assert whole["change"]["activeSubjects"] == whole["now"]["activeSubjects"] - whole["other"]["activeSubjects"]
    assert whole["change"]["p95Ms"] == whole["now"]["latency"]["p95Ms"] - whole["other"]["latency"]["p95Ms"]
    nodes = [edge["node"] for edge in compared["breakdown"]["edges"]]
    assert sum(node["now"]["requests"] for node in nodes) == whole["now"]["requests"]
    assert sum(node["other"]["requests"] for node in nodes) == whole["other"]["requests"]
    changes = [abs(node["change"]["requests"]) for node in nodes]
    assert changes == sorted(changes, reverse=True)


@pytest.mark.parametrize("zone", ["UTC", "Europe/Paris", "Australia/Lord_Howe"])
async def test_months_count_the_weekdays_that_are_left(database: Database, project: Project, zone: str) -> None:
    where = ZoneInfo(zone)
    end = dt.datetime(2026, 10, 20, tzinfo=where).astimezone(dt.UTC)
    log, traffic = Log(database, project, end), Traffic(project.id)
    facts, costs, day = [], {}, dt.date(2026, 9, 22)
    while day < dt.date(2026, 10, 20):
        cost = 10 if day.weekday() < 5 else 1
        costs[day] = cost
        noon = dt.datetime(day.year, day.month, day.day, 12, tzinfo=where)
        facts.append(traffic.usage(noon.astimezone(dt.UTC), cost_picousd=cost * PICODOLLARS, model="small"))
        day += dt.timedelta(days=1)
    await log.append(facts)
    period = {"from": "2026-09-01T00:00:00Z", "to": end.isoformat(), "timeZone": zone}
    fields = (
        "projection { basisDays monthlyUsd weekdays { weekday days meanUsd } months { start spentUsd projectedUsd } }"
    )
    found = (await log.client.metrics(f"usage {{ {fields} }}", period))["usage"]["projection"]
    assert [(one["weekday"], one["days"], Decimal(one["meanUsd"])) for one in found["weekdays"]] == [
        (weekday, 4, Decimal(10 if weekday < 6 else 1)) for weekday in range(1, 8)
    ]
    by_month = dict.fromkeys((10, 11), 0)
    day = dt.date(2026, 10, 1)
    while day < dt.date(2026, 12, 1):
        by_month[day.month] += 10 if day.weekday() < 5 else 1
        day += dt.timedelta(days=1)
    assert [Decimal(month["projectedUsd"]) for month in found["months"]] == list(by_month.values())
    october = sum(cost for day, cost in costs.items() if day.month == 10)
    assert [Decimal(month["spentUsd"]) for month in found["months"]] == [october, 0]
    first = dt.datetime.fromisoformat(found["months"][0]["start"])
    assert label(first, where, "DAY") == dt.date(2026, 10, 1)


async def test_the_projection_names_what_drives_the_cost(database: Database, project: Project) -> None:
    end = dt.datetime(2026, 11, 1, tzinfo=dt.UTC)
    log, traffic = Log(database, project, end), Traffic(project.id)
    facts = []
    for days, calls in ((10, 5), (3, 20)):
        times = [end - dt.timedelta(days=days, hours=hour / 4) for hour in range(calls)]
        facts += [traffic.usage(time, model="large", subject="a", cost_picousd=PICODOLLARS) for time in times]
        facts += [traffic.usage(time, model="small", subject="b", cost_picousd=10**9) for time in times[:5]]
    await log.append(facts)
    async with database.write() as session:
        await set_subject(session, project_id=project.id, name="a", values={"label": "Ann"}, actor="tests")
    period = {"from": "2026-10-25T00:00:00Z", "to": "2026-11-01T00:00:00Z"}
    money = "beforeUsd nowUsd changeUsd volumeUsd mixUsd sizeUsd priceUsd"
    driver = "driver { dimension key share effect changeUsd }"
    by = "breakdown(by: SUBJECT, orderBy: COST, first: 5) { edges { node { key label } } }"
    usage = (await log.client.metrics(f"usage {{ projection {{ change {{ {money} {driver} }} }} {by} }}", period))[
        "usage"
    ]
    change = usage["projection"]["change"]
    assert (Decimal(change["beforeUsd"]), Decimal(change["nowUsd"])) == (Decimal("5.005"), Decimal("20.005"))
    effects = sum(Decimal(change[name]) for name in ("volumeUsd", "mixUsd", "sizeUsd", "priceUsd"))
    assert abs(effects - Decimal(change["changeUsd"])) < Decimal("1e-11")
    assert (change["driver"]["dimension"], change["driver"]["key"], change["driver"]["share"]) == (
        "MODEL",
        "large",
        1.0,
    )
    labels = {edge["node"]["key"]: edge["node"]["label"] for edge in usage["breakdown"]["edges"]}
    assert labels == {"a": "Ann", "b": None}
