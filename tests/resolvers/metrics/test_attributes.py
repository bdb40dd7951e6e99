"""Declared attributes are dimensions like any other, with values as text; undeclared ones are refused."""

import datetime as dt
import itertools
import json
from collections.abc import Sequence
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from resolvers.attribute_dimensions import declare_dimensions
from tests.resolvers.metrics import oracle
from tests.resolvers.metrics.asking import API_TOTALS, USAGE_TOTALS
from tests.resolvers.metrics.comparing import agrees
from tests.resolvers.metrics.log import Log
from tests.resolvers.metrics.periods import Period
from tests.resolvers.metrics.test_breakdowns import check

DAYS = Period.local("2026-10-04T05:06:07", "2026-11-03T05:06:07", "Asia/Kathmandu")
YEAR = Period.local("2025-12-01", "2026-11-21", "UTC")
KEYS = ("feature", "tries", 'od"d. $[0]')
METRICS = "query ($period: PeriodInput!, $filter: MetricsFilter) { metrics(period: $period, filter: $filter) { %s } }"
FILTERS: list[list[dict[str, Any]]] = [
    [{"key": "feature", "values": ["summary"]}],
    [{"key": "tries", "values": ["2.5", "true", "1000000000000000000000", "0.30000000000000004", "0.00000015"]}],
    [{"key": "tries", "values": ["2"]}, {"key": "feature", "values": ["summary", "größer & schöner"]}],
    [{"key": 'od"d. $[0]', "values": ["x", "\x00", ""]}],
    [{"key": "feature", "values": ["", '["a"]', "null"]}],
    [{"key": "feature", "values": []}],
]


@pytest.fixture(autouse=True)
async def declared(log: Log) -> None:
    async with log.database.write() as session:
        await declare_dimensions(session, project_id=log.project.id, keys=KEYS, actor="tests")


def word(value: Any) -> str | None:
    """A value as text: numbers written in full; nothing for lists, objects, null and the empty text."""
    match value:
        case None | list() | dict() | "":
            return None
        case str():
            return value
        case bool():
            return str(value).lower()
        case _:
            number = Decimal(json.dumps(value))
            return f"{number.normalize() or abs(number):f}" if number % 1 else f"{int(number)}"


def kept(facts: Sequence[Any], wanted: list[dict[str, Any]]) -> list[Any]:
    return [
        fact
        for fact in facts
        if all(not one["values"] or word(fact.attributes.get(one["key"])) in one["values"] for one in wanted)
    ]


