"""A day keeps so many routes apart; the others are one, `(other)`, and nothing is lost or counted twice."""

import datetime as dt
import itertools
from collections.abc import Sequence
from typing import Any

import pytest

from models import Database, Project
from resolvers.rollups import routes
from tests.resolvers.metrics import oracle
from tests.resolvers.metrics.asking import API_TOTALS
from tests.resolvers.metrics.comparing import agrees
from tests.resolvers.metrics.log import Log
from tests.resolvers.metrics.periods import Period
from tests.resolvers.metrics.traffic import Traffic

PERIOD = Period.local("2026-10-10T00:07", "2026-10-14T17:11", "UTC")
LONG = Period.local("2026-09-01", "2026-11-01", "UTC")


@pytest.fixture
async def capped(database: Database, project: Project, monkeypatch: pytest.MonkeyPatch) -> Log:
    """A log of thirteen routes, five of which have rows of their own on each day; a third is not rolled up."""
    monkeypatch.setattr(routes, "ROUTES_A_DAY", 5)
    now = dt.datetime.now(dt.UTC)
    log = Log(database, project, now)
    traffic = Traffic(project.id, seed=3, now=now)
    times = [PERIOD.start + (PERIOD.end - PERIOD.start) * traffic.random.uniform(-0.1, 1.1) for _ in range(300)]
    await log.append(traffic.add(times))
    await log.fold(200)
    return log


def added_up(parts: Sequence[dict[str, Any]]) -> dict[str, int]:
    return {name: sum(part[name] for part in parts) for name in ("requests", "errors", "requestBytes", "responseBytes")}


FILTERS: list[dict[str, list[str]]] = [{}, {"routes": ["/things/1/{id}", "/socket"]}, {"statuses": ["200"]}]


async def test_parts_add_up_to_totals(capped: Log) -> None:
    for wanted, by in itertools.product(FILTERS, ("ROUTE", "METHOD", "STATUS")):
        pages = await capped.client.pages("api", by, "REQUESTS", 3, PERIOD.variable, filter=wanted)
        answer = await capped.client.metrics(f"api {{ totals {{ {API_TOTALS} }} }}", PERIOD.variable, wanted)
        totals = answer["api"]["totals"]
        parts = [edge["node"]["totals"] for page in pages for edge in page["edges"]]
        assert added_up(parts) == {name: totals[name] for name in added_up([])}, (wanted, by)
        for number, page in enumerate(pages):
            behind = [edge["node"]["totals"] for later in pages[number + 1 :] for edge in later["edges"]]
            assert added_up([page["rest"]["totals"]]) == added_up(behind), (wanted, by)


async def test_the_others_are_one_route(capped: Log) -> None:
    pages = await capped.client.pages("api", "ROUTE", "REQUESTS", 200, PERIOD.variable)
    assert "(other)" in {edge["node"]["key"] for page in pages for edge in page["edges"]}


async def test_a_route_that_is_asked_for_has_all_its_calls(capped: Log) -> None:
    for route in ("/things/1/{id}", "/things/7/{id}", "/socket"):
        totals = oracle.api_totals([call for call in oracle.within(capped.api, PERIOD) if call.route == route])
        answer = await capped.client.metrics(
            f"api {{ totals {{ {API_TOTALS} }} breakdown(by: ROUTE, orderBy: REQUESTS, first: 3) {{"
            f" edges {{ node {{ key totals {{ {API_TOTALS} }} }} }} }} }}",
            PERIOD.variable,
            {"routes": [route]},
        )
        agrees(answer["api"], {"totals": totals, "breakdown": {"edges": [{"node": {"key": route, "totals": totals}}]}})


async def test_a_route_among_others_is_read_from_events_for_at_most_31_days(capped: Log) -> None:
    document = """query ($period: PeriodInput!) {
      metrics(period: $period, filter: { routes: ["/socket"] }) { api { totals { requests } } }
    }"""
    assert "31 days" in await capped.client.refusal(document, period=LONG.variable)
