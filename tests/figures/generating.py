"""Seeded senders: late events, retries, ids that come again, caches, tiers, models without a price."""

import datetime as dt
import random
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from tests.figures.recomputing import PICODOLLARS, cost

Event = dict[str, Any]

FIRST = dt.datetime(2026, 9, 28, tzinfo=dt.UTC)
LAST = dt.datetime(2026, 11, 8, tzinfo=dt.UTC)
CLOCK_CHANGES = [
    dt.datetime.fromisoformat(time)
    for time in ("2026-10-03T15:30Z", "2026-10-25T01:00Z", "2026-11-01T06:00Z")  # Lord Howe, Paris, New York
]
MODELS = [
    ("openai", "gpt-4o"),
    ("openai", "gpt-5"),
    ("anthropic", "claude-sonnet-4-5"),
    ("google", "gemini-2.5-pro"),  # dearer beyond 200,000 tokens
    ("local", "nobody-knows"),
    (None, "in-house"),
]
BATCH = 1000


def batches(count: int, *, seed: int) -> Iterator[list[Event]]:
    """What senders send, a request at a time: about `count` events, of which some are there already."""
    pick = random.Random(seed)
    sent: list[Event] = []
    for start in range(0, count, BATCH):
        batch = [_event(pick, f"e{number}") for number in range(start, min(start + BATCH, count))]
        for place in range(0, len(batch) - 1, 25):
            again = pick.choice(sent) if sent and pick.random() < 0.7 else batch[place]
            # The same id at the same time, with other figures: the first one stands.
            batch[place + 1] = again | ({"durationMs": 1.0} if pick.random() < 0.5 else {})
        sent = pick.sample(sent + batch, 500) if len(sent) + len(batch) > 500 else sent + batch
        yield batch
        if pick.random() < 0.1:
            yield batch  # a retry: the answer was lost


def _event(pick: random.Random, name: str) -> Event:
    time = (
        pick.choice(CLOCK_CHANGES) + dt.timedelta(hours=pick.uniform(-3, 3))
        if pick.random() < 0.2
        else FIRST + (LAST - FIRST) * pick.random()
    )
    number = int(pick.expovariate(0.2))
    shared = {"id": name, "time": time.isoformat(), "subject": f"subject {number}" if number else None}
    if pick.random() < 0.35:
        return shared | {
            "type": "apiCall",
            "method": pick.choice(["GET", "POST"]),
            "route": f"/things/{pick.randrange(8)}",
            "status": pick.choice([200, 200, 200, 404, 500]),
            "durationMs": pick.choice([None, pick.lognormvariate(3, 1)]),
            "responseBytes": pick.randrange(10**6),
            "cache": pick.choice([None, "hit", "miss", "none"]),
        }
    provider, model = pick.choice(MODELS)
    prompt = pick.choice([0, 17, 380, 5_000, 250_000])
    read = pick.choice([0, 0, prompt // 2])
    answer = pick.choice([0, 44, 700, 3_001])
    event = shared | {
        "type": "usage",
        "provider": provider,
        "model": model,
        "operation": pick.choice(["chat", None]),
        "environment": pick.choice(["prod", "staging", None]),
        "status": pick.choices(["ok", "error", "aborted"], [20, 2, 1])[0],
        "durationMs": pick.choice([None, pick.lognormvariate(6, 1)]),
        "tokens": {
            "input": prompt,
            "output": answer,
            "cacheRead": read,
            "cacheWrite": pick.choice([0, (prompt - read) // 3]),
            "reasoning": pick.choice([0, answer // 2]),
        },
        "estimated": pick.random() < 0.1,
    }
    ours = cost(event, time)
    if ours and pick.random() < 0.1:
        event["costUsd"] = str(Decimal(ours) / PICODOLLARS * Decimal("1.25"))
    return event
