"""One socket: its messages, its operations, its end.

A socket is a task group: the loop that receives, a keep-alive, a task per running operation, and one that waits for the
end. Operations send for themselves and wait while the client does not read, so a slow client holds back its own
operations and nothing else. Whatever ends the socket raises `Closed`; leaving the group cancels and awaits the rest.
"""

import asyncio
import math
from collections.abc import Mapping
from contextlib import aclosing, suppress
from typing import Any, Final

from graphql import OperationType
from prometheus_client import Counter, Gauge
from starlette.websockets import WebSocket

from realtime.shared import Progress
from resolvers.connections import Connection, Connections, End
from resolvers.errors import LimitReached, Unavailable
from resolvers.principals import Principal, presented_secret
from resolvers.rates import RateLimited
from schema.documents import Refused
from schema.errors import Code, failure, wire_error, wire_errors
from schema.execution import Engine
from schema.keys import Authenticate
from schema.requests import GraphQLRequest, request_id_of
from schema.websocket import messages
from schema.websocket.limits import Bucket, SocketLimits
from schema.websocket.messages import Closed
from schema.websocket.outlets import WRITE, Outlet

SOCKETS: Final = Gauge("vigie_websocket_sockets", "Open WebSockets.")
RUNNING: Final = Gauge("vigie_websocket_operations", "Operations that run on WebSockets.")
RECEIVED: Final = Counter("vigie_websocket_messages_received_total", "Messages received from WebSocket clients.")
CLOSED: Final = Counter(
    "vigie_websocket_closed_total", "WebSockets that ended, by the code Vigie closed with.", ["code"]
)
LIMITED: Final = Counter(
    "vigie_websocket_limited_total", "Operations and WebSockets that a limit refused, by the limit.", ["limit"]
)
for _limit in ("operations", "messages", "sockets"):
    LIMITED.labels(_limit)

RESTART: Final = "Service restart: come back with the last cursor"
CLOSE_SECONDS: Final = 5.0
"""How long a close may wait for a client that does not read."""
DRAIN_SECONDS: Final = 8.0
"""How long queries and mutations may still take when the process ends."""


