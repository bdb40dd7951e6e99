"""Believable traffic of a product that does not exist: an assistant in a shop, its models, its customers, its routes.

The traffic of an hour depends on the hour alone, ids included, so that it can be sent again without doubling anything.
"""

import datetime as dt
import math
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import Final

from vigie.replay.formats import Event

SEED: Final = 1889
HOUR: Final = dt.timedelta(hours=1)
EVENTS_AT_PEAK: Final = 1500
CUSTOMERS: Final = 80


@dataclass(frozen=True, slots=True)
class Model:
    """A model in use: how often, for what, how many tokens it reads and writes, and how fast it writes."""

    weight: int
    provider: str
    name: str
    operation: str
    feature: str
    read: int
    written: int
    tokens_per_second: float


@dataclass(frozen=True, slots=True)
class Path:
    """A route of the product: how often it is asked for, its usual milliseconds, and what it answers with."""

    weight: int
    method: str
    route: str
    milliseconds: float
    size: int
    cached: float = 0.0


MODELS: Final = (
    Model(30, "openai", "gpt-5-mini", "chat", "assistant", 1400, 260, 130),
    Model(16, "anthropic", "claude-sonnet-4-5", "chat", "assistant", 3200, 420, 75),
    Model(14, "google", "gemini-2.5-flash", "chat", "search", 900, 120, 210),
    Model(9, "openai", "gpt-5", "chat", "product texts", 2100, 900, 85),
    Model(6, "mistral", "mistral-large-latest", "chat", "translation", 700, 650, 95),
    Model(25, "openai", "text-embedding-3-small", "embeddings", "search", 420, 0, 0),
)
PATHS: Final = (
    Path(34, "GET", "/products/{id}", 18, 6_400, cached=0.8),
    Path(22, "GET", "/search", 95, 14_000, cached=0.35),
    Path(14, "GET", "/", 12, 22_000, cached=0.9),
    Path(12, "POST", "/assistant/messages", 1_500, 2_100),
    Path(8, "POST", "/cart/items", 42, 900),
    Path(5, "GET", "/orders/{id}", 33, 3_100),
    Path(3, "POST", "/checkout", 380, 1_200),
    Path(2, "POST", "/login", 150, 600),
)


def traffic(start: dt.datetime) -> Iterator[tuple[int, Event]]:
    """Numbered events with ids from the hour of `start` on, in the order of their times, without end."""
    number = 0
    hour = start.replace(minute=0, second=0, microsecond=0)
    while True:
        for event in sorted(_hour(hour), key=lambda event: event["time"]):
            number += 1
            yield number, event
        hour += HOUR


def _hour(hour: dt.datetime) -> Iterator[Event]:
    hour_number = int(hour.timestamp()) // 3600
    random = Random(f"{SEED}:{hour_number}")  # noqa: S311 — the same traffic each time is the point
    trouble = Random(f"{SEED}:{hour_number // 24}").random() < 0.4 and hour.hour == 14  # noqa: S311
    for number in range(int(EVENTS_AT_PEAK * _bustle(hour) * random.uniform(0.9, 1.1))):
        time = hour + dt.timedelta(seconds=random.uniform(0, 3600))
        customer = f"customer-{min(int(random.paretovariate(0.9)), CUSTOMERS):03}"
        common = {"id": f"demo-{hour_number}-{number}", "time": time, "environment": "demo"}
        make = _usage if random.random() < 0.25 else _call
        yield {**common, **make(random, customer, trouble=trouble)}


def _bustle(hour: dt.datetime) -> float:
    """How busy the shop is, 0..1: evenings and weekends most, at five in the morning least."""
    daily = 0.55 - 0.4 * math.cos((hour.hour - 4.5) / 24 * math.tau)
    return daily * (1.0 if hour.weekday() >= 5 else 0.8)


def _usage(random: Random, customer: str, *, trouble: bool) -> Event:
    model = random.choices(MODELS, [model.weight for model in MODELS])[0]
    read = max(8, int(model.read * random.lognormvariate(0, 0.5)))
    written = int(model.written * random.lognormvariate(0, 0.6))
    first = 90 * random.lognormvariate(0, 0.35) + read * 0.04
    event: Event = {
        "type": "usage",
        "provider": model.provider,
        "model": model.name,
        "operation": model.operation,
        "subject": customer,
        "durationMs": round(first + (written / model.tokens_per_second * 1000 if written else 0), 1),
        "attributes": {"feature": model.feature},
    }
    failing = 0.3 if trouble and model.provider == "anthropic" else 0.008
    if random.random() < failing:
        failure = {"type": "OverloadedError" if trouble else "RateLimitError", "message": "try again later"}
        return {**event, "status": "error", "error": failure}
    cached = int(read * random.choice((0, 0, 0.5, 0.8))) if written else 0
    if written:
        event["timeToFirstTokenMs"] = round(first, 1)
    return {**event, "status": "ok", "tokens": {"input": read, "output": written, "cacheRead": cached}}


def _call(random: Random, customer: str, *, trouble: bool) -> Event:
    path = random.choices(PATHS, [path.weight for path in PATHS])[0]
    hit = random.random() < path.cached
    status = random.choices((200, 304, 404, 429, 500), (940, 30, 20, 4, 40 if trouble else 3))[0]
    milliseconds = path.milliseconds * (0.15 if hit else 1) * random.lognormvariate(0, 0.5) * (2.5 if trouble else 1)
    return {
        "type": "apiCall",
        "method": path.method,
        "route": path.route,
        "status": status,
        "durationMs": round(milliseconds, 2),
        "requestBytes": random.randrange(200, 1800) if path.method == "POST" else 0,
        "responseBytes": int(path.size * random.uniform(0.6, 1.6)) if status == 200 else 180,
        "subject": customer,
        "cache": ("hit" if hit else "miss") if path.cached else "none",
    }
