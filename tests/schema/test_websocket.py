"""graphql-transport-ws: each message, each close code, and nothing left behind."""

import asyncio
import gc
import tracemalloc
from collections.abc import Callable
from typing import Any

import pytest
from prometheus_client import REGISTRY
from websockets.exceptions import InvalidStatus

from tests.schema.serving import OPEN, PRODUCED, Serving, answered

pytestmark = pytest.mark.anyio


async def eventually(holds: Callable[[], bool], seconds: float = 5) -> None:
    """Waits until it holds; fails when it does not within the time."""
    async with asyncio.timeout(seconds):
        while not holds():  # noqa: ASYNC110 — what holds is state of the server
            await asyncio.sleep(0.01)


def sockets() -> float:
    return REGISTRY.get_sample_value("vigie_websocket_sockets") or 0


async def test_a_subscription_runs_to_its_end(serving: Serving) -> None:
    async with serving.socket() as socket:
        await socket.subscribe("a", "subscription ($to: Int!) { count(to: $to) }", variables={"to": 2})
        assert await socket.receive() == {"id": "a", "type": "next", "payload": answered(1, count=0)}
        assert await socket.receive() == {"id": "a", "type": "next", "payload": {"data": {"count": 1}}}
        assert await socket.receive() == {"id": "a", "type": "complete"}


async def test_queries_and_mutations_run_too(serving: Serving) -> None:
    async with serving.socket() as socket:
        await socket.subscribe('ü"', "query A { hello } query B { hello }", operationName="B")
        assert await socket.receive() == {"id": 'ü"', "type": "next", "payload": answered(1, hello="hello you")}
        assert await socket.receive() == {"id": 'ü"', "type": "complete"}
        await socket.subscribe("b", "mutation { bump(by: 2) { count } }")
        assert (await socket.receive())["payload"] == answered(2, bump={"count": 2})


async def test_operations_run_side_by_side(serving: Serving) -> None:
    async with serving.socket() as socket:
        await socket.subscribe("slow", "{ slow(seconds: 0.3) }")
        await socket.subscribe("fast", "{ hello }")
        assert [(await socket.receive())["id"] for _ in range(4)] == ["fast", "fast", "slow", "slow"]


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("{", "GRAPHQL_PARSE_FAILED"),
        ("{ helo }", "GRAPHQL_VALIDATION_FAILED"),
        ("subscription { count }", "GRAPHQL_VALIDATION_FAILED"),
        ("query ($n: Int!) { after(number: 1, step: $n) }", "BAD_USER_INPUT"),
        ('subscription { refusing(after: "x") }', "BAD_USER_INPUT"),
        ("{ " + "tree { child { child { child { child { " * 4 + "level" + " } } } } }" * 4 + " }", "TOO_COMPLEX"),
    ],
)
async def test_a_bad_operation_ends_alone(serving: Serving, query: str, code: str) -> None:
    async with serving.socket() as socket:
        await socket.subscribe("stays", 'subscription { silence(name: "stays") }')
        await socket.subscribe("bad", query)
        message = await socket.receive()
        assert (message["id"], message["type"]) == ("bad", "error")
        assert message["payload"][0]["extensions"]["code"] == code
        await socket.subscribe("bad", "{ hello }")
        assert (await socket.receive())["payload"] == answered(1, hello="hello you")
        assert "stays" in OPEN


async def test_a_stream_that_fails_says_so_and_ends(serving: Serving) -> None:
    async with serving.socket() as socket:
        for how, code in (("fault", "INTERNAL"), ("rest", "UNAVAILABLE")):
            await socket.subscribe("a", "subscription ($how: String!) { failing(how: $how) }", variables={"how": how})
            assert (await socket.receive())["type"] == "next"
            message = await socket.receive()
            assert message["type"] == "error"
            assert message["payload"][0]["extensions"]["code"] == code
            assert "hunter2" not in str(message)


async def test_roles_hold_here_too(serving: Serving) -> None:
    async with serving.socket(key="ingest-key") as socket:
        await socket.subscribe("a", "subscription { count(to: 1) }")
        message = await socket.receive()
        assert (message["type"], message["payload"][0]["extensions"]["code"]) == ("error", "FORBIDDEN")
        await socket.subscribe("b", "mutation { send }")
        assert (await socket.receive())["payload"] == answered(1, send=True)


async def test_complete_closes_the_stream_at_once(serving: Serving) -> None:
    async with serving.socket() as socket:
        for _ in range(3):
            await socket.subscribe("a", 'subscription { silence(name: "completed") }')
            await eventually(lambda: "completed" in OPEN)
            await socket.send({"id": "a", "type": "complete"})
            await eventually(lambda: "completed" not in OPEN, 1)
        await socket.send({"id": "unknown", "type": "complete"})
        await socket.send({"type": "ping"})
        assert await socket.receive() == {"type": "pong"}


