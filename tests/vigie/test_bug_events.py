"""Bugs followed by sockets of the running server: `bugEvents` and `activity` tell each change once, in one order."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

import orjson
from websockets.asyncio.client import connect
from websockets.typing import Subprotocol

from tests.architecture.sources import ROOT
from tests.running import Vigie
from tests.vigie.test_bugs import DOCUMENT, file, run

ACTIVITY = (ROOT / "tests" / "contract" / "activity.graphql").read_text()
Json = dict[str, Any]


async def subscribed(vigie: Vigie, document: str, operation: str, **variables: Any) -> AsyncGenerator[Json, None]:
    """The frames of a subscription over a socket of its own."""
    async with connect(vigie.ws_url, subprotocols=[Subprotocol("graphql-transport-ws")], compression=None) as socket:
        await socket.send(orjson.dumps({"type": "connection_init", "payload": {"apiKey": vigie.admin_key}}).decode())
        await socket.recv()
        payload = {"query": document, "operationName": operation, "variables": variables}
        await socket.send(orjson.dumps({"type": "subscribe", "id": "1", "payload": payload}).decode())
        async for text in socket:
            message = orjson.loads(text)
            assert message["type"] in ("ping", "next"), message
            if message["type"] == "next":
                (frame,) = message["payload"]["data"].values()
                yield frame


class Follower:
    """What one subscription has told so far."""

    def __init__(self, vigie: Vigie, document: str, operation: str, **variables: Any) -> None:
        self.events: list[Json] = []
        self.cursor = ""
        self.started = asyncio.Event()
        self._frames = subscribed(vigie, document, operation, **variables)

    async def follow(self, count: int) -> None:
        """Until so many events have come, and a moment longer: nothing may come twice."""
        async with aclosing(self._frames) as frames:
            async with asyncio.timeout(30):
                while len(self.events) < count:
                    self._take(await anext(frames))
            try:
                async with asyncio.timeout(0.5):
                    self._take(await anext(frames))
            except TimeoutError:
                pass

    def _take(self, frame: Json) -> None:
        self.cursor = frame["cursor"]
        self.events += frame["events"]
        self.started.set()


async def test_sockets_tell_each_change_once(vigie: Vigie) -> None:
    followers = [
        Follower(vigie, DOCUMENT, "BugEvents"),
        Follower(vigie, DOCUMENT, "BugEvents"),
        Follower(vigie, DOCUMENT, "BugEvents", filter={"severities": ["HIGH"]}),
        Follower(vigie, ACTIVITY, "Activity", kinds=["BUG"]),
    ]
    async with asyncio.TaskGroup() as group:
        for follower, count in zip(followers, (24, 24, 12, 24), strict=True):
            group.create_task(follower.follow(count))
        await asyncio.gather(*(follower.started.wait() for follower in followers))
        opened = followers[0].cursor
        await asyncio.gather(*(asyncio.to_thread(live_a_life, vigie, n) for n in range(6)))

    first, second, high, feed = (follower.events for follower in followers)
    assert first == second
    assert len(first) == 24
    assert len({(event["bug"]["number"], event["kind"]) for event in first}) == 24
    assert high == [event for event in first if event["bug"]["severity"] == "HIGH"]
    assert [event["node"]["id"] for event in feed] == [event["bug"]["id"] for event in first]
    assert [event["time"] for event in feed] == [event["time"] for event in first]

    again = Follower(vigie, DOCUMENT, "BugEvents", after=opened)
    await again.follow(24)
    assert again.events == first


def live_a_life(vigie: Vigie, n: int) -> None:
    """A bug is filed, changed, discussed, and met again."""
    bug = file(vigie, f"bug {n}", fingerprint=f"f{n}", severity=["LOW", "HIGH"][n % 2])
    run(vigie, "UpdateBug", input={"number": bug["number"], "expectedVersion": 1, "status": "RESOLVED"})
    run(vigie, "CommentOnBug", input={"number": bug["number"], "body": "Done."})
    run(vigie, "FileBug", input={"title": "again", "fingerprint": f"f{n}"})
