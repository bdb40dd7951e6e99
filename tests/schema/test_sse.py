"""graphql-sse, distinct connections: each event, each end, and nothing left behind."""

import asyncio
import datetime as dt
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import orjson
import pytest
from prometheus_client import REGISTRY

from resolvers.principals import Principal, Role
from schema import sse
from tests.schema import serving as module
from tests.schema.serving import OPEN, PRODUCED, Serving, answered
from tests.schema.test_websocket import eventually
from vigie import protocols

pytestmark = pytest.mark.anyio

EVENTS = {"accept": "text/event-stream", "content-type": "application/json"}
COMPLETE = ("complete", None)


class Stream:
    """One response, read event by event: its name and its data."""

    def __init__(self, response: httpx2.Response) -> None:
        self.response = response
        self._blocks = self._split()

    async def _split(self) -> AsyncIterator[str]:
        rest = ""
        async for text in self.response.aiter_text():
            *blocks, rest = (rest + text).split("\n\n")
            for block in blocks:
                yield block
        assert not rest

    async def block(self) -> str | None:
        """What comes next, be it a comment; None at the end."""
        async with asyncio.timeout(10):
            return await anext(self._blocks, None)

    async def event(self) -> tuple[str, Any] | None:
        """The next event; None at the end."""
        while (block := await self.block()) == ":":
            pass
        if block is None:
            return None
        name, data = block.split("\n")
        assert name.startswith("event: ")
        assert data.startswith("data:")
        return name[7:], orjson.loads(data[5:]) if data[5:] else None

    async def events(self) -> list[tuple[str, Any]]:
        """All that are left."""
        events = []
        while event := await self.event():
            events.append(event)
        return events


@asynccontextmanager
async def streaming(serving: Serving, query: str, *, key: str = "admin-key", **members: Any) -> AsyncIterator[Stream]:
    content = orjson.dumps({"query": query, **members})
    headers = {**EVENTS, "authorization": f"Bearer {key}"}
    async with serving.http.stream("POST", serving.url, content=content, headers=headers) as response:
        yield Stream(response)


def errors_of(event: tuple[str, Any] | None) -> list[str]:
    assert event
    name, answer = event
    assert name == "next"
    assert "data" not in answer
    return [error["extensions"]["code"] for error in answer["errors"]]


def ended(by: str) -> float:
    return REGISTRY.get_sample_value("vigie_sse_ended_total", {"by": by}) or 0


async def test_a_subscription_is_told_as_events(serving: Serving) -> None:
    async with streaming(serving, "subscription ($to: Int!) { count(to: $to) }", variables={"to": 2}) as stream:
        assert stream.response.status_code == 200
        assert stream.response.headers["content-type"] == "text/event-stream; charset=utf-8"
        assert stream.response.headers["cache-control"] == "no-cache"
        assert stream.response.headers["x-accel-buffering"] == "no"
        assert await stream.block() == ":"
        assert await stream.block() == f"event: next\ndata: {orjson.dumps(answered(1, count=0)).decode()}"
        assert await stream.block() == 'event: next\ndata: {"data":{"count":1}}'
        assert await stream.block() == "event: complete\ndata:"
        assert await stream.block() is None


async def test_queries_and_mutations_are_told_too(serving: Serving) -> None:
    async with streaming(serving, "query A { hello } query B { hello }", operationName="B") as stream:
        assert await stream.events() == [("next", answered(1, hello="hello you")), COMPLETE]
    async with streaming(serving, "mutation { bump(by: 2) { count } }") as stream:
        assert await stream.events() == [("next", answered(2, bump={"count": 2})), COMPLETE]


async def test_get_changes_nothing(serving: Serving) -> None:
    async def get(query: str) -> httpx2.Response:
        return await serving.http.get(serving.url, params={"query": query}, headers={"accept": "text/event-stream"})

    assert (await get("{ hello }")).text.endswith("event: complete\ndata:\n\n")
    assert 'data: {"data":{"count":1}}' in (await get("subscription { count(to: 2) }")).text
    refused = await get("mutation { bump(by: 2) { count } }")
    assert (refused.status_code, refused.headers["allow"]) == (405, "POST")
    assert refused.headers["content-type"] == "application/json; charset=utf-8"


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("{", "GRAPHQL_PARSE_FAILED"),
        ("{ helo }", "GRAPHQL_VALIDATION_FAILED"),
        ("query ($n: Int!) { after(number: 1, step: $n) }", "BAD_USER_INPUT"),
        ("subscription ($n: Int!) { count(to: $n) }", "BAD_USER_INPUT"),
        ('subscription { refusing(after: "x") }', "BAD_USER_INPUT"),
    ],
)
async def test_what_does_not_run_is_an_answer(serving: Serving, query: str, code: str) -> None:
    async with streaming(serving, query) as stream:
        assert stream.response.status_code == 200
        assert stream.response.headers["content-type"] == "text/event-stream; charset=utf-8"
        assert errors_of(await stream.event()) == [code]
        assert await stream.events() == [COMPLETE]


