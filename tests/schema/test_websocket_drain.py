"""When the process ends, sockets end in order: what runs is answered, what streams goes on elsewhere."""

import asyncio
from typing import Any

import pytest

from schema.websocket import sockets
from tests.schema.serving import OPEN, Serving

pytestmark = pytest.mark.anyio

RESTART = (1012, "Service restart: come back with the last cursor")


async def test_streams_end_at_once(serving: Serving) -> None:
    async with serving.socket() as socket:
        await socket.subscribe("a", 'subscription { silence(name: "drained") }')
        await socket.subscribe("b", "{ hello }")
        assert [(await socket.receive())["type"] for _ in range(2)] == ["next", "complete"]
        assert "drained" in OPEN
        serving.connections.drain()
        assert await socket.closed() == RESTART
    assert "drained" not in OPEN


async def test_queries_and_mutations_are_answered_first(serving: Serving) -> None:
    async with serving.socket() as socket:
        await socket.subscribe("slow", "{ slow(seconds: 0.5) }")
        await socket.subscribe("slower", "{ slow(seconds: 0.8) }")
        await asyncio.sleep(0.1)
        serving.connections.drain()
        serving.connections.drain()
        await socket.subscribe("late", "mutation { send }")
        messages = [await socket.receive() for _ in range(4)]
        assert [(message["id"], message["type"]) for message in messages] == [
            ("slow", "next"),
            ("slow", "complete"),
            ("slower", "next"),
            ("slower", "complete"),
        ]
        assert await socket.closed() == RESTART


async def test_but_not_for_ever(serving: Serving, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sockets, "DRAIN_SECONDS", 0.3)
    async with serving.socket() as socket:
        await socket.subscribe("slow", "{ slow(seconds: 60) }")
        await asyncio.sleep(0.1)
        serving.connections.drain()
        assert await socket.closed() == RESTART


async def test_so_do_sockets_that_are_not_initialised() -> None:
    faults: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, fault: faults.append(fault))
    async with Serving.start(init_seconds=0.3) as serving:
        async with serving.socket(key=None) as socket:
            await socket.send({"type": "ping"})
            await socket.receive()
            serving.connections.drain()
            assert await socket.closed() == RESTART
        await asyncio.sleep(0.4)
    assert faults == []
