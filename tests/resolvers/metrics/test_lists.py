"""Lists of single events: each once, newest time first, then commit order, on pages of any size."""

import datetime as dt
from collections.abc import Callable
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from realtime.facts import ApiCallFact, UsageFact
from resolvers.global_ids import to_opaque
from tests.resolvers.metrics import oracle
from tests.resolvers.metrics.asking import Client, Json
from tests.resolvers.metrics.comparing import agrees
from tests.resolvers.metrics.log import Log
from tests.resolvers.metrics.periods import Period

EVENT = """
  id time provider model operation subject environment traceId sessionId status error { type message }
  durationMs timeToFirstTokenMs estimated tokens { input output total cacheRead cacheWrite reasoning }
  costUsd costBasis { source priceVersion } attributes
"""
CALL = """
  id time method route status durationMs requestBytes responseBytes subject environment traceId cache attributes
"""
FIELDS = {"usageEvents": ("UsageFilter", EVENT), "apiCalls": ("ApiCallFilter", CALL)}

MONTH = Period.local("2026-10-01", "2026-11-01", "Asia/Kathmandu")
EDGES = Period(MONTH.start, MONTH.start + dt.timedelta(hours=3, microseconds=1), ZoneInfo("UTC"))

USAGE_FILTERS: list[tuple[Json, Callable[[UsageFact], bool]]] = [
    ({}, lambda _: True),
    ({"models": [], "subjects": None}, lambda _: True),
    ({"subjects": ["subject 2", "nobody"]}, lambda event: event.subject == "subject 2"),
    ({"models": ["claude"], "providers": ["anthropic"]}, lambda e: (e.model, e.provider) == ("claude", "anthropic")),
    ({"operations": ["chat"], "environments": ["prod"]}, lambda e: (e.operation, e.environment) == ("chat", "prod")),
    ({"statuses": ["ERROR", "ABORTED"]}, lambda event: event.status in {"error", "aborted"}),
    ({"traceId": "trace 7"}, lambda event: event.trace_id == "trace 7"),
    ({"traceId": ""}, lambda _: False),
    ({"sessionId": "session 3", "statuses": ["OK"]}, lambda e: (e.session_id, e.status) == ("session 3", "ok")),
    ({"sessionId": "session\x00", "subjects": ["\x00"]}, lambda _: False),
]
API_FILTERS: list[tuple[Json, Callable[[ApiCallFact], bool]]] = [
    ({}, lambda _: True),
    ({"routes": ["/socket"], "methods": ["GET", "POST"]}, lambda c: c.route == "/socket" and c.method != "DELETE"),
    ({"statuses": [500, 503, -1, 2**31 - 1]}, lambda call: call.status in {500, 503}),
    (
        {"subjects": ["subject 1"], "environments": ["staging"]},
        lambda c: (c.subject, c.environment) == ("subject 1", "staging"),
    ),
    ({"traceId": "trace 1"}, lambda call: call.trace_id == "trace 1"),
]


def usage_node(event: UsageFact) -> Json:
    plain = ("provider", "model", "operation", "subject", "environment", "estimated", "attributes")
    return {
        **{name: getattr(event, name) for name in plain},
        "time": event.time,
        "traceId": event.trace_id,
        "sessionId": event.session_id,
        "status": event.status.upper(),
        "error": event.error_type and {"type": event.error_type, "message": event.error_message},
        "durationMs": event.duration_ms,
        "timeToFirstTokenMs": event.time_to_first_token_ms,
        "tokens": oracle.tokens([event]),
        "costUsd": oracle.cost_usd([event]),
        "costBasis": {"source": event.cost_source.upper(), "priceVersion": event.price_version},
    }


def api_node(call: ApiCallFact) -> Json:
    return {
        **{name: getattr(call, name) for name in ("method", "route", "status", "subject", "environment", "attributes")},
        "time": call.time,
        "durationMs": call.duration_ms,
        "requestBytes": call.request_bytes,
        "responseBytes": call.response_bytes,
        "traceId": call.trace_id,
        "cache": call.cache and call.cache.upper(),
    }


