"""Events for benchmarks: believable, distinct, and encoded before the clock starts."""

import datetime as dt
import random
from typing import Any

import orjson
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span, Status

MODELS = (
    ("openai", "gpt-4o"),
    ("openai", "gpt-4o-mini"),
    ("openai", "o3"),
    ("openai", "gpt-4.1"),
    ("anthropic", "claude-sonnet-4-0"),
    ("anthropic", "claude-3-5-haiku-latest"),
    ("google", "gemini-2.5-pro"),
    ("google", "gemini-2.5-flash"),
    ("mistral", "mistral-large-latest"),
    ("cohere", "command-r"),
)


def usage_event(dice: random.Random, now: dt.datetime, subjects: int) -> dict[str, Any]:
    """A model call of the last ten seconds, for one of so many subjects, few of them busy."""
    provider, model = MODELS[min(int(dice.expovariate(0.4)), len(MODELS) - 1)]
    tokens_in, tokens_out = int(dice.lognormvariate(6, 1)), int(dice.lognormvariate(5, 1))
    return {
        "type": "usage",
        "id": f"{dice.getrandbits(96):024x}",
        "time": now - dt.timedelta(seconds=dice.random() * 10),
        "provider": provider,
        "model": model,
        "operation": "chat" if dice.random() < 0.9 else "embeddings",
        "subject": f"customer-{min(int(dice.expovariate(6 / subjects)), subjects - 1):05}",
        "environment": "production",
        "traceId": f"{dice.getrandbits(128):032x}",
        "status": "ok" if dice.random() < 0.97 else "error",
        "durationMs": round(dice.lognormvariate(6.5, 0.8), 3),
        "timeToFirstTokenMs": round(dice.lognormvariate(5, 0.6), 3),
        "tokens": {
            "input": tokens_in,
            "output": tokens_out,
            "cacheRead": tokens_in // 3,
            "reasoning": tokens_out // 4,
        },
        "attributes": {"feature": "summary", "stream": dice.random() < 0.5, "temperature": 0.7},
    }


def batches(*, seed: int, number: int, size: int, subjects: int, now: dt.datetime | None = None) -> list[bytes]:
    """So many bodies for `POST /v1/events`, of so many events each. The same seed and time make the same events."""
    dice = random.Random(seed)
    now = now or dt.datetime.now(dt.UTC)
    return [
        orjson.dumps({"events": [usage_event(dice, now, subjects) for _ in range(size)]}, option=orjson.OPT_UTC_Z)
        for _ in range(number)
    ]


def span(event: dict[str, Any]) -> Span:
    """The same event as a span: as an instrumentation of the current GenAI conventions writes it."""
    tokens = event["tokens"]
    start = int(event["time"].timestamp() * 1e6) * 1000
    attributes: dict[str, str | int | float | bool] = {
        "gen_ai.operation.name": event["operation"],
        "gen_ai.provider.name": event["provider"],
        "gen_ai.request.model": event["model"],
        "gen_ai.response.model": event["model"],
        "gen_ai.usage.input_tokens": tokens["input"],
        "gen_ai.usage.output_tokens": tokens["output"],
        "gen_ai.usage.cache_read.input_tokens": tokens["cacheRead"],
        "gen_ai.usage.reasoning.output_tokens": tokens["reasoning"],
        "gen_ai.response.time_to_first_chunk": event["timeToFirstTokenMs"] / 1000,
        "enduser.id": event["subject"],
        **{f"vigie.attributes.{name}": value for name, value in event["attributes"].items()},
    }
    return Span(
        trace_id=bytes.fromhex(event["traceId"]),
        span_id=bytes.fromhex(event["id"][:16]),
        name=f"{event['operation']} {event['model']}",
        kind=Span.SPAN_KIND_CLIENT,
        start_time_unix_nano=start,
        end_time_unix_nano=start + int(event["durationMs"] * 1e6),
        attributes=[_attribute(name, value) for name, value in attributes.items()],
        status=Status(code=Status.STATUS_CODE_ERROR if event["status"] == "error" else Status.STATUS_CODE_UNSET),
    )


def span_batches(*, seed: int, number: int, size: int, subjects: int, now: dt.datetime | None = None) -> list[bytes]:
    """The same for `POST /v1/traces`, in protobuf."""
    dice = random.Random(seed)
    now = now or dt.datetime.now(dt.UTC)
    resource = Resource(attributes=[_attribute("deployment.environment.name", "production")])
    return [
        ExportTraceServiceRequest(
            resource_spans=[
                ResourceSpans(
                    resource=resource,
                    scope_spans=[ScopeSpans(spans=[span(usage_event(dice, now, subjects)) for _ in range(size)])],
                )
            ]
        ).SerializeToString()
        for _ in range(number)
    ]


def _attribute(name: str, value: str | int | float | bool) -> KeyValue:
    if isinstance(value, bool):
        return KeyValue(key=name, value=AnyValue(bool_value=value))
    if isinstance(value, int):
        return KeyValue(key=name, value=AnyValue(int_value=value))
    if isinstance(value, float):
        return KeyValue(key=name, value=AnyValue(double_value=value))
    return KeyValue(key=name, value=AnyValue(string_value=value))