async def test_what_the_role_may_not_do_is_an_answer(serving: Serving) -> None:
    async with streaming(serving, "subscription { count(to: 1) }", key="ingest-key") as stream:
        assert errors_of(await stream.event()) == ["FORBIDDEN"]
        assert await stream.events() == [COMPLETE]


@pytest.mark.parametrize(
    ("headers", "content", "status"),
    [
        ({"authorization": "Bearer nobody"}, b'{"query":"{hello}"}', 401),
        ({"content-type": "text/plain"}, b'{"query":"{hello}"}', 415),
        ({}, b"{", 400),
        ({}, b'{"query":1}', 400),
        ({"accept": "text/plain"}, b'{"query":"{hello}"}', 406),
    ],
)
async def test_what_is_no_operation_has_a_status(
    serving: Serving, headers: dict[str, str], content: bytes, status: int
) -> None:
    answer = await serving.http.post(serving.url, content=content, headers=EVENTS | headers)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/json; charset=utf-8")
    assert answer.json()["errors"]


@pytest.mark.parametrize(
    ("accept", "query", "expected"),
    [
        ("text/event-stream, application/json;q=0.5", "{ hello }", "text/event-stream"),
        ("application/json, text/event-stream", "{ hello }", "application/json"),
        ("application/json, text/event-stream", "subscription { count(to: 1) }", "text/event-stream"),
        ("application/graphql-response+json, text/event-stream, */*", "{ hello }", "application/graphql-response+json"),
        ("*/*", "subscription { count(to: 1) }", "application/json"),
        ("*/*", "{ hello }", "application/json"),
        ("text/event-stream;q=0, application/json", "subscription { count(to: 1) }", "application/json"),
    ],
)
async def test_events_come_to_those_who_ask_for_them(serving: Serving, accept: str, query: str, expected: str) -> None:
    answer = await serving.post(query, accept=accept)
    assert answer.headers["content-type"] == f"{expected}; charset=utf-8"
    assert answer.status_code == (400 if "subscription" in query and "event" not in expected else 200)


async def test_a_fault_ends_the_stream_and_is_masked(serving: Serving) -> None:
    async with streaming(serving, "subscription { failing }") as stream:
        assert await stream.event() == ("next", answered(1, failing=1))
        assert errors_of(await stream.event()) == ["INTERNAL"]
        assert await stream.events() == [COMPLETE]


async def test_what_passes_by_itself_leaves_the_stream_open_to_another_try(serving: Serving) -> None:
    async with streaming(serving, 'subscription { failing(how: "unavailable") }') as stream:
        assert await stream.event() == ("next", answered(1, failing=1))
        assert errors_of(await stream.event()) == ["UNAVAILABLE"]
        assert await stream.events() == []


async def test_a_quiet_stream_is_kept_alive(serving: Serving, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sse, "QUIET_SECONDS", 0.1)
    async with streaming(serving, 'subscription { silence(name: "quiet") }') as stream:
        assert [await stream.block() for _ in range(5)] == [":"] * 5


async def test_a_client_that_leaves_takes_its_operation_with_it(serving: Serving) -> None:
    left = ended("client")
    async with streaming(serving, 'subscription { silence(name: "left") }') as stream:
        assert await stream.block() == ":"
        await eventually(lambda: "left" in OPEN)
        (connection,) = serving.connections.of_project(1)
        assert (connection.transport, connection.operations) == ("sse", 1)
    await eventually(lambda: "left" not in OPEN and ended("client") == left + 1)
    assert serving.connections.of_project(1) == []


def raw(query: str) -> bytes:
    """A request for events as it is on the wire."""
    body = orjson.dumps({"query": query})
    head = f"POST /graphql HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer admin-key\r\nContent-Length: {len(body)}\r\n"
    return head.encode() + b"Accept: text/event-stream\r\nContent-Type: application/json\r\n\r\n" + body


