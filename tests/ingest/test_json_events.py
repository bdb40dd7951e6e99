"""`POST /v1/events` answers as its contract says, to everything that may come."""

import asyncio
import datetime as dt
import gzip
import json
import zlib
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest

from ingest.json_events import JsonEvents
from integrations.prices import ListPrices
from models import Database, Project
from resolvers.errors import LimitReached, NotFound, Refusal, Unavailable
from resolvers.events.writer import StorageFull, Writer
from resolvers.principals import Principal, Role
from tests.resolvers.events.events import call, check_log, stored, usage

KEYS = {role.value: role for role in Role}
JSON = {"Content-Type": "application/json"}
LINES = {"Content-Type": "application/x-ndjson"}
MEBIBYTE = 2**20


@pytest.fixture
async def writer(database: Database) -> AsyncIterator[Writer]:
    writer = Writer(database, ListPrices())
    await writer.start()
    yield writer
    await writer.stop()


@pytest.fixture
async def door(writer: Writer, project: Project) -> AsyncIterator[httpx2.AsyncClient]:
    """A client of the door; the text of a key is its role."""

    async def authenticate(secret: str) -> Principal | None:
        role = KEYS.get(secret)
        return Principal(1, "key", role, project.id, project.name) if role else None

    transport = httpx2.ASGITransport(JsonEvents(authenticate, writer))
    headers = {"Authorization": "Bearer ingest"}
    async with httpx2.AsyncClient(transport=transport, base_url="http://vigie", headers=headers) as client:
        yield client


