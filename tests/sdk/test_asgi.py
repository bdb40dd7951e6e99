"""What the middleware records of requests, and that it leaves them as they are."""

import asyncio
import base64
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Mount, Route, Router, WebSocketRoute
from starlette.staticfiles import StaticFiles
from starlette.testclient import TestClient
from starlette.types import Message, Receive, Scope, Send
from starlette.websockets import WebSocket

from tests.sdk.conftest import Kept
from vigie_sdk import VigieMiddleware
from vigie_sdk.caches import cache_of
from vigie_sdk.routes import route_of


async def echo(request: Request) -> Response:
    return Response(await request.body(), headers={"X-Cache": request.headers.get("x-wanted", "MISS")})


async def fails(_: Request) -> Response:
    raise ZeroDivisionError("as wanted")


async def streams(request: Request) -> Response:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(3):
            await asyncio.sleep(0.1)
            yield b"x" * 100

    return StreamingResponse(pieces(), media_type=request.query_params.get("type", "text/plain"))


async def works_on(_: Request) -> Response:
    async def work() -> None:
        await asyncio.sleep(0.5)
        raise ZeroDivisionError("after the answer")

    return PlainTextResponse("done", background=BackgroundTask(work))


async def file(_: Request) -> Response:
    return FileResponse(__file__)


async def talk(socket: WebSocket) -> None:
    await socket.accept()
    await socket.send_text("hello")
    await socket.close()


def client_of(kept: Kept, **options: Any) -> TestClient:
    users = Router([Route("/{user_id:int}/orders/{order}", echo), Route("/", echo)])
    routes = [
        Route("/echo", echo, methods=["GET", "POST"]),
        Route("/users/{user_id}", echo, methods=["GET", "POST"]),
        Route("/fails/{secret}", fails),
        Route("/streams", streams),
        Route("/works-on", works_on),
        Route("/file", file),
        Route("/health", echo),
        Mount("/tenants/{tenant}", routes=[Mount("/users", app=users)]),
        Mount("/static", app=StaticFiles(directory="tests/sdk")),
        WebSocketRoute("/talk", talk),
    ]
    app = Starlette(routes=routes, middleware=[Middleware(VigieMiddleware, vigie=kept, **options)])
    return TestClient(app, raise_server_exceptions=False)


def test_a_request_is_recorded(kept: Kept) -> None:
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    headers = {"traceparent": f"00-{trace}-00f067aa0ba902b7-01"}
    assert (
        client_of(kept, environment="staging").post("/echo?token=secret", content=b"x" * 1000, headers=headers).content
    )
    event = kept.one()
    assert (event["type"], event["method"], event["route"], event["status"]) == ("apiCall", "POST", "/echo", 200)
    assert (event["requestBytes"], event["responseBytes"], event["cache"]) == (1000, 1000, "miss")
    assert (event["environment"], event["traceId"], event["subject"]) == ("staging", trace, None)
    assert event["durationMs"] > 0
    assert "secret" not in str(event)


@pytest.mark.parametrize(
    ("path", "route", "status"),
    [
        ("/users/42", "/users/{user_id}", 200),
        ("/tenants/acme/users/7/orders/9", "/tenants/{tenant}/users/{user_id}/orders/{order}", 200),
        ("/tenants/acme/users/", "/tenants/{tenant}/users/", 200),
        ("/tenants/acme/users/nobody", "(unmatched)", 404),
        ("/static/conftest.py", "/static/{path}", 200),
        ("/static/nothing", "/static/{path}", 404),
        ("/nowhere/42", "(unmatched)", 404),
        ("/fails/42", "/fails/{secret}", 500),
    ],
)
def test_a_route_is_a_template(kept: Kept, path: str, route: str, status: int) -> None:
    assert client_of(kept).get(path).status_code == status
    event = kept.one()
    assert (event["route"], event["status"]) == (route, status)


