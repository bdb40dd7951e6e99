"""Two replicas on one PostgreSQL behind a balancer: either may die, and every subscriber sees every fact once."""

import asyncio
import json
import os
import signal
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path

import httpx2
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidHandshake, WebSocketException
from websockets.typing import Subprotocol

from schema.websocket import PROTOCOL
from tests.databases import only_postgresql
from tests.replicas.balancers import Balancer, haproxy
from tests.running import Vigie, Vigies
from tests.schema.serving import Socket

pytestmark = [pytest.mark.anyio, only_postgresql]

STREAM = """
subscription ($after: String) {
  activity(after: $after, kinds: [USAGE]) { cursor missed events { node { ... on UsageEvent { model } } } }
}
"""
KEY = "key-of-two-replicas-" + "k" * 20


@pytest.fixture(params=["in-process", "redis"])
def replicas(request: pytest.FixtureRequest, vigies: Vigies, database_url: str) -> list[Vigie]:
    """Two of them, on one database, with Redis and without."""
    settings = {"VIGIE_DATABASE_URL": database_url, "VIGIE_ADMIN_KEY": KEY, "VIGIE_DRAIN_SECONDS": "1"}
    if request.param == "redis":
        settings["VIGIE_REDIS_URL"] = request.getfixturevalue("redis_url")
    return [vigies.start(**settings) for _ in range(2)]


@contextmanager
def balanced(kind: str, replicas: list[Vigie], folder: Path) -> Iterator[str]:
    with Balancer(replicas).running() if kind == "ours" else haproxy(replicas, folder) as url:
        yield url


class Follower:
    """A client that comes back with its last cursor, whatever ends its socket."""

    def __init__(self, url: str) -> None:
        self._url = url.replace("http", "ws", 1) + "/graphql"
        self._cursor: str | None = None
        self.started = asyncio.Event()
        self.models: list[str] = []
        self.codes: list[int | None] = []
        self.sockets = 0

    async def run(self) -> None:
        while True:
            try:
                async with connect(self._url, subprotocols=[Subprotocol(PROTOCOL)], open_timeout=5) as connection:
                    self.sockets += 1
                    await self._follow(Socket(connection))
            except (OSError, WebSocketException, InvalidHandshake, EOFError) as lost:
                closed = getattr(lost, "rcvd", None)
                self.codes.append(closed.code if closed else None)
                await asyncio.sleep(0.1)

    async def _follow(self, socket: Socket) -> None:
        await socket.send({"type": "connection_init", "payload": {"apiKey": KEY}})
        await socket.receive()
        await socket.subscribe("a", STREAM, variables={"after": self._cursor})
        async for text in socket.connection:
            message = json.loads(text)
            assert message["type"] in ("next", "ping"), message
            if message["type"] == "next":
                frame = message["payload"]["data"]["activity"]
                assert frame["missed"] == 0
                self._cursor = frame["cursor"]
                self.models += [event["node"]["model"] for event in frame["events"]]
                self.started.set()


class Sender:
    """Sends one numbered event after the other, each until it is acknowledged."""

    def __init__(self, url: str) -> None:
        self._url = f"{url}/v1/events"
        self.stored: list[str] = []

    async def run(self) -> None:
        number = 0
        while True:
            number += 1
            name = f"model-{number:05}"
            while not await self._is_stored(name):  # noqa: ASYNC110
                await asyncio.sleep(0.02)
            self.stored.append(name)

    async def _is_stored(self, name: str) -> bool:
        event = {"type": "usage", "id": name, "time": "2026-01-15T12:00:00Z", "model": name}
        try:
            async with httpx2.AsyncClient(headers={"X-API-Key": KEY}, timeout=5) as http:
                return (await http.post(self._url, json={"events": [event]})).status_code == 200
        except httpx2.HTTPError:
            return False

    async def wait_for_more(self, count: int) -> None:
        wanted = len(self.stored) + count
        async with asyncio.timeout(60):
            while len(self.stored) < wanted:  # noqa: ASYNC110
                await asyncio.sleep(0.02)


