"""Model calls of every kind that prices know, and two sets of prices for them: before and after somebody thought."""

import datetime as dt
import random
from typing import Any, Final

from tests.resolvers.prices import reference

Json = dict[str, Any]

NOW: Final = dt.datetime.now(dt.UTC).replace(microsecond=0)
DAY: Final = dt.timedelta(days=1)
MIDNIGHT: Final = NOW.replace(hour=0, minute=0, second=0)
DAYS: Final = 5

BEFORE: Final[list[Json]] = [
    {
        "provider": "openai",
        "model": "gpt-4o",
        "from_": (MIDNIGHT - 3 * DAY + DAY / 7).isoformat(),
        "rates": {"input": "3", "output": "12"},
    },
    {"model": "gpt-4o*", "rates": {"input": "1", "output": "1.1", "cacheRead": "0.123456789"}},
    {
        "model": "acme-*",
        "rates": {"input": "2", "output": "4", "inputAudio": "9", "perRequest": "0.001"},
        "tiers": [{"aboveInputTokens": 1000, "rates": {"input": "5"}}],
    },
    {"provider": "openai", "model": "*", "serviceTier": "batch", "factor": "0.5"},
    {
        "model": "acme-slow-*",
        "from_": (MIDNIGHT - 2 * DAY).isoformat(),
        "to": (MIDNIGHT - DAY).isoformat(),
        "rates": {"input": "7", "output": "9"},
    },
]
AFTER: Final[list[Json]] = [
    {**BEFORE[0], "rates": {"input": "2.5", "output": "10", "reasoning": "11"}},
    BEFORE[2],
    {**BEFORE[3], "factor": "0.45"},
    {**BEFORE[4], "to": None, "rates": {"input": "7"}},
    {"provider": "anthropic", "model": "claude-*", "factor": "0.9"},
    {"provider": "openai", "model": "gpt-5", "serviceTier": "flex", "rates": {"input": "0.6", "output": "5"}},
]
MODELS: Final = [
    ("openai", "gpt-4o"),
    ("openai", "gpt-4o-mini"),
    ("openai", "gpt-5"),
    (None, "gpt-4o-audio-preview"),
    ("google", "gemini-2.5-pro"),
    ("anthropic", "claude-sonnet-4-5"),
    ("acme", "acme-fast"),
    ("acme", "acme-slow-2"),
    ("acme", "home-grown"),
]


def make(count: int, *, seed: int, own: list[Json], first: int = 0) -> list[Json]:
    """Random calls of the last days, as they travel."""
    pick = random.Random(seed)
    return [_call(pick, number, own) for number in range(first, first + count)]


def _call(pick: random.Random, number: int, own: list[Json]) -> Json:
    provider, model = pick.choice(MODELS)
    read, write, plain = pick.choice([0, 500]), pick.choice([0, 0, 70]), pick.choice([200, 900, 250_000])
    reasoning, visible = pick.choice([0, 40]), pick.randrange(900)
    tokens = {"input": plain + read + write, "output": visible + reasoning}
    if model == "gpt-4o-audio-preview" or model.startswith("acme"):
        tokens |= {"input": plain, "inputAudio": pick.randrange(plain), "outputAudio": pick.randrange(visible + 1)}
    else:
        tokens |= {"cacheRead": read, "cacheWrite": write}
    tokens["reasoning"] = reasoning
    event = {
        "type": "usage",
        "id": f"call {number}",
        "time": (NOW - pick.random() * DAYS * DAY).isoformat(),
        "provider": provider,
        "model": model,
        "subject": pick.choice([None, "ann", "bob"]),
        "operation": pick.choice([None, "chat"]),
        "serviceTier": pick.choice([None, None, "default", "batch", "flex"]),
        "durationMs": pick.choice([None, float(pick.randrange(3000))]),
        "tokens": tokens,
    }
    ours, _ = reference.computed(event, own)
    if ours and pick.random() < 0.1:
        event["costUsd"] = float(round(ours * 3, 9))
    return {name: value for name, value in event.items() if value is not None}