@pytest.mark.parametrize(
    ("path", "route"),
    [("/v2/acme/users/ada", "/v2/{tenant}/users/{user_id}"), ("/v2/acme/in/files/a", "/v2/{tenant}/in/files/{name}")],
)
def test_an_application_that_is_mounted_knows_where(kept: Kept, path: str, route: str) -> None:
    routes = [Route("/users/{user_id}", echo), Mount("/in", routes=[Route("/files/{name}", echo)])]
    inner = Starlette(routes=routes, middleware=[Middleware(VigieMiddleware, vigie=kept)])
    TestClient(Starlette(routes=[Mount("/v2/{tenant}", app=inner)])).get(path)
    assert kept.one()["route"] == route


def test_a_router_that_fastapi_included_has_its_prefix() -> None:
    below = SimpleNamespace(path_format="/api/v1/items/{item}", starlette_route=None)
    scope = {"route": Route("/items/{item}", echo), "fastapi": {"effective_route_context": below}}
    assert route_of(scope, "/api/v1/items/7", "") == "/api/v1/items/{item}"


def test_a_wrong_method_has_its_route(kept: Kept) -> None:
    client_of(kept).delete("/users/42")
    assert (event := kept.one())["route"] == "/users/{user_id}"
    assert event["status"] == 405
    client_of(kept).request("SECRET", "/users/42")
    assert kept.one()["method"] == "_OTHER"


def test_what_the_application_raises_is_raised(kept: Kept) -> None:
    app = VigieMiddleware(Router([Route("/fails/{secret}", fails)]), vigie=kept)
    with pytest.raises(ZeroDivisionError):
        TestClient(app).get("/fails/1")
    assert kept.one()["status"] == 500


def test_a_stream_is_counted_to_its_end(kept: Kept) -> None:
    client_of(kept).get("/streams")
    event = kept.one()
    assert (event["responseBytes"], event["durationMs"] >= 300) == (300, True)


def test_an_event_stream_lasts_until_it_begins(kept: Kept) -> None:
    client_of(kept).get("/streams?type=text/event-stream")
    event = kept.one()
    assert (event["responseBytes"], event["durationMs"] < 200) == (300, True)


def test_what_runs_after_the_answer_is_no_part_of_it(kept: Kept) -> None:
    client_of(kept).get("/works-on")
    event = kept.one()
    assert (event["status"], event["durationMs"] < 400) == (200, True)


def test_files_and_heads_have_sizes(kept: Kept) -> None:
    sent = client_of(kept).get("/file")
    assert kept.one()["responseBytes"] == len(sent.content)
    client_of(kept).head("/file")
    assert kept.one()["responseBytes"] == 0