@pytest.mark.parametrize("kind", ["ours", pytest.param("haproxy", marks=pytest.mark.long)])
async def test_either_replica_may_go_and_nothing_is_lost(kind: str, replicas: list[Vigie], tmp_path: Path) -> None:
    first, second = replicas
    with balanced(kind, replicas, tmp_path) as url:
        followers, sender = [Follower(url) for _ in range(6)], Sender(url)
        async with AsyncExitStack() as ending, asyncio.TaskGroup() as group:
            running = [group.create_task(follower.run()) for follower in followers]
            for follower in followers:
                await asyncio.wait_for(follower.started.wait(), 20)
            running.append(group.create_task(sender.run()))
            for task in running:
                ending.callback(task.cancel)
            await sender.wait_for_more(20)
            await asyncio.to_thread(first.kill)
            await sender.wait_for_more(20)
            await asyncio.to_thread(first.start)
            await sender.wait_for_more(20)
            await asyncio.to_thread(second.terminate)
            await sender.wait_for_more(20)
            await asyncio.to_thread(second.start)
            await asyncio.to_thread(first.kill)
            await sender.wait_for_more(20)
            running[-1].cancel()
            await asyncio.sleep(0.1)
            stored = sender.stored
            async with asyncio.timeout(20):
                while any(len(follower.models) < len(stored) for follower in followers):  # noqa: ASYNC110
                    await asyncio.sleep(0.05)
            for task in running:
                task.cancel()
    for follower in followers:
        assert follower.models[: len(stored)] == stored
        assert len(follower.models) - len(stored) <= 1  # one that was stored and not acknowledged any more
    codes = {code for follower in followers for code in follower.codes}
    assert 1012 in codes
    assert not {code for code in codes if code and code >= 4000}


async def test_what_one_takes_in_the_other_tells(replicas: list[Vigie]) -> None:
    """25 sockets that subscribe at once to one replica, three times, while the other takes in."""
    taking, telling = replicas
    for round_ in range(3):
        followers = [Follower(telling.url) for _ in range(25)]
        tasks = [asyncio.create_task(follower.run()) for follower in followers]
        for follower in followers:
            await asyncio.wait_for(follower.started.wait(), 20)
        sender = Sender(taking.url)
        names = [f"round-{round_}-{number}" for number in range(20)]
        for name in names:
            assert await sender._is_stored(name)
        async with asyncio.timeout(10):
            while any(len(follower.models) < len(names) for follower in followers):  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        assert [follower.models for follower in followers] == [names] * 25
        assert {follower.sockets for follower in followers} == {1}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def test_a_key_that_one_revokes_ends_the_quiet_sockets_of_the_other(replicas: list[Vigie]) -> None:
    create = 'mutation { createApiKey(input: {name: "x", role: READER}) { secret apiKey { id } } }'
    revoke = "mutation ($id: ID!) { revokeApiKey(input: {id: $id}) { userErrors { message } } }"
    async with httpx2.AsyncClient(headers={"X-API-Key": KEY}, timeout=10) as http:
        made = (await http.post(f"{replicas[0].url}/graphql", json={"query": create})).json()["data"]["createApiKey"]
        async with AsyncExitStack() as stack:
            sockets = []
            for replica in replicas:
                connecting = connect(replica.ws_url, subprotocols=[Subprotocol(PROTOCOL)])
                socket = Socket(await stack.enter_async_context(connecting))
                await socket.send({"type": "connection_init", "payload": {"apiKey": made["secret"]}})
                assert (await socket.receive())["type"] == "connection_ack"
                sockets.append(socket)
            body = {"query": revoke, "variables": {"id": made["apiKey"]["id"]}}
            assert "errors" not in (await http.post(f"{replicas[0].url}/graphql", json=body)).json()
            async with asyncio.timeout(5):
                assert [await socket.closed() for socket in sockets] == [(4403, "Forbidden")] * 2


async def test_replicas_end_at_once_on_the_second_signal(replicas: list[Vigie]) -> None:
    for replica in replicas:
        os.kill(replica.pid, signal.SIGTERM)
    for replica in replicas:
        assert await asyncio.to_thread(replica.terminate) == 0
