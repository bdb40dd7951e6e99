"""Clients that stop reading: they cost little, hold back nobody, are cut in time, and lose nothing."""

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
from prometheus_client.parser import text_string_to_metric_families
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from schema.websocket import PROTOCOL
from tests.databases import only_sqlite
from tests.running import Vigie, Vigies
from tests.schema.serving import Socket

pytestmark = pytest.mark.anyio

STREAM = """
subscription ($after: String) {
  activity(after: $after, kinds: [USAGE]) { cursor missed events { node { ... on UsageEvent { id attributes } } } }
}
"""
MEGABYTE = 2**20
EVENT_BYTES = 8 * 1000
PER_REQUEST = 250


@asynccontextmanager
async def listening(vigie: Vigie, **options: Any) -> AsyncIterator[Socket]:
    """An initialised socket. It stops reading when one message waits to be received."""
    client = connect(
        vigie.ws_url,
        subprotocols=[Subprotocol(PROTOCOL)],
        compression=None,
        max_queue=1,
        max_size=None,
        ping_interval=None,
        close_timeout=0.1,
        **options,
    )
    async with client as connection:
        socket = Socket(connection)
        await socket.send({"type": "connection_init", "payload": {"apiKey": vigie.admin_key}})
        assert (await socket.receive())["type"] == "connection_ack"
        yield socket


