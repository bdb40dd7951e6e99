"""GraphQL over HTTP: one endpoint for POST and GET, to the letter of the specification.

To `application/graphql-response+json` an operation that did not run answers 400; to `application/json`, which older
clients want, 200; to `text/event-stream`, which subscriptions need (`schema.sse`), 200. What is no GraphQL request at
all answers 4xx to each. POST needs a JSON content type and GET changes nothing, so a foreign web page cannot make a
browser change anything.
"""

import math
from collections.abc import Callable, Mapping
from typing import Any, Final

import orjson
from graphql import OperationType
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from resolvers.connections import Connections
from resolvers.errors import LimitReached, Unavailable
from resolvers.principals import Principal, presented_secret
from resolvers.rates import RateLimited
from schema.documents import Refused
from schema.errors import Code, failure, wire_error
from schema.execution import Answer, Engine, Operation
from schema.keys import Authenticate
from schema.media_types import EVENT_STREAM, GRAPHQL_RESPONSE, HTML, JSON, accepted, is_json
from schema.requests import GraphQLRequest, request_id_of
from schema.sse import EventStream, refusal

Page = Callable[[Request], Response]
"""The page for browsers."""

_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
_PATIENCE: Final = 8


class Rejected(Exception):  # noqa: N818 — the request is answered, with this status
    """A request that is answered before it becomes an operation."""

    def __init__(self, status: int, message: str, *, code: Code = Code.BAD_USER_INPUT, **headers: str) -> None:
        super().__init__(message)
        self.status = status
        self.errors = [failure(code, message)]
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}


class GraphQLOverHTTP:
    """The ASGI application of `/graphql` for HTTP. `page`, when given, answers browsers that come without a query.

    Event streams count among `connections`; while `closing()`, subscriptions are sent elsewhere.
    """

    def __init__(
        self,
        engine: Engine,
        authenticate: Authenticate,
        connections: Connections,
        *,
        page: Page | None = None,
        max_body: int = 10 * 2**20,
        closing: Callable[[], bool] = lambda: False,
    ) -> None:
        self._engine = engine
        self._authenticate = authenticate
        self._connections = connections
        self._page = page
        self._max_body = max_body
        self._closing = closing

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        try:
            response = await self._respond(request)
        except ClientDisconnect:
            return
        try:
            await response(scope, receive, send)
        except LimitReached as limit:  # of event streams, before one starts
            errors = [failure(Code.RATE_LIMITED, limit.message)]
            await _response(429, errors, JSON, {"Retry-After": "10"})(scope, receive, send)

    async def _respond(self, request: Request) -> ASGIApp:
        asks_for_page = request.method in ("GET", "HEAD") and "query" not in request.query_params
        page = (HTML,) if self._page and asks_for_page else ()
        media_type = accepted(_accept(request), (GRAPHQL_RESPONSE, JSON, *page, EVENT_STREAM))
        if media_type == HTML and self._page:
            return self._page(request)
        request_id = request_id_of(request.scope)
        try:
            return await self._answer(request, media_type, request_id)
        except Rejected as rejected:
            return _response(rejected.status, rejected.errors, media_type, rejected.headers)
        except Refused as refused:
            body = refused.body(request_id)
            if media_type == EVENT_STREAM:
                return refusal(body)
            return _response(400 if media_type == GRAPHQL_RESPONSE else 200, body, media_type)
        except RateLimited as limited:
            return _response(429, [wire_error(limited, request_id=request_id)], media_type, limited.headers)
        except Unavailable as unavailable:
            headers = {"Retry-After": str(math.ceil(unavailable.retry_after or 1))}
            return _response(503, [wire_error(unavailable, request_id=request_id)], media_type, headers)
        except ClientDisconnect:
            raise
        except Exception as error:  # noqa: BLE001 — logged and masked
            return _response(500, [wire_error(error, request_id=request_id)], media_type)

    async def _answer(self, request: Request, media_type: str | None, request_id: str) -> ASGIApp:
        _check_headers(request, media_type)
        principal = await self._principal(request)
        operation = self._engine.prepare(await self._request(request))
        _check_transport(operation, request.method)
        left = self._engine.admit(operation, principal, request.client and request.client.host)
        if operation.type is OperationType.SUBSCRIPTION:
            media_type = accepted(_accept(request), (EVENT_STREAM,))
            self._check_subscription(media_type)
        if media_type == EVENT_STREAM:
            return EventStream(self._engine, self._connections, operation, principal, request_id)
        answer = await self._engine.execute(operation, principal, request_id)
        return _response(200, answer.body, media_type, left | _age(answer))

    def _check_subscription(self, media_type: str | None) -> None:
        if media_type is None:
            ways = f"over WebSocket, by graphql-transport-ws, or with `Accept: {EVENT_STREAM}`, by graphql-sse"
            raise Rejected(400, f"Subscriptions run at this address {ways}.")
        if self._closing():
            raise Rejected(503, "Vigie restarts here: try again.", code=Code.UNAVAILABLE, Retry_After="1")

    async def _principal(self, request: Request) -> Principal:
        secret = presented_secret(request.headers)
        if secret is None:
            raise Rejected(
                401,
                "An API key is needed, as `Authorization: Bearer KEY` or `X-API-Key: KEY`.",
                code=Code.UNAUTHENTICATED,
                WWW_Authenticate='Bearer realm="vigie"',
            )
        principal = await self._authenticate(secret)
        if principal is None:
            raise Rejected(
                401,
                "This API key or token is unknown, revoked or expired.",
                code=Code.UNAUTHENTICATED,
                WWW_Authenticate='Bearer realm="vigie", error="invalid_token"',
            )
        return principal

    async def _request(self, request: Request) -> GraphQLRequest:
        if request.method == "POST":
            members = _decoded(await self._body(request), "The body")
        else:
            members = dict(request.query_params)
            for name in ("variables", "extensions"):
                if name in members:
                    members[name] = _decoded(members[name], f"`{name}`")
        try:
            return GraphQLRequest.of(members, request.headers.get("cache-control"))
        except ValueError as error:
            raise Rejected(400, str(error)) from None

    async def _body(self, request: Request) -> bytes:
        """The body, kept no further than the limit.

        A body that is too large is read on for a while into nothing: most clients write all before they read an answer,
        and would see a broken connection instead of a 413.
        """
        patience = _PATIENCE * self._max_body
        size = int(request.headers.get("content-length", "0"))
        chunks: list[bytes] = []
        if size <= patience:
            size = 0
            async for chunk in request.stream():
                size += len(chunk)
                if size <= self._max_body:
                    chunks.append(chunk)
                elif size > patience:
                    break
        if size > self._max_body:
            limit = f"The body is larger than {self._max_body:,} bytes. Send the data in several requests."
            raise Rejected(413, limit, Connection="close")
        return b"".join(chunks).removeprefix(_BYTE_ORDER_MARK)


