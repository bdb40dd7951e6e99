"""A key may end while its socket is open."""

import dataclasses
import datetime as dt

import pytest

from resolvers.errors import Unavailable
from resolvers.principals import Principal
from tests.schema import serving as module
from tests.schema.serving import KEYS, Serving

pytestmark = pytest.mark.anyio


@pytest.fixture(autouse=True)
def _keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "KEYS", dict(KEYS))


async def test_a_quiet_socket_ends_with_its_key(monkeypatch: pytest.MonkeyPatch) -> None:
    now = dt.datetime.now(dt.UTC)
    ending = dataclasses.replace(KEYS["reader-key"], expires_at=now)
    monkeypatch.setitem(module.KEYS, "reader-key", ending)
    async with Serving.start() as serving, serving.socket(key="reader-key") as socket, serving.socket() as other:
        await socket.subscribe("a", 'subscription { silence(name: "ended") }')
        serving.connections.end_expired(now - dt.timedelta(seconds=1))
        await socket.subscribe("b", "{ hello }")
        assert (await socket.receive())["id"] == "b"
        serving.connections.end_expired(now)
        assert await socket.closed() == (4403, "Forbidden")
        assert "ended" not in module.OPEN
        await other.subscribe("a", "{ hello }")
        assert (await other.receive())["type"] == "next"


async def test_an_ended_key_starts_no_operation(serving: Serving, monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving.socket() as socket:
        monkeypatch.setattr(module, "KEYS", {})
        await socket.subscribe("a", "mutation { administer }")
        assert await socket.closed() == (4403, "Forbidden")


async def test_while_nobody_can_tell_sockets_stay_and_operations_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    down = False

    async def authenticate(secret: str) -> Principal | None:
        if down:
            raise Unavailable("The database does not answer: try again.", retry_after=1)
        return KEYS.get(secret)

    monkeypatch.setattr(module, "authenticate", authenticate)
    async with Serving.start(ping_seconds=0.05) as serving:
        async with serving.socket() as socket:
            down = True
            await socket.subscribe("a", "{ hello }")
            answers = [await socket.receive() for _ in range(3)]
            (error,) = [answer["payload"][0] for answer in answers if answer["type"] == "error"]
            assert error["extensions"] == {"code": "UNAVAILABLE", "retryAfterSeconds": 1}
            down = False
            await socket.subscribe("b", "{ hello }")
            while (await socket.receive()).get("id") != "b":
                pass
        down = True
        async with serving.socket(key=None) as socket:
            await socket.send({"type": "connection_init", "payload": {"apiKey": "reader-key"}})
            assert (await socket.closed())[0] == 1013
