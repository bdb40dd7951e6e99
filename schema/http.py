"""GraphQL over HTTP: one endpoint for POST and GET, to the letter of the specification.

To `application/graphql-response+json` an operation that did not run answers 400; to `application/json`, which older
clients want, 200. What is no GraphQL request at all answers 4xx to both. POST needs a JSON content type and GET runs
queries only, so a foreign web page cannot make a browser change anything.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

import orjson
from graphql import OperationType
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from resolvers.principals import Principal, presented_secret
from schema.documents import Refused
from schema.errors import Code, failure, wire_error, wire_errors
from schema.execution import Engine, Operation
from schema.keys import Authenticate
from schema.media_types import GRAPHQL_RESPONSE, HTML, JSON, accepted, is_json
from schema.requests import GraphQLRequest, request_id_of

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
    """The ASGI application of `/graphql` for HTTP. `page`, when given, answers browsers that come without a query."""

    def __init__(
        self, engine: Engine, authenticate: Authenticate, *, page: Page | None = None, max_body: int = 10 * 2**20
    ) -> None:
        self._engine = engine
        self._authenticate = authenticate
        self._page = page
        self._max_body = max_body

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        try:
            response = await self._respond(request)
        except ClientDisconnect:
            return
        await response(scope, receive, send)

    async def _respond(self, request: Request) -> Response:
        asks_for_page = request.method in ("GET", "HEAD") and "query" not in request.query_params
        offers = (GRAPHQL_RESPONSE, JSON, HTML) if self._page and asks_for_page else (GRAPHQL_RESPONSE, JSON)
        media_type = accepted(",".join(request.headers.getlist("accept")), offers)
        if media_type == HTML and self._page:
            return self._page(request)
        request_id = request_id_of(request.scope)
        try:
            return await self._answer(request, media_type, request_id)
        except Rejected as rejected:
            return _response(rejected.status, rejected.errors, media_type, rejected.headers)
        except Refused as refused:
            status = 400 if media_type == GRAPHQL_RESPONSE else 200
            return _response(status, wire_errors(refused.errors, request_id=request_id), media_type)
        except ClientDisconnect:
            raise
        except Exception as error:  # noqa: BLE001 — logged and masked
            return _response(500, [wire_error(error, request_id=request_id)], media_type)

    async def _answer(self, request: Request, media_type: str | None, request_id: str) -> Response:
        _check_headers(request, media_type)
        principal = await self._principal(request)
        operation = self._engine.prepare(await self._request(request))
        _check_transport(operation, request.method)
        answer = await self._engine.execute(operation, principal, request_id)
        return _response(200, answer.body, media_type)

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
                "This API key is unknown, revoked or expired.",
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
            return GraphQLRequest.of(members)
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


def _check_headers(request: Request, media_type: str | None) -> None:
    if request.method not in ("GET", "POST"):
        raise Rejected(405, f"{request.method} is not for this address: use POST or GET.", Allow="GET, POST")
    if media_type is None:
        raise Rejected(406, f"Answers come as {GRAPHQL_RESPONSE} or {JSON}, which `Accept` refuses.")
    if request.method == "POST":
        if request.headers.get("content-encoding", "identity").lower() != "identity":
            raise Rejected(415, "Compressed bodies are not understood here: send it as it is.")
        if not is_json(request.headers.get("content-type", "")):
            raise Rejected(415, f"The body must be declared as `Content-Type: {JSON}`, in UTF-8.")


def _check_transport(operation: Operation, method: str) -> None:
    if operation.type is OperationType.SUBSCRIPTION:
        raise Rejected(400, "Subscriptions run over WebSocket at this address, by graphql-transport-ws.")
    if method == "GET" and operation.type is OperationType.MUTATION:
        raise Rejected(405, "GET runs queries only: send mutations with POST.", Allow="POST")


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
    content_type = f"{JSON if media_type in (None, HTML) else media_type}; charset=utf-8"
    return Response(body, status, {"Cache-Control": "no-store", "Content-Type": content_type, **(headers or {})})
