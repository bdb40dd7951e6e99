"""uvicorn's protocols, with the ends that it leaves open: of a request's head, and of connections that nobody reads."""

import asyncio
import socket
import sys
from functools import partial
from typing import Final

from prometheus_client import Counter
from uvicorn._types import ASGI3Application, ASGISendEvent
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import CloseCode, Frame
from websockets.http11 import Request

from schema.sse import CUT
from schema.websocket.outlets import WRITE

HEAD_BYTES: Final = 1 << 16
HEAD_SECONDS: Final = 30.0
STUCK_SECONDS: Final = 1.0
STALL_SECONDS: Final = 20.0
"""How often the progress of a client that reads slowly is looked at."""
SILENT_SECONDS: Final = 40.0
"""How long a client's machine may acknowledge nothing of what it was sent. (Known to Linux only.)"""
LEAVE_SECONDS: Final = 5.0
"""How long a client may take to answer a close."""
MOST_PARTS: Final = 1_000

ABORTED: Final = Counter(
    "vigie_connections_cut_total", "Connections aborted because their client had stopped taking part.", ["reason"]
)
for _reason in ("does not read", "no pong", "does not leave"):
    ABORTED.labels(_reason)

TOO_LARGE: Final = b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"


def cut(transport: asyncio.Transport, reason: str) -> None:
    """Ends a connection now, whatever still waits to be written."""
    ABORTED.labels(reason).inc()
    transport.abort()


class Stalls:
    """Cuts a connection when its full write buffer has not moved from one look to the next: within 40 seconds."""

    def __init__(self, loop: asyncio.AbstractEventLoop, transport: asyncio.Transport) -> None:
        self._loop = loop
        self._transport = transport
        self._timer: asyncio.TimerHandle | None = None

    def begin(self) -> None:
        """The buffer has become full."""
        if self._timer is None:
            self._look_again()

    def over(self) -> None:
        """It has emptied, or the connection has ended."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look_again(self) -> None:
        waiting = self._transport.get_write_buffer_size()
        self._timer = self._loop.call_later(STALL_SECONDS, self._look, waiting)

    def _look(self, before: int) -> None:
        if self._transport.get_write_buffer_size() < before:
            self._look_again()
        else:
            cut(self._transport, "does not read")


class Requests(HttpToolsProtocol):
    """Ends connections whose request's head, its first line and headers, has too many bytes or takes too long.

    Nobody has shown a key by then, so anybody could fill the memory, or hold every connection that we take. Later it
    ends those of clients that do not read their answer, or whose machine is gone without a word.
    """

    _head: int | None = None
    _timer: asyncio.TimerHandle | None = None
    _answered: RequestResponseCycle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._timer = self.loop.call_later(HEAD_SECONDS, transport.abort)
        self._stalls = Stalls(self.loop, transport)
        if sys.platform == "linux":
            patience = round(SILENT_SECONDS * 1000)
            transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, patience)

    def connection_lost(self, exc: Exception | None) -> None:
        self._head_ends()
        self._stalls.over()
        super().connection_lost(exc)
        if self._answered is not None and not self._answered.response_complete:
            self._answered.disconnected = True
            self._answered.message_event.set()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        """Remembers which request is answered: uvicorn tells only the last one that came when the client is gone."""
        self._answered = cycle
        super()._start_asgi_task(cycle, app)

    def pause_writing(self) -> None:
        super().pause_writing()
        self._stalls.begin()

    def resume_writing(self) -> None:
        self._stalls.over()
        super().resume_writing()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._head is not None:
            self._head += len(data)
            if self._head > HEAD_BYTES:
                self._head_ends()
                self.transport.write(TOO_LARGE)
                self.transport.close()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope["extensions"] = {CUT: {"cut": partial(cut, self.transport, "does not leave")}}
        self._head = 0
        if self._timer is None:
            self._timer = self.loop.call_later(HEAD_SECONDS, self.transport.abort)

    def on_headers_complete(self) -> None:
        self._head_ends()
        super().on_headers_complete()

    def _head_ends(self) -> None:
        self._head = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


class WebSockets(WebSocketsSansIOProtocol):
    """Ends, and frees, the sockets of clients that do not read, do not answer, or do not leave.

    uvicorn closes a transport when its buffer is empty, which a client that does not read never lets happen.
    """

    _last: asyncio.TimerHandle | None = None
    _waits_to_read = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.close_timeout = LEAVE_SECONDS
        self._stalls = Stalls(self.loop, transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self._stalls.over()
        if self._last is not None:
            self._last.cancel()
        super().connection_lost(exc)

    def handle_connect(self, event: Request) -> None:
        super().handle_connect(event)
        if not self.close_sent:
            self.scope["extensions"][WRITE] = {"write": self.write_text}

    async def send(self, message: ASGISendEvent) -> None:
        await super().send(message)
        if self.close_sent:
            self.handshake_complete = True  # also by a refusal, which uvicorn would log as a fault of the application

    def write_text(self, *parts: bytes) -> bool:
        """Writes a message that these parts make, when that is possible now; answers whether it was.

        For what streams send to thousands at a time: the way through ASGI costs twice as much.
        """
        if not self.writable.is_set() or self.close_sent or self.transport.is_closing():
            return False
        size = sum(map(len, parts))
        if size < 126:
            head = bytes((0x81, size))
        else:
            head = b"\x81\x7e" + size.to_bytes(2) if size < 1 << 16 else b"\x81\x7f" + size.to_bytes(8)
        self.transport.write(b"".join((head, *parts)))
        return True

    def pause_writing(self) -> None:
        super().pause_writing()
        self._stalls.begin()

    def resume_writing(self) -> None:
        self._stalls.over()
        if self._waits_to_read:
            self._waits_to_read = False
            if not self.read_paused:
                self.transport.resume_reading()
        super().resume_writing()

    def handle_ping(self) -> None:
        """Answers; but reads no more pings from a client that does not read the answers."""
        super().handle_ping()
        if not self.writable.is_set():
            self._waits_to_read = True
            self.transport.pause_reading()

    def handle_cont(self, event: Frame) -> None:
        """Takes a part of a message, unless it comes in too many parts: empty ones would grow beyond every limit."""
        super().handle_cont(event)
        if len(self.frames) > MOST_PARTS:
            self.conn.fail(CloseCode.MESSAGE_TOO_BIG, "A message in too many parts")
            self.handle_parser_exception()

    def keepalive_timeout(self) -> None:
        super().keepalive_timeout()
        self._abort_after(STUCK_SECONDS, "no pong")

    def on_task_complete(self, task: asyncio.Task[None]) -> None:
        """The application is done with the socket: so much longer may the client take to leave."""
        super().on_task_complete(task)
        self._abort_after(LEAVE_SECONDS + STUCK_SECONDS, "does not leave")

    def shutdown(self) -> None:
        """The process ends. The application closes its sockets itself, when their operations are answered."""
        if self.close_sent or not self.handshake_complete:
            super().shutdown()

    def _abort_after(self, seconds: float, reason: str) -> None:
        if self._last is None and self in self.connections:
            self._last = self.loop.call_later(seconds, cut, self.transport, reason)
