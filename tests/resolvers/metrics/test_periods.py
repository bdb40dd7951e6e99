"""Which periods are understood, and what is said about those that are not."""

import datetime as dt

import pytest

from tests.resolvers.metrics.asking import Json
from tests.resolvers.metrics.log import Log
from tests.resolvers.metrics.periods import Period

DOCUMENT = "query ($period: PeriodInput!) { metrics(period: $period) { period { from to timeZone } } }"
SERIES = """query ($period: PeriodInput!, $interval: Interval!) { metrics(period: $period) {
  usage { series(interval: $interval) { start } }
} }"""
FROM, TO = "2026-10-01T00:00:00Z", "2026-10-02T00:00:00Z"


@pytest.mark.parametrize(
    "period",
    [
        {},
        {"from": FROM},
        {"to": TO},
        {"from": TO, "to": FROM},
        {"from": FROM, "to": FROM},
        {"from": FROM, "to": TO, "last": "PT1H"},
        {"from": FROM, "last": "PT1H"},
        {"to": TO, "last": "PT1H"},
        {"last": "PT0S"},
        {"last": "-PT1H"},
        {"last": "P1M"},
        {"last": "P100000D"},
        {"last": "P9999999D"},
        {"last": "P999999999D"},
        {"last": "P9999999999999999999999D"},
        {"last": "PT" + "9" * 400 + "S"},
        {"last": "an hour"},
        {"last": 3600},
        {"from": "0001-01-01T00:00:00Z", "to": TO},
        {"from": "0001-01-01T00:00:00+14:00", "to": TO},
        {"from": FROM, "to": "9999-12-31T23:59:59.999999Z"},
        {"from": FROM, "to": "9999-12-31T23:59:59-12:00"},
        {"from": FROM, "to": "2026-10-02T00:00:00"},
        {"from": FROM, "to": "2026-13-02T00:00:00Z"},
        {"from": FROM, "to": "tomorrow"},
    ],
    ids=lambda period: str(period)[:60],
)
async def test_a_period_that_is_none_is_refused(log: Log, period: Json) -> None:
    assert await log.client.refusal(DOCUMENT, period=period)


@pytest.mark.parametrize(
    "zone",
    [
        "Mars/Olympus",
        "",
        " ",
        "Europe",
        "Europe/",
        "europe/paris/",
        "/etc/passwd",
        "../../etc/passwd",
        "Europe/../../../../etc/passwd",
        ".",
        "..",
        "zone.tab",
        "localtime",
        "posixrules",
        "right/UTC",
        "UTC\x00",
        "é",
        "+02:00",
        "a" * 100_000,
        "a/" * 5_000,
    ],
    ids=lambda zone: repr(zone)[:30],
)
async def test_an_unknown_zone_is_refused(log: Log, zone: str) -> None:
    message = await log.client.refusal(DOCUMENT, period={"from": FROM, "to": TO, "timeZone": zone})
    assert "time zone" in message
    assert len(message) < 200


async def test_what_was_understood_is_said(log: Log) -> None:
    given = {"from": "2026-10-01T02:00:00.1234567+02:00", "to": TO, "timeZone": "Asia/Kathmandu"}
    answer = await log.client.metrics("period { from to timeZone }", given)
    assert answer["period"] == {"from": "2026-10-01T00:00:00.123457Z", "to": TO, "timeZone": "Asia/Kathmandu"}


async def test_the_zone_is_utc_unless_it_is_named(log: Log) -> None:
    for period in ({"from": FROM, "to": TO}, {"from": FROM, "to": TO, "timeZone": None}):
        assert (await log.client.metrics("period { timeZone }", period))["period"]["timeZone"] == "UTC"


async def test_last_ends_now(log: Log) -> None:
    before = dt.datetime.now(dt.UTC)
    found = (await log.client.metrics("period { from to }", {"last": "P1DT2H"}))["period"]
    start, end = (dt.datetime.fromisoformat(found[edge]) for edge in ("from", "to"))
    assert before <= end <= dt.datetime.now(dt.UTC)
    assert end - start == dt.timedelta(hours=26)


@pytest.mark.parametrize(
    ("interval", "start", "end", "points"),
    [
        ("MINUTE", "2026-10-01", "2026-10-03T02:00", 3000),
        ("MINUTE", "2026-10-01T00:00:30", "2026-10-03T01:59:30", 3000),
        ("HOUR", "2026-06-01", "2026-10-04", 3000),
        ("DAY", "2020-01-01", "2028-03-19", 3000),
        ("WEEK", "2000-01-03", "2057-07-02", 3000),
        ("MONTH", "2000-01-01", "2200-01-01", 2400),
    ],
)
async def test_a_series_has_3000_points(log: Log, interval: str, start: str, end: str, points: int) -> None:
    found = await log.client.ask(SERIES, period=Period.local(start, end, "UTC").variable, interval=interval)
    assert len(found["metrics"]["usage"]["series"]) == points


@pytest.mark.parametrize(
    ("interval", "start", "end", "coarser"),
    [
        ("MINUTE", "2026-10-01T00:00:30", "2026-10-03T02:00:30", "HOUR"),
        ("MINUTE", "2020-01-01", "2026-01-01", "DAY"),
        ("MINUTE", "2000-01-02", "2200-01-01", "MONTH"),
        ("HOUR", "2026-06-01", "2026-10-04T00:00:00.000001", "DAY"),
        ("DAY", "2020-01-01", "2028-03-20", "WEEK"),
        ("WEEK", "2000-01-02", "2199-01-01", "MONTH"),
    ],
)
async def test_more_points_are_refused_with_a_coarser_interval(
    log: Log, interval: str, start: str, end: str, coarser: str
) -> None:
    period = Period.local(start, end, "Europe/Paris").variable
    message = await log.client.refusal(SERIES, period=period, interval=interval)
    assert "3000" in message.replace(",", "")
    assert coarser in message


FACTS_ONLY = [
    "usage { totals { requests } }",
    "api { breakdown(by: METHOD, orderBy: REQUESTS, first: 1) { rest { keys } } }",
    "usage { heatmap { requests } }",
]


@pytest.mark.parametrize("fields", FACTS_ONLY)
async def test_what_only_facts_know_is_answered_over_31_local_days(log: Log, fields: str) -> None:
    wanted = {"environments": ["prod"]}
    for zone in ("UTC", "Europe/Paris"):  # where the clock is set back in October
        await log.client.metrics(fields, Period.local("2026-10-01", "2026-11-01", zone).variable, wanted)


@pytest.mark.parametrize("fields", FACTS_ONLY)
async def test_what_only_facts_know_is_refused_over_more(log: Log, fields: str) -> None:
    document = f"""query ($period: PeriodInput!, $filter: MetricsFilter) {{
      metrics(period: $period, filter: $filter) {{ {fields} }}
    }}"""
    period = Period.local("2026-10-01", "2026-11-02", "Europe/Paris").variable
    assert "31 days" in await log.client.refusal(document, period=period, filter={"environments": ["prod"]})


async def test_ranking_subjects_by_percentiles_is_refused_over_more_than_31_days(log: Log) -> None:
    document = """query ($period: PeriodInput!) { metrics(period: $period) { api {
      breakdown(by: SUBJECT, orderBy: P95, first: 1) { edges { node { key } } }
    } } }"""
    period = Period.local("2026-09-01", "2026-11-01", "UTC").variable
    assert "31 days" in await log.client.refusal(document, period=period)
