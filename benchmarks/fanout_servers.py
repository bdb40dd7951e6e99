"""What Vigie's streams are compared with, under the same uvicorn: `python -m benchmarks.fanout_servers NAME PORT`.

`bare` is a Starlette loop that sends what is posted to `/publish` to every socket, one after the other. `strawberry`
is Strawberry's own application with an equal subscription, which executes every event once for each socket.
"""

import asyncio
import sys
from collections.abc import AsyncIterator

import orjson
import strawberry
import uvloop
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect
from strawberry.asgi import GraphQL
from strawberry.subscriptions import GRAPHQL_TRANSPORT_WS_PROTOCOL

from resolvers.connections import Connections
from vigie.cli.serve import spare_the_collector
from vigie.probes import Readiness
from vigie.server import Server, allow_many_files
from vigie.settings import Settings

sockets: set[WebSocket] = set()
queues: set[asyncio.Queue["Frame"]] = set()


async def ready(_: Request) -> Response:
    return Response()


async def hold(socket: WebSocket) -> None:
    """A socket of the bare loop: open until the client goes."""
    await socket.accept(GRAPHQL_TRANSPORT_WS_PROTOCOL)
    sockets.add(socket)
    try:
        while True:
            await socket.receive_text()
            await socket.send_text('{"type":"connection_ack"}')
    except WebSocketDisconnect:
        sockets.discard(socket)


async def send_to_all(request: Request) -> Response:
    text = (await request.body()).decode()
    for socket in tuple(sockets):
        await socket.send_text(text)
    return Response()


@strawberry.interface
class Node:
    id: strawberry.ID


@strawberry.type
class Call(Node):
    pass


@strawberry.type
class Activity(Node):
    time: str
    kind: str
    title: str
    subject: str | None
    severity: str | None
    node: Node | None


@strawberry.type
class Frame:
    cursor: str
    missed: int
    events: list[Activity]


@strawberry.type
class Query:
    @strawberry.field
    def nothing(self) -> bool:
        return True


@strawberry.type
class Subscription:
    @strawberry.subscription
    async def activity(self, after: str | None = None, kinds: list[str] | None = None) -> AsyncIterator[Frame]:
        queue: asyncio.Queue[Frame] = asyncio.Queue()
        queues.add(queue)
        try:
            while True:
                yield await queue.get()
        finally:
            queues.discard(queue)


async def put_to_all(request: Request) -> Response:
    """Takes a message that Vigie sent, and gives what it says to every subscription."""
    said = orjson.loads(await request.body())["payload"]["data"]["activity"]
    events = [
        Activity(**{**event, "node": Call(id=event["node"]["id"]) if event["node"] else None})
        for event in said["events"]
    ]
    frame = Frame(cursor=said["cursor"], missed=said["missed"], events=events)
    for queue in queues:
        queue.put_nowait(frame)
    return Response()


def main(name: str, port: str) -> None:
    """Serves until the process is ended."""
    health = Route("/health/ready", ready)
    if name == "bare":
        routes = [health, WebSocketRoute("/graphql", hold), Route("/publish", send_to_all, methods=["POST"])]
    else:
        schema = strawberry.Schema(Query, subscription=Subscription, types=[Call])
        stock = GraphQL[None, None](schema, subscription_protocols=[GRAPHQL_TRANSPORT_WS_PROTOCOL])
        routes = [health, WebSocketRoute("/graphql", stock), Route("/publish", put_to_all, methods=["POST"])]
    app = Starlette(routes=routes)
    app.state.readiness, app.state.connections = Readiness(), Connections(name)
    allow_many_files()
    spare_the_collector()
    server = Server(app, Settings(port=int(port)))
    server.config.port = int(port)
    uvloop.run(server.serve())


if __name__ == "__main__":
    main(*sys.argv[1:])
