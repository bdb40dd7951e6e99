"""Live streams of the running product: with Redis dying, replicas ending, keys being revoked."""

import asyncio
import datetime as dt
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import httpx2
import orjson
import pytest
from websockets.asyncio.client import connect
from websockets.typing import Subprotocol

from tests.databases import only_postgresql
from tests.realtime.own_redis import OwnRedis
from tests.running import Vigie, Vigies
from tests.vigie.following import PATIENCE, Follower, following

LATEST_SECONDS = 5.0
KEY = secrets.token_hex(20)


@pytest.fixture
async def own_redis() -> AsyncIterator[OwnRedis]:
    redis = OwnRedis()
    await redis.start()
    yield redis
    await redis.stop()


class Sender:
    """Sends batches one after the other to the first replica that takes them, and knows what was acknowledged."""

    def __init__(self, *vigies: Vigie) -> None:
        self.urls = [f"{vigie.url}/v1/events" for vigie in vigies]
        self.acknowledged: dict[str, float] = {}
        self.failures = 0
        self.stopping = False

    async def run(self) -> None:
        async with httpx2.AsyncClient(headers={"X-API-Key": KEY}) as http:
            while not self.stopping:
                await self.batch(http)
                await asyncio.sleep(0.01)

    async def batch(self, http: httpx2.AsyncClient) -> None:
        number = len(self.acknowledged)
        names = [f"event-{number + n}" for n in range(1 + number % 3)]
        now = dt.datetime.now(dt.UTC).isoformat()
        events = [{"type": "usage", "id": name, "traceId": name, "time": now, "model": "gpt-4o"} for name in names]
        while True:
            try:
                answer = await http.post(self.urls[0], json={"events": events})
            except httpx2.TransportError:
                answer = None
            if answer is not None and answer.status_code == 200:
                break
            self.failures += 1
            self.urls.append(self.urls.pop(0))
        self.acknowledged |= dict.fromkeys(names, time.monotonic())

    async def seconds(self, seconds: float) -> None:
        """Lets traffic flow for a while: five batches at least."""
        before = len(self.acknowledged)
        await asyncio.sleep(seconds)
        async with asyncio.timeout(30):
            while len(self.acknowledged) < before + 5:  # noqa: ASYNC110
                await asyncio.sleep(0.01)

    async def check(self, follower: Follower) -> float:
        """Each acknowledged event has come once, in order, or is before its start; answers the longest delay."""
        names = list(self.acknowledged)
        await follower.until(names[-1])
        first = names.index(follower.traces[0])
        assert follower.traces == names[first:]
        assert follower.missed == 0
        return max(follower.times[name] - self.acknowledged[name] for name in names[first:])


@only_postgresql
@pytest.mark.parametrize(
    "away", [0.5, pytest.param(5, marks=pytest.mark.long), pytest.param(30, marks=pytest.mark.long)]
)
async def test_redis_dies_during_ingest_and_nobody_notices(
    vigies: Vigies, database_url: str, own_redis: OwnRedis, away: float
) -> None:
    settings = {"VIGIE_DATABASE_URL": database_url, "VIGIE_REDIS_URL": own_redis.url, "VIGIE_ADMIN_KEY": KEY}
    here, there = vigies.start(**settings), vigies.start(**settings)
    sender = Sender(here)
    async with AsyncExitStack() as stack:
        sending = asyncio.create_task(sender.run())
        await sender.seconds(0.3)
        early = [await stack.enter_async_context(following(vigie.ws_url, key=KEY)) for vigie in (here, there)]
        await sender.seconds(0.3)
        await own_redis.stop()
        meanwhile = [await stack.enter_async_context(following(vigie.ws_url, key=KEY)) for vigie in (here, there)]
        await sender.seconds(away)
        await own_redis.start()
        late = await stack.enter_async_context(following(there.ws_url, key=KEY))
        await sender.seconds(0.5)
        sender.stopping = True
        await sending
        for follower in (*early, *meanwhile, late):
            assert await sender.check(follower) < LATEST_SECONDS
            assert not follower.closes
    assert sender.failures == 0


