"""The ASGI application of `/graphql` for WebSockets."""

from collections.abc import Callable, Collection, Mapping
from contextlib import suppress

from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect

from resolvers.connections import Connections
from schema.execution import Engine
from schema.keys import Authenticate
from schema.websocket.limits import SocketLimits
from schema.websocket.messages import PROTOCOL
from schema.websocket.sockets import Socket


class GraphQLOverWebSocket:
    """Serves sockets that speak graphql-transport-ws.

    Browsers may connect from pages of this host and of `allowed_origins` (`https://app.example`). While `closing()`, no
    new socket is taken.
    """

    def __init__(
        self,
        engine: Engine,
        authenticate: Authenticate,
        connections: Connections,
        *,
        allowed_origins: Collection[str] = (),
        closing: Callable[[], bool] = lambda: False,
        limits: SocketLimits | None = None,
    ) -> None:
        self._engine = engine
        self._authenticate = authenticate
        self._connections = connections
        self._allowed_origins = frozenset(allowed_origins)
        self._closing = closing
        self._limits = limits or SocketLimits()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        websocket = WebSocket(scope, receive, send)
        with suppress(WebSocketDisconnect):  # while it is accepted or closed
            if not self._is_allowed(websocket.headers):
                await websocket.close()
            elif self._closing():
                await websocket.send_denial_response(Response("Vigie restarts here.", 503, {"Retry-After": "1"}))
            elif PROTOCOL not in scope["subprotocols"]:
                await websocket.accept()
                await websocket.close(4406, f"Subprotocol not acceptable: {PROTOCOL} is spoken here")
            else:
                await websocket.accept(PROTOCOL)
                await Socket(websocket, self._engine, self._authenticate, self._connections, self._limits).serve()

    def _is_allowed(self, headers: Mapping[str, str]) -> bool:
        origin = headers.get("origin")
        return origin is None or origin in self._allowed_origins or origin.partition("://")[2] == headers.get("host")
