"""uvicorn's protocols, with the ends that it leaves open: of a request's head, and of a socket that nobody reads."""

import asyncio
from typing import Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

HEAD_BYTES: Final = 1 << 16
HEAD_SECONDS: Final = 30.0
STUCK_SECONDS: Final = 1.0

TOO_LARGE: Final = b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"


class Requests(HttpToolsProtocol):
    """Ends connections whose request's head, its first line and headers, has too many bytes or takes too long.

    Nobody has shown a key by then, so anybody could fill the memory, or hold every connection that we take.
    """

    _head: int | None = None
    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._timer = self.loop.call_later(HEAD_SECONDS, transport.abort)

    def connection_lost(self, exc: Exception | None) -> None:
        self._head_ends()
        super().connection_lost(exc)

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
    """Frees the socket of a client that answers no ping: a close would wait for it to read."""

    def keepalive_timeout(self) -> None:
        super().keepalive_timeout()
        self.loop.call_later(STUCK_SECONDS, self.transport.abort)
