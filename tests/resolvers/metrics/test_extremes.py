"""The largest and smallest events that the doors let in leave every figure answerable, folded or not."""

import datetime as dt
from typing import Any

import pytest

from integrations.prices import ListPrices
from models import Database, Project
from resolvers.events.writer import Writer
from tests.resolvers.events.events import call, send, usage
from tests.resolvers.metrics.asking import API_TOTALS, USAGE_TOTALS
from tests.resolvers.metrics.log import Log

MOST_TOKENS = 2**31 - 1
LARGEST_USAGE: dict[str, Any] = {
    "costUsd": "1000000",
    "durationMs": 1e9,
    "timeToFirstTokenMs": 1e9,
    "tokens": dict.fromkeys(("input", "output", "cacheRead", "reasoning"), MOST_TOKENS),
}
SMALLEST_USAGE: dict[str, Any] = {"costUsd": "1e-12", "durationMs": 5e-324, "timeToFirstTokenMs": 1e-300}
LARGEST_CALL: dict[str, Any] = {"requestBytes": 2**50, "responseBytes": 2**50, "durationMs": 1e9, "route": "é" * 1000}
SMALLEST_CALL: dict[str, Any] = {"requestBytes": 0, "durationMs": 5e-324}
FIELDS = f"""
  usage {{
    totals {{ {USAGE_TOTALS} }} previous {{ {USAGE_TOTALS} }}
    breakdown(by: MODEL, orderBy: COST, first: 1) {{ edges {{ node {{ share totals {{ {USAGE_TOTALS} }} }} }} }}
    series(interval: HOUR) {{ totals {{ {USAGE_TOTALS} }} }}
    heatmap {{ costUsd }} costLatencyCorrelation {{ coefficient }} projection {{ yearlyUsd }}
  }}
  api {{
    totals {{ {API_TOTALS} }}
    breakdown(by: ROUTE, orderBy: P95, first: 1) {{ rest {{ totals {{ {API_TOTALS} }} }} }}
    series(interval: HOUR) {{ totals {{ {API_TOTALS} }} }}
  }}
"""


@pytest.mark.parametrize("folded", [False, True])
async def test_the_largest_and_smallest_events_can_be_answered(
    database: Database, project: Project, folded: bool
) -> None:
    writer = Writer(database, ListPrices())
    await writer.start()
    largest = [usage(**LARGEST_USAGE)] * 100 + [call(**LARGEST_CALL)] * 9_000
    smallest = [usage(**SMALLEST_USAGE)] * 100 + [call(**SMALLEST_CALL)] * 100
    recorded = await send(writer, project.id, [*largest, *smallest])
    await writer.stop()
    assert (recorded.accepted, recorded.rejected) == (9_300, [])
    log = Log(database, project, dt.datetime.now(dt.UTC))
    if folded:
        await log.fold()
        await log.fold_subjects()

    answer = await log.client.metrics(FIELDS, {"last": "P2D"})

    assert answer["usage"]["totals"]["costUsd"] == "100000000.0000000001"
    assert answer["usage"]["totals"]["tokens"]["total"] == 200 * MOST_TOKENS
    assert answer["api"]["totals"]["requestBytes"] == 2**63 - 1
    assert answer["api"]["totals"]["latency"]["maxMs"] == 1e9