async def test_pings_are_echoed_and_pongs_tolerated(serving: Serving) -> None:
    async with serving.socket(key=None) as socket:
        for payload in ({}, {"payload": {"at": 1}}):
            await socket.send({"type": "ping"} | payload)
            assert await socket.receive() == {"type": "pong"} | payload
        await socket.send({"type": "ping", "payload": None})
        assert await socket.receive() == {"type": "pong"}
        await socket.send({"type": "pong", "payload": {"at": 1}})
        await socket.send({"type": "ping"})
        assert await socket.receive() == {"type": "pong"}


async def test_the_server_pings() -> None:
    async with Serving.start(ping_seconds=0.05) as serving, serving.socket() as socket:
        assert await socket.receive() == {"type": "ping"}
        await socket.send({"type": "pong"})
        assert await socket.receive() == {"type": "ping"}


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        ("not json", 4400),
        ("", 4400),
        ("null", 4400),
        ("[]", 4400),
        ('"ping"', 4400),
        ("[" * 100_000, 4400),
        (b'{"type": "ping"}', 4400),
        ("{}", 4400),
        ('{"type": 1}', 4400),
        ('{"type": "start", "id": "a"}', 4400),
        ('{"type": "next", "id": "a"}', 4400),
        ('{"type": "ping", "payload": "x"}', 4400),
        ('{"type": "ping", "payload": ' + '{"a":' * 300 + "1" + "}" * 301, 4400),
        ('{"type": "pong", "payload": []}', 4400),
        ('{"type": "connection_init", "payload": "x"}', 4400),
        ('{"type": "complete"}', 4400),
        ('{"type": "subscribe", "payload": {"query": "{ hello }"}}', 4400),
        ('{"type": "subscribe", "id": 1, "payload": {"query": "{ hello }"}}', 4400),
        ('{"type": "subscribe", "id": "", "payload": {"query": "{ hello }"}}', 4400),
        ('{"type": "subscribe", "id": "a"}', 4400),
        ('{"type": "subscribe", "id": "a", "payload": {}}', 4400),
        ('{"type": "subscribe", "id": "a", "payload": {"query": 1}}', 4400),
        ('{"type": "subscribe", "id": "a", "payload": {"query": "{ hello }", "variables": []}}', 4400),
        ('{"type": "subscribe", "id": "a", "payload": {"query": "{ hello }", "operationName": 1}}', 4400),
        ('{"type": "connection_init"}', 4429),
    ],
)
async def test_a_message_of_the_wrong_shape_closes_the_socket(serving: Serving, frame: str | bytes, code: int) -> None:
    async with serving.socket() as socket:
        await socket.connection.send(frame)
        assert (await socket.closed())[0] == code


async def test_subscribing_before_the_ack_is_unauthorized(serving: Serving) -> None:
    async with serving.socket(key=None) as socket:
        await socket.subscribe("a", "{ hello }")
        assert await socket.closed() == (4401, "Unauthorized")


@pytest.mark.parametrize(
    "payload",
    [
        {"Authorization": "Bearer reader-key"},
        {"authorization": "bearer reader-key"},
        {"X-API-Key": "reader-key"},
        {"x-api-key": "reader-key", "Authorization": 5},
        {"apiKey": "reader-key"},
    ],
)
async def test_the_key_comes_with_connection_init(serving: Serving, payload: dict[str, Any]) -> None:
    async with serving.socket(key=None) as socket:
        await socket.send({"type": "connection_init", "payload": payload})
        assert await socket.receive() == {"type": "connection_ack"}


async def test_or_with_the_handshake(serving: Serving) -> None:
    async with serving.socket(key=None, additional_headers={"Authorization": "Bearer reader-key"}) as socket:
        await socket.send({"type": "connection_init"})
        assert await socket.receive() == {"type": "connection_ack"}


@pytest.mark.parametrize("payload", [None, {}, {"Authorization": "Bearer nobody"}, {"Authorization": "reader-key"}])
async def test_a_bad_key_is_forbidden(serving: Serving, payload: dict[str, Any] | None) -> None:
    async with serving.socket(key=None) as socket:
        await socket.send({"type": "connection_init", "payload": payload})
        assert await socket.closed() == (4403, "Forbidden")


async def test_an_id_in_use_closes_the_socket(serving: Serving) -> None:
    async with serving.socket() as socket:
        await socket.subscribe("a" * 200, 'subscription { silence(name: "twice") }')
        await socket.subscribe("a" * 200, "{ hello }")
        code, reason = await socket.closed()
        assert (code, str(reason).startswith("Subscriber for aaa")) == (4409, True)
        await eventually(lambda: "twice" not in OPEN)


async def test_who_never_initialises_is_closed() -> None:
    async with Serving.start(init_seconds=0.1) as serving:
        async with serving.socket(key=None) as socket:
            assert await socket.closed() == (4408, "Connection initialisation timeout")
        async with serving.socket() as socket:
            await asyncio.sleep(0.3)
            await socket.subscribe("a", "{ hello }")
            assert (await socket.receive())["type"] == "next"


