"""One look at an address: what is asked, what is understood, and what never leaves."""

import asyncio
from collections.abc import Sequence

import pytest

from integrations.addresses import Allowed
from integrations.guard import Guard
from integrations.http_checks import MOST_BODY, Question, ask
from tests.integrations.http_server import serving

pytestmark = pytest.mark.anyio

HERE = Guard(Allowed(["127.0.0.0/8"]))
SECRET = {"Authorization": "Bearer s3cret", "X-Api-Key": "s3cret"}


async def test_an_answer_is_understood() -> None:
    async with serving() as server:
        server.tell("/", 201, b'{"ok": true}')
        answer = await ask(HERE, Question(f"{server.url}/", "POST", {"X-Team": "a"}, "body"))

    assert (answer.status_code, answer.body, answer.address) == (201, b'{"ok": true}', "127.0.0.1")
    assert answer.failure is None
    assert 0 < answer.latency_ms < 5000
    [(method, path, headers, body)] = server.asked
    assert (method, path, headers["x-team"], body) == ("POST", "/", "a", b"body")


async def test_redirects_are_followed_and_take_secrets_to_no_other_origin() -> None:
    async with serving() as first, serving() as second:
        first.tell("/", 302, Location="/next")
        first.tell("/next", 307, Location=f"{second.url}/end")
        second.tell("/end", 200)
        answer = await ask(HERE, Question(f"{first.url}/", headers=SECRET))

    assert answer.status_code == 200
    assert [headers.get("x-api-key") for *_, headers, _ in first.asked] == ["s3cret", "s3cret"]
    assert [headers.keys() & {"x-api-key", "authorization"} for *_, headers, _ in second.asked] == [set()]


async def test_a_body_goes_with_the_method_and_stays_with_the_origin() -> None:
    async with serving() as first, serving() as second:
        for path, status in (("/see-other", 303), ("/same", 307)):
            first.tell(path, status, Location="/end")
        first.tell("/away", 308, Location=f"{second.url}/end")
        for path in ("/see-other", "/same", "/away"):
            await ask(HERE, Question(f"{first.url}{path}", "POST", {}, "secret body"))

    ends = [(method, body) for method, path, _, body in first.asked if path == "/end"]
    assert ends == [("GET", b""), ("POST", b"secret body")]
    assert [(method, body) for method, _, _, body in second.asked] == [("POST", b"")]


@pytest.mark.parametrize("location", ["http://0x7f.1:{}/", "http://[::ffff:127.0.0.1]:{}/", "//2130706433:{}/"])
async def test_a_redirect_inside_is_not_followed(location: str) -> None:
    async def resolve(host: str, _: int) -> Sequence[str]:
        assert host == "public.example"
        return ["127.0.0.1"]

    guard = Guard(Allowed(["public.example"]), resolve=resolve)
    async with serving() as inside, serving() as server:
        server.tell("/", 302, Location=location.format(inside.port))
        inside.tell("/", 200, b"secret")
        answer = await ask(guard, Question(f"http://public.example:{server.port}/"))

    assert inside.asked == []
    assert answer.status_code is None
    assert answer.failure is not None
    assert "VIGIE_ALLOWED_NETWORKS" in answer.failure


@pytest.mark.parametrize(
    ("location", "failure"),
    [
        ("file:///etc/passwd", "A redirect leads to no address of http or https."),
        ("/", "More than 5 redirects."),
    ],
)
async def test_redirects_that_lead_nowhere(location: str, failure: str) -> None:
    async with serving() as server:
        server.tell("/", 302, Location=location)
        answer = await ask(HERE, Question(f"{server.url}/"))
    assert answer.failure == failure


async def test_what_fails_says_why() -> None:
    async with serving() as server:
        server.tell("/slow", wait=5)
        slow = await ask(HERE, Question(f"{server.url}/slow", timeout=0.2))
    gone = await ask(HERE, Question(f"{server.url}/"))
    inside = await ask(Guard(), Question(f"{server.url}/"))
    nobody = await ask(HERE, Question("http://nobody.invalid/"))

    assert slow.failure == "No answer within 0.2 s."
    assert slow.latency_ms < 2000
    assert gone.failure == "The connection was refused."
    assert inside.failure is not None
    assert inside.failure.startswith("`127.0.0.1` leads to a private")
    assert nobody.failure == "`nobody.invalid` has no address."


async def test_a_body_without_end_is_cut() -> None:
    async with serving() as server:
        server.tell("/", 200, b"x" * (MOST_BODY + 100_000))
        answer = await ask(HERE, Question(f"{server.url}/"))
    assert len(answer.body) == MOST_BODY


async def test_an_answer_that_breaks_off_is_none() -> None:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
        writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    async with server:
        answer = await ask(HERE, Question(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"))
    assert answer.failure == "The connection broke before the answer was complete."