class Socket:
    """An accepted WebSocket; `serve` runs it."""

    def __init__(
        self,
        websocket: WebSocket,
        engine: Engine,
        authenticate: Authenticate,
        connections: Connections,
        limits: SocketLimits,
    ) -> None:
        self._websocket = websocket
        self._engine = engine
        self._authenticate = authenticate
        self._connections = connections
        self._limits = limits
        client = websocket.client
        self._connection = Connection(transport="websocket", address=client and client.host, end=self._end)
        write = websocket.scope.get("extensions", {}).get(WRITE, {}).get("write")
        self._outlet = Outlet(websocket._send, self._connection, write)  # noqa: SLF001 — without a state machine for each message
        self._operations: dict[str, asyncio.Task[None]] = {}
        self._answering: set[str] = set()
        self._allowed = Bucket(limits.messages, limits.per_seconds)
        self._endured = Bucket(2 * limits.messages, limits.per_seconds)
        self._id = request_id_of(websocket.scope)
        self._started = 0
        self._secret: str | None = None
        self._initialised = False
        self._draining = False

    async def serve(self) -> None:
        """Serves the socket until either side ends it; no task of it is left afterwards."""
        loop = asyncio.get_running_loop()
        self._fate: asyncio.Future[Closed] = loop.create_future()
        timeout = Closed(4408, "Connection initialisation timeout")
        self._deadline = loop.call_later(self._limits.init_seconds, self._doom, timeout)
        code, reason = None, ""
        try:
            with SOCKETS.track_inprogress(), self._connections.open(self._connection):
                async with asyncio.TaskGroup() as self._tasks:
                    self._tasks.create_task(self._meet_fate())
                    await self._receive()
        except* Closed as ends:
            code, reason = _first(ends)
        finally:
            self._deadline.cancel()
            del self._tasks, self._fate  # they refer back to what was not sent, which may be megabytes
            self._operations.clear()
        CLOSED.labels(code or "client").inc()
        if code is not None:
            with suppress(TimeoutError):
                async with asyncio.timeout(CLOSE_SECONDS):
                    await self._websocket.close(code, reason)

    async def _receive(self) -> None:
        while True:
            frame = await self._websocket.receive()
            if frame["type"] == "websocket.disconnect":
                raise Closed
            RECEIVED.inc()
            await self._handle(messages.decoded(frame.get("text")))

    async def _meet_fate(self) -> None:
        raise await self._fate

    def _doom(self, end: Closed) -> None:
        """Ends the socket in this way, unless its end is decided."""
        if not self._fate.done():
            self._fate.set_result(end)

    def _end(self, why: End) -> None:
        if why is End.KEY:
            self._doom(Closed(4403, "Forbidden"))
        elif not self._draining:
            self._draining = True
            self._deadline.cancel()
            self._deadline = asyncio.get_running_loop().call_later(DRAIN_SECONDS, self._doom, Closed(1012, RESTART))
            self._drained()

    def _drained(self) -> None:
        if self._draining and not self._answering:
            self._doom(Closed(1012, RESTART))

    async def _keep_alive(self) -> None:
        while True:
            await asyncio.sleep(self._limits.ping_seconds)
            if not self._connection.queued:  # else there is traffic enough
                await self._outlet.send(messages.PING)

    async def _handle(self, message: dict[str, Any]) -> None:
        payload = message.get("payload")
        match message.get("type"):
            case "connection_init":
                await self._initialise(messages.object_or_none(payload))
            case "subscribe":
                await self._subscribe(messages.id_of(message), payload)
            case "complete":
                operation = self._operations.pop(messages.id_of(message), None)
                if operation is not None:
                    operation.cancel()
            case "ping":
                await self._outlet.send(messages.pong(messages.object_or_none(payload)))
            case "pong":
                messages.object_or_none(payload)
            case _:
                raise Closed(4400, "Unknown message type")

    async def _initialise(self, payload: Mapping[str, Any] | None) -> None:
        if self._initialised:
            raise Closed(4429, "Too many initialisation requests")
        self._initialised = True
        self._secret = presented_secret({**self._websocket.headers, **messages.credentials(payload or {})})
        try:
            self._connections.admit(self._connection, await self._principal())
        except Unavailable as refusal:
            raise Closed(1013, refusal.message) from None
        except LimitReached as refusal:
            LIMITED.labels("sockets").inc()
            raise Closed(4429, refusal.message) from None
        if not self._draining:
            self._deadline.cancel()
        await self._outlet.send(messages.ACK)
        self._tasks.create_task(self._keep_alive())

    async def _principal(self) -> Principal:
        """Whose key it is, asked anew: a key may end while its socket is open."""
        try:
            principal = await self._authenticate(self._secret) if self._secret else None
        except RateLimited as limited:
            raise Closed(4429, "Too many bad keys") from limited
        if principal is None:
            raise Closed(4403, "Forbidden")
        return principal

    async def _subscribe(self, operation_id: str, payload: object) -> None:
        if self._connection.principal is None:
            raise Closed(4401, "Unauthorized")
        try:
            request = GraphQLRequest.of(payload)
        except ValueError as error:
            raise Closed(4400, str(error)) from None
        if operation_id in self._operations:
            raise Closed(4409, f"Subscriber for {operation_id} already exists")
        if self._draining:
            return  # the close that follows says the same: elsewhere
        if refusal := self._over_limit():
            await self._outlet.send(messages.error(operation_id, [refusal]))
            return
        self._operations[operation_id] = self._tasks.create_task(self._run(operation_id, request))

    def _over_limit(self) -> dict[str, Any] | None:
        """Why one more operation may not run now. Raises Closed when the client goes on in spite of refusals."""
        limits = self._limits
        if not self._endured.take():
            LIMITED.labels("messages").inc()
            raise Closed(4429, f"More than {2 * limits.messages} messages within {limits.per_seconds:g} seconds")
        if not self._allowed.take():
            LIMITED.labels("messages").inc()
            text = f"A socket takes {limits.messages} messages within {limits.per_seconds:g} seconds: slow down."
            return failure(Code.RATE_LIMITED, text, retryAfterSeconds=math.ceil(self._allowed.seconds_to_next))
        if len(self._operations) >= limits.operations:
            LIMITED.labels("operations").inc()
            return failure(
                Code.RATE_LIMITED, f"{limits.operations} operations run on this socket already: complete one first."
            )
        return None

    async def _run(self, operation_id: str, request: GraphQLRequest) -> None:
        """Runs one operation to its end. What it raises becomes its last message and harms no other."""
        self._started += 1
        request_id = f"{self._id}-{self._started}"
        self._connection.operations += 1
        try:
            with RUNNING.track_inprogress():
                last = await self._answer(operation_id, request, request_id)
            if self._operations.get(operation_id) is asyncio.current_task():
                del self._operations[operation_id]
                await self._outlet.send(last)
        finally:
            self._connection.operations -= 1
            self._connection.streams.pop(request_id, None)
            self._answering.discard(request_id)
            self._drained()

    async def _answer(self, operation_id: str, request: GraphQLRequest, request_id: str) -> bytes:
        """Sends what an operation answers, and gives its last message back."""
        before, after = messages.around_next(operation_id)
        try:
            principal = await self._principal()
            operation = self._engine.prepare(request)
            self._engine.admit(operation, principal, self._connection.address)
            if operation.type is OperationType.SUBSCRIPTION:
                progress = Progress(self._outlet.short_cut(before, after))
                self._connection.streams[request_id] = progress
                async with aclosing(self._engine.stream(operation, principal, request_id, progress)) as bodies:
                    async for body in bodies:
                        await self._outlet.send(before, body, after)
            else:
                self._answering.add(request_id)
                answer = await self._engine.execute(operation, principal, request_id)
                await self._outlet.send(before, answer.body, after)
        except Closed:
            raise
        except Refused as refused:
            return messages.error(operation_id, wire_errors(refused.errors, request_id=request_id))
        except Exception as error:  # noqa: BLE001 — logged and masked
            return messages.error(operation_id, [wire_error(error, request_id=request_id)])
        return messages.complete(operation_id)


def _first(ends: BaseExceptionGroup[Closed]) -> tuple[int | None, str]:
    """The code and reason of the first end (not it itself, whose traceback holds the frame that would hold it)."""
    first = ends.exceptions[0]
    return (first.code, first.reason) if isinstance(first, Closed) else _first(first)