@pytest.mark.parametrize("protocol", [None, "graphql-ws", "graphql"])
async def test_other_protocols_are_refused(serving: Serving, protocol: str | None) -> None:
    async with serving.socket(key=None, protocol=protocol) as socket:
        assert (await socket.closed())[0] == 4406


async def test_pages_of_other_hosts_may_not_connect() -> None:
    async with Serving.start(allowed_origins=["https://app.example"]) as serving:
        own = f"http://127.0.0.1:{serving.port}"
        for origin in ("https://app.example", own):
            async with serving.socket(origin=origin):
                pass
        for origin in ("https://evil.example", "https://app.example.evil", "http://127.0.0.1:1", "null"):
            with pytest.raises(InvalidStatus, match="403"):
                async with serving.socket(origin=origin):
                    pass


async def test_too_many_operations_are_refused_one_by_one() -> None:
    async with Serving.start(operations=2) as serving, serving.socket() as socket:
        for number in range(3):
            await socket.subscribe(str(number), f'subscription {{ silence(name: "{number}") }}')
        message = await socket.receive()
        assert (message["id"], message["payload"][0]["extensions"]["code"]) == ("2", "RATE_LIMITED")
        await socket.send({"id": "0", "type": "complete"})
        await socket.subscribe("3", "{ hello }")
        assert (await socket.receive())["type"] == "next"


async def test_a_slow_client_holds_back_itself_alone(serving: Serving) -> None:
    async with serving.socket(max_queue=1, close_timeout=0.1) as slow, serving.socket() as quick:
        await slow.subscribe("a", 'subscription { flood(name: "slow") }')
        await eventually(lambda: PRODUCED.get("slow", 0) > 0)
        await asyncio.sleep(0.5)
        produced = PRODUCED["slow"]
        assert produced < 16_000_000
        await quick.subscribe("a", "{ hello }")
        assert (await quick.receive())["type"] == "next"
        assert PRODUCED["slow"] == produced
        await slow.receive()
        async with asyncio.timeout(10):
            while PRODUCED["slow"] == produced:
                await slow.receive()


async def test_a_client_that_leaves_leaves_nothing_behind(serving: Serving) -> None:
    async with serving.socket() as socket:
        await socket.subscribe("warm", "{ hello }")
    await eventually(lambda: sockets() == 0)
    before = asyncio.all_tasks()
    for ends in range(3):
        async with serving.socket(max_queue=1, close_timeout=0.1) as socket:
            await socket.subscribe("silence", f'subscription {{ silence(name: "s{ends}") }}')
            await socket.subscribe("flood", f'subscription {{ flood(name: "f{ends}") }}')
            await socket.subscribe("slow", "{ slow(seconds: 60) }")
            await eventually(lambda: len(OPEN) == 2)
            assert sockets() == 1
            if ends == 1:
                socket.connection.transport.abort()
            elif ends == 2:
                await socket.connection.send("not json")
    await eventually(lambda: not OPEN and sockets() == 0)
    await eventually(lambda: asyncio.all_tasks() <= before)
    assert REGISTRY.get_sample_value("vigie_websocket_operations") == 0


async def test_what_was_not_sent_is_freed_without_the_garbage_collector() -> None:
    """It runs seldom here, and a socket may leave megabytes."""
    size = 500_000
    async with Serving.start(ping_seconds=60) as serving:
        gc.disable()
        tracemalloc.start()
        try:
            async with serving.socket(max_queue=1, close_timeout=0.1) as socket:
                await socket.subscribe("a", f'subscription {{ flood(name: "freed", size: {size}) }}')
                await eventually(lambda: PRODUCED.get("freed", 0) > 4 * size)
                await asyncio.sleep(0.1)
                assert tracemalloc.get_traced_memory()[0] > 4 * size
                socket.connection.transport.abort()
            await eventually(lambda: sockets() == 0)
            assert tracemalloc.get_traced_memory()[0] < 3 * size
        finally:
            tracemalloc.stop()
            gc.enable()


async def test_many_sockets_at_once_are_all_served(serving: Serving) -> None:
    async def one(number: int) -> list[int]:
        async with serving.socket() as socket:
            await socket.subscribe(str(number), "subscription { count(to: 20) }")
            messages = [await socket.receive() for _ in range(21)]
        return [message["payload"]["data"]["count"] for message in messages[:20]]

    for _ in range(3):
        assert await asyncio.gather(*map(one, range(25))) == [list(range(20))] * 25


async def test_figures_are_kept(serving: Serving) -> None:
    def figure(name: str, **labels: str) -> float:
        return REGISTRY.get_sample_value(name, labels) or 0

    sent, ran = figure("vigie_websocket_messages_sent_total"), ("vigie_graphql_operations_total", "subscription", "ok")
    before = figure(ran[0], type=ran[1], outcome=ran[2])
    async with serving.socket() as socket:
        await socket.subscribe("a", "subscription { count(to: 2) }")
        for _ in range(3):
            await socket.receive()
        assert figure("vigie_websocket_messages_sent_total") == sent + 4
        assert figure(ran[0], type=ran[1], outcome=ran[2]) == before + 1
