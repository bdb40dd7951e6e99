"""A real Vigie that is killed and comes back: calls take no longer meanwhile, and what was queued arrives, once."""

import datetime as dt
import time
from collections.abc import Callable
from typing import Any

import httpx2
from openai import OpenAI
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from tests.databases import only_sqlite
from tests.openai_api import OpenAIApi
from tests.running import Vigie
from vigie_sdk import Vigie as Client
from vigie_sdk import VigieMiddleware, track

CALLS = 150
TOTALS = """
query ($period: PeriodInput!) { metrics(period: $period) {
  usage { totals { requests } } api { totals { requests } }
} }
"""


def stored(vigie: Vigie) -> tuple[int, int]:
    """How many model calls and API calls Vigie holds."""
    now = dt.datetime.now(dt.UTC)
    period = {"from": (now - dt.timedelta(days=1)).isoformat(), "to": (now + dt.timedelta(days=1)).isoformat()}
    body = {"query": TOTALS, "variables": {"period": period}}
    metrics = httpx2.post(f"{vigie.url}/graphql", json=body, headers=vigie.headers).json()["data"]["metrics"]
    return metrics["usage"]["totals"]["requests"], metrics["api"]["totals"]["requests"]


def longest(work: Callable[[int], object]) -> float:
    """Does the work so many times; answers how long one of ten takes longer than, in seconds."""
    seconds = []
    for number in range(CALLS):
        began = time.perf_counter()
        work(number)
        seconds.append(time.perf_counter() - began)
    return sorted(seconds)[-CALLS // 10]


@only_sqlite
def test_what_was_queued_while_vigie_was_away_arrives_once(vigie: Vigie, api: OpenAIApi, ask: dict[str, Any]) -> None:
    async def hello(_: Request) -> PlainTextResponse:
        return PlainTextResponse("hello")

    recorder = Client(vigie.url, vigie.admin_key, timeout=2, queue_size=1000)
    bare = OpenAI(base_url=api.url, api_key="sk-tests")
    client = track(bare, vigie=recorder)
    app = Starlette(routes=[Route("/", hello)], middleware=[Middleware(VigieMiddleware, vigie=recorder)])
    with TestClient(app) as served, bare:

        def work(number: int) -> None:
            client.embeddings.create(model=f"text-embedding-3-small+input={number}", input="ship")
            served.get("/")

        untracked = longest(lambda number: bare.embeddings.create(model="text-embedding-3-small", input="ship"))
        longest(work)
        assert recorder.flush()
        assert stored(vigie) == (CALLS, CALLS)
        vigie.kill()
        away = longest(work)
        assert away < 3 * untracked + 0.05
        assert recorder.queued >= 2 * CALLS
        vigie.start()
        assert recorder.flush(30)
        assert stored(vigie) == (2 * CALLS, 2 * CALLS)
    assert (recorder.dropped, recorder.queued) == (0, 0)
    recorder.close()
