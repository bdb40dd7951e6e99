"""On SQLite, which plans without statistics, no figure walks through a project's whole log."""

import re
import sqlite3
from typing import Any

import pytest
from sqlalchemy import event

from models import Database, Project
from models.functions import SqliteConnection
from tests.databases import only_sqlite
from tests.resolvers.metrics.asking import API_TOTALS, USAGE_TOTALS
from tests.resolvers.metrics.log import Log
from tests.resolvers.metrics.periods import Period
from tests.resolvers.metrics.test_lists import document
from tests.resolvers.metrics.traffic import Traffic

PERIOD = Period.local("2026-10-05T10:20:30.456789", "2026-11-02T03:04:05.678901", "Asia/Kathmandu")
FIELDS = f"""
  usage {{
    totals {{ {USAGE_TOTALS} }}
    previous {{ {USAGE_TOTALS} }}
    models: breakdown(by: MODEL, orderBy: COST, first: 2) {{ edges {{ node {{ totals {{ {USAGE_TOTALS} }} }} }} }}
    subjects: breakdown(by: SUBJECT, orderBy: COST, first: 2) {{ edges {{ node {{ totals {{ requests }} }} }} }}
    series(interval: DAY) {{ totals {{ {USAGE_TOTALS} }} }}
    heatmap {{ requests }}
    costLatencyCorrelation {{ coefficient }}
    projection {{ dailyUsd }}
  }}
  api {{
    totals {{ {API_TOTALS} }}
    routes: breakdown(by: ROUTE, orderBy: P95, first: 2) {{ edges {{ node {{ totals {{ {API_TOTALS} }} }} }} }}
    subjects: breakdown(by: SUBJECT, orderBy: ERRORS, first: 2) {{ edges {{ node {{ totals {{ requests }} }} }} }}
    series(interval: HOUR) {{ totals {{ {API_TOTALS} }} }}
  }}
"""
BOUNDED = re.compile(r"(time|seq)>")


@only_sqlite
@pytest.mark.parametrize(
    "wanted", [{}, {"subjects": ["subject 1"]}, {"models": ["gpt-5"], "statuses": ["200"]}], ids=str
)
async def test_facts_are_found_by_time_or_behind_the_watermark(
    database: Database, project: Project, wanted: dict[str, list[str]]
) -> None:
    log = Log(database, project, PERIOD.end)
    traffic = Traffic(project.id, seed=9, now=PERIOD.end)
    await log.append(traffic.add(list(traffic.times(60))))
    await log.fold(limit=40)
    asked: list[tuple[str, Any]] = []

    @event.listens_for(database._reader.sync_engine, "before_cursor_execute")
    def _(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        asked.append((statement, parameters))

    await log.client.metrics(FIELDS, PERIOD.variable, wanted)
    await log.client.ask(document("usageEvents"), period=PERIOD.variable, first=10)
    await log.client.ask(document("apiCalls"), period=PERIOD.variable, first=10)

    connection = sqlite3.connect(str(database.url.database), factory=SqliteConnection)
    steps = [
        step
        for statement, parameters in asked
        for *_, step in connection.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)
        if re.search(r"\b(usage_events|api_calls)\b", step)
    ]
    connection.close()
    assert len(steps) > 10
    assert [step for step in steps if not BOUNDED.search(step)] == []
