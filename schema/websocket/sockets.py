"""One socket: its messages, its operations, its end.

A socket is a task group: the loop that receives, one task that sends, a keep-alive, and a task per running operation.
Operations put messages into one short queue that the sender empties, so a client that reads slowly holds back its own
operations and nothing else. Whatever ends the socket raises `Closed`; leaving the group cancels and awaits the rest.
"""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing, suppress
from typing import Any, Final

from graphql import OperationType
from prometheus_client import Counter, Gauge
from starlette.websockets import WebSocket, WebSocketDisconnect

from resolvers.errors import Unavailable
from resolvers.principals import Principal, presented_secret
from schema.documents import Refused
from schema.errors import Code, failure, wire_error, wire_errors
from schema.execution import Engine
from schema.keys import Authenticate
from schema.requests import GraphQLRequest, request_id_of
from schema.websocket import messages
from schema.websocket.messages import Closed

SOCKETS: Final = Gauge("vigie_websocket_sockets", "Open WebSockets.")
RUNNING: Final = Gauge("vigie_websocket_operations", "Operations that run on WebSockets.")
SENT: Final = Counter("vigie_websocket_messages_sent_total", "Messages sent to WebSocket clients.")
CLOSED: Final = Counter(
    "vigie_websocket_closed_total", "WebSockets that ended, by the code Vigie closed with.", ["code"]
)

_OUTBOX: Final = 4  # messages, which may be large
_CLOSE_SECONDS: Final = 5.0


class Socket:
    """An accepted WebSocket; `serve` runs it."""

    def __init__(
        self,
        websocket: WebSocket,
        engine: Engine,
        authenticate: Authenticate,
        *,
        init_seconds: float,
        ping_seconds: float,
        max_operations: int,
    ) -> None:
        self._websocket = websocket
        self._engine = engine
        self._authenticate = authenticate
        self._init_seconds = init_seconds
        self._ping_seconds = ping_seconds
        self._max_operations = max_operations
        self._id = request_id_of(websocket.scope)
        self._started = 0
        self._secret: str | None = None
        self._outbox: asyncio.Queue[bytes] = asyncio.Queue(_OUTBOX)
        self._operations: dict[str, asyncio.Task[None]] = {}

    async def serve(self) -> None:
        """Serves the socket until either side ends it; no task of it is left afterwards."""
        code, reason = None, ""
        try:
            async with asyncio.TaskGroup() as self._tasks:
                self._tasks.create_task(self._send())
                self._deadline = self._tasks.create_task(self._expect_init())
                await self._receive()
        except* Closed as ends:
            code, reason = _first(ends)
        finally:
            self._let_go()
        CLOSED.labels(code or "client").inc()
        if code is not None:
            with suppress(TimeoutError):
                async with asyncio.timeout(_CLOSE_SECONDS):
                    await self._websocket.close(code, reason)

    def _let_go(self) -> None:
        """Frees what was not sent now: else it waits, megabytes of it, for the garbage collector to find a cycle."""
        del self._tasks, self._deadline
        self._operations.clear()
        self._outbox = asyncio.Queue(_OUTBOX)

    async def _receive(self) -> None:
        while True:
            frame = await self._websocket.receive()
            if frame["type"] == "websocket.disconnect":
                raise Closed
            await self._handle(messages.decoded(frame.get("text")))

    async def _send(self) -> None:
        while True:
            message = await self._outbox.get()
            try:
                await self._websocket.send_text(message.decode())
            except WebSocketDisconnect:
                raise Closed from None
            SENT.inc()

    async def _expect_init(self) -> None:
        await asyncio.sleep(self._init_seconds)
        raise Closed(4408, "Connection initialisation timeout")

    async def _keep_alive(self) -> None:
        """Pings the client, and ends the socket when its key has ended."""
        while True:
            await asyncio.sleep(self._ping_seconds)
            with suppress(Unavailable):
                await self._principal()
            with suppress(asyncio.QueueFull):  # then there is traffic enough
                self._outbox.put_nowait(b'{"type":"ping"}')

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
                await self._outbox.put(messages.pong(messages.object_or_none(payload)))
            case "pong":
                messages.object_or_none(payload)
            case _:
                raise Closed(4400, "Unknown message type")

    async def _initialise(self, payload: Mapping[str, Any] | None) -> None:
        if self._deadline.cancelling() or self._deadline.done():
            raise Closed(4429, "Too many initialisation requests")
        self._deadline.cancel()
        self._secret = presented_secret({**self._websocket.headers, **messages.credentials(payload or {})})
        try:
            await self._principal()
        except Unavailable as refusal:
            raise Closed(1013, refusal.message) from None
        await self._outbox.put(b'{"type":"connection_ack"}')
        self._tasks.create_task(self._keep_alive())

    async def _principal(self) -> Principal:
        """Whose key it is, asked anew: a key may end while its socket is open."""
        principal = await self._authenticate(self._secret) if self._secret else None
        if principal is None:
            raise Closed(4403, "Forbidden")
        return principal

    async def _subscribe(self, operation_id: str, payload: object) -> None:
        if self._secret is None:
            raise Closed(4401, "Unauthorized")
        try:
            request = GraphQLRequest.of(payload)
        except ValueError as error:
            raise Closed(4400, str(error)) from None
        if operation_id in self._operations:
            raise Closed(4409, f"Subscriber for {operation_id} already exists")
        if len(self._operations) >= self._max_operations:
            refusal = f"{self._max_operations} operations run on this socket already. Complete one first."
            await self._outbox.put(messages.error(operation_id, [failure(Code.RATE_LIMITED, refusal)]))
            return
        self._operations[operation_id] = self._tasks.create_task(self._run(operation_id, request))

    async def _run(self, operation_id: str, request: GraphQLRequest) -> None:
        """Runs one operation to its end. What it raises becomes its last message and harms no other."""
        self._started += 1
        request_id = f"{self._id}-{self._started}"
        try:
            with RUNNING.track_inprogress():
                async with aclosing(self._bodies(request, await self._principal(), request_id)) as bodies:
                    async for body in bodies:
                        await self._outbox.put(messages.next_(operation_id, body))
            last = messages.complete(operation_id)
        except Closed:
            raise
        except Refused as refused:
            last = messages.error(operation_id, wire_errors(refused.errors, request_id=request_id))
        except Exception as error:  # noqa: BLE001 — logged and masked
            last = messages.error(operation_id, [wire_error(error, request_id=request_id)])
        if self._operations.get(operation_id) is asyncio.current_task():
            del self._operations[operation_id]
            await self._outbox.put(last)

    async def _bodies(
        self, request: GraphQLRequest, principal: Principal, request_id: str
    ) -> AsyncGenerator[bytes, None]:
        operation = self._engine.prepare(request)
        if operation.type is OperationType.SUBSCRIPTION:
            async with aclosing(self._engine.stream(operation, principal, request_id)) as bodies:
                async for body in bodies:
                    yield body
        else:
            yield (await self._engine.execute(operation, principal, request_id)).body


def _first(ends: BaseExceptionGroup[Closed]) -> tuple[int | None, str]:
    """The code and reason of the first end (not it itself, whose traceback holds the frame that would hold it)."""
    first = ends.exceptions[0]
    return (first.code, first.reason) if isinstance(first, Closed) else _first(first)
