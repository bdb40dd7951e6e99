"""Breakdowns agree with the oracle by every dimension and order, page by page; what is left is the rest."""

import datetime as dt
from collections.abc import Sequence
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from resolvers.global_ids import to_opaque
from tests.resolvers.metrics import oracle
from tests.resolvers.metrics.asking import Json
from tests.resolvers.metrics.comparing import agrees
from tests.resolvers.metrics.log import Log
from tests.resolvers.metrics.periods import Period

USAGE = [
    ("usage", by, order)
    for by in ("MODEL", "PROVIDER", "SUBJECT", "OPERATION", "STATUS", "ENVIRONMENT")
    for order in ("COST", "REQUESTS", "TOKENS")
]
API = [
    ("api", by, order)
    for by in ("ROUTE", "METHOD", "STATUS", "SUBJECT", "ENVIRONMENT")
    for order in ("REQUESTS", "ERRORS", "P95")
]
BREAKDOWNS = [*USAGE, *API]

KATHMANDU = Period.local("2026-10-03", "2026-11-02T23:59:59.999999", "Asia/Kathmandu")
PARIS = Period.local("2026-10-24T12:34:56.789", "2026-10-25T02:30:00", "Europe/Paris")


def check(pages: Sequence[Json], facts: Sequence[Any], block: str, by: str, order: str, first: int) -> None:
    """Whether the pages hold each group once, in order, and each page's rest what comes behind it."""
    totals = oracle.TOTALS[block]
    expected = oracle.groups(facts, lambda fact: oracle.key(fact, by))
    whole = totals(facts)
    left = dict(expected)
    ranks = []
    for number, page in enumerate(pages):
        for edge in page["edges"]:
            node = edge["node"]
            mine = totals(left.pop(node["key"]))
            wanted = {"key": node["key"], "share": oracle.share(mine, whole, order), "totals": mine}
            if block == "api":
                wanted["rating"] = oracle.rating(node["totals"])  # whose percentile is within 1 %
            agrees(node, wanted, f"{by}: {node['key']}")
            # A percentile is ranked as it is answered, within 1 %.
            ranks.append(oracle.measure(node["totals"] if order == "P95" else mine, order))
        rest = [fact for some in left.values() for fact in some]
        agrees(page["rest"], {"keys": len(left), "totals": totals(rest)}, f"rest of {by} by {order}")
        info = page["pageInfo"]
        assert (info["hasNextPage"], info["hasPreviousPage"]) == (bool(left), number > 0)
        assert len(page["edges"]) == first or not left
    assert not left
    assert ranks == sorted(ranks, key=lambda rank: (rank is None, -(rank or 0)))


@pytest.mark.parametrize("period", [KATHMANDU, PARIS], ids=str)
@pytest.mark.parametrize(("block", "by", "order"), BREAKDOWNS)
async def test_a_breakdown(log: Log, period: Period, block: str, by: str, order: str) -> None:
    first = 12 if by == "SUBJECT" else 3
    pages = await log.client.pages(block, by, order, first, period.variable)
    check(pages, oracle.within(getattr(log, block), period), block, by, order, first)


async def test_breakdowns_of_the_last_minutes(log: Log) -> None:
    period = Period(log.now - dt.timedelta(minutes=100, seconds=7), log.now, ZoneInfo("UTC"))
    for block, by, order in BREAKDOWNS[::4]:
        pages = await log.client.pages(block, by, order, 200, period.variable)
        check(pages, oracle.within(getattr(log, block), period), block, by, order, 200)


async def test_a_breakdown_of_nothing_is_an_empty_page(log: Log) -> None:
    period = Period.local("2020-01-01", "2020-02-01", "UTC")
    for block, by, order in BREAKDOWNS:
        (page,) = await log.client.pages(block, by, order, 1, period.variable)
        check([page], [], block, by, order, 1)
        assert page["pageInfo"]["endCursor"] is None


@pytest.mark.parametrize(("block", "order"), [("usage", "COST"), ("api", "REQUESTS")])
async def test_subjects_of_months(log: Log, block: str, order: str) -> None:
    period = Period.local("2026-09-01", "2026-11-30", "Asia/Kathmandu")
    pages = await log.client.pages(block, "SUBJECT", order, 7, period.variable)
    check(pages, oracle.within(getattr(log, block), period), block, "SUBJECT", order, 7)


PAGE = """query ($period: PeriodInput!, $after: String) { metrics(period: $period) { usage {
  breakdown(by: MODEL, orderBy: COST, first: 1, after: $after) { rest { keys } }
} } }"""


@pytest.mark.parametrize("keys", ['["abc", "a"]', '["NaN", "a"]', '["Infinity", null]', '["1"]', "[1, 2]", "null"])
async def test_a_forged_cursor_is_refused(log: Log, keys: str) -> None:
    for cursor in (to_opaque(f'["usage by model by cost", {keys}]'.encode()), keys, ""):
        assert "`after`" in await log.client.refusal(PAGE, period=KATHMANDU.variable, after=cursor)


async def test_a_cursor_of_another_order_is_refused(log: Log) -> None:
    (page, *_) = await log.client.pages("usage", "MODEL", "REQUESTS", 1, KATHMANDU.variable)
    cursor = page["pageInfo"]["endCursor"]
    assert "`after`" in await log.client.refusal(PAGE, period=KATHMANDU.variable, after=cursor)
