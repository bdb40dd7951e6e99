"""A client of a running Vigie: follows the feed by WebSocket, and comes back with its cursor when the socket ends."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import orjson
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

DOCUMENT = """
subscription Activity($after: String) {
  activity(after: $after, kinds: [USAGE]) { cursor missed events { id node { ... on UsageEvent { traceId } } } }
}
"""
PATIENCE = 30.0


class Follower:
    """What came: trace ids of model calls, in order, and when (by the monotonic clock)."""

    def __init__(self, urls: list[str], key: str, cursor: str | None) -> None:
        self.cursor = cursor
        self.missed = 0
        self.traces: list[str] = []
        self.times: dict[str, float] = {}
        self.closes: list[int | None] = []
        self.started = asyncio.Event()
        self._urls, self._key = urls, key
        self._heard = asyncio.Condition()

    async def until(self, trace: str) -> None:
        async with asyncio.timeout(PATIENCE), self._heard:
            await self._heard.wait_for(lambda: trace in self.times)

    async def follow(self) -> None:
        """Follows until it is cancelled, or its key is refused."""
        attempt = 0
        while 4403 not in self.closes:
            url, attempt = self._urls[attempt % len(self._urls)], attempt + 1
            with suppress(OSError, TimeoutError):
                await self._session(url)
            await asyncio.sleep(0.05)

    async def _session(self, url: str) -> None:
        async with connect(url, subprotocols=[Subprotocol("graphql-transport-ws")], compression=None) as socket:
            try:
                await socket.send(orjson.dumps({"type": "connection_init", "payload": {"apiKey": self._key}}).decode())
                await socket.recv()
                payload = {"query": DOCUMENT, "variables": {"after": self.cursor}}
                await socket.send(orjson.dumps({"type": "subscribe", "id": "1", "payload": payload}).decode())
                async for text in socket:
                    message = orjson.loads(text)
                    if message["type"] == "ping":
                        await socket.send('{"type":"pong"}')
                    else:
                        assert message["type"] == "next", message
                        await self._take(message["payload"]["data"]["activity"])
            except ConnectionClosed:
                pass
            self.closes.append(socket.close_code)

    async def _take(self, frame: dict[str, Any]) -> None:
        async with self._heard:
            self.cursor = frame["cursor"]
            self.missed += frame["missed"]
            for event in frame["events"]:
                trace = event["node"]["traceId"]
                self.traces.append(trace)
                self.times.setdefault(trace, time.monotonic())
            self._heard.notify_all()
        self.started.set()


@asynccontextmanager
async def following(*urls: str, key: str, cursor: str | None = None) -> AsyncIterator[Follower]:
    """A follower that has had its first frame."""
    follower = Follower(list(urls), key, cursor)
    task = asyncio.create_task(follower.follow())
    try:
        async with asyncio.timeout(PATIENCE):
            await follower.started.wait()
        yield follower
        if task.done():
            task.result()
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
