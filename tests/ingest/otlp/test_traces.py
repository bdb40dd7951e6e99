"""`POST /v1/traces` takes what exporters send, in both encodings, and tells what it refused."""

import gzip
import json
from typing import Any

import httpx2
import pytest
from google.rpc.status_pb2 import Status  # type: ignore[import-untyped]
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from models import ApiCall, Database, Project, UsageEvent
from resolvers.errors import LimitReached, NotFound, Refusal, Unavailable
from resolvers.events.writer import StorageFull, Writer
from tests.databases import only_sqlite
from tests.ingest.otlp.exporting import (
    CHAT,
    JSON,
    PROTOBUF,
    SECOND,
    SERVED,
    START,
    in_json,
    in_protobuf,
    pairs,
    request,
    served,
    span,
)
from tests.resolvers.events.events import check_log

MEBIBYTE = 2**20
ENCODINGS = pytest.mark.parametrize(("encode", "headers"), [(in_protobuf, PROTOBUF), (in_json, JSON)])


async def post(door: httpx2.AsyncClient, body: bytes, headers: dict[str, str], *, status: int = 200) -> tuple[int, str]:
    """How many spans were rejected, and why; or the code and message of a refusal. In the request's encoding."""
    response = await door.post("/v1/traces", content=body, headers=headers)
    assert response.status_code == status, response.text
    if headers["Content-Type"] == PROTOBUF["Content-Type"]:
        assert response.headers["content-type"] == "application/x-protobuf"
        if status == 200:
            partial = ExportTraceServiceResponse.FromString(response.content).partial_success
            return partial.rejected_spans, partial.error_message
        refused = Status.FromString(response.content)
        return refused.code, refused.message
    assert response.headers["content-type"] == "application/json"
    answer = response.json()
    if status == 200:
        partial = answer.get("partialSuccess", {"rejectedSpans": "0", "errorMessage": ""})
        return int(partial["rejectedSpans"]), partial["errorMessage"]
    return answer["code"], answer["message"]


async def take(
    door: httpx2.AsyncClient, database: Database, project: Project, spans: list[Any], **resource: str
) -> list[Any]:
    """The facts that become of spans, all of which are taken."""
    assert await post(door, in_json(spans, resource), JSON) == (0, "")
    return await check_log(database, project.id)


@ENCODINGS
async def test_model_calls_and_served_requests_are_stored_and_other_spans_pass_by(
    door: httpx2.AsyncClient, database: Database, project: Project, encode: Any, headers: dict[str, str]
) -> None:
    body = encode([span(1), served(2), span(3, {"db.system": "sqlite"})], {"deployment.environment.name": "prod"})
    assert await post(door, body, headers) == (0, "")
    assert await post(door, body, headers) == (0, "")
    usage, call = await check_log(database, project.id)
    assert isinstance(usage, UsageEvent)
    assert (usage.id, usage.trace_id) == (f"{1:016x}", f"{1:032x}")
    assert (usage.provider, usage.model, usage.operation, usage.status) == ("openai", "gpt-4o", "chat", "ok")
    assert (usage.uncached_tokens, usage.visible_tokens, usage.duration_ms) == (374, 44, 500)
    assert (usage.environment, usage.time.timestamp()) == ("prod", START / SECOND)
    assert usage.raw_usage is None
    assert isinstance(call, ApiCall)
    assert (call.method, call.route, call.status) == ("GET", "/nodes/{key}", 200)
    assert (call.id, call.duration_ms, call.environment) == (f"{2:016x}", 500, "prod")


@only_sqlite
async def test_five_bad_spans_of_ten_thousand_are_told_and_the_others_stored_once(
    door: httpx2.AsyncClient, database: Database, project: Project
) -> None:
    spans = [span(number) for number in range(1, 10_001)]
    bad = {
        11: span(11, {**CHAT, "gen_ai.usage.input_tokens": -5}),
        2_500: span(2_500, {"gen_ai.operation.name": "chat"}),
        5_000: span(5_000, startTimeUnixNano="0"),
        7_777: span(7_777, {**CHAT, "gen_ai.usage.output_tokens": "many"}),
        10_000: span(10_000, {**CHAT, "user.id": "x" * 300}),
    }
    for number, replaced in bad.items():
        spans[number - 1] = replaced
    for body, headers in ((in_protobuf(spans), PROTOBUF), (in_json(spans), JSON)):
        rejected, message = await post(door, body, headers)
        assert rejected == 5
        lines = message.splitlines()
        assert all(f"Span {number:016x} (span {number}): " in line for number, line in zip(bad, lines, strict=True))
        fields = ("tokens.input", "names the model", "`time`", "tokens.output", "subject")
        assert all(field in line for field, line in zip(fields, lines, strict=True)), message
        assert len(await check_log(database, project.id)) == 9_995


