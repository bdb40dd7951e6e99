"""What a socket may cost: messages, operations, sockets of a key."""

import asyncio

import pytest

from schema.websocket.limits import Bucket
from tests.schema.serving import Serving

pytestmark = pytest.mark.anyio


def test_a_bucket_holds_a_burst_and_fills_again() -> None:
    now = 0.0
    bucket = Bucket(100, 60.0, clock=lambda: now)
    assert [bucket.take() for _ in range(101)] == [True] * 100 + [False]
    assert bucket.seconds_to_next == pytest.approx(0.6)
    now = 0.59
    assert not bucket.take()
    now = 0.61
    assert [bucket.take(), bucket.take()] == [True, False]
    now = 6_000.0
    assert sum(bucket.take() for _ in range(200)) == 100


async def test_a_hundred_messages_pass_and_the_next_are_refused_one_by_one(serving: Serving) -> None:
    async with serving.socket() as socket:
        await socket.subscribe("stays", 'subscription { silence(name: "patient") }')
        for number in range(99):
            await socket.subscribe(str(number), "{ hello }")
            assert (await socket.receive())["type"] == "next"
            assert (await socket.receive())["type"] == "complete"
        while True:  # some have come back meanwhile
            await socket.subscribe("more", "{ hello }")
            answer = await socket.receive()
            if answer["type"] == "error":
                break
            assert (await socket.receive())["type"] == "complete"
        assert answer["payload"][0]["extensions"] == {"code": "RATE_LIMITED", "retryAfterSeconds": 1}
        await socket.send({"type": "ping", "payload": {"still": "here"}})
        assert await socket.receive() == {"type": "pong", "payload": {"still": "here"}}


async def test_twice_as_many_end_the_socket() -> None:
    async with Serving.start(messages=5) as serving, serving.socket() as socket:
        for number in range(10):
            await socket.subscribe(str(number), "{")
        answers = [await socket.receive() for _ in range(10)]
        await socket.subscribe("last", "{ hello }")
        codes = [answer["payload"][0]["extensions"]["code"] for answer in answers]
        assert sorted(codes) == ["GRAPHQL_PARSE_FAILED"] * 5 + ["RATE_LIMITED"] * 5
        assert await socket.closed() == (4429, "More than 10 messages within 60 seconds")


async def test_what_is_refused_does_not_delay_what_is_allowed() -> None:
    async with Serving.start(messages=10, per_seconds=1.0) as serving, serving.socket() as socket:
        passed = 0
        for _ in range(30):
            await socket.subscribe("a", "{ hello }")
            if (await socket.receive())["type"] == "next":
                passed += 1
                await socket.receive()
            await asyncio.sleep(0.06)
        assert passed >= 20


async def test_pings_pongs_and_completes_are_free() -> None:
    async with Serving.start(messages=2) as serving, serving.socket() as socket:
        for _ in range(50):
            await socket.send({"type": "pong"})
            await socket.send({"type": "complete", "id": "nothing"})
            await socket.send({"type": "ping"})
            assert await socket.receive() == {"type": "pong"}
        await socket.subscribe("a", "{ hello }")
        assert (await socket.receive())["type"] == "next"


async def test_a_limit_is_of_one_socket() -> None:
    async with Serving.start(messages=1) as serving, serving.socket() as first, serving.socket() as second:
        for socket in (first, second):
            await socket.subscribe("a", "{ hello }")
            assert (await socket.receive())["type"] == "next"


async def test_a_key_has_only_so_many_sockets() -> None:
    async with Serving.start(most_per_key=2) as serving:
        async with serving.socket(), serving.socket():
            async with serving.socket(key=None) as third:
                await third.send({"type": "connection_init", "payload": {"apiKey": "admin-key"}})
                assert await third.closed() == (4429, "This key has 2 open connections already: close one first.")
            async with serving.socket(key="reader-key"):
                pass
        async with serving.socket():
            pass


async def test_a_message_has_only_so_many_bytes(serving: Serving) -> None:
    async with serving.socket() as socket:
        await socket.subscribe("a", "{ hello }", variables={"x": "y" * 2**20})
        assert (await socket.closed())[0] == 1009
