"""Event streams of a whole Vigie: through proxies, over restarts, to the end of a key, and in the face of rudeness."""

import asyncio
import datetime as dt
import itertools
import os
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import orjson
import pytest

from tests.clients.programs import Program
from tests.clients.sending import Sender, create_key, revoke_key
from tests.databases import only_postgresql, only_sqlite
from tests.running import Vigie, Vigies
from tests.vigie.proxies import reverse_proxy
from tests.vigie.test_slow_clients import MEGABYTE, figures, ingest, resident

pytestmark = pytest.mark.anyio

ACTIVITY = """
subscription ($after: String) {
  activity(after: $after, kinds: [USAGE]) {
    cursor missed events { title node { ... on UsageEvent { id attributes } } }
  }
}
"""
SILENCE_SECONDS = 15.0


class Events:
    """A response of events, read with the time at which each piece came."""

    def __init__(self, response: httpx2.Response) -> None:
        self.response = response
        self.arrivals: list[float] = [time.monotonic()]
        self._blocks = self._split()

    async def _split(self) -> AsyncIterator[str]:
        rest = ""
        async for text in self.response.aiter_text():
            self.arrivals.append(time.monotonic())
            *blocks, rest = (rest + text).split("\n\n")
            for block in blocks:
                yield block

    async def block(self) -> str | None:
        async with asyncio.timeout(30):
            return await anext(self._blocks, None)

    async def answer(self) -> Any:
        """The data of the next event; None at the end of the stream, which must say nothing after `complete`."""
        while (block := await self.block()) == ":":
            pass
        if block is None or block.startswith("event: complete"):
            return block
        return orjson.loads(block.partition("data: ")[2])

    async def titles(self, count: int) -> list[str]:
        """Of the next events, so many."""
        titles: list[str] = []
        while len(titles) < count:
            titles += [event["title"] for event in (await self.answer())["data"]["activity"]["events"]]
        return titles


@asynccontextmanager
async def following(url: str, key: str, **variables: Any) -> AsyncIterator[Events]:
    headers = {"accept": "text/event-stream", "x-api-key": key}
    body = {"query": ACTIVITY, "variables": variables}
    async with (
        httpx2.AsyncClient(timeout=60) as http,
        http.stream("POST", f"{url}/graphql", json=body, headers=headers) as response,
    ):
        assert response.status_code == 200, await response.aread()
        yield Events(response)


async def send(vigie: Vigie, *names: str) -> None:
    events = [{"type": "usage", "id": name, "time": "2026-01-15T12:00:00Z", "model": name} for name in names]
    async with httpx2.AsyncClient(timeout=60, headers=vigie.headers) as http:
        answer = await http.post(f"{vigie.url}/v1/events", json={"events": events})
    assert answer.json()["accepted"] == len(names)


@only_sqlite
async def test_events_pass_a_proxy_as_they_happen(vigie: Vigie) -> None:
    async with reverse_proxy(vigie.url) as url, following(url, vigie.admin_key) as events:
        assert events.response.headers["x-accel-buffering"] == "no"
        assert events.response.headers["cache-control"] == "no-cache"
        assert (await events.answer())["data"]["activity"]["events"] == []
        for number in range(5):
            sent = time.monotonic()
            await send(vigie, f"number-{number}")
            assert await events.titles(1) == [f"number-{number} · 0 tokens · ok"]
            assert events.arrivals[-1] - sent < 2
        assert await events.block() == ":"
        assert max(after - before for before, after in itertools.pairwise(events.arrivals)) < SILENCE_SECONDS


@only_sqlite
async def test_a_proxy_may_lose_its_vigie(vigie: Vigie, tmp_path: Path) -> None:
    async with reverse_proxy(vigie.url) as url:

        def follow() -> tuple[list[str], list[str]]:
            program = Program("with-graphql-sse.js", url, tmp_path / "program", key=vigie.admin_key)
            with program, Sender(vigie) as sender:
                program.wait_for("number-")
                vigie.restart()
                sender.wait_for(len(sender.sent) + 20)
                stored = sender.stop()
                program.wait_for(stored[-1])
                return program.told, stored

        told, stored = await asyncio.to_thread(follow)
    assert told == stored[stored.index(told[0]) :]


async def ends_with_its_key(events: Events) -> None:
    """Reads to the end, which must come within five seconds and say why."""
    async with asyncio.timeout(5):
        while "errors" not in (answer := await events.answer()):
            pass
    assert [error["extensions"]["code"] for error in answer["errors"]] == ["UNAUTHENTICATED"]
    assert (await events.block() or "").startswith("event: complete")
    assert await events.block() is None


