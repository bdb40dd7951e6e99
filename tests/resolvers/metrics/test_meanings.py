"""What the contract says figures mean, by examples that are worked out by hand."""

import datetime as dt
from typing import Any

import pytest

from models import Database, Project
from models.base import PICODOLLARS
from realtime.facts import Fact
from tests.resolvers.metrics.asking import Json
from tests.resolvers.metrics.log import Log
from tests.resolvers.metrics.periods import Period
from tests.resolvers.rollups.facts import Traffic

NOON = dt.datetime(2026, 10, 14, 12, tzinfo=dt.UTC)
HOUR, DAY = dt.timedelta(hours=1), dt.timedelta(days=1)
WEDNESDAY = Period.local("2026-10-14", "2026-10-15", "UTC")
PLAIN: Json = {"status": "ok", "cost_picousd": None, "duration_ms": None, "subject": None, "estimated": False}


@pytest.fixture
def log(database: Database, project: Project) -> Log:
    return Log(database, project, dt.datetime.now(dt.UTC))


async def usage(log: Log, *events: Json, time: dt.datetime = NOON) -> None:
    """Stores events that have only what is said, and folds all but the last."""
    traffic = Traffic(log.project.id)
    facts: list[Fact] = [traffic.usage(**{"time": time, **PLAIN, **event}) for event in events]
    await log.append(facts)
    await log.fold(limit=len(facts) - 1)


async def api(log: Log, *calls: Json) -> None:
    traffic = Traffic(log.project.id)
    plain: Json = {"time": NOON, "status": 200, "duration_ms": None, "cache": None, "route": "/"}
    await log.append([traffic.api_call(**plain | call) for call in calls])


async def answer(log: Log, fields: str, period: Period = WEDNESDAY) -> Any:
    block = fields.split(maxsplit=1)[0]
    return (await log.client.metrics(fields, period.variable))[block]


async def test_ratios_and_means_without_a_denominator_are_null(log: Log) -> None:
    totals = "totals { requests errorRate costUsd pricedShare estimatedShare latency { meanMs p50Ms maxMs } }"
    assert await answer(log, f"usage {{ {totals} }}") == {
        "totals": {
            "requests": 0,
            "errorRate": None,
            "costUsd": "0",
            "pricedShare": None,
            "estimatedShare": None,
            "latency": {"meanMs": None, "p50Ms": None, "maxMs": None},
        }
    }
    assert await answer(log, "api { totals { cacheHitRate errorRate } }") == {
        "totals": {"cacheHitRate": None, "errorRate": None}
    }


async def test_the_cost_is_null_when_nothing_has_a_price(log: Log) -> None:
    await usage(log, {"model": "a"}, {"model": "a"}, {"model": "b", "cost_picousd": 5}, {"model": "b"})
    found = await answer(
        log,
        "usage { totals { costUsd pricedShare } breakdown(by: MODEL, orderBy: COST, first: 9) {"
        " edges { node { key share totals { costUsd pricedShare } } } } }",
    )
    assert found["totals"] == {"costUsd": "0.000000000005", "pricedShare": 0.25}
    assert [edge["node"] for edge in found["breakdown"]["edges"]] == [
        {"key": "b", "share": 1.0, "totals": {"costUsd": "0.000000000005", "pricedShare": 0.5}},
        {"key": "a", "share": None, "totals": {"costUsd": None, "pricedShare": 0.0}},
    ]


async def test_aborted_calls_are_no_errors(log: Log) -> None:
    await usage(log, {"status": "error"}, {"status": "aborted"}, {"status": "ok"}, {"status": "ok"})
    assert await answer(log, "usage { totals { requests errors errorRate } }") == {
        "totals": {"requests": 4, "errors": 1, "errorRate": 0.25}
    }


async def test_errors_of_the_api_begin_at_500(log: Log) -> None:
    await api(log, {"status": 404}, {"status": 499}, {"status": 500}, {"status": 599, "cache": "hit"})
    found = await answer(log, "api { totals { errors errorRate cacheHitRate } }")
    assert found == {"totals": {"errors": 2, "errorRate": 0.5, "cacheHitRate": 1.0}}


async def test_percentiles_are_nearest_rank(log: Log) -> None:
    await usage(log, *({"duration_ms": float(ms)} for ms in range(1, 21)), {"duration_ms": None})
    latency = (await answer(log, "usage { totals { latency { meanMs p50Ms p95Ms p99Ms maxMs } } }"))["totals"][
        "latency"
    ]
    near = {"p50Ms": 10, "p95Ms": 19, "p99Ms": 20}
    assert {name: latency[name] for name in near} == pytest.approx(near, rel=0.01)
    assert (latency["meanMs"], latency["maxMs"]) == (10.5, 20.0)


