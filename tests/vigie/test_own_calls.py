"""Vigie records what it serves itself, in the project `vigie`."""

import asyncio
from typing import Any

import httpx2
import pytest
from prometheus_client import REGISTRY

from integrations.prices import ListPrices
from models import Database
from resolvers.api_keys import create_api_key
from resolvers.events.writer import Writer
from resolvers.principals import Role
from resolvers.projects import get_project
from tests.databases import only_sqlite
from tests.running import Vigie
from vigie.bootstrap import bootstrap
from vigie.own_calls import MOST_CALLS, MOST_OF_DOORS, OwnCalls

CALLS = """
query ($period: PeriodInput!) { apiCalls(period: $period, first: 50) { edges { node {
  method route status durationMs responseBytes environment
} } } }
"""
NOW: dict[str, Any] = {"period": {"from": "2026-01-01T00:00:00Z", "to": "2099-01-01T00:00:00Z"}}


def dropped() -> float:
    return REGISTRY.get_sample_value("vigie_own_calls_dropped_total") or 0.0


@only_sqlite
async def test_vigie_records_what_it_serves(vigie: Vigie, database: Database) -> None:
    async with database.write() as session:
        own = await get_project(session, name="vigie")
        assert own
        _, key = await create_api_key(session, project_id=own.id, name="watch", role=Role.ADMIN, actor="tests")
    async with httpx2.AsyncClient(base_url=vigie.url) as client:
        await client.post("/v1/events", json={"events": []}, headers=vigie.headers)
        await client.post("/graphql", json={"query": "{ viewer { role } }"}, headers=vigie.headers)
        await client.get("/graphql", params={"query": "mutation"})
        await client.post("/push/a-token-that-nobody-may-see")
        await client.get("/nowhere/at/all")
        for path in ("/health/live", "/health", "/metrics", "/graphiql/assets/none.js"):
            await client.get(path)
        calls: list[dict[str, Any]] = []
        while len(calls) < 5:
            await asyncio.sleep(0.2)
            body = {"query": CALLS, "variables": NOW}
            answer = (await client.post("/graphql", json=body, headers={"X-API-Key": key})).json()
            calls = [edge["node"] for edge in answer["data"]["apiCalls"]["edges"]]
    routes = {call["route"] for call in calls}
    assert routes == {"/v1/events", "/graphql", "/push/{token}", "(unmatched)"}
    assert all(call["durationMs"] > 0 and call["environment"] == "production" for call in calls)
    assert "nobody-may-see" not in str(calls)


@only_sqlite
async def test_watching_is_bounded(database: Database) -> None:
    await bootstrap(database, admin_key="k" * 32)
    writer = Writer(database, ListPrices())
    own = OwnCalls(database, writer)
    await own.prepare()
    await writer.start()
    before = dropped()
    passed = [own.excludes({"path": "/v1/events"}) for _ in range(MOST_OF_DOORS + 5)]
    assert passed == [False] * MOST_OF_DOORS + [True] * 5
    assert own.excludes({"path": "/health/ready"})
    call = {"type": "apiCall", "time": 1_790_000_000.0, "method": "GET", "route": "/graphql", "status": 200}
    for _ in range(MOST_CALLS + 3):
        own.record(dict(call))
    await own.store()
    assert dropped() - before == 5 + 3
    assert not own.excludes({"path": "/v1/events"})
    own.record(dict(call))
    await writer.stop()
    await own.store()  # nobody takes it any more
    assert dropped() - before == 5 + 3 + 1


@pytest.mark.parametrize("path", ["/graphql", "/", "/push/t"])
def test_everything_but_probes_is_recorded(path: str) -> None:
    assert not OwnCalls.__new__(OwnCalls).excludes({"path": path})