@only_postgresql
async def test_a_revoked_key_ends_its_streams_at_every_replica(vigies: Vigies, database_url: str) -> None:
    here = vigies.start(VIGIE_DATABASE_URL=database_url)
    there = vigies.start(VIGIE_DATABASE_URL=database_url, VIGIE_ADMIN_KEY=here.admin_key)
    key_id, key = create_key(here, "READER")
    async with following(here.url, key) as one, following(there.url, key) as two:
        assert await one.answer()
        assert await two.answer()
        revoke_key(here, key_id)
        await asyncio.gather(ends_with_its_key(one), ends_with_its_key(two))


@only_sqlite
async def test_an_expired_key_ends_its_streams(vigie: Vigie) -> None:
    end = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=3)
    _, key = create_key(vigie, "READER", expiresAt=end.isoformat())
    async with following(vigie.url, key) as events:
        await ends_with_its_key(events)
    assert dt.datetime.now(dt.UTC) >= end


async def test_a_stream_goes_on_where_it_was_ended(vigie: Vigie) -> None:
    async with following(vigie.url, vigie.admin_key) as events:
        cursor = (await events.answer())["data"]["activity"]["cursor"]
        await send(vigie, "before")
        assert await events.titles(1) == ["before · 0 tokens · ok"]
        asked = time.monotonic()
        assert await asyncio.to_thread(vigie.terminate) == 0
        assert time.monotonic() - asked < 10
        assert await events.answer() is None
    vigie.start()
    await send(vigie, "after")
    async with following(vigie.url, vigie.admin_key, after=cursor) as events:
        assert await events.titles(2) == ["before · 0 tokens · ok", "after · 0 tokens · ok"]


async def test_a_stream_that_is_read_late_costs_little_and_tells_everything(vigie: Vigie) -> None:
    await ingest(vigie, megabytes=20)
    async with following(vigie.url, vigie.admin_key) as events:
        assert await events.answer()
        before = resident(vigie)
        count = len(await ingest(vigie, megabytes=80))
        assert resident(vigie) - before < 32 * MEGABYTE
        seen: list[str] = []
        while len(seen) < count:
            frame = (await events.answer())["data"]["activity"]
            assert frame["missed"] == 0
            seen += [event["node"]["id"] for event in frame["events"]]
    assert len(set(seen)) == len(seen) == count


@only_sqlite
async def test_the_process_ends_in_time_beside_a_stream_that_nobody_reads(vigie: Vigie) -> None:
    async with following(vigie.url, vigie.admin_key) as events:
        assert await events.answer()
        await ingest(vigie, megabytes=20)
        asked = time.monotonic()
        assert await asyncio.to_thread(vigie.terminate) == 0
        assert time.monotonic() - asked < 20
    assert "Traceback" not in vigie.log


async def test_while_it_drains_streams_go_on_and_new_ones_go_elsewhere(vigies: Vigies) -> None:
    vigie = vigies.start(VIGIE_DRAIN_SECONDS="2")
    async with following(vigie.url, vigie.admin_key) as events, httpx2.AsyncClient(timeout=30) as http:
        assert await events.answer()
        os.kill(vigie.pid, signal.SIGTERM)
        await asyncio.sleep(0.3)
        headers = {"accept": "text/event-stream", "x-api-key": vigie.admin_key}
        refused = await http.post(f"{vigie.url}/graphql", json={"query": ACTIVITY}, headers=headers)
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
        query = await http.post(f"{vigie.url}/graphql", json={"query": "{ viewer { role } }"}, headers=headers)
        assert '{"data":{"viewer":{"role":"ADMIN"}},"extensions":{"cost":' in query.text
        await send(vigie, "while it drains")
        assert await events.titles(1) == ["while it drains · 0 tokens · ok"]
        assert await events.answer() is None
    assert await asyncio.to_thread(vigie.terminate) == 0


@only_sqlite
async def test_an_open_stream_is_no_slow_request(vigie: Vigie) -> None:
    async with following(vigie.url, vigie.admin_key) as events:
        assert await events.answer()
        await asyncio.sleep(1.5)
        open_ = await figures(vigie)
        assert open_["vigie_sse_streams"] == 1
        assert open_["vigie_http_requests_in_progress"] == 1  # that which asks
    while "vigie_http_request_seconds_count POST /graphql" not in (closed := await figures(vigie)):  # noqa: ASYNC110
        await asyncio.sleep(0.05)
    assert closed["vigie_sse_streams"] == 0
    assert closed["vigie_sse_ended_total client"] == 1
    assert closed["vigie_http_request_seconds_count POST /graphql"] == 1
    assert closed["vigie_http_request_seconds_sum POST /graphql"] < 1
