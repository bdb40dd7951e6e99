"""Figures of a whole period agree with the oracle, however the period cuts buckets, days and the clock's changes."""

import datetime as dt
import random
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.resolvers.metrics import oracle
from tests.resolvers.metrics.asking import API_TOTALS, USAGE_TOTALS
from tests.resolvers.metrics.calendars import INTERVALS
from tests.resolvers.metrics.comparing import agrees
from tests.resolvers.metrics.log import Log
from tests.resolvers.metrics.periods import Period
from tests.resolvers.metrics.traffic import FIRST, LAST

PERIODS = [
    Period.local("2026-10-01", "2026-11-01", "UTC"),
    Period.local("2026-10-02T03:04:05.678901", "2026-10-31T22:22:22.222222", "UTC"),
    Period.local("2026-10-10", "2026-10-24", "Asia/Kathmandu"),
    Period.local("2026-10-05T07:31", "2026-10-12T18:00:00.000001", "Asia/Kathmandu"),
    Period.local("2026-10-20", "2026-10-30", "Europe/Paris"),
    Period.local("2026-10-25T01:59:59.999999", "2026-10-25T03:00:01", "Europe/Paris"),
    Period.local("2026-10-28", "2026-11-04", "America/New_York"),
    Period.local("2026-11-01T00:20", "2026-11-01T02:40", "America/New_York"),
    Period.local("2026-09-28", "2026-10-08", "Australia/Lord_Howe"),
    Period.local("2026-10-04T00:10", "2026-10-04T04:10", "Australia/Lord_Howe"),
    Period.local("2026-10-01", "2026-11-05", "Pacific/Apia"),
    Period.local("2020-01-01", "2020-01-01T01:30", "UTC"),
]


def recent(log: Log, start: dt.timedelta, length: dt.timedelta, zone: str) -> Period:
    return Period(log.now - start, log.now - start + length, ZoneInfo(zone))


RECENT = [
    (dt.timedelta(days=14, hours=5.5), dt.timedelta(hours=12.345), "UTC"),
    (dt.timedelta(days=13, hours=11.1), dt.timedelta(hours=13.17), "Europe/Paris"),
    (dt.timedelta(hours=7.99), dt.timedelta(hours=7.9), "America/New_York"),
    (dt.timedelta(hours=2), dt.timedelta(hours=2, minutes=5), "Asia/Kathmandu"),
    (dt.timedelta(minutes=47.3), dt.timedelta(minutes=17.77), "UTC"),
    (dt.timedelta(minutes=3.1), dt.timedelta(minutes=1.3), "Europe/Paris"),
    (dt.timedelta(seconds=40), dt.timedelta(seconds=11), "UTC"),
    (dt.timedelta(hours=1), dt.timedelta(microseconds=1), "UTC"),
]


async def check(log: Log, period: Period) -> None:
    intervals = [
        interval
        for interval in INTERVALS
        if interval != "MINUTE" or period.end - period.start <= dt.timedelta(minutes=2_999)
    ]
    series = {
        block: "\n".join(f"{each}: series(interval: {each}) {{ start totals {{ {some} }} }}" for each in intervals)
        for block, some in (("usage", USAGE_TOTALS), ("api", API_TOTALS))
    }
    answer = await log.client.metrics(
        f"""
        period {{ from to timeZone }}
        usage {{
          totals {{ {USAGE_TOTALS} }}
          previous {{ {USAGE_TOTALS} }}
          heatmap {{ weekday hour requests costUsd }}
          costLatencyCorrelation {{ coefficient sampleCount }}
          projection {{ basisDays dailyUsd monthlyUsd yearlyUsd monthlyLowUsd monthlyHighUsd enoughData }}
          {series["usage"]}
        }}
        api {{ totals {{ {API_TOTALS} }} previous {{ {API_TOTALS} }} {series["api"]} }}
        """,
        period.variable,
    )
    expected: dict[str, Any] = {
        "period": {"from": period.start, "to": period.end, "timeZone": period.zone.key},
        "usage": {
            "totals": oracle.usage_totals(oracle.within(log.usage, period)),
            "previous": oracle.usage_totals(oracle.within(log.usage, period.previous)),
            "heatmap": oracle.heatmap(oracle.within(log.usage, period), period.zone),
            "costLatencyCorrelation": oracle.correlation(oracle.within(log.usage, period)),
            "projection": oracle.projection(log.usage, period),
            **{each: oracle.series(log.usage, period, each, oracle.usage_totals) for each in intervals},
        },
        "api": {
            "totals": oracle.api_totals(oracle.within(log.api, period)),
            "previous": oracle.api_totals(oracle.within(log.api, period.previous)),
            **{each: oracle.series(log.api, period, each, oracle.api_totals) for each in intervals},
        },
    }
    agrees(answer, expected)


@pytest.mark.parametrize("period", PERIODS, ids=str)
async def test_figures_of_a_fixed_period(log: Log, period: Period) -> None:
    await check(log, period)


@pytest.mark.parametrize(("start", "length", "zone"), RECENT)
async def test_figures_of_the_last_hours(log: Log, start: dt.timedelta, length: dt.timedelta, zone: str) -> None:
    await check(log, recent(log, start, length, zone))


@pytest.mark.parametrize("seed", range(5))
async def test_figures_of_any_period(log: Log, seed: int) -> None:
    pick = random.Random(seed)
    zone = ZoneInfo(
        pick.choice(["America/St_Johns", "Asia/Kolkata", "Pacific/Chatham", "Africa/Casablanca", "Etc/GMT+12"])
    )
    start = FIRST + (LAST - FIRST) * pick.random()
    period = Period(start, start + dt.timedelta(days=pick.expovariate(1 / 4)), zone)
    await check(log, period)
