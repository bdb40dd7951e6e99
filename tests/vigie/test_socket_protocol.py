"""What the server does to WebSockets whose client stops taking part, in bytes or in time."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest
import uvicorn
from prometheus_client import REGISTRY
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect
from websockets.asyncio.client import ClientConnection, connect
from websockets.frames import Frame, Opcode

from vigie import protocols
from vigie.protocols import MOST_PARTS, Requests, WebSockets

pytestmark = pytest.mark.anyio

Endpoint = Callable[[WebSocket], Awaitable[None]]
CHUNK = 100_000


def cuts(reason: str) -> float:
    return REGISTRY.get_sample_value("vigie_connections_cut_total", {"reason": reason}) or 0


class Served:
    """A socket of `endpoint`, and what became of the endpoint."""

    def __init__(self) -> None:
        self.ended = asyncio.Event()
        self.sent = 0

    @asynccontextmanager
    async def by(self, endpoint: Endpoint, **options: Any) -> AsyncIterator[ClientConnection]:
        async def run(websocket: WebSocket) -> None:
            try:
                await websocket.accept()
                await endpoint(websocket)
            except WebSocketDisconnect:
                pass
            finally:
                self.ended.set()

        app = Starlette(routes=[WebSocketRoute("/", run)])
        config = uvicorn.Config(
            app,
            port=0,
            http=Requests,
            ws=WebSockets,
            ws_per_message_deflate=False,
            lifespan="off",
            log_config=None,
            **options,
        )
        server = uvicorn.Server(config)
        task = asyncio.create_task(server.serve())
        while not server.started:  # noqa: ASYNC110 — uvicorn has nothing to wait for
            await asyncio.sleep(0.01)
        port = server.servers[0].sockets[0].getsockname()[1]
        try:
            client = connect(
                f"ws://127.0.0.1:{port}/", max_queue=1, compression=None, close_timeout=0.1, ping_interval=None
            )
            async with client as connection:
                yield connection
        finally:
            server.should_exit = True
            await task

    async def flood(self, websocket: WebSocket) -> None:
        while True:
            await websocket.send_text("x" * CHUNK)
            self.sent += CHUNK


async def test_a_client_that_does_not_read_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocols, "STALL_SECONDS", 0.3)
    before, served = cuts("does not read"), Served()
    async with served.by(served.flood):
        async with asyncio.timeout(5):
            await served.ended.wait()
        assert cuts("does not read") == before + 1
        assert served.sent < 20_000_000


async def test_one_that_reads_slowly_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocols, "STALL_SECONDS", 0.5)
    before, served = cuts("does not read"), Served()
    async with served.by(served.flood) as connection:
        for _ in range(100):
            for _ in range(10):
                await connection.recv()
            await asyncio.sleep(0.02)
    assert cuts("does not read") == before


async def test_one_that_answers_no_ping_is_cut() -> None:
    before, served = cuts("no pong"), Served()
    async with served.by(served.flood, ws_ping_interval=0.2, ws_ping_timeout=0.2):
        async with asyncio.timeout(5):
            await served.ended.wait()
            while cuts("no pong") == before:  # noqa: ASYNC110
                await asyncio.sleep(0.05)


async def test_one_that_does_not_leave_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocols, "LEAVE_SECONDS", 0.3)
    monkeypatch.setattr(protocols, "STUCK_SECONDS", 0.3)
    before, served = cuts("does not leave"), Served()

    async def leave(websocket: WebSocket) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(0.5):
                await served.flood(websocket)

    async with served.by(leave):
        async with asyncio.timeout(5):
            await served.ended.wait()
            while cuts("does not leave") == before:  # noqa: ASYNC110
                await asyncio.sleep(0.05)


async def test_a_message_in_too_many_parts_is_refused() -> None:
    served = Served()

    async def take(websocket: WebSocket) -> None:
        while True:
            await websocket.receive_text()

    async with served.by(take) as connection:
        parts = [Frame(Opcode.TEXT, b"", fin=False)] + [Frame(Opcode.CONT, b"", fin=False)] * (MOST_PARTS + 1)
        data = b"".join(part.serialize(mask=True, extensions=[]) for part in parts)
        connection.transport.write(data)
        async with asyncio.timeout(5):
            await connection.wait_closed()
        assert connection.close_code == 1009
        await served.ended.wait()