async def test_who_does_not_read_holds_nothing_but_a_buffer(serving: Serving) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", serving.port, limit=1024)
    writer.write(raw('subscription { flood(name: "unread") }'))
    assert (await reader.readline()).startswith(b"HTTP/1.1 200")
    await eventually(lambda: "unread" in PRODUCED)
    before = -1
    while before != PRODUCED["unread"]:
        before = PRODUCED["unread"]
        await asyncio.sleep(0.3)
    assert before < 16 * 2**20
    (connection,) = serving.connections.of_project(1)
    assert connection.queued == 1
    assert 100_000 < connection.queued_bytes < 101_000
    writer.transport.abort()
    await eventually(lambda: "unread" not in OPEN)


@pytest.mark.parametrize("patience", ["STALL_SECONDS", *(["SILENT_SECONDS"] if sys.platform == "linux" else [])])
async def test_who_does_not_read_is_cut(patience: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocols, patience, 0.5)
    async with Serving.start() as serving:
        reader, writer = await asyncio.open_connection("127.0.0.1", serving.port, limit=1024)
        writer.write(raw('subscription { flood(name: "cut") }'))
        assert (await reader.readline()).startswith(b"HTTP/1.1 200")
        await eventually(lambda: "cut" in OPEN)
        await eventually(lambda: "cut" not in OPEN, 10)
        assert serving.connections.of_project(1) == []
        writer.transport.abort()


async def test_a_client_that_asks_for_more_before_the_end_may_leave_too(
    serving: Serving, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sse, "QUIET_SECONDS", 0.2)
    reader, writer = await asyncio.open_connection("127.0.0.1", serving.port)
    writer.write(raw('subscription { silence(name: "pipelined") }') + raw("{ hello }"))
    assert (await reader.readline()).startswith(b"HTTP/1.1 200")
    await eventually(lambda: "pipelined" in OPEN)
    writer.transport.abort()
    await eventually(lambda: "pipelined" not in OPEN)


async def test_the_end_of_a_key_is_told_and_final(monkeypatch: pytest.MonkeyPatch) -> None:
    soon = dt.datetime.now(dt.UTC) + dt.timedelta(hours=1)
    monkeypatch.setitem(module.KEYS, "brief-key", Principal(9, "brief", Role.READER, 1, "acme", soon))
    async with (
        Serving.start() as serving,
        streaming(serving, 'subscription { silence(name: "stays") }') as other,
        streaming(serving, 'subscription { silence(name: "ends") }', key="brief-key") as stream,
    ):
        assert await stream.block() == ":"
        await eventually(lambda: {"stays", "ends"} <= OPEN)
        serving.connections.end_expired(soon)
        assert errors_of(await stream.event()) == ["UNAUTHENTICATED"]
        assert await stream.events() == [COMPLETE]
        await eventually(lambda: "ends" not in OPEN)
        assert "stays" in OPEN
        assert await other.block() == ":"


async def test_the_end_does_not_wait_for_who_does_not_read(
    serving: Serving, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(sse, "LAST_SECONDS", 0.3)
    reader, writer = await asyncio.open_connection("127.0.0.1", serving.port, limit=1024)
    writer.write(raw('subscription { flood(name: "stuck") }'))
    assert (await reader.readline()).startswith(b"HTTP/1.1 200")
    await eventually(lambda: any(one.queued for one in serving.connections.of_project(1)))
    serving.connections.drain()
    await eventually(lambda: "stuck" not in OPEN)
    await asyncio.sleep(0.5)
    async with asyncio.timeout(5):
        assert not (await reader.read()).endswith(b"0\r\n\r\n")
    writer.transport.abort()
    assert not caplog.records


async def test_a_drain_ends_streams_without_completing_them_and_lets_queries_finish(serving: Serving) -> None:
    async with (
        streaming(serving, 'subscription { silence(name: "drained") }') as stream,
        streaming(serving, "{ slow(seconds: 0.5) }") as query,
    ):
        assert await stream.block() == ":"
        assert await query.block() == ":"
        serving.connections.drain()
        assert await stream.events() == []
        assert await query.events() == [("next", answered(1, slow="done")), COMPLETE]
    assert "drained" not in OPEN


async def test_a_key_has_so_many_streams() -> None:
    async with Serving.start(most_per_key=1) as serving:
        async with streaming(serving, 'subscription { silence(name: "one") }') as first:
            assert await first.block() == ":"
            async with streaming(serving, "{ hello }") as second:
                assert second.response.status_code == 429
                assert second.response.headers["retry-after"]
                (error,) = orjson.loads(await second.response.aread())["errors"]
                assert error["extensions"]["code"] == "RATE_LIMITED"
            async with streaming(serving, "{ hello }", key="reader-key") as another:
                assert another.response.status_code == 200
        await eventually(lambda: "one" not in OPEN)
        async with streaming(serving, "{ hello }") as again:
            assert again.response.status_code == 200
