"""How the server ends."""

import asyncio
import socket

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from resolvers.connections import Connections
from vigie.probes import Readiness
from vigie.server import Server
from vigie.settings import Settings

REQUEST = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
LATE = 20


async def answer(_: Request) -> PlainTextResponse:
    return PlainTextResponse("here")


async def test_who_has_connected_before_the_door_closes_is_answered() -> None:
    app = Starlette(routes=[Route("/", answer)])
    app.state.readiness, app.state.connections = Readiness(), Connections("here", most_per_key=1)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = Server(app, Settings(drain_seconds=1))
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        while not server.started:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        # Nothing is awaited meanwhile, so they stand in the kernel's queue.
        clients = [socket.create_connection(listener.getsockname(), timeout=5) for _ in range(LATE)]
        for client in clients:
            client.sendall(REQUEST)
        await server._stop_listening([listener])

        answers = [await asyncio.to_thread(client.recv, 1000) for client in clients]
        assert [text.split(b"\r\n")[0] for text in answers] == [b"HTTP/1.1 200 OK"] * LATE
        for client in clients:
            client.close()
        server.should_exit = server.force_exit = True
        await serving