async def post(
    door: httpx2.AsyncClient, body: Any, headers: dict[str, str] | None = None, *, status: int = 200
) -> dict[str, Any]:
    """The answer to a body: JSON unless bytes are given."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    response = await door.post("/v1/events", content=content, headers={**JSON, **(headers or {})})
    assert response.status_code == status, response.text
    if status == 200:
        assert response.headers["content-type"] == "application/json"
    else:
        assert response.headers["content-type"] == "application/problem+json"
        problem = response.json()
        assert (problem["type"], problem["status"]) == ("about:blank", status)
        assert problem["title"]
        assert len(problem["detail"]) > 20
    if status in (429, 503, 507):
        assert int(response.headers["retry-after"]) >= 1
    answer: dict[str, Any] = response.json()
    return answer


async def test_a_batch_of_both_kinds_is_stored(door: httpx2.AsyncClient, database: Database, project: Project) -> None:
    body = {"events": [usage("a"), call("b")]}
    assert await post(door, body) == {"accepted": 2, "duplicates": 0, "rejected": []}
    assert await post(door, body) == {"accepted": 0, "duplicates": 2, "rejected": []}
    assert [fact.id for fact in await check_log(database, project.id)] == ["a", "b"]


async def test_three_bad_events_of_a_thousand_are_named_and_the_others_stored(
    door: httpx2.AsyncClient, database: Database, project: Project
) -> None:
    events = [usage(f"u-{number}") for number in range(1000)]
    events[10] = usage(tokens={"input": -5})
    events[500] = usage(time="1999-01-01T00:00:00Z")
    events[999] = usage(surprise=1)
    answer = await post(door, {"events": events})
    assert (answer["accepted"], answer["duplicates"]) == (997, 0)
    assert [(item["index"], item["code"], item["field"]) for item in answer["rejected"]] == [
        (10, "INVALID", "tokens.input"),
        (500, "TIME_OUT_OF_RANGE", "time"),
        (999, "INVALID", "surprise"),
    ]
    assert all(item["message"] for item in answer["rejected"])
    assert len(await check_log(database, project.id)) == 997


async def test_when_all_are_rejected_the_answer_is_still_200(door: httpx2.AsyncClient) -> None:
    answer = await post(door, {"events": [{}, 7]})
    assert (answer["accepted"], len(answer["rejected"])) == (0, 2)
    assert await post(door, {"events": []}) == {"accepted": 0, "duplicates": 0, "rejected": []}


async def test_lines_are_events(door: httpx2.AsyncClient, database: Database, project: Project) -> None:
    lines = [json.dumps(usage("a")), "{broken", json.dumps(call("b")), "", json.dumps(usage(model=""))]
    answer = await post(door, ("\n".join(lines) + "\n").encode(), LINES)
    assert (answer["accepted"], answer["duplicates"]) == (2, 0)
    assert [(item["index"], item["field"]) for item in answer["rejected"]] == [(1, None), (4, "model")]
    assert len(await check_log(database, project.id)) == 2
    assert await post(door, b"", LINES) == {"accepted": 0, "duplicates": 0, "rejected": []}


@pytest.mark.parametrize("pieces", [1, 3])
async def test_gzip_is_understood(door: httpx2.AsyncClient, pieces: int) -> None:
    body = json.dumps({"events": [usage("a"), usage("b")]}).encode()
    cut = len(body) // pieces
    packed = b"".join(gzip.compress(body[start : start + cut]) for start in range(0, len(body), cut))
    assert (await post(door, packed, {"Content-Encoding": "gzip"}))["accepted"] == 2


@pytest.mark.parametrize(
    "content_type",
    ["application/json; charset=utf-8", 'Application/JSON;charset="UTF-8"', "application/json;foo=bar"],
)
async def test_content_types_may_have_parameters(door: httpx2.AsyncClient, content_type: str) -> None:
    assert (await post(door, {"events": []}, {"Content-Type": content_type}))["accepted"] == 0


async def test_a_byte_order_mark_is_skipped(door: httpx2.AsyncClient) -> None:
    assert (await post(door, b"\xef\xbb\xbf" + json.dumps({"events": [usage()]}).encode()))["accepted"] == 1


@pytest.mark.parametrize("key", ["ingest", "editor", "admin"])
async def test_these_roles_may_send(door: httpx2.AsyncClient, key: str) -> None:
    del door.headers["authorization"]
    assert (await post(door, {"events": [usage()]}, {"X-API-Key": key}))["accepted"] == 1


async def test_without_a_good_key_nothing_is_stored(
    door: httpx2.AsyncClient, database: Database, project: Project
) -> None:
    body = {"events": [usage()]}
    await post(door, body, {"Authorization": "Bearer reader"}, status=403)
    await post(door, body, {"Authorization": "Bearer unknown"}, status=401)
    response = await door.post("/v1/events", json=body, headers={"Authorization": ""})
    assert (response.status_code, response.headers["www-authenticate"][:6]) == (401, "Bearer")
    assert await check_log(database, project.id) == []


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (b"", {}, 400),
        (b"{", {}, 400),
        (b'{"events":[}', {}, 400),
        (b'{"events":["\xff\xfe"]}', {}, 400),
        ("{}".encode("utf-16"), {}, 400),
        (b"[" * 50_000, {}, 400),
        (b'{"events":' * 20_000, {}, 400),
        (b"\x1f\x8b broken", {"Content-Encoding": "gzip"}, 400),
        (gzip.compress(b'{"events":[]}', mtime=0)[:-3], {"Content-Encoding": "gzip"}, 400),
        (b"", {"Content-Encoding": "gzip"}, 400),
        (b'{"events":[]}', {"Content-Encoding": "br"}, 415),
        (zlib.compress(b'{"events":[]}'), {"Content-Encoding": "deflate"}, 415),
        (b'{"events":[]}', {"Content-Encoding": "gzip, gzip"}, 415),
        (b'{"events":[]}', {"Content-Type": "text/plain"}, 415),
        (b'{"events":[]}', {"Content-Type": ""}, 415),
        (b'{"events":[]}', {"Content-Type": "application/json; charset=latin-1"}, 415),
        (b"[]", {}, 422),
        (b"7", {}, 422),
        (b"null", {}, 422),
        (b"1" * 400, {}, 422),
        (b"{}", {}, 422),
        (b'{"events":null}', {}, 422),
        (b'{"events":{}}', {}, 422),
        (b'{"events":[],"project":1}', {}, 422),
    ],
)
async def test_a_request_that_is_wrong_as_a_whole_stores_nothing(
    door: httpx2.AsyncClient, body: bytes, headers: dict[str, str], status: int
) -> None:
    await post(door, body, headers, status=status)


async def test_a_body_beyond_ten_mebibytes_is_refused_by_name(door: httpx2.AsyncClient) -> None:
    filler = b" " * (10 * MEBIBYTE)
    fits = b'{"events":[]}'
    assert (await post(door, fits + filler[: -len(fits)]))["accepted"] == 0
    assert "10,485,760" in (await post(door, fits + filler, status=413))["detail"]

    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(12):
            yield filler[:MEBIBYTE]

    response = await door.post("/v1/events", content=pieces(), headers=JSON)
    assert response.status_code == 413
    endless = {"Content-Length": str(2**40)}
    assert (await door.post("/v1/events", content=b"{}", headers={**JSON, **endless})).status_code == 413


async def test_the_limit_holds_after_decompression(door: httpx2.AsyncClient) -> None:
    bomb = gzip.compress(b" " * (200 * MEBIBYTE))
    assert len(bomb) < MEBIBYTE
    await post(door, bomb, {"Content-Encoding": "gzip"}, status=413)
    await post(door, gzip.compress(b" " * MEBIBYTE) * 11, {"Content-Encoding": "gzip"}, status=413)


@pytest.mark.parametrize("headers", [JSON, LINES])
async def test_a_request_has_at_most_ten_thousand_events(door: httpx2.AsyncClient, headers: dict[str, str]) -> None:
    events = [b"{}"] * 10_001
    body = b"\n".join(events) if headers is LINES else b'{"events":[' + b",".join(events) + b"]}"
    assert "10,000" in (await post(door, body, headers, status=413))["detail"]


async def test_hostile_items_are_rejected_alone(door: httpx2.AsyncClient) -> None:
    good = json.dumps(usage())
    hostile = [
        '{"type":"usage","type":"apiCall"}',
        good.replace('"gpt-4"', '"\\ud800"'),
        good.replace('"gpt-4"', '"\\u0000"'),
        good.replace('"gpt-4"', "1" * 5000),
        good[:-1] + ',"attributes":{"a":1e999}}',
        good[:-1] + ',"attributes":{"a":' + "[" * 500 + "]" * 500 + "}}",
        good[:-1] + f',"{"x" * 5000}":1}}',
    ]
    body = f'{{"events":[{good},{",".join(hostile)},{good}]}}'.encode()
    answer = await post(door, body)
    assert answer["accepted"] == 2
    assert [item["index"] for item in answer["rejected"]] == list(range(1, 1 + len(hostile)))
    assert all(len(item["field"] or "") <= 200 for item in answer["rejected"])


@pytest.mark.parametrize(
    ("refusal", "status"),
    [
        (Unavailable("The queue is full: try again.", retry_after=2), 503),
        (StorageFull("The disk is full: make room first.", retry_after=60), 507),
        (LimitReached("Too many requests: try again in a moment."), 429),
        (NotFound("The project does not exist any more."), 403),
    ],
)
async def test_a_writer_that_refuses_is_answered_with_its_status(
    door: httpx2.AsyncClient, writer: Writer, monkeypatch: pytest.MonkeyPatch, refusal: Refusal, status: int
) -> None:
    async def submit(*_: object) -> None:
        raise refusal

    monkeypatch.setattr(writer, "submit", submit)
    assert (await post(door, {"events": [usage()]}, status=status))["detail"] == refusal.message


async def test_other_methods_are_refused(door: httpx2.AsyncClient) -> None:
    response = await door.get("/v1/events")
    assert (response.status_code, response.headers["allow"]) == (405, "POST")


async def test_a_client_that_goes_away_is_no_fault(door: httpx2.AsyncClient, database: Database) -> None:
    application = door._transport.app  # type: ignore[attr-defined]
    sent: list[Any] = []
    headers = [(b"authorization", b"Bearer ingest"), (b"content-type", b"application/json")]
    scope = {"type": "http", "method": "POST", "path": "/v1/events", "headers": headers, "query_string": b""}

    async def receive() -> dict[str, Any]:
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)

    await application(scope, receive, send)
    assert sent == []
    assert database


async def test_the_clock_of_the_server_bounds_the_time(
    door: httpx2.AsyncClient, database: Database, project: Project
) -> None:
    now = dt.datetime.now(dt.UTC)
    times = [now + dt.timedelta(minutes=4), now + dt.timedelta(minutes=6)]
    answer = await post(door, {"events": [usage(time=time.isoformat()) for time in times]})
    assert (answer["accepted"], answer["rejected"][0]["code"]) == (1, "TIME_OUT_OF_RANGE")
    await asyncio.sleep(0)
    assert len(await stored(database, project.id)) == 1