def document(field: str) -> str:
    filters, node = FIELDS[field]
    return f"""query ($period: PeriodInput!, $filter: {filters}, $first: Int!, $after: String) {{
      {field}(period: $period, filter: $filter, first: $first, after: $after) {{
        totalCount edges {{ cursor node {{ {node} }} }} pageInfo {{ hasNextPage endCursor }}
      }}
    }}"""


async def listed(client: Client, field: str, period: Period, wanted: Json, first: int) -> list[Json]:
    """The nodes of every page; each page knows how many there are in all."""
    nodes: list[Json] = []
    counts = set()
    after, more = None, True
    while more:
        variables: Json = {"period": period.variable, "filter": wanted, "first": first, "after": after}
        page = (await client.ask(document(field), **variables))[field]
        nodes += [edge["node"] for edge in page["edges"]]
        counts.add(page["totalCount"])
        after, more = page["pageInfo"]["endCursor"], page["pageInfo"]["hasNextPage"]
        assert len(page["edges"]) == first or not more
    assert counts == {len(nodes)}
    return nodes


async def check(log: Log, field: str, period: Period, wanted: Json, keep: Callable[[Any], bool], first: int) -> None:
    facts: list[Any] = log.usage if field == "usageEvents" else log.api
    node: Callable[[Any], Json] = usage_node if field == "usageEvents" else api_node
    inside = [fact for fact in oracle.within(facts, period) if keep(fact)]
    inside.sort(key=lambda fact: fact.time, reverse=True)  # facts of one time stay in commit order
    answer = await listed(log.client, field, period, wanted, first)
    ids = [each.pop("id") for each in answer]
    agrees(answer, [node(fact) for fact in inside], field)
    assert len(set(ids)) == len(ids)


@pytest.mark.parametrize(("wanted", "keep"), USAGE_FILTERS)
async def test_usage_events(log: Log, wanted: Json, keep: Callable[[Any], bool]) -> None:
    await check(log, "usageEvents", MONTH, wanted, keep, first=200)


@pytest.mark.parametrize(("wanted", "keep"), API_FILTERS)
async def test_api_calls(log: Log, wanted: Json, keep: Callable[[Any], bool]) -> None:
    await check(log, "apiCalls", MONTH, wanted, keep, first=200)


@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize("first", [1, 2, 7])
async def test_pages_of_any_size_hold_each_once(log: Log, field: str, first: int) -> None:
    now = Period(log.now - dt.timedelta(minutes=20), log.now, ZoneInfo("UTC"))
    for period in (EDGES, now):
        await check(log, field, period, {}, lambda _: True, first)


@pytest.mark.parametrize("field", FIELDS)
async def test_a_list_of_nothing_is_an_empty_page(log: Log, field: str) -> None:
    await check(log, field, Period.local("2020-01-01", "2020-01-02", "UTC"), {}, lambda _: True, first=1)


@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize("first", [0, -1, 201, 2**31 - 1])
async def test_a_page_has_1_to_200(log: Log, field: str, first: int) -> None:
    assert "200" in await log.client.refusal(document(field), period=MONTH.variable, first=first)


@pytest.mark.parametrize("field", FIELDS)
async def test_a_filter_of_a_list_takes_a_thousand_values(log: Log, field: str) -> None:
    values = {"subjects": [str(number) for number in range(1001)]}
    assert "1000" in await log.client.refusal(document(field), period=MONTH.variable, filter=values, first=1)


@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize(
    "keys",
    ['["2026-10-01T00:00:00", 1]', "[-1, 1]", f"[{2**63}, 1]", f"[1, {2**64}]", "[1]", "[null, null]", '"x"', "{"],
)
async def test_a_forged_cursor_is_refused(log: Log, field: str, keys: str) -> None:
    cursor = to_opaque(f'["{field}", {keys}]'.encode())
    assert "`after`" in await log.client.refusal(document(field), period=MONTH.variable, first=1, after=cursor)


async def test_a_cursor_of_the_other_list_is_refused(log: Log) -> None:
    page = await log.client.ask(document("apiCalls"), period=MONTH.variable, first=1)
    cursor = page["apiCalls"]["pageInfo"]["endCursor"]
    assert "`after`" in await log.client.refusal(document("usageEvents"), period=MONTH.variable, first=1, after=cursor)
