"""A small schema with every kind of field, served by a real uvicorn on a port of its own, in the test's event loop."""

import asyncio
import socket
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any, Self, cast

import httpx2
import orjson
import strawberry
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route, WebSocketRoute
from strawberry.schema.config import StrawberryConfig
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

from resolvers.connections import Connections
from resolvers.errors import Invalid, LimitReached, Unavailable
from resolvers.principals import Principal, Role
from schema.context import Info, Services
from schema.execution import Engine
from schema.guards import ADMINISTERS, ANYONE, EDITS, READS, SENDS
from schema.http import GraphQLOverHTTP
from schema.limits import Limits
from schema.payloads import REFUSALS, Payload
from schema.scalars import JSON, SCALARS, BigInt
from schema.websocket import PROTOCOL, GraphQLOverWebSocket, SocketLimits
from vigie.protocols import Requests, WebSockets

KEYS = {f"{role}-key": Principal(number, role, role, 1, "acme") for number, role in enumerate(Role)}
OPEN: set[str] = set()
"""Names of the subscriptions whose generators are open."""


@strawberry.type
class Tree:
    level: int

    @strawberry.field
    def child(self) -> "Tree":
        return Tree(level=self.level + 1)


@strawberry.type
class Query:
    @strawberry.field(extensions=[READS], description="Greets.")
    async def hello(self, name: str = "you") -> str:
        return f"hello {name}"

    @strawberry.field(extensions=[ANYONE], description="Grows.")
    def tree(self) -> Tree:
        return Tree(level=0)

    @strawberry.field(extensions=[READS], description="Takes its time.")
    async def slow(self, seconds: float) -> str:
        await asyncio.sleep(seconds)
        return "done"

    @strawberry.field(extensions=[READS], description="Gives back what it got.")
    def echo(self, value: JSON) -> JSON:
        return value

    @strawberry.field(extensions=[READS], description="Adds one.")
    def after(self, number: BigInt, step: int = 1) -> BigInt:
        return number + step

    @strawberry.field(extensions=[READS], description="Gives back what it got.")
    def price(self, of: Decimal) -> Decimal:
        return of

    @strawberry.field(extensions=[READS], description="Has a fault.")
    async def broken(self) -> str | None:
        raise RuntimeError("password=hunter2")

    @strawberry.field(extensions=[READS], description="Answers what its type cannot hold.")
    def too_big(self) -> int | None:
        return 2**40

    @strawberry.field(extensions=[READS], description="Is refused.")
    async def refused(self, how: str) -> str:
        match how:
            case "unavailable":
                raise Unavailable("The database rests.", retry_after=3)
            case "limit":
                raise LimitReached("No more than three.")
            case _:
                raise Invalid("`from` lies after `to`.", field="period.from")


@strawberry.type
class BumpPayload(Payload):
    count: int | None = strawberry.field(default=None, description="How often.")


@strawberry.type
class Mutation:
    @strawberry.mutation(extensions=[EDITS, REFUSALS], description="Counts.")
    async def bump(self, by: int) -> BumpPayload:
        if by < 0:
            raise Invalid("Only forward.", field="by")
        return BumpPayload(count=by)

    @strawberry.mutation(extensions=[SENDS], description="Sends.")
    async def send(self) -> bool:
        return True

    @strawberry.mutation(extensions=[ADMINISTERS], description="Administers.")
    async def administer(self, info: Info) -> str:
        return info.context.principal.name


@asynccontextmanager
async def _opened(name: str) -> AsyncIterator[None]:
    OPEN.add(name)
    try:
        yield
    finally:
        OPEN.discard(name)


@strawberry.type
class Subscription:
    @strawberry.subscription(extensions=[READS], description="Counts.")
    async def count(self, to: int) -> AsyncIterator[int]:
        for number in range(to):
            yield number

    @strawberry.subscription(extensions=[READS], description="Stays silent.")
    async def silence(self, name: str) -> AsyncIterator[int]:
        async with _opened(name):
            await asyncio.Event().wait()
            yield 0

    @strawberry.subscription(extensions=[READS], description="Never ends.")
    async def flood(self, name: str, size: int = 100_000) -> AsyncIterator[str]:
        async with _opened(name):
            while True:
                yield "x" * size
                PRODUCED[name] = PRODUCED.get(name, 0) + size

    @strawberry.subscription(extensions=[READS], description="Fails after one.")
    async def failing(self, how: str = "fault") -> AsyncIterator[int]:
        yield 1
        raise RuntimeError("password=hunter2") if how == "fault" else Unavailable("The stream rests.")

    @strawberry.subscription(extensions=[READS], description="Refuses to start.")
    async def refusing(self, after: str) -> AsyncIterator[int]:
        if after:
            raise Invalid("`after` is not a cursor.", field="after")
        yield 1


