"""What goes out on one socket."""

import asyncio
from collections.abc import Callable
from typing import Final, TypeAlias

from prometheus_client import Counter
from starlette.types import Send

from resolvers.connections import Connection
from schema.websocket.messages import Closed

Write: TypeAlias = Callable[..., bool]
"""Writes a text message of some parts if the client reads; answers whether it did."""
WRITE: Final = "vigie.text"
"""The extension of ASGI in whose `write` the server offers that."""

SENT: Final = Counter("vigie_websocket_messages_sent_total", "Messages sent to WebSocket clients.")
BYTES: Final = Counter("vigie_websocket_sent_bytes_total", "Bytes of messages sent to WebSocket clients.")


class Outlet:
    """Sends messages one after the other, in the order of the calls. There is no queue: who sends waits.

    While the client does not read, one message waits for room in the server's write buffer, and every operation of the
    socket waits with one of its own at most, making no other. What waits is counted in the connection's figures.
    """

    def __init__(self, send: Send, connection: Connection, write: Write | None) -> None:
        self._send = send
        self._connection = connection
        self._write = write
        self._turn = asyncio.Lock()

    async def send(self, *parts: bytes) -> None:
        """Returns when the write buffer has taken the message that these parts make. Raises Closed without a client.

        Parts are joined when it is the message's turn: what many sockets wait with is one in memory.
        """
        connection, size = self._connection, sum(map(len, parts))
        connection.queued += 1
        connection.queued_bytes += size
        try:
            async with self._turn:
                await self._send({"type": "websocket.send", "text": b"".join(parts).decode()})
        except (OSError, RuntimeError):  # gone, or closed by uvicorn itself
            raise Closed from None
        finally:
            connection.queued -= 1
            connection.queued_bytes -= size
        connection.sent_bytes += size
        SENT.inc()
        BYTES.inc(size)

    def short_cut(self, before: bytes, after: bytes) -> Callable[[bytes], bool] | None:
        """What writes a message now, its body between these two, unless something waits; it answers whether it did."""
        write, connection = self._write, self._connection
        if write is None:
            return None

        def at_once(body: bytes) -> bool:
            size = len(before) + len(body) + len(after)
            if connection.queued or not write(before, body, after):
                return False
            connection.sent_bytes += size
            SENT.inc()
            BYTES.inc(size)
            return True

        return at_once
