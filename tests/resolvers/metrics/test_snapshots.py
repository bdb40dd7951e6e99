"""An answer is one moment of the log: however far it is rolled up, and whatever is written and folded meanwhile."""

import asyncio
import datetime as dt
import random
from typing import Any

import pytest
from sqlalchemy import select

from models import Commit, Database, Project
from tests.resolvers.metrics import oracle
from tests.resolvers.metrics.comparing import agrees
from tests.resolvers.metrics.log import Log
from tests.resolvers.metrics.periods import Period
from tests.resolvers.metrics.test_totals import check
from tests.resolvers.metrics.traffic import Traffic

PERIOD = Period.local("2026-10-20T12:34:56.789", "2026-11-04T03:02:01", "Asia/Kathmandu")
SPLIT = "edges { node { totals { requests costUsd } } } rest { totals { requests costUsd } }"
PARTS = f"""
  asOf
  usage {{
    totals {{ requests costUsd activeSubjects }}
    models: breakdown(by: MODEL, orderBy: TOKENS, first: 2) {{ {SPLIT} }}
    subjects: breakdown(by: SUBJECT, orderBy: COST, first: 5) {{ {SPLIT} }}
    days: series(interval: DAY) {{ totals {{ requests costUsd }} }}
    heatmap {{ requests costUsd }}
  }}
  api {{
    totals {{ requests activeSubjects }}
    routes: breakdown(by: ROUTE, orderBy: P95, first: 3) {{
      edges {{ node {{ totals {{ requests }} }} }} rest {{ totals {{ requests }} }}
    }}
    weeks: series(interval: WEEK) {{ totals {{ requests }} }}
  }}
"""
BATCHES, BATCH = 12, 30


@pytest.fixture
def empty(database: Database, project: Project) -> Log:
    return Log(database, project, dt.datetime.now(dt.UTC))


async def test_before_the_first_commit_there_is_nothing(empty: Log) -> None:
    await check(empty, PERIOD)
    assert await empty.client.metrics("asOf", PERIOD.variable) == {"asOf": None}


async def test_figures_do_not_depend_on_how_far_the_log_is_rolled_up(empty: Log) -> None:
    traffic = Traffic(empty.project.id, seed=4, now=empty.now)
    await empty.append(traffic.add(list(traffic.times(200))))
    await check(empty, PERIOD)
    await empty.fold(limit=60)
    await check(empty, PERIOD)
    await empty.fold()
    await empty.fold_subjects()
    await check(empty, PERIOD)


def added_up(parts: list[Any]) -> tuple[int, Any]:
    """Requests and dollars of breakdowns, points or cells, whose figures lie at different depths."""
    totals = [part.get("node", part) for part in parts]
    totals = [part.get("totals", part) for part in totals]
    cost = sum(float(part.get("costUsd") or 0) for part in totals)
    return sum(part["requests"] for part in totals), pytest.approx(cost, rel=1e-9)


def check_parts(block: Any) -> None:
    """Whether all parts of a block add up to its totals."""
    whole = block["totals"]["requests"], float(block["totals"].get("costUsd") or 0)
    for name, part in block.items():
        if name != "totals":
            parts = [*part["edges"], part["rest"]] if "rest" in part else part
            assert added_up(parts) == whole, name


async def test_parts_add_up_while_the_log_grows_and_is_folded(empty: Log) -> None:
    traffic = Traffic(empty.project.id, seed=5, now=empty.now)
    batches = [traffic.add(list(traffic.times(BATCH))) for _ in range(BATCHES)]
    await empty.append(batches.pop(0))
    done = asyncio.Event()

    async def write() -> None:
        for batch in batches:
            await empty.append(batch)
        done.set()

    async def fold() -> None:
        sizes = random.Random(6)
        while not done.is_set():
            await empty.fold(limit=sizes.randint(1, 3 * BATCH))
            await empty.fold_subjects()

    async def ask() -> list[Any]:
        answers = []
        while not done.is_set():
            answers.append(await empty.client.metrics(PARTS, PERIOD.variable))
        return [*answers, await empty.client.metrics(PARTS, PERIOD.variable)]

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(write())
        tasks.create_task(fold())
        readers = [tasks.create_task(ask()) for _ in range(2)]

    async with empty.database.read() as session:
        commits = dict(await session.rows(select(Commit.committed_at, Commit.last_seq)))
    for answers in (reader.result() for reader in readers):
        moments = [dt.datetime.fromisoformat(answer["asOf"]) for answer in answers]
        assert moments == sorted(moments)
        for moment, answer in zip(moments, answers, strict=True):
            check_parts(answer["usage"])
            check_parts(answer["api"])
            events = [event for event in oracle.within(empty.usage, PERIOD) if event.seq <= commits[moment]]
            calls = [call for call in oracle.within(empty.api, PERIOD) if call.seq <= commits[moment]]
            expected = {
                "requests": len(events),
                "costUsd": oracle.cost_usd(events),
                "activeSubjects": oracle.active_subjects(events),
            }
            agrees(answer["usage"]["totals"], expected)
            expected = {"requests": len(calls), "activeSubjects": oracle.active_subjects(calls)}
            agrees(answer["api"]["totals"], expected)