PRODUCED: dict[str, int] = {}
SCHEMA = strawberry.Schema(Query, Mutation, Subscription, config=StrawberryConfig(scalar_map=SCALARS))
NO_SERVICES = Services(
    database=cast("Any", None), hub=cast("Any", None), writer=cast("Any", None), connections=Connections("here")
)


def answered(cost: int, **data: Any) -> dict[str, Any]:
    """The answer of an operation of this cost, or the first one of a subscription."""
    return {"data": data, "extensions": {"cost": {"requested": cost, "limit": Limits().cost}}}


async def authenticate(secret: str) -> Principal | None:
    return KEYS.get(secret)


def page(_: Request) -> Response:
    return HTMLResponse("<title>GraphiQL</title>")


def engine(limits: Limits | None = None) -> Engine:
    return Engine(SCHEMA, NO_SERVICES, limits)


class Serving:
    """The running server, and clients for it."""

    def __init__(self, port: int, connections: Connections) -> None:
        self.port = port
        self.connections = connections
        self.url = f"http://127.0.0.1:{port}/graphql"
        self.http = httpx2.AsyncClient(headers={"Authorization": "Bearer admin-key"})

    @classmethod
    @asynccontextmanager
    async def start(
        cls,
        *,
        max_body: int = 10 * 2**20,
        most_per_key: int = 100,
        allowed_origins: Collection[str] = (),
        runs: Engine | None = None,
        **limits: Any,
    ) -> AsyncIterator[Self]:
        """Serves until the block ends; `limits` are those of sockets."""
        runs, connections = runs or engine(), Connections("here", most_per_key=most_per_key)
        sockets = GraphQLOverWebSocket(
            runs, authenticate, connections, allowed_origins=allowed_origins, limits=SocketLimits(**limits)
        )
        routes = [
            Route("/graphql", GraphQLOverHTTP(runs, authenticate, connections, page=page, max_body=max_body)),
            WebSocketRoute("/graphql", sockets),
        ]
        app = Starlette(routes=routes)
        config = uvicorn.Config(
            app, lifespan="off", log_config=None, http=Requests, ws=WebSockets, ws_max_size=2**20, loop="asyncio"
        )
        server = uvicorn.Server(config)
        listener = socket.create_server(("127.0.0.1", 0))
        task = asyncio.create_task(server.serve(sockets=[listener]))
        serving = cls(listener.getsockname()[1], connections)
        try:
            yield serving
        finally:
            await serving.http.aclose()
            connections.drain()
            server.should_exit = True
            await task

    async def post(self, query: str, variables: dict[str, Any] | None = None, **headers: str) -> httpx2.Response:
        """POSTs a query and wants `application/graphql-response+json`."""
        content = orjson.dumps({"query": query, "variables": variables})
        wanted = {"accept": "application/graphql-response+json", "content-type": "application/json"}
        return await self.http.post(self.url, content=content, headers=wanted | headers)

    @asynccontextmanager
    async def socket(
        self, *, key: str | None = "admin-key", protocol: str | None = PROTOCOL, **options: Any
    ) -> AsyncIterator["Socket"]:
        """An open socket, initialised with `key` unless it is None."""
        subprotocols = [Subprotocol(protocol)] if protocol else None
        url = f"ws://127.0.0.1:{self.port}/graphql"
        async with connect(url, subprotocols=subprotocols, compression=None, **options) as connection:
            client = Socket(connection)
            if key is not None:
                await client.send({"type": "connection_init", "payload": {"Authorization": f"Bearer {key}"}})
                assert await client.receive() == {"type": "connection_ack"}
            yield client


class Socket:
    """A WebSocket client that knows JSON and nothing of the protocol."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection

    async def send(self, message: object) -> None:
        await self.connection.send(orjson.dumps(message).decode())

    async def subscribe(self, operation_id: str, query: str, **members: Any) -> None:
        await self.send({"id": operation_id, "type": "subscribe", "payload": {"query": query, **members}})

    async def receive(self) -> Any:
        """The next message; it must come as a text frame."""
        async with asyncio.timeout(10):
            text = await self.connection.recv()
        assert isinstance(text, str)
        return orjson.loads(text)

    async def closed(self) -> tuple[int | None, str | None]:
        """The code and reason that the server closes with; other messages are dropped."""
        async with asyncio.timeout(10):
            await self.connection.wait_closed()
        return self.connection.close_code, self.connection.close_reason