@only_sqlite
async def test_more_spans_than_one_request_may_have_events_are_taken(
    door: httpx2.AsyncClient, database: Database, project: Project
) -> None:
    spans = [span(number, {**CHAT, "gen_ai.usage.input_tokens": -(number % 100 == 0)}) for number in range(1, 12_001)]
    rejected, message = await post(door, gzip.compress(in_protobuf(spans)), PROTOBUF | {"Content-Encoding": "gzip"})
    assert rejected == 120
    assert message.endswith("and 100 more")
    assert len(await check_log(database, project.id)) == 11_880


@ENCODINGS
async def test_numbers_may_come_as_text_and_spans_without_a_kind(
    door: httpx2.AsyncClient, database: Database, project: Project, encode: Any, headers: dict[str, str]
) -> None:
    text = {name: str(value) for name, value in CHAT.items()}
    spans = [span(1, text, kind=None), served(2, {**SERVED, "http.response.status_code": "404"}, kind=None)]
    assert await post(door, encode(spans), headers) == (0, "")
    usage, call = await check_log(database, project.id)
    assert isinstance(usage, UsageEvent)
    assert isinstance(call, ApiCall)
    assert (usage.uncached_tokens, usage.visible_tokens, call.status) == (374, 44, 404)


@pytest.mark.parametrize(
    "attributes",
    [
        {"gen_ai.usage.input_tokens": 130_000, "gen_ai.usage.cache_read.input_tokens": 128_000},
        {"gen_ai.usage.input_tokens": 2_000, "gen_ai.usage.cache_read.input_tokens": 128_000},
        {
            "gen_ai.usage.input_tokens": 70_000,
            "gen_ai.usage.cache_read_input_tokens": 60_000,
            "gen_ai.usage.total_tokens": 130_213,
        },
        {
            "gen_ai.usage.input_tokens": 130_000,
            "gen_ai.usage.cache_read_input_tokens": 60_000,
            "gen_ai.usage.total_tokens": 130_213,
        },
        {
            "gen_ai.system": "anthropic",
            "gen_ai.usage.input_tokens": "70000",
            "gen_ai.usage.cache_read_input_tokens": "40000",
            "gen_ai.usage.cache_creation_input_tokens": "20000",
        },
        {
            "gen_ai.provider.name": "aws.bedrock",
            "gen_ai.usage.input_tokens": 70_000,
            "gen_ai.usage.cache_creation_input_tokens": 60_000,
        },
        {
            "llm.token_count.prompt": 130_000,
            "llm.token_count.prompt_details.cache_read": 128_000,
            "llm.token_count.total": 130_213,
        },
    ],
)
@only_sqlite
async def test_130_213_tokens_count_as_such_however_cached_ones_are_reported(
    door: httpx2.AsyncClient, database: Database, project: Project, attributes: dict[str, Any]
) -> None:
    said = {"gen_ai.request.model": "claude-sonnet-4-0", "gen_ai.usage.output_tokens": 213, **attributes}
    (usage,) = await take(door, database, project, [span(1, said)])
    prompt = usage.uncached_tokens + usage.cache_read_tokens + usage.cache_write_tokens
    assert prompt + usage.visible_tokens + usage.reasoning_tokens == 130_213
    reported = {name: value for name, value in said.items() if "token" in name}
    before = said.get("gen_ai.usage.input_tokens") or said["llm.token_count.prompt"]
    as_it_was = int(before) == prompt
    assert usage.raw_usage == (None if as_it_was else reported)


