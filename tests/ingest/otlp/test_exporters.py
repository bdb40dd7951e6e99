"""The exporters and instrumentations that others publish, pointed at a running Vigie by their own settings."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx2
from google.rpc.status_pb2 import Status  # type: ignore[import-untyped]

from tests.openai_api import OpenAIApi
from tests.running import Vigie

ROOT = Path(__file__).parent.parent.parent.parent
LISTS = """{
  usageEvents(period: {last: "PT1H"}, first: 50) { edges { node {
    provider model operation status environment durationMs timeToFirstTokenMs serviceTier estimated
    error { type message } tokens { input output cacheRead reasoning } attributes
  } } }
  apiCalls(period: {last: "PT1H"}, first: 50) { edges { node { method route status durationMs } } }
}"""


def check_other_signals(vigie: Vigie) -> None:
    for path, setting in (("/v1/metrics", "OTEL_METRICS_EXPORTER"), ("/v1/logs", "OTEL_LOGS_EXPORTER")):
        for kind in ("application/x-protobuf", "application/json"):
            answer = httpx2.post(vigie.url + path, content=b"", headers=vigie.headers | {"Content-Type": kind})
            assert (answer.status_code, answer.headers["content-type"]) == (404, kind)
            told = Status.FromString(answer.content).message if "protobuf" in kind else answer.json()["message"]
            assert f"{setting}=none" in told


def run_program(vigie: Vigie, openai_url: str) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")} | {
        "OTEL_EXPORTER_OTLP_ENDPOINT": vigie.url,
        "OTEL_EXPORTER_OTLP_HEADERS": f"authorization={quote('Bearer ' + vigie.admin_key)}",
        "OTEL_EXPORTER_OTLP_COMPRESSION": "gzip",
        "OTEL_RESOURCE_ATTRIBUTES": "service.name=shop,deployment.environment.name=prod",
        "OPENAI_BASE_URL": openai_url,
    }
    program = [sys.executable, "-W", "ignore", "-m", "tests.ingest.otlp.program"]
    ended = subprocess.run(program, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 0, ended.stderr
    assert "Failed to export" not in ended.stderr, ended.stderr


def test_instrumented_programs_show_their_calls(vigie: Vigie) -> None:
    with OpenAIApi() as api:
        run_program(vigie, api.url)
    answer: dict[str, Any] = httpx2.post(f"{vigie.url}/graphql", json={"query": LISTS}, headers=vigie.headers).json()
    usage = [edge["node"] for edge in answer["data"]["usageEvents"]["edges"]]
    calls = [edge["node"] for edge in answer["data"]["apiCalls"]["edges"]]
    of: dict[str, list[dict[str, Any]]] = {}
    for event in usage:
        of.setdefault(event["model"].partition("+")[0], []).append(event)
    models = ("plain", "streamed", "failed", "aborted", "forgotten", "responses", "embeddings")
    assert {model: len(events) for model, events in of.items()} == dict.fromkeys(models, 2)
    for model in ("plain", "streamed", "responses"):
        for event in of[model]:
            assert event["tokens"] == {"input": 1000, "output": 60, "cacheRead": 800, "reasoning": 20}
            assert (event["status"], event["error"], event["estimated"]) == ("OK", None, False)
    assert {event["tokens"]["input"] for event in of["embeddings"]} == {8}
    assert all(event["timeToFirstTokenMs"] > 0 for event in of["streamed"] + of["aborted"])
    assert all(event["timeToFirstTokenMs"] is None for event in of["plain"])
    assert {(event["status"], event["error"]["type"]) for event in of["failed"]} == {("ERROR", "openai.RateLimitError")}
    assert {(event["status"], event["estimated"]) for event in of["aborted"] + of["forgotten"]} == {("ABORTED", True)}
    assert {event["operation"] for event in usage} == {"chat", "embeddings"}
    assert {(event["provider"], event["environment"]) for event in usage} == {("openai", "prod")}
    assert all(event["durationMs"] > 0 and event["attributes"]["service.name"] == "shop" for event in usage)
    assert sorted((call["method"], call["route"], call["status"]) for call in calls) == [
        ("GET", "/fail", 500),
        ("GET", "/nodes/{key}", 200),
        ("GET", "/nodes/{key}", 200),
        ("GET", "/nowhere", 404),
    ]
    assert "secret" not in str(answer)
    figures = httpx2.get(f"{vigie.url}/metrics").text
    assert 'vigie_events_accepted_total{door="otlp"} 18.0' in figures
    assert "vigie_otlp_ignored_spans_total 6.0" in figures
    check_other_signals(vigie)
