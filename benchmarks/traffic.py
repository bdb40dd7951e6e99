"""Events for benchmarks: believable, distinct, and encoded before the clock starts."""

import datetime as dt
import random
from typing import Any

import orjson

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
