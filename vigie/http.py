"""What happens to every HTTP request, whatever answers it: an id, a log line, figures, headers, and no bare fault."""

import math
import re
import time
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from http import HTTPStatus
from typing import Final

import structlog
import uuid_utils
from prometheus_client import Counter, Gauge, Histogram
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ingest.problems import Problem
from models.outages import database_is_down
from resolvers.errors import Unavailable
from resolvers.suspects import CLIENT, PATHS, Suspects

REQUESTS: Final = Counter("vigie_http_requests_total", "HTTP requests answered.", ["method", "route", "status"])
SECONDS: Final = Histogram(
    "vigie_http_request_seconds",
    "Seconds from the head of a request to the end of its answer, or to the start of an event stream.",
    ["method", "route"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)
IN_PROGRESS: Final = Gauge(
    "vigie_http_requests_in_progress", "HTTP requests being answered now, without open event streams."
)

METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
OTHER: Final = "(other)"
SHOWN: Final = 300
EVENT_STREAM: Final = b"text/event-stream"
PROBED: Final = ("/health", "/metrics", "/graphiql")
DOORS: Final = frozenset({"/v1/events", "/v1/traces"})
"""What comes in through them is counted: a line for each request that went well would cost a tenth of it."""
PROBES: Final = "/health"
STARTING: Final = Problem(503, "Vigie is starting: send the same again in a moment.", Retry_After="1")
TRY_AGAIN_LATER: Final = 1013
TOLD_TO_NOBODY: Final = "/push/"
"""What stands behind it in a path is a token, for no log."""
REQUEST_ID: Final = re.compile(r"[A-Za-z0-9._:-]{1,128}")

# Answers are data, some of it private; what is a page or an asset says otherwise itself.
HEADERS: Final = (
    (b"cache-control", b"no-store"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-content-type-options", b"nosniff"),
)

log = structlog.get_logger(__name__)


class Outermost:
    """The outermost middleware but for that which records what Vigie serves.

    `routes` are the paths that figures may name (one that ends in `/` stands for all below it), so that nobody can make
    new series by asking for new paths. While `closing()`, answers ask clients to take their next request elsewhere.
    While `starting()` only probes are answered: nothing else has what it needs yet.
    """

    def __init__(
        self,
        app: ASGIApp,
        routes: Iterable[str],
        closing: Callable[[], bool],
        starting: Callable[[], bool] = lambda: False,
        suspects: Suspects | None = None,
    ) -> None:
        self._app = app
        self._suspects = suspects or Suspects()
        self._exact = frozenset(routes)
        self._prefixes = tuple(route for route in self._exact if route.endswith("/") and route != "/")
        self._closing = closing
        self._starting = starting

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        request_id = _request_id(scope)
        scope.setdefault("state", {})["request_id"] = request_id
        structlog.contextvars.bind_contextvars(request_id=request_id)
        client = scope.get("client")
        CLIENT.set(client[0] if client else None)
        if scope["type"] == "http":
            await self._answer(scope, receive, send, request_id)
        elif self._starting():
            await send({"type": "websocket.close", "code": TRY_AGAIN_LATER})
        else:
            await self._app(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive, send: Send, request_id: str) -> None:
        started = time.perf_counter()
        status, answered = 0, 0.0

        async def send_with_headers(message: Message) -> None:
            nonlocal status, answered
            if message["type"] == "http.response.start":
                status = message["status"]
                said = dict(message["headers"])
                if said.get(b"content-type", b"").startswith(EVENT_STREAM):
                    answered = time.perf_counter() - started
                    IN_PROGRESS.dec()
                headers = [*message["headers"], (b"x-request-id", request_id.encode())]
                headers += [header for header in HEADERS if header[0] not in said]
                if self._closing():
                    headers.append((b"connection", b"close"))
                message = {**message, "headers": headers}
            await send(message)

        IN_PROGRESS.inc()
        app = self._app
        if self._starting() and not scope["path"].startswith(PROBES):
            app = STARTING.response()
        try:
            await app(scope, receive, send_with_headers)
        except Exception as error:
            if database_is_down(error):
                log.warning("database is down", path=_shown(scope["path"]), error=repr(error))
            else:
                log.exception("request failed", path=_shown(scope["path"]))
            if status:
                raise
            await _problem(error, request_id).response()(scope, receive, send_with_headers)
        finally:
            ended = time.perf_counter() - started
            if not answered:
                IN_PROGRESS.dec()
            self._count(scope, status, answered or ended, ended)

    def _count(self, scope: Scope, status: int, answered: float, ended: float) -> None:
        method = scope["method"] if scope["method"] in METHODS else OTHER
        route = self._route(scope["path"])
        if status == HTTPStatus.NOT_FOUND and route == OTHER:
            self._suspects.note(PATHS)
        requests, duration = _figures(method, route, status)
        requests.inc()
        duration.observe(answered)
        quiet = scope["path"].startswith(PROBED) or (status == HTTPStatus.OK and route in DOORS)
        write = log.debug if quiet else log.info
        client = scope.get("client")
        write(
            "request",
            method=scope["method"],
            path=_shown(scope["path"]),
            status=status or None,
            duration_ms=round(ended * 1000, 3),
            client=client[0] if client else None,
        )

    def _route(self, path: str) -> str:
        if path in self._exact:
            return path
        return next((prefix for prefix in self._prefixes if path.startswith(prefix)), OTHER)


class Shortcuts:
    """The innermost middleware: takes busy paths straight to their applications, past the routes, which cost more."""

    def __init__(self, app: ASGIApp, ways: Mapping[str, ASGIApp]) -> None:
        self._app = app
        self._ways = {path: Route(path, way) for path, way in ways.items()}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        way = self._ways.get(scope["path"]) if scope["type"] == "http" else None
        if way is None:
            await self._app(scope, receive, send)
        else:
            scope["route"] = way
            await way.app(scope, receive, send)


@cache
def _figures(method: str, route: str, status: int) -> tuple[Counter, Histogram]:
    """The series of a kind of request; there are few, and looking them up costs more than moving them."""
    return REQUESTS.labels(method, route, status or "disconnected"), SECONDS.labels(method, route)


def _problem(error: Exception, request_id: str) -> Problem:
    if isinstance(error, Unavailable):
        return Problem(503, error.message, Retry_After=str(math.ceil(error.retry_after or 1)))
    if database_is_down(error):
        return Problem(503, "The database does not answer: send the same again.", Retry_After="1")
    return Problem(500, f"Internal error; the log has it under request id {request_id}.")


def _shown(path: str) -> str:
    return f"{TOLD_TO_NOBODY}…" if path.startswith(TOLD_TO_NOBODY) else path[:SHOWN]


def _request_id(scope: Scope) -> str:
    """The client's own id when it is harmless, else a new one."""
    given = next((value.decode("latin-1") for name, value in scope["headers"] if name == b"x-request-id"), "")
    return given if REQUEST_ID.fullmatch(given) else uuid_utils.uuid7().hex