async def ingest(vigie: Vigie, *, megabytes: int) -> list[str]:
    """Sends so much in large events; answers their ids in order."""
    ids: list[str] = []
    async with httpx2.AsyncClient(headers=vigie.headers, timeout=60) as http:
        while len(ids) * EVENT_BYTES < megabytes * MEGABYTE:
            fresh = [f"{time.monotonic_ns()}-{number}" for number in range(PER_REQUEST)]
            large = {f"text{number}": "x" * (EVENT_BYTES // 8) for number in range(8)}
            events = [
                {"type": "usage", "id": name, "time": "2026-01-15T12:00:00Z", "model": "gpt-4", "attributes": large}
                for name in fresh
            ]
            answer = await http.post(f"{vigie.url}/v1/events", json={"events": events})
            assert answer.json()["accepted"] == PER_REQUEST, answer.text
            ids += fresh
    return ids


class Follower:
    """What one subscriber has seen, over however many sockets."""

    def __init__(self) -> None:
        self.cursor: str | None = None
        self.frames = 0
        self.missed = 0
        self._nodes: list[str] = []

    @property
    def ids(self) -> list[str]:
        return self._nodes

    async def subscribe(self, socket: Socket) -> None:
        await socket.subscribe("a", STREAM, variables={"after": self.cursor})

    async def read(self, socket: Socket) -> None:
        """Takes one message in."""
        message = await socket.receive()
        if message["type"] == "next":
            frame = message["payload"]["data"]["activity"]
            self.cursor, self.frames = frame["cursor"], self.frames + 1
            self.missed += frame["missed"]
            self._nodes += [event["node"]["id"] for event in frame["events"]]

    async def read_until(self, socket: Socket, count: int) -> None:
        """Reads on until it has seen so many facts."""
        async with asyncio.timeout(60):
            while len(self._nodes) < count:
                await self.read(socket)


def resident(vigie: Vigie) -> int:
    """The memory of the process, in bytes."""
    lines = Path(f"/proc/{vigie.pid}/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("RssAnon")).split()[1]) * 1024


async def figures(vigie: Vigie) -> dict[str, float]:
    """The process's figures by name and labels' values."""
    async with httpx2.AsyncClient() as http:
        text = (await http.get(f"{vigie.url}/metrics")).text
    return {
        " ".join([sample.name, *sample.labels.values()]): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


async def sockets_of(vigie: Vigie) -> list[dict[str, Any]]:
    """What an administrator sees of them."""
    query = "{ connections(first: 9) { edges { node { operations lag queue queuedBytes sentBytes } } } }"
    async with httpx2.AsyncClient(headers=vigie.headers) as http:
        answer = await http.post(f"{vigie.url}/graphql", json={"query": query})
    return [edge["node"] for edge in answer.json()["data"]["connections"]["edges"]]


async def test_a_socket_that_does_not_read_costs_little_and_goes_on_from_its_cursor(vigie: Vigie) -> None:
    await ingest(vigie, megabytes=20)
    stuck, quick = Follower(), Follower()
    async with listening(vigie) as stuck_socket, listening(vigie) as quick_socket:
        for follower, socket in ((stuck, stuck_socket), (quick, quick_socket)):
            await follower.subscribe(socket)
            await follower.read(socket)
        before = resident(vigie)
        count = 80 * MEGABYTE // EVENT_BYTES // PER_REQUEST * PER_REQUEST + PER_REQUEST
        reading = asyncio.create_task(quick.read_until(quick_socket, count))
        ids = await ingest(vigie, megabytes=80)
        await reading
        assert resident(vigie) - before < 32 * MEGABYTE
        assert len(quick.ids) == len(set(quick.ids)) == len(ids)

        (seen,) = [socket for socket in await sockets_of(vigie) if socket["lag"]]
        assert seen["operations"] == 1
        assert seen["queue"] >= 1
        assert seen["queuedBytes"] > 100_000

        await stuck.read_until(stuck_socket, count)
        assert (stuck.ids, stuck.missed) == (quick.ids, 0)
        assert resident(vigie) - before < 32 * MEGABYTE
        while any(socket["lag"] or socket["queue"] for socket in await sockets_of(vigie)):  # noqa: ASYNC110
            await asyncio.sleep(0.05)


@pytest.mark.long
@only_sqlite
async def test_it_is_cut_within_a_minute_and_loses_nothing(vigie: Vigie) -> None:
    follower = Follower()
    async with listening(vigie) as socket:
        await follower.subscribe(socket)
        await follower.read(socket)
        ids = await ingest(vigie, megabytes=80)
        began = time.monotonic()
        while (await figures(vigie))["vigie_websocket_sockets"]:
            assert time.monotonic() - began < 60
            await asyncio.sleep(0.2)
        assert (await figures(vigie))["vigie_connections_cut_total does not read"] == 1
        with pytest.raises(ConnectionClosed):
            await follower.read_until(socket, len(ids))
    assert len(follower.ids) < len(ids)
    async with listening(vigie) as socket:
        await follower.subscribe(socket)
        await follower.read_until(socket, len(ids))
    assert len(follower.ids) == len(set(follower.ids)) == len(ids)


@only_sqlite
async def test_the_process_ends_in_time_beside_a_client_that_neither_reads_nor_leaves(vigie: Vigie) -> None:
    async with listening(vigie) as socket:
        follower = Follower()
        await follower.subscribe(socket)
        await follower.read(socket)
        await ingest(vigie, megabytes=40)
        began = time.monotonic()
        assert await asyncio.to_thread(vigie.terminate) == 0
        assert time.monotonic() - began < 20
    assert "Traceback" not in vigie.log


@only_sqlite
async def test_pings_that_nobody_reads_the_answers_of_are_not_read_either(vigie: Vigie) -> None:
    await ingest(vigie, megabytes=2)
    before = resident(vigie)
    reader, writer = await asyncio.open_connection("127.0.0.1", int(vigie.url.rsplit(":", 1)[1]), limit=1)
    try:
        writer.write(
            b"GET /graphql HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
            b"Sec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n"
        )
        await reader.readexactly(12)  # from here on nothing is read
        ping = b"\x89\xfd" + bytes(4) + b"x" * 125
        with contextlib.suppress(TimeoutError):  # the server takes no more
            async with asyncio.timeout(3):
                for _ in range(100):
                    writer.write(ping * 8_000)
                    await writer.drain()
        assert resident(vigie) - before < 32 * MEGABYTE
    finally:
        writer.transport.abort()


async def test_while_it_drains_operations_finish_and_sockets_go_elsewhere(vigies: Vigies, database_url: str) -> None:
    vigie = vigies.start(VIGIE_DATABASE_URL=database_url, VIGIE_DRAIN_SECONDS="1.5")
    async with listening(vigie) as socket:
        follower = Follower()
        await follower.subscribe(socket)
        await follower.read(socket)
        os.kill(vigie.pid, signal.SIGTERM)
        await asyncio.sleep(0.5)
        with pytest.raises(Exception, match="503"):
            async with listening(vigie):
                pass
        await follower.read_until(socket, len(await ingest(vigie, megabytes=1)))
        assert await socket.closed() == (1012, "Service restart: come back with the last cursor")
    assert await asyncio.to_thread(vigie.terminate) == 0
    assert '"level":"error"' not in vigie.log