@pytest.mark.parametrize(
    ("block", "key", "order"),
    [
        *itertools.product(["usage"], KEYS, ["COST", "REQUESTS", "TOKENS"]),
        *itertools.product(["api"], KEYS, ["REQUESTS", "ERRORS", "P95"]),
    ],
)
async def test_a_breakdown_by_an_attribute(
    log: Log, block: str, key: str, order: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(oracle, "key", lambda fact, by: word(fact.attributes.get(key)))
    by = f"ATTRIBUTE, attribute: {json.dumps(key)}"
    for filter_ in (None, {"environments": ["prod"], "attributes": FILTERS[0]}):
        pages = await log.client.pages(block, by, order, 2, DAYS.variable, filter=filter_)
        facts = oracle.within(getattr(log, block), DAYS)
        if filter_:
            facts = [fact for fact in kept(facts, FILTERS[0]) if fact.environment == "prod"]
        check(pages, facts, block, "ATTRIBUTE", order, 2)


@pytest.mark.parametrize("wanted", FILTERS, ids=str)
async def test_figures_of_attributes(log: Log, wanted: list[dict[str, Any]]) -> None:
    answer = await log.client.metrics(
        f"""
        usage {{
          totals {{ {USAGE_TOTALS} }} previous {{ {USAGE_TOTALS} }} heatmap {{ weekday hour requests costUsd }}
          costLatencyCorrelation {{ coefficient sampleCount }}
          series(interval: DAY) {{ start totals {{ {USAGE_TOTALS} }} }}
        }}
        api {{ totals {{ {API_TOTALS} }} series(interval: WEEK) {{ start totals {{ {API_TOTALS} }} }} }}
        """,
        DAYS.variable,
        {"attributes": wanted},
    )
    usage, api = kept(log.usage, wanted), kept(log.api, wanted)
    agrees(
        answer,
        {
            "usage": {
                "totals": oracle.usage_totals(oracle.within(usage, DAYS)),
                "previous": oracle.usage_totals(oracle.within(usage, DAYS.previous)),
                "heatmap": oracle.heatmap(oracle.within(usage, DAYS), DAYS.zone),
                "costLatencyCorrelation": oracle.correlation(oracle.within(usage, DAYS)),
                "series": oracle.series(usage, DAYS, "DAY", oracle.usage_totals),
            },
            "api": {
                "totals": oracle.api_totals(oracle.within(api, DAYS)),
                "series": oracle.series(api, DAYS, "WEEK", oracle.api_totals),
            },
        },
    )


@pytest.mark.parametrize("wanted", FILTERS, ids=str)
async def test_lists_of_calls_with_attributes(log: Log, wanted: list[dict[str, Any]]) -> None:
    period = Period(log.now - dt.timedelta(days=20), log.now, ZoneInfo("UTC"))
    answer = await log.client.ask(
        """query ($period: PeriodInput!, $attributes: [AttributeFilter!]) {
          usageEvents(period: $period, filter: { attributes: $attributes }, first: 1) { totalCount }
          apiCalls(period: $period, filter: { attributes: $attributes }, first: 1) { totalCount }
        }""",
        period=period.variable,
        attributes=wanted,
    )
    assert answer["usageEvents"]["totalCount"] == len(kept(oracle.within(log.usage, period), wanted))
    assert answer["apiCalls"]["totalCount"] == len(kept(oracle.within(log.api, period), wanted))


async def test_of_one_subject_over_any_period_and_of_all_over_31_days(log: Log) -> None:
    node = f"edges {{ node {{ key totals {{ {USAGE_TOTALS} }} }} }}"
    fields = f'usage {{ breakdown(by: ATTRIBUTE, attribute: "tries", orderBy: COST, first: 9) {{ {node} }} }}'
    answer = await log.client.metrics(fields, YEAR.variable, {"subjects": ["subject 1"]})
    mine = [event for event in oracle.within(log.usage, YEAR) if event.subject == "subject 1"]
    groups = oracle.groups(mine, lambda event: word(event.attributes.get("tries")))
    found = {edge["node"]["key"]: edge["node"]["totals"] for edge in answer["usage"]["breakdown"]["edges"]}
    agrees(found, {key: oracle.usage_totals(facts) for key, facts in groups.items()})

    for asked, filter_ in ((fields, None), ("usage { totals { requests } }", {"attributes": FILTERS[0]})):
        assert "31 days" in await log.client.refusal(METRICS % asked, period=YEAR.variable, filter=filter_)


@pytest.mark.parametrize(
    ("fields", "filter_", "said"),
    [
        (
            'usage { breakdown(by: ATTRIBUTE, attribute: "team", orderBy: COST, first: 1) { rest { keys } } }',
            None,
            "`feature`, `tries`",
        ),
        (
            'api { breakdown(by: ATTRIBUTE, attribute: "team", orderBy: P95, first: 1) { rest { keys } } }',
            None,
            "declareAttributes",
        ),
        ("usage { breakdown(by: ATTRIBUTE, orderBy: COST, first: 1) { rest { keys } } }", None, "needs the key"),
        (
            'usage { breakdown(by: MODEL, attribute: "feature", orderBy: COST, first: 1) { rest { keys } } }',
            None,
            "goes with",
        ),
        ("asOf", {"attributes": [{"key": "team\x00", "values": ["a"]}]}, "`feature`, `tries`"),
        ("asOf", {"attributes": [{"key": "feature", "values": ["a"]}] * 2}, "each once"),
        ("asOf", {"attributes": [{"key": "feature", "values": ["a"] * 1001}]}, "1000"),
    ],
)
async def test_what_is_refused(log: Log, fields: str, filter_: Any, said: str) -> None:
    assert said in await log.client.refusal(METRICS % fields, period=DAYS.variable, filter=filter_)


async def test_a_cursor_of_another_attribute_is_refused(log: Log) -> None:
    by = 'by: ATTRIBUTE, attribute: "{}", orderBy: COST, first: 1{}'
    fields = f"usage {{{{ breakdown({by}) {{{{ pageInfo {{{{ endCursor }}}} }}}} }}}}"
    answer = await log.client.metrics(fields.format("feature", ""), DAYS.variable)
    cursor = answer["usage"]["breakdown"]["pageInfo"]["endCursor"]
    refusal = await log.client.refusal(METRICS % fields.format("tries", f', after: "{cursor}"'), period=DAYS.variable)
    assert "cursor" in refusal
