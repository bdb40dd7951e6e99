"""Served requests: by the names of either convention, with and without a template, a status and an end."""

from typing import Any

import httpx2
import pytest

from models import ApiCall, Database, Project
from tests.databases import only_sqlite
from tests.ingest.otlp.exporting import JSON, PROTOBUF, SERVED, in_json, in_protobuf, served
from tests.resolvers.events.events import check_log

OLD = {
    "http.method": "POST",
    "http.route": "/nodes/{key}",
    "http.target": "/nodes/abc?token=secret",
    "http.status_code": 201,
    "http.request_content_length": 12,
    "http.response_content_length": "345",
}
ERROR = {"status": {"code": 2}}
UNANSWERED = {name: value for name, value in SERVED.items() if name != "http.response.status_code"}


def without(name: str, attributes: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in attributes.items() if key != name}


CALLS: list[tuple[dict[str, Any], tuple[str, str, int, int | None, int | None]]] = [
    (served(1, OLD), ("POST", "/nodes/{key}", 201, 12, 345)),
    (served(1, {**OLD, **SERVED}), ("GET", "/nodes/{key}", 200, 12, 345)),
    (served(1, without("http.route", OLD)), ("POST", "/nodes/abc", 201, 12, 345)),
    (
        served(1, without("http.route", {**without("http.target", OLD), "http.url": "https://a.example/x/y?z=secret"})),
        ("POST", "/x/y", 201, 12, 345),
    ),
    (served(1, without("http.route", SERVED)), ("GET", "/nodes/abc", 200, None, None)),
    (
        served(1, without("http.route", {**SERVED, "url.path": "/nodes/abc?token=secret"})),
        ("GET", "/nodes/abc", 200, None, None),
    ),
    (served(1, without("http.route", {**SERVED, "url.path": "?q=1"})), ("GET", "/", 200, None, None)),
    (served(1, UNANSWERED), ("GET", "/nodes/{key}", 499, None, None)),
    (served(1, UNANSWERED, **ERROR), ("GET", "/nodes/{key}", 500, None, None)),
    (
        served(1, {**SERVED, "http.request.method": "_OTHER", "http.request.method_original": "purge"}),
        ("PURGE", "/nodes/{key}", 200, None, None),
    ),
    (
        served(1, {**SERVED, "http.request.body.size": 1, "http.response.header.content-length": ["2"]}),
        ("GET", "/nodes/{key}", 200, 1, 2),
    ),
]


@only_sqlite
@pytest.mark.parametrize(("encode", "headers"), [(in_protobuf, PROTOBUF), (in_json, JSON)])
async def test_served_requests_are_understood_by_old_and_new_names(
    door: httpx2.AsyncClient, database: Database, project: Project, encode: Any, headers: dict[str, str]
) -> None:
    spans = [{**call, "spanId": f"{number:016x}"} for number, (call, _) in enumerate(CALLS, 1)]
    answer = await door.post("/v1/traces", content=encode(spans), headers=headers)
    assert (answer.status_code, answer.content) in ((200, b""), (200, b"{}"))
    facts = [fact for fact in await check_log(database, project.id) if isinstance(fact, ApiCall)]
    said = [(fact.method, fact.route, fact.status, fact.request_bytes, fact.response_bytes) for fact in facts]
    assert said == [expected for _, expected in CALLS]


@only_sqlite
async def test_what_a_client_asks_for_is_not_what_the_product_served(
    door: httpx2.AsyncClient, database: Database, project: Project
) -> None:
    spans = [served(1, kind=3), served(2, without("http.route", SERVED), kind=None), served(3, {})]
    answer = await door.post("/v1/traces", content=in_json(spans), headers=JSON)
    assert answer.content == b"{}"
    assert await check_log(database, project.id) == []