@ENCODINGS
@pytest.mark.parametrize(
    ("content", "key", "status", "code", "words"),
    [
        (b"\xff\xff\xff", "ingest", 400, 3, "ExportTraceServiceRequest|JSON"),
        (b"{" * 100_000, "ingest", 400, 3, "body"),
        (b"", "nobody", 401, 16, "unknown"),
        (b"", "reader", 403, 7, "only reads"),
        (b"x" * (11 * MEBIBYTE), "ingest", 413, 8, "10 MiB"),
    ],
)
@only_sqlite
async def test_refusals_have_the_status_of_google_rpc(
    door: httpx2.AsyncClient,
    encode: Any,
    headers: dict[str, str],
    content: bytes,
    key: str,
    status: int,
    code: int,
    words: str,
) -> None:
    door.headers["Authorization"] = f"Bearer {key}"
    found, message = await post(door, content, headers, status=status)
    assert found == code
    assert any(word in message for word in words.split("|")), message


@only_sqlite
async def test_other_types_methods_and_compressions_are_refused(door: httpx2.AsyncClient) -> None:
    for headers in ({}, {"Content-Type": "text/plain"}, {"Content-Type": "application/grpc"}):
        response = await door.post("/v1/traces", content=b"", headers=headers)
        assert (response.status_code, response.json()["code"]) == (415, 3)
    response = await door.post("/v1/traces", content=b"", headers=PROTOBUF | {"Content-Encoding": "br"})
    assert response.status_code == 415
    response = await door.get("/v1/traces")
    assert (response.status_code, response.headers["allow"]) == (405, "POST")


@ENCODINGS
@only_sqlite
async def test_gzip_is_understood_and_a_bomb_is_refused(
    door: httpx2.AsyncClient, database: Database, project: Project, encode: Any, headers: dict[str, str]
) -> None:
    packed = gzip.compress(encode([span(1)]))
    for body, status in ((packed, 200), (packed[:-9], 400), (gzip.compress(bytes(50 * MEBIBYTE)), 413)):
        response = await door.post("/v1/traces", content=body, headers=headers | {"Content-Encoding": "gzip"})
        assert response.status_code == status
    assert len(await check_log(database, project.id)) == 1


@pytest.mark.parametrize(
    ("refusal", "status"),
    [
        (Unavailable("Busy.", retry_after=7), 503),
        (StorageFull("Full.", retry_after=7), 503),
        (LimitReached("Slow down."), 429),
        (NotFound("Gone."), 403),
    ],
)
@only_sqlite
async def test_exporters_are_told_to_come_back(
    door: httpx2.AsyncClient, writer: Writer, monkeypatch: pytest.MonkeyPatch, refusal: Refusal, status: int
) -> None:
    async def refuse(*_: object) -> None:
        raise refusal

    monkeypatch.setattr(writer, "submit", refuse)
    response = await door.post("/v1/traces", content=in_protobuf([span(1)]), headers=PROTOBUF)
    assert response.status_code == status
    assert Status.FromString(response.content).message == refusal.message
    assert ("retry-after" in response.headers) == (status != 403)


@only_sqlite
async def test_empty_requests_are_fine(door: httpx2.AsyncClient) -> None:
    assert await post(door, b"", PROTOBUF) == (0, "")
    for body in (b"{}", b'{"resourceSpans": []}', b'{"resourceSpans": null}', in_json([])):
        assert await post(door, body, JSON) == (0, "")


