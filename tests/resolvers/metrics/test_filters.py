"""A filter keeps exactly the facts that a reader of the contract would keep, in totals, parts and over time."""

import itertools
from collections.abc import Sequence
from typing import Any

import pytest

from realtime.facts import ApiCallFact, UsageFact
from tests.resolvers.metrics import oracle
from tests.resolvers.metrics.asking import API_TOTALS, USAGE_TOTALS
from tests.resolvers.metrics.comparing import agrees
from tests.resolvers.metrics.log import Log
from tests.resolvers.metrics.periods import Period
from tests.resolvers.metrics.test_breakdowns import check

COLUMNS: dict[str, dict[str, str]] = {
    "usage": {
        "subjects": "subject",
        "models": "model",
        "providers": "provider",
        "operations": "operation",
        "statuses": "status",
        "environments": "environment",
    },
    "api": {"subjects": "subject", "routes": "route", "statuses": "status", "environments": "environment"},
}

MONTHS = Period.local("2026-09-01T00:00:00.000001", "2026-12-01", "Europe/Paris")
DAYS = Period.local("2026-10-04T05:06:07", "2026-11-03T05:06:07", "Asia/Kathmandu")

SPLIT: list[dict[str, list[str]]] = [
    {"models": ["gpt-5"]},
    {"models": ["gpt-5", "claude", "größer & schöner", "unknown"]},
    {"providers": ["openai"], "models": ["gpt-5"], "operations": ["chat"]},
    {"operations": ["chat", "embeddings"]},
    {"statuses": ["error", "404"]},
    {"statuses": ["ok", "aborted"]},
    {"statuses": ["200", "500", "503"], "routes": ["/things/9/{id}", "/socket"]},
    {"routes": ["/things/9/{id}"]},
    {"routes": ["/nowhere"], "models": ["nothing"]},
    {"routes": ["/nowhere"], "models": ["gpt-5"]},
]
SUBJECTS: list[dict[str, list[str]]] = [
    {"subjects": ["subject 1"]},
    {"subjects": ["subject 1", "subject 2", "nobody"], "statuses": ["ok", "200"]},
    {"subjects": ["subject 1", "subject 3"], "environments": ["prod"], "models": ["claude"], "routes": ["/socket"]},
    {"subjects": ["nobody"]},
]
ENVIRONMENTS: list[dict[str, list[str]]] = [
    {"environments": ["prod"]},
    {"environments": ["staging", "dev"], "providers": ["openai", "azure"], "routes": ["/things/3/{id}"]},
]
EMPTY: list[dict[str, list[str]]] = [{"models": [], "routes": [], "subjects": []}]
ODD: list[dict[str, list[str]]] = [
    {"subjects": ["subject 1\x00", "\x00"]},
    {"models": ["'; DROP TABLE usage_events; --", "%", "gpt_5"], "routes": ["/things/%", "(other)"]},
    {"statuses": ["²", "-1", "0x1f4", "99999999999", "9" * 5000, " 200", "OK", ""]},
    {"models": [""], "routes": [""], "subjects": [""], "environments": [""]},
    {"providers": [""]},
    {"operations": ["", "chat"]},
    {"subjects": [f"nobody {number}" for number in range(999)] + ["subject 1"]},
]


def kept(facts: Sequence[Any], block: str, wanted: dict[str, list[str]]) -> list[Any]:
    """The facts with one of the values of each list that is not empty; lists that the block lacks do not count."""
    found = list(facts)
    for name, column in COLUMNS[block].items():
        if values := wanted.get(name):
            found = [
                fact for fact in found if str(getattr(fact, column)) in values and getattr(fact, column) is not None
            ]
    return found


async def check_totals(log: Log, period: Period, wanted: dict[str, list[str]]) -> None:
    usage: list[UsageFact] = kept(log.usage, "usage", wanted)
    api: list[ApiCallFact] = kept(log.api, "api", wanted)
    answer = await log.client.metrics(
        f"""
        usage {{
          totals {{ {USAGE_TOTALS} }}
          previous {{ {USAGE_TOTALS} }}
          heatmap {{ weekday hour requests costUsd }}
          costLatencyCorrelation {{ coefficient sampleCount }}
          projection {{ basisDays dailyUsd monthlyUsd yearlyUsd monthlyLowUsd monthlyHighUsd enoughData }}
          series(interval: WEEK) {{ start totals {{ {USAGE_TOTALS} }} }}
        }}
        api {{
          totals {{ {API_TOTALS} }} previous {{ {API_TOTALS} }}
          series(interval: WEEK) {{ start totals {{ {API_TOTALS} }} }}
        }}
        """,
        period.variable,
        wanted,
    )
    expected = {
        "usage": {
            "totals": oracle.usage_totals(oracle.within(usage, period)),
            "previous": oracle.usage_totals(oracle.within(usage, period.previous)),
            "heatmap": oracle.heatmap(oracle.within(usage, period), period.zone),
            "costLatencyCorrelation": oracle.correlation(oracle.within(usage, period)),
            "projection": oracle.projection(usage, period),
            "series": oracle.series(usage, period, "WEEK", oracle.usage_totals),
        },
        "api": {
            "totals": oracle.api_totals(oracle.within(api, period)),
            "previous": oracle.api_totals(oracle.within(api, period.previous)),
            "series": oracle.series(api, period, "WEEK", oracle.api_totals),
        },
    }
    agrees(answer, expected)


@pytest.mark.parametrize("wanted", [*SPLIT, *SUBJECTS], ids=str)
async def test_figures_of_what_is_kept(log: Log, wanted: dict[str, list[str]]) -> None:
    await check_totals(log, MONTHS, wanted)


@pytest.mark.parametrize("wanted", ENVIRONMENTS, ids=str)
async def test_figures_of_environments_over_a_month(log: Log, wanted: dict[str, list[str]]) -> None:
    await check_totals(log, DAYS, wanted)


@pytest.mark.parametrize("wanted", [*EMPTY, *ODD], ids=lambda wanted: str(wanted)[:40])
async def test_odd_values_match_what_has_them_and_nothing_else(log: Log, wanted: dict[str, list[str]]) -> None:
    await check_totals(log, DAYS, wanted)


@pytest.mark.parametrize("wanted", [SPLIT[2], SPLIT[4], SPLIT[6], SUBJECTS[1], ENVIRONMENTS[1]], ids=str)
async def test_breakdowns_of_what_is_kept(log: Log, wanted: dict[str, list[str]]) -> None:
    breakdowns = [
        *itertools.product(["usage"], ["MODEL", "PROVIDER", "STATUS", "SUBJECT", "ENVIRONMENT"], ["TOKENS"]),
        *itertools.product(["api"], ["ROUTE", "METHOD", "STATUS", "SUBJECT"], ["P95"]),
    ]
    for block, by, order in breakdowns:
        pages = await log.client.pages(block, by, order, 5, DAYS.variable, filter=wanted)
        facts = kept(oracle.within(getattr(log, block), DAYS), block, wanted)
        check(pages, facts, block, by, order, 5)


@pytest.mark.parametrize(
    "name", ["subjects", "models", "providers", "operations", "routes", "statuses", "environments"]
)
async def test_a_filter_takes_a_thousand_values(log: Log, name: str) -> None:
    document = (
        "query ($period: PeriodInput!, $filter: MetricsFilter) { metrics(period: $period, filter: $filter) { asOf } }"
    )
    values = [str(number) for number in range(1001)]
    assert "1000" in await log.client.refusal(document, period=DAYS.variable, filter={name: values})
    await log.client.ask(document, period=DAYS.variable, filter={name: values[:1000]})
