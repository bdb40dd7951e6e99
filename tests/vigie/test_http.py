"""What every request gets, whatever answers it."""

import asyncio
from collections.abc import AsyncIterator

import httpx2
import pytest
from prometheus_client import REGISTRY
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from resolvers.errors import Unavailable
from vigie.http import Outermost

pytestmark = pytest.mark.anyio

draining = False


async def fine(request: Request) -> Response:
    return PlainTextResponse(request.scope["state"]["request_id"], headers={"Cache-Control": "max-age=60"})


async def broken(_: Request) -> Response:
    raise RuntimeError("secret detail")


async def away(_: Request) -> Response:
    raise Unavailable("The database does not answer: try again.", retry_after=0.3)


async def half(_: Request) -> Response:
    async def body() -> AsyncIterator[bytes]:
        yield b"half"
        raise RuntimeError("cut")

    return StreamingResponse(body())


@pytest.fixture
async def client() -> AsyncIterator[httpx2.AsyncClient]:
    handlers = {"/fine": fine, "/broken": broken, "/away": away, "/half": half, "/below/it": fine}
    app = Starlette(
        routes=[Route(path, handler) for path, handler in handlers.items()],
        middleware=[Middleware(Outermost, routes=["/fine", "/broken", "/away", "/below/"], closing=lambda: draining)],
    )
    transport = httpx2.ASGITransport(app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://vigie.test") as client:
        yield client


def answered(**labels: str) -> float:
    return REGISTRY.get_sample_value("vigie_http_requests_total", labels) or 0


async def test_a_request_has_an_id_which_the_answer_repeats(client: httpx2.AsyncClient) -> None:
    first, second = [await client.get("/fine") for _ in range(2)]
    assert first.headers["x-request-id"] == first.text
    assert first.text != second.text


@pytest.mark.parametrize("given", ["abc-1", "trace:4bf9.x_y", "a" * 128])
async def test_the_clients_own_id_is_kept(client: httpx2.AsyncClient, given: str) -> None:
    assert (await client.get("/fine", headers={"X-Request-ID": given})).headers["x-request-id"] == given


@pytest.mark.parametrize("given", ["", "a b", "a" * 129, 'x"', "é", "a\tb"])
async def test_an_id_that_could_do_harm_is_not(client: httpx2.AsyncClient, given: str) -> None:
    answer = await client.get("/fine", headers={b"x-request-id": given.encode()})
    assert len(answer.headers["x-request-id"]) == 32


async def test_answers_are_private_unless_they_say_otherwise(client: httpx2.AsyncClient) -> None:
    missing, fine = await client.get("/nothing"), await client.get("/fine")
    assert missing.headers["cache-control"] == "no-store"
    assert fine.headers["cache-control"] == "max-age=60"
    for answer in (missing, fine):
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "default-src 'none'" in answer.headers["content-security-policy"]


async def test_a_fault_is_masked_and_found_by_its_id(client: httpx2.AsyncClient) -> None:
    answer = await client.get("/broken")
    assert answer.status_code == 500
    assert answer.headers["content-type"] == "application/problem+json"
    assert "secret detail" not in answer.text
    assert answer.headers["x-request-id"] in answer.json()["detail"]


async def test_what_is_away_for_now_says_when_to_come_back(client: httpx2.AsyncClient) -> None:
    answer = await client.get("/away")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert answer.json()["detail"] == "The database does not answer: try again."


async def test_a_fault_in_the_middle_of_an_answer_cuts_it(client: httpx2.AsyncClient) -> None:
    with pytest.raises(RuntimeError, match="cut"):
        await client.get("/half")


async def test_figures_name_routes_and_never_what_clients_make_up(client: httpx2.AsyncClient) -> None:
    def other() -> float:
        return answered(method="(other)", route="(other)", status="404")

    before = answered(method="GET", route="/fine", status="200"), other()
    below = answered(method="GET", route="/below/", status="200")
    await client.get("/fine?a=1")
    await client.get("/below/it")
    for number in range(3):
        await client.request(f"MADE{number}", f"/up/{number}")
    assert answered(method="GET", route="/fine", status="200") == before[0] + 1
    assert answered(method="GET", route="/below/", status="200") == below + 1
    assert other() == before[1] + 3


async def test_while_draining_clients_are_asked_to_go_elsewhere(
    client: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "connection" not in (await client.get("/fine")).headers
    monkeypatch.setitem(globals(), "draining", True)
    assert (await client.get("/fine")).headers["connection"] == "close"


async def test_ids_of_requests_at_once_are_their_own(client: httpx2.AsyncClient) -> None:
    answers = await asyncio.gather(*(client.get("/fine") for _ in range(20)))
    assert len({answer.text for answer in answers}) == 20
