"""A thousand WebSocket clients in a process of their own that cost little: they read frames and count them.

`Audience(address, ...)` starts them; `run` publishes events and measures when the clients have got them.
"""

import asyncio
import base64
import itertools
import multiprocessing
import os
import struct
import time
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Final, Self

import orjson
import uvloop

PING, TEXT = 9, 1
PATIENCE: Final = 30.0
CONNECTING: Final = 50


@dataclass(frozen=True, slots=True)
class Plan:
    """Where the clients go, and how an event is published there."""

    address: tuple[str, int]
    sockets: int
    first_messages: list[dict[str, Any]]
    """What each client sends, waiting for an answer before the next; after the last too, when that is `answered`."""
    answered: bool
    path: str
    headers: dict[str, str]
    bodies: list[bytes]
    """The events, each published by a POST of its own to `path`, from the first again after the last."""


@dataclass(slots=True)
class Heard:
    """What came of a run: messages a second over all sockets, and from publishing to arrival in seconds."""

    messages: int
    seconds: float
    latencies: list[float] = field(default_factory=list)
    sample: bytes = b""

    @property
    def rate(self) -> float:
        return self.messages / self.seconds

    def percentile(self, share: float) -> float:
        ranked = sorted(self.latencies)
        return ranked[min(len(ranked) - 1, int(share * len(ranked)))]


class Audience:
    """The clients. They connect when they are made; `run` publishes."""

    def __init__(self, plan: Plan) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_run, args=(theirs, plan), daemon=True)
        self._process.start()
        self._answer()

    def run(self, count: int, *, every: float = 0.0) -> Heard:
        """Publishes `count` events: each when all clients have the one before, or one in `every` seconds."""
        self._pipe.send((count, every))
        heard: Heard = self._answer()
        return heard

    def _answer(self) -> Any:
        if not self._pipe.poll(PATIENCE):
            raise RuntimeError("The clients did not get what was published.")
        return self._pipe.recv()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._pipe.close()
        self._process.terminate()
        self._process.join()


def _run(pipe: Any, plan: Plan) -> None:
    uvloop.run(_Clients(plan).serve(pipe))


class _Clients:
    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.sample = b""
        self._bodies = itertools.cycle(plan.bodies)
        self._published: list[float] = []
        self._arrived = 0
        self._wanted = 0
        self._all = asyncio.Event()
        self._latencies: list[float] = []
        self._clients: list[_Client] = []

    async def serve(self, pipe: Any) -> None:
        loop = asyncio.get_running_loop()
        host, port = self.plan.address
        for _ in range(0, self.plan.sockets, CONNECTING):
            some = [loop.create_connection(lambda: _Client(self), host, port) for _ in range(CONNECTING)]
            made = [client for _, client in await asyncio.gather(*some)]
            await asyncio.gather(*(client.ready for client in made))
            self._clients += made
        self._reader, self._writer = await asyncio.open_connection(host, port)
        pipe.send(None)
        while True:
            count, every = await asyncio.to_thread(pipe.recv)
            pipe.send(await self._hear(count, every))

    async def _hear(self, count: int, every: float) -> Heard:
        self._published, self._latencies, self._arrived = [], [], 0
        for client in self._clients:
            client.heard = 0
        start = time.perf_counter()
        for number in range(count):
            if every:
                await asyncio.sleep(max(0.0, start + number * every - time.perf_counter()))
            self._all.clear()
            self._wanted = len(self._clients) * (len(self._published) + 1)
            self._published.append(time.perf_counter())
            await self._publish(next(self._bodies))
            if not every:
                await self._all.wait()
        await self._all.wait()
        seconds = time.perf_counter() - start
        return Heard(self._arrived, seconds, self._latencies, self.sample)

    async def _publish(self, body: bytes) -> None:
        headers = "".join(f"{name}: {value}\r\n" for name, value in self.plan.headers.items())
        head = f"POST {self.plan.path} HTTP/1.1\r\nHost: vigie\r\nContent-Length: {len(body)}\r\n{headers}\r\n"
        self._writer.write(head.encode() + body)
        answer = await self._reader.readuntil(b"\r\n\r\n")
        if b" 200 " not in answer.split(b"\r\n", 1)[0]:
            raise RuntimeError(answer.decode())
        [length] = [line[15:] for line in answer.lower().split(b"\r\n") if line.startswith(b"content-length:")]
        await self._reader.readexactly(int(length))

    def arrived(self, client: "_Client") -> None:
        self._latencies.append(time.perf_counter() - self._published[client.heard])
        client.heard += 1
        self._arrived += 1
        if self._arrived == self._wanted:
            self._all.set()


class _Client(asyncio.Protocol):
    """One WebSocket: says its first messages, then counts what comes."""

    def __init__(self, clients: _Clients) -> None:
        self.heard = 0
        self.ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._clients = clients
        self._messages = list(clients.plan.first_messages)
        self._buffer = b""
        self._open = False

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        key = base64.b64encode(os.urandom(16)).decode()
        transport.write(
            b"GET /graphql HTTP/1.1\r\nHost: vigie\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: graphql-transport-ws\r\n"
            b"Sec-WebSocket-Key: %b\r\n\r\n" % key.encode()
        )

    def data_received(self, data: bytes) -> None:
        buffer = self._buffer + data if self._buffer else data
        at, size = 0, len(buffer)
        if not self._open:
            end = buffer.find(b"\r\n\r\n")
            if end < 0:
                self._buffer = buffer
                return
            if b" 101 " not in buffer[:20]:
                raise RuntimeError(buffer.decode())
            at, self._open = end + 4, True
            self._say()
        while size - at >= 2:
            length, head = buffer[at + 1], 2
            if length == 126:
                length, head = int.from_bytes(buffer[at + 2 : at + 4], "big"), 4
            elif length == 127:
                length, head = int.from_bytes(buffer[at + 2 : at + 10], "big"), 10
            if size - at < head + length:
                break
            self._frame(buffer[at] & 15, buffer, at + head, at + head + length)
            at += head + length
        self._buffer = buffer[at:]

    def _frame(self, opcode: int, buffer: bytes, start: int, end: int) -> None:
        if opcode == PING:
            self._transport.write(b"\x8a%c\0\0\0\0%b" % (0x80 | end - start, buffer[start:end]))
        elif opcode == TEXT and buffer.startswith(b'{"type":"ping"', start):
            self._transport.write(_masked({"type": "pong"}))
        elif opcode == TEXT and not self.ready.done():
            self._say() if self._messages else self.ready.set_result(None)
        elif opcode == TEXT:
            self._clients.sample = self._clients.sample or buffer[start:end]
            self._clients.arrived(self)
        else:
            raise RuntimeError(f"opcode {opcode}: {buffer[start:end]!r}")

    def _say(self) -> None:
        self._transport.write(_masked(self._messages.pop(0)))
        if not self._messages and not self._clients.plan.answered:
            self.ready.set_result(None)


def _masked(message: dict[str, Any]) -> bytes:
    data = orjson.dumps(message)
    length = bytes([0x80 | len(data)]) if len(data) < 126 else struct.pack("!BH", 0xFE, len(data))
    return b"\x81" + length + b"\0\0\0\0" + data
