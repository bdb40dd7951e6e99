"""The ASGI application of `/graphql` for WebSockets."""

from collections.abc import Collection, Mapping
from contextlib import suppress
from urllib.parse import urlsplit

from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect

from schema.execution import Engine
from schema.keys import Authenticate
from schema.websocket.messages import PROTOCOL
from schema.websocket.sockets import SOCKETS, Socket


class GraphQLOverWebSocket:
    """Serves sockets that speak graphql-transport-ws.

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
        self._engine = engine
        self._authenticate = authenticate
        self._allowed_origins = frozenset(allowed_origins)
        self._init_seconds = init_seconds
        self._ping_seconds = ping_seconds
        self._max_operations = max_operations

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
                    await Socket(
                        websocket,
                        self._engine,
                        self._authenticate,
                        init_seconds=self._init_seconds,
                        ping_seconds=self._ping_seconds,
                        max_operations=self._max_operations,
                    ).serve()

    def _is_allowed(self, headers: Mapping[str, str]) -> bool:
        origin = headers.get("origin")
        return origin is None or origin in self._allowed_origins or urlsplit(origin).netloc == headers.get("host")
