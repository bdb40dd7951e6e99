"""`VigieMiddleware`: the requests that an ASGI application serves, each recorded as an API call.

    app.add_middleware(VigieMiddleware, subject_parameter="user_id", exclude=["/health", "/static/"])

Starlette's routes and FastAPI's are known by their templates. Bodies are counted, never kept. WebSockets pass.
"""

import time
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any, Final, TypeAlias

from vigie_sdk.caches import HEADERS, cache_of
from vigie_sdk.defaults import default
from vigie_sdk.events import Event, Sink
from vigie_sdk.quiet import quietly
from vigie_sdk.routes import route_of

Scope: TypeAlias = MutableMapping[str, Any]
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
Application: TypeAlias = Callable[[Any, Any, Any], Awaitable[None]]

METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "QUERY"})
OTHER_METHOD: Final = "_OTHER"
FAULT: Final = 500
CLIENT_LEFT: Final = 499
"""As nginx calls it: the client did not wait for the answer."""
EVENT_STREAM: Final = b"text/event-stream"
LONGEST_LENGTH: Final = 16
"""Digits of a Content-Length that nobody means."""


class VigieMiddleware:
    """Records each HTTP request: method, route, status, duration, sizes, and whether a cache answered.

    `subject` is whom it was served for: what this function of the scope answers, else the path parameter
    `subject_parameter`, else the header `subject_header`. `cache_header` says what the cache did, instead of X-Cache
    and Cache-Status. `exclude` names paths that are not recorded (one ending in `/` stands for all below it), or is a
    function of the scope that says so. Events go to `vigie`, by default to that of `configure` or the environment.

    A request whose application raises has status 500, one whose client left before the answer 499. The duration of an
    event stream is the time to its beginning.
    """

    def __init__(
        self,
        app: Application,
        *,
        subject: Callable[[Scope], object] | None = None,
        subject_parameter: str | None = None,
        subject_header: str | None = None,
        cache_header: str | None = None,
        exclude: Iterable[str] | Callable[[Scope], bool] = (),
        environment: str | None = None,
        vigie: Sink | None = None,
    ) -> None:
        self._app = app
        self._subject = subject
        self._subject_parameter = subject_parameter
        self._subject_header = None if subject_header is None else subject_header.lower().encode()
        self._cache_headers = tuple(name.lower().encode() for name in ((cache_header,) if cache_header else HEADERS))
        self._excludes = exclude if callable(exclude) else _below(exclude)
        self._environment = environment
        self._vigie = vigie

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or self._excludes(scope):
            await self._app(scope, receive, send)
            return
        served = Served(scope, receive, send)
        try:
            await self._app(scope, served.receive, served.send)
        except BaseException as error:
            served.fail(error)
            raise
        finally:
            quietly(self._record, scope, served)

    def _record(self, scope: Scope, served: "Served") -> None:
        headers = dict(scope["headers"])
        method = scope["method"]
        event: Event = {
            "type": "apiCall",
            "time": served.time,
            "method": method if method in METHODS else OTHER_METHOD,
            "route": route_of(scope, served.path, served.root_path),
            "status": served.status or (CLIENT_LEFT if served.left else FAULT),
            "durationMs": round(served.seconds * 1000, 3),
            "requestBytes": served.received or _announced(headers.get(b"content-length", b"")),
            "responseBytes": 0 if method == "HEAD" else served.sent,
            "subject": self._subject_of(scope, headers),
            "cache": self._cache_of(served.headers),
            "attributes": {"disconnected": True} if served.left else None,
        }
        if self._environment is not None:
            event["environment"] = self._environment
        trace = headers.get(b"traceparent", b"").split(b"-")
        if len(trace) == 4 and len(trace[1]) == 32:  # as W3C has it
            event["traceId"] = trace[1].decode("latin-1")
        (default() if self._vigie is None else self._vigie).record(event)

    def _subject_of(self, scope: Scope, headers: dict[bytes, bytes]) -> str | None:
        found: object = None
        if self._subject is not None:
            found = quietly(self._subject, scope)
        if found is None and self._subject_parameter is not None:
            found = scope.get("path_params", {}).get(self._subject_parameter)
        if found is None and self._subject_header is not None:
            value = headers.get(self._subject_header)
            found = None if value is None else value.decode(errors="replace")
        return None if found is None else str(found)

    def _cache_of(self, headers: Iterable[tuple[bytes, bytes]]) -> str | None:
        for name, value in headers:
            if name.lower() in self._cache_headers:
                return cache_of(value.decode("latin-1"))
        return None


class Served:
    """What passes between a server and an application for one request."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.time = time.time()
        self.path: str = scope["path"]
        self.root_path: str = scope.get("root_path", "")
        self.status = 0
        self.headers: list[tuple[bytes, bytes]] = []
        self.received = 0
        self.sent = 0
        self.left = False
        self._receive = receive
        self._send = send
        self._started = time.perf_counter()
        self._ended = 0.0
        self._complete = False

    @property
    def seconds(self) -> float:
        """From the head of the request to the end of the answer; of an event stream, to its beginning."""
        return (self._ended or time.perf_counter()) - self._started

    async def receive(self) -> Message:
        message = await self._receive()
        if message["type"] == "http.request":
            self.received += len(message.get("body", b""))
        elif message["type"] == "http.disconnect" and not self._complete:
            self.left = True
        return message

    async def send(self, message: Message) -> None:
        try:
            await self._send(message)
        except OSError:  # by which a server says that nobody listens any more
            self.left = True
            raise
        kind = message["type"]
        if kind == "http.response.start":
            self.status = message["status"]
            self.headers = list(message.get("headers", ()))
            if any(value.startswith(EVENT_STREAM) for name, value in self.headers if name.lower() == b"content-type"):
                self._ended = time.perf_counter()
        elif kind == "http.response.body":
            self.sent += len(message.get("body", b""))
            if not message.get("more_body", False):
                self._complete = True
                self._ended = self._ended or time.perf_counter()
        elif kind.startswith("http.response."):  # a file that the server sends by itself
            self.sent = next(
                (_announced(value) for name, value in self.headers if name.lower() == b"content-length"), 0
            )
            self._complete = True

    def fail(self, error: BaseException) -> None:
        """The application ended with this exception."""
        if self._complete:
            return  # what runs after an answer is no part of it
        if not isinstance(error, Exception):  # cancelled, since nobody waits any more
            self.left = True
        if not self.left:
            self.status = FAULT


def _below(paths: Iterable[str]) -> Callable[[Scope], bool]:
    """Whether a request is for one of these paths."""
    paths = (paths,) if isinstance(paths, str) else tuple(paths)
    exact, folders = frozenset(paths), tuple(path for path in paths if path.endswith("/"))
    return lambda scope: scope["path"] in exact or scope["path"].startswith(folders)


def _announced(length: bytes) -> int:
    return int(length) if length.isdigit() and len(length) < LONGEST_LENGTH else 0
