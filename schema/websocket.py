"""GraphQL over WebSocket: the graphql-transport-ws protocol, for queries, mutations and subscriptions.

A socket is a task group: the loop that receives, one task that sends, a keep-alive, and a task per running operation.
Operations put messages into one short queue that the sender empties, so a client that reads slowly holds back its own
operations and nothing else. Whatever ends the socket raises `Closed`; leaving the group cancels and awaits the rest.
"""

import asyncio
from collections.abc import AsyncGenerator, Collection, Mapping
from contextlib import aclosing, suppress
from typing import Any, Final
from urllib.parse import urlsplit

import orjson
from graphql import OperationType
from prometheus_client import Counter, Gauge
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect

from resolvers.errors import Unavailable
from resolvers.principals import Principal, presented_secret
from schema.documents import Refused
from schema.errors import Code, failure, wire_error, wire_errors
from schema.execution import Engine
from schema.http import Authenticate
from schema.requests import GraphQLRequest, request_id_of

SOCKETS: Final = Gauge("vigie_websocket_sockets", "Open WebSockets.")
RUNNING: Final = Gauge("vigie_websocket_operations", "Operations that run on WebSockets.")
SENT: Final = Counter("vigie_websocket_messages_sent_total", "Messages sent to WebSocket clients.")
CLOSED: Final = Counter(
    "vigie_websocket_closed_total", "WebSockets that ended, by the code Vigie closed with.", ["code"]
)

PROTOCOL: Final = "graphql-transport-ws"
_OUTBOX: Final = 4  # messages, which may be large
_CLOSE_SECONDS: Final = 5.0


class Closed(Exception):  # noqa: N818 — how a socket ends, not an accident
    """The socket ends: with this code, or because the client is gone (None)."""

    def __init__(self, code: int | None = None, reason: str = "") -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason.encode()[:120].decode(errors="ignore")  # what fits into a close frame