@pytest.mark.parametrize(
    ("count", "slope", "coefficient"),
    [(29, 1, None), (30, 1, pytest.approx(1)), (30, -1, pytest.approx(-1)), (40, 0, None)],
)
async def test_the_correlation_of_a_line(log: Log, count: int, slope: int, coefficient: Any) -> None:
    line = ({"cost_picousd": n * 10**9, "duration_ms": 1000.0 + slope * n} for n in range(count))
    await usage(log, *line, {"cost_picousd": 1}, {"duration_ms": 1.0})
    assert await answer(log, "usage { costLatencyCorrelation { coefficient sampleCount } }") == {
        "costLatencyCorrelation": {"coefficient": coefficient, "sampleCount": count}
    }


@pytest.mark.parametrize(
    ("ms", "statuses", "rating"),
    [
        (490.0, [200] * 99 + [500], "GOOD"),
        (510.0, [200], "FAIR"),
        (490.0, [200] * 98 + [500] * 2, "FAIR"),
        (1980.0, [200] * 95 + [500] * 5, "FAIR"),
        (2040.0, [200], "POOR"),
        (1.0, [200] * 94 + [500] * 6, "POOR"),
        (None, [404] * 100, "GOOD"),
    ],
)
async def test_a_route_is_rated_by_its_slowest_and_its_errors(
    log: Log, ms: float | None, statuses: list[int], rating: str
) -> None:
    await api(log, *({"duration_ms": ms, "status": status} for status in statuses))
    found = await answer(log, "api { breakdown(by: ROUTE, orderBy: ERRORS, first: 1) { edges { node { rating } } } }")
    assert found == {"breakdown": {"edges": [{"node": {"rating": rating}}]}}


async def test_a_projection_of_seven_days(log: Log) -> None:
    days = [1, 2, 3, 4, 5, 6, 7]
    events = ({"time": WEDNESDAY.start + n * DAY + HOUR, "cost_picousd": n * PICODOLLARS} for n in days)
    await usage(log, *events, {"time": WEDNESDAY.start + 8 * DAY, "cost_picousd": 10**15})
    week = Period(WEDNESDAY.start + DAY / 2, WEDNESDAY.start + 8 * DAY + 2 * HOUR, WEDNESDAY.zone)
    found = (
        await answer(
            log,
            "usage { projection { basisDays dailyUsd monthlyUsd yearlyUsd monthlyLowUsd monthlyHighUsd enoughData } }",
            week,
        )
    )["projection"]
    # The standard error is sqrt(14/3) / sqrt(7), Student's 90 % quantile with 6 degrees of freedom 1.4397557.
    margin = 1.439755747 * (14 / 3) ** 0.5 / 7**0.5 * 30.4375
    assert float(found.pop("monthlyLowUsd")) == pytest.approx(4 * 30.4375 - margin)
    assert float(found.pop("monthlyHighUsd")) == pytest.approx(4 * 30.4375 + margin)
    assert found == {
        "basisDays": 7,
        "dailyUsd": "4",
        "monthlyUsd": "121.75",
        "yearlyUsd": "1461",
        "enoughData": True,
    }


async def test_the_days_before_are_local_days(log: Log) -> None:
    days = Period.local("2026-10-26", "2026-10-28", "Europe/Paris")
    before = Period.local("2026-10-24", "2026-10-26", "Europe/Paris")  # 49 hours, for the clock is set back
    instants = [before.start - HOUR, before.start, before.start + HOUR, before.end - HOUR, before.end, days.end]
    await usage(log, *({"time": time} for time in instants))
    found = await answer(log, "usage { totals { requests } previous { requests } }", days)
    assert found == {"totals": {"requests": 1}, "previous": {"requests": 3}}


async def test_the_week_is_that_of_the_zone(log: Log) -> None:
    sunday = dt.datetime(2026, 10, 18, 18, 14, 59, tzinfo=dt.UTC)
    await usage(log, {"time": sunday}, {"time": sunday + dt.timedelta(seconds=1)}, {"time": sunday - 7 * DAY})
    month = Period.local("2026-10-01", "2026-11-01", "Asia/Kathmandu")
    cells = (await answer(log, "usage { heatmap { weekday hour requests } }", month))["heatmap"]
    assert len(cells) == 168
    assert [cell for cell in cells if cell["requests"]] == [
        {"weekday": 1, "hour": 0, "requests": 1},
        {"weekday": 7, "hour": 23, "requests": 2},
    ]
