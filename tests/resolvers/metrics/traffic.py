"""Seeded random facts that have everything which figures may stumble over."""

import datetime as dt
import random
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

from models.base import PICODOLLARS
from realtime.facts import ActivityFact, ApiCallFact, Fact, UsageFact

FIRST: Final = dt.datetime(2026, 9, 26, tzinfo=dt.UTC)
LAST: Final = dt.datetime(2026, 11, 9, tzinfo=dt.UTC)
CLOCK_CHANGES: Final = tuple(
    dt.datetime.fromisoformat(time)
    for time in ("2026-10-03T15:30Z", "2026-10-25T01:00Z", "2026-11-01T06:00Z")  # Lord Howe, Paris, New York
)
MODELS: Final = (
    ("openai", "gpt-5", "chat"),
    ("openai", "gpt-5", "responses"),
    ("azure", "gpt-5", "chat"),
    ("openai", "text-embedding-3", "embeddings"),
    ("anthropic", "claude", "chat"),
    ("anthropic", "claude", None),
    (None, "claude", "chat"),
    ("local", "unpriced", "chat"),
    (None, "größer & schöner", None),
)
ROUTES: Final = tuple(f"/things/{number}/{{id}}" for number in range(12))
UNTIMED_ROUTE: Final = "/socket"
ATTRIBUTES: list[dict[str, Any]] = [
    {},
    {"feature": "summary", "tries": 2},
    {"feature": "summary", "tries": 2.0},
    {"feature": "größer & schöner", "tries": 2.5, 'od"d. $[0]': "x"},
    {"feature": "", "tries": True, 'od"d. $[0]': False},
    {"feature": None, "tries": 1e21},
    {"feature": ["a"], "tries": 0.1 + 0.2},
    {"feature": {"a": 1}, "tries": 1.5e-7, 'od"d. $[0]': "'; --"},
]


class Traffic:
    """The facts of one project, numbered from 1 in the order in which they are made."""

    def __init__(self, project_id: int, *, seed: int, now: dt.datetime) -> None:
        self.project_id = project_id
        self.random = random.Random(seed)
        self.now = now
        self.facts: list[Fact] = []

    def add(self, times: Sequence[dt.datetime]) -> list[Fact]:
        """The next facts, one at each of these times, in random order."""
        shuffled = self.random.sample(times, len(times))
        added = [self._fact(time, seq) for seq, time in enumerate(shuffled, len(self.facts) + 1)]
        self.facts += added
        return added

    def times(self, count: int) -> Iterator[dt.datetime]:
        """Times of six weeks and of the last hours: anywhere, where minutes end, where clocks change, twice."""
        pick, known = self.random, [self.now]
        for _ in range(count):
            match pick.choice(["anywhere"] * 3 + ["recent"] * 2 + ["fortnight", "change", "boundary", "again"]):
                case "anywhere":
                    time = FIRST + (LAST - FIRST) * pick.random()
                case "recent":
                    time = self.now - dt.timedelta(hours=8) * pick.random() ** 2
                case "fortnight":
                    time = self.now - dt.timedelta(days=pick.uniform(12.5, 14.5))
                case "change":
                    time = pick.choice(CLOCK_CHANGES) + dt.timedelta(hours=pick.uniform(-2.5, 2.5))
                case "boundary":
                    length = pick.choice([1, 15, 60, 1440]) * dt.timedelta(minutes=1)
                    time = FIRST + length * pick.randrange((LAST - FIRST) // length)
                case _:
                    time = pick.choice(known)
            known.append(time)
            yield time

    def _fact(self, time: dt.datetime, seq: int) -> Fact:
        makers: list[Callable[[dict[str, Any]], Fact]] = [self._usage, self._api_call, self._activity]
        make = self.random.choices(makers, [10, 10, 1])[0]
        key = {"project_id": self.project_id, "time": time, "id": f"id {self.random.randrange(2**40)}-{seq}"}
        return make(key | {"seq": seq})

    def _usage(self, key: dict[str, Any]) -> UsageFact:
        pick = self.random
        provider, model, operation = pick.choice(MODELS)
        status = pick.choices(["ok", "error", "aborted"], [20, 2, 1])[0]
        cost = None if model == "unpriced" else pick.choice([None, 0, int(pick.lognormvariate(-5, 2) * PICODOLLARS)])
        buckets = [pick.choice([0, 0, pick.randrange(5000)]) for _ in range(5)]
        return UsageFact(
            **key,
            provider=provider,
            model=model,
            operation=operation,
            subject=self._subject(),
            environment=pick.choice([None, "prod", "prod", "staging"]),
            trace_id=pick.choice([None, f"trace {pick.randrange(20)}"]),
            session_id=pick.choice([None, f"session {pick.randrange(20)}"]),
            status=status,
            error_type="RateLimitError" if status == "error" else None,
            error_message=pick.choice([None, "slow down"]) if status == "error" else None,
            duration_ms=pick.choice([None, 0.0, *(pick.lognormvariate(6, 1.5) for _ in range(6))]),
            time_to_first_token_ms=pick.choice([None, None, pick.lognormvariate(4, 1)]),
            uncached_tokens=buckets[0],
            cache_read_tokens=buckets[1],
            cache_write_tokens=buckets[2],
            visible_tokens=buckets[3],
            reasoning_tokens=buckets[4],
            cost_picousd=cost,
            cost_source="none" if cost is None else pick.choice(["provider", "book"]),
            price_version=None,
            estimated=pick.random() < 0.1,
            attributes=pick.choice(ATTRIBUTES),
        )

    def _api_call(self, key: dict[str, Any]) -> ApiCallFact:
        pick = self.random
        route = pick.choice([*ROUTES, UNTIMED_ROUTE])
        slowness = ROUTES.index(route) / 2 if route in ROUTES else 0
        duration = None if route == UNTIMED_ROUTE else pick.choice([None, 0.0, 0.0004, pick.lognormvariate(3, 1)])
        return ApiCallFact(
            **key,
            method=pick.choice(["GET", "GET", "POST", "DELETE"]),
            route=route,
            status=pick.choices([200, 404, 499, 500, 503], [60, 4, 2, 1, slowness])[0],
            duration_ms=duration and duration * 2**slowness,
            request_bytes=pick.choice([None, 0, pick.randrange(2**40)]),
            response_bytes=pick.choice([None, pick.randrange(10_000)]),
            subject=self._subject(),
            environment=pick.choice([None, "prod", "prod", "staging"]),
            trace_id=pick.choice([None, f"trace {pick.randrange(20)}"]),
            cache=pick.choice([None, "none", "hit", "miss", "miss"]),
            attributes=pick.choice(ATTRIBUTES),
        )

    def _activity(self, key: dict[str, Any]) -> ActivityFact:
        return ActivityFact(
            **key,
            kind="bug",
            name="bug.filed",
            title="Something broke",
            subject="nobody who calls",
            severity=None,
            node_type=None,
            node_key=None,
            payload={},
        )

    def _subject(self) -> str | None:
        """Few make most calls."""
        number = int(self.random.expovariate(0.15))
        return f"subject {number}" if number else None
