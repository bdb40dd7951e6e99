"""GraphQL over server-sent events: graphql-sse in its mode of distinct connections, a response for each operation.

`event: next` carries an answer, `event: complete` says that there are no more. A stream that ends without `complete` is
to be asked for again, behind its last cursor: Vigie restarts, or has no database now.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any, Final, NamedTuple

import orjson
from graphql import OperationType
from prometheus_client import Counter, Gauge
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from realtime.shared import Progress
from resolvers.connections import Connection, Connections, End
from resolvers.principals import Principal
from schema.documents import Refused
from schema.errors import Code, failure, wire_error, wire_errors
from schema.execution import Engine, Operation
from schema.media_types import EVENT_STREAM

STREAMS: Final = Gauge("vigie_sse_streams", "Open event streams.")
SENT: Final = Counter("vigie_sse_events_sent_total", "Events sent on event streams.")
BYTES: Final = Counter("vigie_sse_sent_bytes_total", "Bytes sent on event streams.")
ENDED: Final = Counter("vigie_sse_ended_total", "Event streams that ended, by what ended them.", ["by"])
for _by in ("complete", "client", "key", "restart", "unavailable"):
    ENDED.labels(_by)

QUIET_SECONDS: Final = 12.0
"""How long a stream may say nothing: proxies cut silent connections, some of them after half a minute."""
LAST_SECONDS: Final = 2.0
"""How long the end may wait for a client that does not read."""

CUT: Final = "vigie.cut"
"""The extension of ASGI in whose `cut` the server offers to end a connection now, whatever waits to be written."""

_HEADERS: Final = [
    (b"content-type", f"{EVENT_STREAM}; charset=utf-8".encode()),
    (b"cache-control", b"no-cache"),
    (b"x-accel-buffering", b"no"),  # nginx would collect events before it passes them on
]
_COMMENT: Final = b":\n\n"
_COMPLETE: Final = b"event: complete\ndata:\n\n"


class _Ending(NamedTuple):
    by: str
    last: bytes = b""


class EventStream:
    """The ASGI application of one response: an operation that runs for `principal`.

    When the process wants to end, subscriptions end and others finish. Calling it raises LimitReached, before it
    starts, when the key has too many connections.
    """

    def __init__(
        self, engine: Engine, connections: Connections, operation: Operation, principal: Principal, request_id: str
    ) -> None:
        self._engine = engine
        self._connections = connections
        self._operation = operation
        self._principal = principal
        self._request_id = request_id
        self._endless = operation.type is OperationType.SUBSCRIPTION

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        client = scope.get("client")
        self._connection = Connection(transport="sse", address=client and client[0], end=self._end)
        self._ending: asyncio.Future[_Ending] = asyncio.get_running_loop().create_future()
        with self._connections.open(self._connection), STREAMS.track_inprogress():
            self._connections.admit(self._connection, self._principal)
            self._connection.operations = 1
            await send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
            async with asyncio.TaskGroup() as tasks:
                work = (self._tell(send), self._keep_alive(send), self._notice_leave(receive))
                running = [tasks.create_task(each) for each in work]
                ending = await self._ending
                for task in running:
                    task.cancel()
        ENDED.labels(ending.by).inc()
        cut = scope.get("extensions", {}).get(CUT, {}).get("cut", lambda: None)
        timer = asyncio.get_running_loop().call_later(LAST_SECONDS, cut)
        try:
            await send({"type": "http.response.body", "body": ending.last})
        finally:
            timer.cancel()

    async def _tell(self, send: Send) -> None:
        """Sends every answer, and ends the stream with what the last one was."""
        await self._send(send, _COMMENT)  # some browsers take no notice of headers alone
        try:
            async with aclosing(self._bodies()) as bodies:
                async for body in bodies:
                    await self._send(send, _next(body))
                    SENT.inc()
        except Refused as refused:
            self._fail(wire_errors(refused.errors, request_id=self._request_id))
        except Exception as error:  # noqa: BLE001 — logged and masked
            self._fail([wire_error(error, request_id=self._request_id)])
        else:
            self._end_with("complete", _COMPLETE)

    async def _bodies(self) -> AsyncGenerator[bytes, None]:
        asked = self._operation, self._principal, self._request_id
        if self._endless:
            progress = self._connection.streams[self._request_id] = Progress()
            async with aclosing(self._engine.stream(*asked, progress)) as bodies:
                async for body in bodies:
                    yield body
        else:
            yield (await self._engine.execute(*asked)).body

    async def _keep_alive(self, send: Send) -> None:
        """Sends a comment when nothing else was sent, or waits to be, for a while."""
        while True:
            before = self._connection.sent_bytes
            await asyncio.sleep(QUIET_SECONDS / 2)
            if self._connection.sent_bytes == before and not self._connection.queued:
                await self._send(send, _COMMENT)

    async def _notice_leave(self, receive: Receive) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        self._end_with("client")

    async def _send(self, send: Send, event: bytes) -> None:
        """Returns when the server's write buffer has taken the event: who reads slowly holds up nobody else."""
        connection, size = self._connection, len(event)
        connection.queued += 1
        connection.queued_bytes += size
        try:
            await send({"type": "http.response.body", "body": event, "more_body": True})
        finally:
            connection.queued -= 1
            connection.queued_bytes -= size
        connection.sent_bytes += size
        BYTES.inc(size)
        await asyncio.sleep(0)  # servers take what is sent to a client that is gone without a pause to notice it

    def _end(self, why: End) -> None:
        if why is End.KEY:
            refusal = failure(Code.UNAUTHENTICATED, "This API key was revoked or has expired.")
            self._end_with("key", _errors([refusal]) + _COMPLETE)
        elif self._endless:
            self._end_with("restart")

    def _fail(self, errors: list[dict[str, Any]]) -> None:
        if any(error["extensions"]["code"] == Code.UNAVAILABLE for error in errors):
            self._end_with("unavailable", _errors(errors))
        else:
            self._end_with("complete", _errors(errors) + _COMPLETE)

    def _end_with(self, by: str, last: bytes = b"") -> None:
        if not self._ending.done():
            self._ending.set_result(_Ending(by, last))


def refusal(body: bytes) -> Response:
    """The whole stream of an operation that does not run: as the protocol says, its errors are an answer."""
    return Response(_next(body) + _COMPLETE, headers={name.decode(): value.decode() for name, value in _HEADERS})


def _next(body: bytes) -> bytes:
    return b"event: next\ndata: %b\n\n" % body


def _errors(errors: list[dict[str, Any]]) -> bytes:
    return _next(orjson.dumps({"errors": errors}))