@pytest.mark.parametrize(
    ("options", "path", "subject"),
    [
        ({"subject_parameter": "user_id"}, "/users/42", "42"),
        ({"subject_parameter": "user_id"}, "/tenants/acme/users/7/orders/9", "7"),
        ({"subject_parameter": "tenant"}, "/tenants/acme/users/7/orders/9", "acme"),
        ({"subject_header": "X-Customer"}, "/echo", "Zoë"),
        ({"subject": lambda scope: len(scope["path"])}, "/echo", "5"),
        (
            {"subject": lambda scope: None, "subject_parameter": "nothing", "subject_header": "x-customer"},
            "/echo",
            "Zoë",
        ),
        ({"subject": lambda scope: 1 // 0}, "/echo", None),
        ({}, "/users/42", None),
    ],
)
def test_a_subject_is_found(kept: Kept, options: dict[str, Any], path: str, subject: str | None) -> None:
    client_of(kept, **options).get(path, headers={b"X-Customer": "Zoë".encode()})
    assert kept.one()["subject"] == subject


@pytest.mark.parametrize(
    ("value", "cache"),
    [
        ("HIT", "hit"),
        ("Hit from cloudfront", "hit"),
        ("RefreshHit from cloudfront", "hit"),
        ("TCP_HIT", "hit"),
        ("MISS, HIT", "hit"),
        ("miss", "miss"),
        ("TCP_MISS", "miss"),
        ("BYPASS", "none"),
        ("ExampleCache; hit; ttl=376", "hit"),
        ("ExampleCache; fwd=uri-miss; stored", "miss"),
        ("ExampleCache; fwd=stale", "miss"),
        ("ExampleCache; fwd=bypass", "none"),
    ],
)
def test_a_header_says_what_the_cache_did(value: str, cache: str) -> None:
    assert cache_of(value) == cache


def test_the_cache_is_read_from_the_header_that_is_named(kept: Kept) -> None:
    client_of(kept).get("/echo", headers={"X-Wanted": "HIT"})
    assert kept.one()["cache"] == "hit"
    client_of(kept, cache_header="X-Other").get("/echo", headers={"X-Wanted": "HIT"})
    assert kept.one()["cache"] is None


def test_excluded_paths_are_not_recorded(kept: Kept) -> None:
    client = client_of(kept, exclude=["/health", "/static/"])
    for path in ("/health", "/static/conftest.py"):
        client.get(path)
    assert kept.events == []
    client.get("/echo")
    kept.one()
    client_of(kept, exclude=lambda scope: scope["path"] == "/echo").get("/echo")
    assert kept.events == []


def test_websockets_and_lifespan_pass(kept: Kept) -> None:
    with client_of(kept) as client, client.websocket_connect("/talk") as socket:
        assert socket.receive_text() == "hello"
    assert kept.events == []


def test_bodies_are_not_kept(kept: Kept) -> None:
    body = base64.b64encode(b"somebody's secret")
    client_of(kept).post("/echo", content=body)
    assert body.decode() not in str(kept.one())


async def serve(app: Any, kept: Kept, messages: list[Message], *, sent: list[Message] | None = None) -> None:
    """One request to an application below the middleware, from a client that says these messages and no more."""
    said = iter(messages)

    async def receive() -> Message:
        return next(said)

    async def send(message: Message) -> None:
        if sent is None:
            raise OSError("nobody listens")
        sent.append(message)

    scope = {"type": "http", "method": "GET", "path": "/", "headers": [(b"content-length", b"9" * 40)]}
    await VigieMiddleware(app, vigie=kept)(scope, receive, send)


REQUEST: Message = {"type": "http.request", "body": b"", "more_body": False}
START: Message = {"type": "http.response.start", "status": 200, "headers": []}


async def test_a_client_that_left_before_the_answer(kept: Kept) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass

    await serve(app, kept, [REQUEST, {"type": "http.disconnect"}], sent=[])
    event = kept.one()
    assert (event["status"], event["attributes"], event["requestBytes"]) == (499, {"disconnected": True}, 0)


async def test_a_client_that_left_in_the_middle(kept: Kept) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send(START)

    with pytest.raises(OSError, match="nobody listens"):
        await serve(app, kept, [REQUEST])
    event = kept.one()
    assert (event["status"], event["attributes"]) == (499, {"disconnected": True})


async def test_a_request_that_is_cancelled(kept: Kept) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send(START)
        await asyncio.sleep(60)

    with pytest.raises(TimeoutError):
        await asyncio.wait_for(serve(app, kept, [REQUEST], sent=[]), 0.05)
    event = kept.one()
    assert (event["status"], event["attributes"]) == (200, {"disconnected": True})


async def test_a_fault_in_the_middle_of_an_answer_is_one(kept: Kept) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send(START)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await serve(app, kept, [REQUEST], sent=[])
    assert kept.one()["status"] == 500


async def test_an_application_that_does_not_answer(kept: Kept) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()

    await serve(app, kept, [REQUEST], sent=[])
    assert (event := kept.one())["status"] == 500
    assert event["route"] == "(unmatched)"
