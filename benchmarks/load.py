"""A load generator that costs little: bodies made beforehand, bare sockets, several connections kept alive.

It runs in a process of its own: `Load(address, key)` starts one, `run(...)` makes it send.
"""

import asyncio
import multiprocessing
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self, cast

import orjson
import uvloop
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from benchmarks.traffic import batches, span_batches


@dataclass(frozen=True, slots=True)
class Sent:
    """What a run came to. `statuses` counts the answers, `events` those that were accepted."""

    seconds: float
    events: int
    duplicates: int
    rejected: int
    statuses: dict[int, int]

    @property
    def rate(self) -> float:
        """Events accepted a second."""
        return self.events / self.seconds


@dataclass(frozen=True, slots=True)
class Door:
    """Where events are sent, as what, and what an answer says: accepted (None: the rest), duplicates, rejected."""

    path: str
    content_type: str
    bodies: Callable[..., list[bytes]]
    read: Callable[[bytes], tuple[int | None, int, int]]


def _recorded(body: bytes) -> tuple[int | None, int, int]:
    answer = orjson.loads(body)
    return answer["accepted"], answer["duplicates"], len(answer["rejected"])


def _exported(body: bytes) -> tuple[int | None, int, int]:
    return None, 0, ExportTraceServiceResponse.FromString(body).partial_success.rejected_spans


DOORS = {
    "json": Door("/v1/events", "application/json", batches, _recorded),
    "otlp": Door("/v1/traces", "application/x-protobuf", span_batches, _exported),
}


class Load:
    """A process that sends."""

    def __init__(self, address: tuple[str, int], key: str) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, address, key), daemon=True)
        self._process.start()

    def run(self, *, connections: int, door: str = "json", **traffic: Any) -> Sent:
        """Sends `batches(**traffic)`, or their like, through one of DOORS."""
        self._pipe.send((connections, door, traffic))
        sent: Sent = self._pipe.recv()
        return sent

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._pipe.close()
        self._process.terminate()
        self._process.join()


def _serve(pipe: Any, address: tuple[str, int], key: str) -> None:
    while True:
        try:
            connections, name, traffic = pipe.recv()
        except EOFError:
            return
        door = DOORS[name]
        pipe.send(uvloop.run(send(address, key, door.bodies(**traffic), connections, door, size=traffic["size"])))


async def send(
    address: tuple[str, int],
    key: str,
    bodies: Sequence[bytes],
    connections: int,
    door: Door = DOORS["json"],
    *,
    size: int = 0,
) -> Sent:
    """Sends every body over so many connections, each of which waits for its answer before the next.

    `size` is the number of events in each, for a door whose answers do not tell how many were accepted.
    """
    head = f"POST {door.path} HTTP/1.1\r\nHost: {address[0]}\r\nAuthorization: Bearer {key}\r\n"
    head += f"Content-Type: {door.content_type}\r\nContent-Length: "
    waiting = iter([b"%b%d\r\n\r\n%b" % (head.encode(), len(body), body) for body in bodies])
    loop = asyncio.get_running_loop()
    clients = [(await loop.create_connection(_Client, *address))[1] for _ in range(connections)]
    started = time.perf_counter()
    await asyncio.gather(*(client.send(waiting) for client in clients))
    seconds = time.perf_counter() - started
    statuses: dict[int, int] = {}
    events = duplicates = rejected = 0
    for status, body in (answer for client in clients for answer in client.answers):
        statuses[status] = statuses.get(status, 0) + 1
        if status == 200:
            accepted, twice, refused = door.read(body)
            events += size - refused if accepted is None else accepted
            duplicates += twice
            rejected += refused
    for client in clients:
        client.close()
    return Sent(seconds, events, duplicates, rejected, statuses)


class _Client(asyncio.Protocol):
    """One connection, one request at a time."""

    def __init__(self) -> None:
        self.answers: list[tuple[int, bytes]] = []
        self._received = b""
        self._transport: asyncio.Transport | None = None
        self._answered: asyncio.Future[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def connection_lost(self, error: Exception | None) -> None:
        if self._answered and not self._answered.done():
            self._answered.set_exception(error or ConnectionError("the server closed the connection"))

    def data_received(self, data: bytes) -> None:
        self._received += data
        end = self._received.find(b"\r\n\r\n")
        if end < 0:
            return
        head = self._received[:end].lower()
        length = int(head.partition(b"content-length: ")[2].partition(b"\r")[0])
        if len(self._received) < end + 4 + length:
            return
        self.answers.append((int(head[9:12]), self._received[end + 4 :]))
        self._received = b""
        if self._answered:
            self._answered.set_result(None)

    async def send(self, requests: Iterator[bytes]) -> None:
        assert self._transport
        for request in requests:
            self._answered = asyncio.get_running_loop().create_future()
            self._transport.write(request)
            await self._answered

    def close(self) -> None:
        if self._transport:
            self._transport.close()
