"""What a connection may cost before anybody has shown a key: so many bytes, for so long."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from vigie import protocols
from vigie.protocols import HEAD_BYTES, Requests

ENOUGH = 3.0


async def _length(request: Request) -> PlainTextResponse:
    return PlainTextResponse(str(len(await request.body())))


@pytest.fixture
async def port() -> AsyncIterator[int]:
    app = Starlette(routes=[Route("/", _length, methods=["GET", "POST"])])
    config = uvicorn.Config(app, port=0, http=Requests, lifespan="off", log_config=None)
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 — uvicorn has nothing to wait for
        await asyncio.sleep(0.01)
    yield server.servers[0].sockets[0].getsockname()[1]
    server.should_exit = True
    await task


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocols, "HEAD_SECONDS", 0.3)


async def talk(port: int, *parts: bytes, pause: float = 0.0) -> bytes:
    """All that the server says to these parts until it closes the connection."""
    answer = b""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        async with asyncio.timeout(ENOUGH):
            for part in parts:
                writer.write(part)
                await writer.drain()
                await asyncio.sleep(pause)
            while data := await reader.read(1 << 16):
                answer += data
    except ConnectionResetError:
        pass
    finally:
        writer.close()
    return answer


async def test_a_head_without_end_is_refused(port: int) -> None:
    answer = await talk(port, b"GET / HTTP/1.1\r\nHost: x\r\nX: ", *[b"x" * 10_000] * (HEAD_BYTES // 10_000 + 1))
    assert answer.startswith(b"HTTP/1.1 431 ")


async def test_a_large_body_is_no_head(port: int) -> None:
    size = 5 * HEAD_BYTES
    head = b"POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % size
    assert (await talk(port, head + b"x" * size)).endswith(str(size).encode())


@pytest.mark.parametrize("sent", [b"", b"G", b"GET / HTTP/1.1\r\nHost: x\r\n"])
async def test_a_head_that_does_not_come_is_not_waited_for(port: int, hurried: None, sent: bytes) -> None:
    assert await talk(port, sent) == b""


async def test_nor_the_head_of_a_second_request(port: int, hurried: None) -> None:
    whole = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
    assert (await talk(port, whole, b"GET / HT")).count(b"HTTP/1.1 200") == 1


async def test_a_slow_body_and_a_pause_between_requests_are_fine(port: int, hurried: None) -> None:
    head = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n"
    last = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    assert (await talk(port, head, b"a", b"b", last, pause=0.5)).count(b"HTTP/1.1 200") == 2