BAD: list[tuple[Any, str]] = [
    (7, "OTLP in JSON"),
    (span(1, name=7), "name"),
    (span(1, traceId="4bf92f3577b34da6a3ce929d0e0e473g"), "traceId"),
    (span(1, spanId=None), "id"),
    (span(1, spanId="0" * 16), "id"),
    (span(1, spanId="AAAAAAAAAAE="), "spanId"),
    (span(1, startTimeUnixNano=str(-START)), "startTimeUnixNano"),
    (span(1, startTimeUnixNano=str(2**64)), "startTimeUnixNano"),
    (span(1, startTimeUnixNano="9" * 5000), "startTimeUnixNano"),
    (span(1, startTimeUnixNano=str(2**64 - 1)), "`time`"),
    (span(1, startTimeUnixNano=1.5), "startTimeUnixNano"),
    (span(1, startTimeUnixNano=True), "startTimeUnixNano"),
    (span(1, startTimeUnixNano=None), "`time`"),
    (span(1, {**CHAT, "gen_ai.usage.input_tokens": 2**31}), "tokens.input"),
    (span(1, {**CHAT, "gen_ai.usage.input_tokens": 1.5}), "tokens.input"),
    (span(1, {**CHAT, "gen_ai.usage.input_tokens": "1e400"}), "tokens.input"),
    (span(1, {**CHAT, "gen_ai.usage.input_tokens": "nan"}), "tokens.input"),
    (span(1, {**CHAT, "gen_ai.usage.input_tokens": True}), "tokens.input"),
    (span(1, {**CHAT, "gen_ai.usage.input_tokens": [1, 2]}), "tokens.input"),
    (span(1, {**CHAT, "gen_ai.usage.input_tokens": {"count": 1}}), "tokens.input"),
    (span(1, {**CHAT, "gen_ai.usage.cache_read.input_tokens": 2**31 - 1}), "tokens.input"),
    (span(1, {**CHAT, "gen_ai.response.time_to_first_chunk": -1.0}), "timeToFirstTokenMs"),
    (span(1, {**CHAT, "gen_ai.response.time_to_first_chunk": "soon"}), "`timeToFirstTokenMs` must be a number"),
    (span(1, {**CHAT, "vigie.attributes.feature": "x" * 2000}), "feature"),
    (span(1, {**CHAT, "gen_ai.usage.cost": -1.0}), "costUsd"),
    (span(1, {**CHAT, **{f"vigie.attributes.{number}": "x" for number in range(40)}}), "attributes"),
    (served(1, {**SERVED, "http.response.status_code": 99}), "status"),
    (served(1, {**SERVED, "http.response.status_code": "no"}), "status"),
    (served(1, {"http.request.method": "GET"}), "route"),
    (served(1, {**SERVED, "http.request.method": "G T"}), "method"),
    (served(1, {**SERVED, "http.request.body.size": -1}), "requestBytes"),
    (served(1, {**SERVED, "vigie.cache": "warm"}), "cache"),
]


@only_sqlite
async def test_a_bad_span_costs_no_good_one(door: httpx2.AsyncClient, database: Database, project: Project) -> None:
    spans = [each for number, (bad, _) in enumerate(BAD, 100) for each in (span(number), bad)]
    rejected, _ = await post(door, in_json(spans), JSON)
    assert rejected == len(BAD)
    assert len(await check_log(database, project.id)) == len(BAD)
    for bad, words in BAD:
        rejected, message = await post(door, in_json([bad]), JSON)
        assert rejected == 1
        assert words in message, (bad, message)


@only_sqlite
async def test_odd_spans_are_taken(door: httpx2.AsyncClient, database: Database, project: Project) -> None:
    spans = [
        span(1, endTimeUnixNano=str(START - 1)),
        span(2, endTimeUnixNano=None),
        span(3, traceId=None),
        span(4, traceId="0" * 32),
        span(5, kind="SPAN_KIND_CLIENT", status={"code": "STATUS_CODE_OK", "more": 1}, startTimeUnixNano=START),
        span(6, kind=77, status=None, events=None, flags=None, surprise={"a": [1]}),
        span(7, spanId="ABCDEF0123456789"),
        span(8, {**CHAT, "unread": "\ud83d", "gen_ai.request.model": "gpt-\ud83d\0"}),
        {
            **span(9),
            "attributes": [*pairs({**CHAT, "user.id": ""}), {"key": "none"}, {"key": "enduser.id", "value": {}}],
        },
    ]
    assert await post(door, json.dumps(request(spans)).encode(), JSON) == (0, "")
    facts = [fact for fact in await check_log(database, project.id) if isinstance(fact, UsageEvent)]
    assert [fact.duration_ms for fact in facts[:3]] == [None, None, 500]
    assert [fact.trace_id for fact in facts[2:4]] == [None, None]
    assert facts[6].id == "abcdef0123456789"
    assert (facts[7].model, facts[8].subject) == ("gpt-?\ufffd", None)