def _age(answer: Answer) -> dict[str, str]:
    return {} if answer.age is None else {"Age": str(int(answer.age)), "Cache-Status": "Vigie; hit"}


def _accept(request: Request) -> str:
    return ",".join(request.headers.getlist("accept"))


def _check_headers(request: Request, media_type: str | None) -> None:
    if request.method not in ("GET", "POST"):
        raise Rejected(405, f"{request.method} is not for this address: use POST or GET.", Allow="GET, POST")
    if media_type is None:
        raise Rejected(406, f"Answers come as {GRAPHQL_RESPONSE}, {JSON} or {EVENT_STREAM}, which `Accept` refuses.")
    if request.method == "POST":
        if request.headers.get("content-encoding", "identity").lower() != "identity":
            raise Rejected(415, "Compressed bodies are not understood here: send it as it is.")
        if not is_json(request.headers.get("content-type", "")):
            raise Rejected(415, f"The body must be declared as `Content-Type: {JSON}`, in UTF-8.")


def _check_transport(operation: Operation, method: str) -> None:
    if method == "GET" and operation.type is OperationType.MUTATION:
        raise Rejected(405, "GET changes nothing: send mutations with POST.", Allow="POST")


def _decoded(text: bytes | str, what: str) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise Rejected(400, f"{what} is not JSON in UTF-8: {error}.") from None


def _response(
    status: int,
    content: bytes | list[dict[str, Any]],
    media_type: str | None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    body = content if isinstance(content, bytes) else orjson.dumps({"errors": content})
    content_type = f"{GRAPHQL_RESPONSE if media_type == GRAPHQL_RESPONSE else JSON}; charset=utf-8"
    return Response(body, status, {"Cache-Control": "no-store", "Content-Type": content_type, **(headers or {})})
