"""A database that goes away: clients are told to come back, and nothing is called a fault of ours."""

import time

import httpx2

from tests.running import Vigies
from tests.servers import Server
from vigie import auth
from vigie.probes import REMEMBERED_SECONDS

QUERY = '{ metrics(period: {last: "PT1H"}) { usage { totals { requests } } } }'
EVENT = {"type": "apiCall", "time": "2026-01-15T12:00:00Z", "method": "GET", "route": "/", "status": 200}


def test_clients_are_told_to_come_back(vigies: Vigies) -> None:
    server = Server("postgresql18")
    try:
        vigie = vigies.start(VIGIE_DATABASE_URL=server.url)
        assert httpx2.post(f"{vigie.url}/graphql", json={"query": QUERY}, headers=vigie.headers).status_code == 200
    finally:
        server.stop()
    answer = httpx2.post(f"{vigie.url}/graphql", json={"query": QUERY}, headers=vigie.headers, timeout=30)
    codes = {error["extensions"]["code"] for error in answer.json()["errors"]}
    assert codes == {"UNAVAILABLE"}
    refused = httpx2.post(f"{vigie.url}/v1/events", json={"events": [EVENT]}, headers=vigie.headers, timeout=30)
    assert refused.status_code == 503
    assert int(refused.headers["Retry-After"]) > 0
    time.sleep(REMEMBERED_SECONDS)
    assert httpx2.get(f"{vigie.url}/health/ready", timeout=30).status_code == 503
    assert httpx2.get(f"{vigie.url}/health/live", timeout=30).status_code == 200
    time.sleep(auth.REMEMBERED_SECONDS)
    for accept in ("application/json", "text/event-stream"):
        headers = {**vigie.headers, "Accept": accept}
        unknown = httpx2.post(f"{vigie.url}/graphql", json={"query": QUERY}, headers=headers, timeout=30)
        assert (unknown.status_code, unknown.headers["Retry-After"]) == (503, "1")
        assert unknown.json()["errors"][0]["extensions"]["code"] == "UNAVAILABLE"