@only_postgresql
@pytest.mark.parametrize("with_redis", [True, False])
async def test_followers_go_on_at_another_replica(
    vigies: Vigies, database_url: str, own_redis: OwnRedis, with_redis: bool
) -> None:
    settings = {"VIGIE_DATABASE_URL": database_url, "VIGIE_ADMIN_KEY": KEY}
    if with_redis:
        settings["VIGIE_REDIS_URL"] = own_redis.url
    one, other = vigies.start(**settings), vigies.start(**settings)
    sender = Sender(one, other)
    async with AsyncExitStack() as stack:
        followers = [
            await stack.enter_async_context(following(*urls, key=KEY))
            for urls in ((one.ws_url, other.ws_url), (other.ws_url, one.ws_url))
        ]
        sending = asyncio.create_task(sender.run())
        await sender.seconds(0.3)
        one.kill()
        await sender.seconds(1)
        await asyncio.to_thread(one.restart)
        await sender.seconds(0.3)
        await asyncio.to_thread(other.terminate)
        await sender.seconds(1)
        sender.stopping = True
        await sending
        for follower in followers:
            await sender.check(follower)
            assert follower.closes


async def test_a_revoked_key_ends_its_own_place_in_a_shared_stream(vigie: Vigie) -> None:
    async with httpx2.AsyncClient(headers=vigie.headers) as http:

        async def ask(query: str) -> dict[str, dict[str, dict[str, str]]]:
            answer = (await http.post(f"{vigie.url}/graphql", json={"query": query})).json()
            assert "errors" not in answer
            data: dict[str, dict[str, dict[str, str]]] = answer["data"]
            return data

        keys = [
            (await ask('mutation { createApiKey(input: {name: "r", role: READER}) { secret apiKey { id } } }'))[
                "createApiKey"
            ]
            for _ in range(2)
        ]
        async with (
            following(vigie.ws_url, key=str(keys[0]["secret"])) as revoked,
            following(vigie.ws_url, key=str(keys[1]["secret"])) as staying,
        ):
            sources = (await http.get(f"{vigie.url}/metrics")).text
            assert "vigie_stream_shared_sources 1.0" in sources
            assert "vigie_stream_shared_listeners 2.0" in sources
            await ask(f'mutation {{ revokeApiKey(input: {{id: "{keys[0]["apiKey"]["id"]}"}}) {{ apiKey {{ id }} }} }}')
            async with asyncio.timeout(PATIENCE):
                while not revoked.closes:  # noqa: ASYNC110
                    await asyncio.sleep(0.02)
            assert revoked.closes == [4403]
            now = dt.datetime.now(dt.UTC).isoformat()
            event = {"type": "usage", "id": "after", "traceId": "after", "time": now, "model": "gpt-4o"}
            assert (await http.post(f"{vigie.url}/v1/events", json={"events": [event]})).status_code == 200
            await staying.until("after")
            assert not staying.closes
            assert revoked.traces == []


@pytest.mark.parametrize("document", ["{ missed }", "{ missed events { node { ... on UsageEvent { attributes } } } }"])
async def test_messages_of_every_size_arrive_whole(vigie: Vigie, document: str) -> None:
    """Their length is written in one, two or eight bytes; many arrive together."""
    subscribe = {
        "type": "subscribe",
        "id": "1",
        "payload": {"query": f"subscription {{ activity(kinds: [USAGE]) {document} }}"},
    }
    protocol = Subprotocol("graphql-transport-ws")
    async with (
        httpx2.AsyncClient(headers=vigie.headers) as http,
        connect(vigie.ws_url, subprotocols=[protocol], compression=None, max_size=2**24) as socket,
    ):
        for message in ({"type": "connection_init", "payload": {"apiKey": vigie.admin_key}}, subscribe):
            await socket.send(orjson.dumps(message).decode())
            await socket.recv()
        for number, size in enumerate((0, 1, 20, 40, 60, 900)):
            now, attributes = dt.datetime.now(dt.UTC).isoformat(), {f"key {n}": "é" * (size // 2) for n in range(30)}
            event = {"type": "usage", "time": now, "model": "m", "attributes": attributes}
            events = [{**event, "id": f"{number} {n}"} for n in range(99)]
            await http.post(f"{vigie.url}/v1/events", json={"events": events[:1]})
            await http.post(f"{vigie.url}/v1/events", json={"events": events[1:]})
            came = 0
            while came < (len(events) if "events" in document else 2):
                answer = orjson.loads(await asyncio.wait_for(socket.recv(), PATIENCE))["payload"]["data"]["activity"]
                told = [event["node"]["attributes"] for event in answer.get("events", [])]
                assert all(each == attributes for each in told)
                came += len(told) if "events" in document else 1
