"""Spans for tests, as OTLP has them in either encoding."""

import time
from collections.abc import Sequence
from typing import Any

import orjson
from google.protobuf.json_format import ParseDict
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

PROTOBUF = {"Content-Type": "application/x-protobuf"}
JSON = {"Content-Type": "application/json"}
SECOND = 10**9
START = (time.time_ns() // SECOND - 60) * SECOND
CLIENT, SERVER = 3, 2
CHAT = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "openai",
    "gen_ai.request.model": "gpt-4o",
    "gen_ai.usage.input_tokens": 374,
    "gen_ai.usage.output_tokens": 44,
}
SERVED = {
    "http.request.method": "GET",
    "http.route": "/nodes/{key}",
    "url.path": "/nodes/abc",
    "http.response.status_code": 200,
}


def span(number: int = 1, attributes: dict[str, Any] | None = None, **members: Any) -> dict[str, Any]:
    """A span that took half a second, as OTLP/JSON has it; `members` replace its members, None removes one."""
    made = {
        "traceId": f"{number:032x}",
        "spanId": f"{number:016x}",
        "name": f"span {number}",
        "kind": CLIENT,
        "startTimeUnixNano": str(START),
        "endTimeUnixNano": str(START + SECOND // 2),
        "attributes": pairs(CHAT if attributes is None else attributes),
        **members,
    }
    return {name: value for name, value in made.items() if value is not None}


def served(number: int = 1, attributes: dict[str, Any] | None = None, **members: Any) -> dict[str, Any]:
    """The same of a served request."""
    return span(number, SERVED if attributes is None else attributes, **{"kind": SERVER, **members})


def pairs(attributes: dict[str, Any]) -> list[dict[str, Any]]:
    """Attributes as OTLP/JSON has them."""
    return [{"key": key, "value": value_of(value)} for key, value in attributes.items()]


def value_of(value: Any) -> dict[str, Any]:
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int):
        return {"intValue": str(value)}
    if isinstance(value, float):
        return {"doubleValue": value}
    if isinstance(value, list):
        return {"arrayValue": {"values": [value_of(item) for item in value]}}
    if isinstance(value, dict):
        return {"kvlistValue": {"values": pairs(value)}}
    return {"stringValue": value}


def request(spans: Sequence[Any], resource: dict[str, Any] | None = None) -> dict[str, Any]:
    """An ExportTraceServiceRequest with these spans."""
    scope = {"scope": {"name": "tests"}, "spans": list(spans)}
    return {"resourceSpans": [{"resource": {"attributes": pairs(resource or {})}, "scopeSpans": [scope]}]}


def in_json(spans: Sequence[Any], resource: dict[str, Any] | None = None) -> bytes:
    return orjson.dumps(request(spans, resource))


def in_protobuf(spans: Sequence[dict[str, Any]], resource: dict[str, Any] | None = None) -> bytes:
    """The same in protobuf, which has ids in bytes where its JSON has base64."""
    message = ParseDict(request([{**each, "traceId": "", "spanId": ""} for each in spans], resource), _new())
    for made, said in zip(message.resource_spans[0].scope_spans[0].spans, spans, strict=True):
        made.trace_id = bytes.fromhex(said.get("traceId", ""))
        made.span_id = bytes.fromhex(said.get("spanId", ""))
    return message.SerializeToString()


def _new() -> ExportTraceServiceRequest:
    return ExportTraceServiceRequest()