class GraphQLOverWebSocket:
    """The ASGI application of `/graphql` for WebSockets.

    Browsers may connect from pages of this host and of `allowed_origins` (`https://app.example`).
    """

    def __init__(
        self,
        engine: Engine,
        authenticate: Authenticate,
        *,
        allowed_origins: Collection[str] = (),
        init_seconds: float = 10.0,
        ping_seconds: float = 15.0,
        max_operations: int = 100,
    ) -> None:
        self.engine = engine
        self.authenticate = authenticate
        self.init_seconds = init_seconds
        self.ping_seconds = ping_seconds
        self.max_operations = max_operations
        self._allowed_origins = frozenset(allowed_origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        websocket = WebSocket(scope, receive, send)
        with suppress(WebSocketDisconnect):  # while it is accepted or closed
            if not self._is_allowed(websocket.headers):
                await websocket.close()
            elif PROTOCOL not in scope["subprotocols"]:
                await websocket.accept()
                await websocket.close(4406, f"Subprotocol not acceptable: {PROTOCOL} is spoken here")
            else:
                await websocket.accept(PROTOCOL)
                with SOCKETS.track_inprogress():
                    await _Socket(self, websocket).serve()

    def _is_allowed(self, headers: Mapping[str, str]) -> bool:
        origin = headers.get("origin")
        return origin is None or origin in self._allowed_origins or urlsplit(origin).netloc == headers.get("host")


class _Socket:
    def __init__(self, server: GraphQLOverWebSocket, websocket: WebSocket) -> None:
        self._server = server
        self._websocket = websocket
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
            await self._handle(_decoded(frame.get("text")))

    async def _send(self) -> None:
        while True:
            message = await self._outbox.get()
            try:
                await self._websocket.send_text(message.decode())
            except WebSocketDisconnect:
                raise Closed from None
            SENT.inc()

    async def _expect_init(self) -> None:
        await asyncio.sleep(self._server.init_seconds)
        raise Closed(4408, "Connection initialisation timeout")

    async def _keep_alive(self) -> None:
        """Pings the client, and ends the socket when its key has ended."""
        while True:
            await asyncio.sleep(self._server.ping_seconds)
            with suppress(Unavailable):
                await self._principal()
            with suppress(asyncio.QueueFull):  # then there is traffic enough
                self._outbox.put_nowait(b'{"type":"ping"}')

    async def _handle(self, message: dict[str, Any]) -> None:
        payload = message.get("payload")
        match message.get("type"):
            case "connection_init":
                await self._initialise(_object_or_none(payload))
            case "subscribe":
                await self._subscribe(_id_of(message), payload)
            case "complete":
                operation = self._operations.pop(_id_of(message), None)
                if operation is not None:
                    operation.cancel()
            case "ping":
                echo = {} if _object_or_none(payload) is None else {"payload": payload}
                await self._outbox.put(orjson.dumps({"type": "pong", **echo}))
            case "pong":
                _object_or_none(payload)
            case _:
                raise Closed(4400, "Unknown message type")

    async def _initialise(self, payload: Mapping[str, Any] | None) -> None:
        if self._deadline.cancelling() or self._deadline.done():
            raise Closed(4429, "Too many initialisation requests")
        self._deadline.cancel()
        self._secret = presented_secret({**self._websocket.headers, **_credentials(payload or {})})
        try:
            await self._principal()
        except Unavailable as refusal:
            raise Closed(1013, refusal.message) from None
        await self._outbox.put(b'{"type":"connection_ack"}')
        self._tasks.create_task(self._keep_alive())

    async def _principal(self) -> Principal:
        """Whose key it is, asked anew: a key may end while its socket is open."""
        principal = await self._server.authenticate(self._secret) if self._secret else None
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
        if len(self._operations) >= self._server.max_operations:
            refusal = f"{self._server.max_operations} operations run on this socket already. Complete one first."
            await self._outbox.put(_error(operation_id, [failure(Code.RATE_LIMITED, refusal)]))
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
                        await self._outbox.put(_next(operation_id, body))
            last = orjson.dumps({"id": operation_id, "type": "complete"})
        except Closed:
            raise
        except Refused as refused:
            last = _error(operation_id, wire_errors(refused.errors, request_id=request_id))
        except Exception as error:  # noqa: BLE001 — logged and masked
            last = _error(operation_id, [wire_error(error, request_id=request_id)])
        if self._operations.get(operation_id) is asyncio.current_task():
            del self._operations[operation_id]
            await self._outbox.put(last)

    async def _bodies(
        self, request: GraphQLRequest, principal: Principal, request_id: str
    ) -> AsyncGenerator[bytes, None]:
        engine = self._server.engine
        operation = engine.prepare(request)
        if operation.type is OperationType.SUBSCRIPTION:
            async with aclosing(engine.stream(operation, principal, request_id)) as bodies:
                async for body in bodies:
                    yield body
        else:
            yield (await engine.execute(operation, principal, request_id)).body


def _first(ends: BaseExceptionGroup[Closed]) -> tuple[int | None, str]:
    """The code and reason of the first end (not it itself, whose traceback holds the frame that would hold it)."""
    first = ends.exceptions[0]
    return (first.code, first.reason) if isinstance(first, Closed) else _first(first)


def _decoded(text: str | None) -> dict[str, Any]:
    try:
        message = orjson.loads(text or b"")
    except orjson.JSONDecodeError:
        message = None
    if not isinstance(message, dict):
        raise Closed(4400, "A message is a text frame with a JSON object")
    return message


def _id_of(message: Mapping[str, Any]) -> str:
    operation_id = message.get("id")
    if not isinstance(operation_id, str) or not operation_id:
        raise Closed(4400, "`id` is required and must be a string")
    return operation_id


def _object_or_none(payload: object) -> dict[str, Any] | None:
    if payload is not None and not isinstance(payload, dict):
        raise Closed(4400, "`payload` must be an object or null")
    return payload


def _credentials(payload: Mapping[str, Any]) -> dict[str, str]:
    """The text members of a `connection_init` payload under the names that headers have; `apiKey` is `X-API-Key`."""
    texts = {name.lower(): value for name, value in payload.items() if isinstance(value, str)}
    return {"x-api-key" if name == "apikey" else name: value for name, value in texts.items()}


def _next(operation_id: str, body: bytes) -> bytes:
    return b'{"id":%b,"type":"next","payload":%b}' % (orjson.dumps(operation_id), body)


def _error(operation_id: str, errors: list[dict[str, Any]]) -> bytes:
    return orjson.dumps({"id": operation_id, "type": "error", "payload": errors})
