"""Two weeks of traffic: a week with a waste in it, and the week after it was removed, at twice the volume."""

import datetime as dt
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import msgspec

from realtime.facts import Fact, UsageFact
from resolvers.recommendations.targets import Target
from tests.realtime.log import api_call, usage

DAY = dt.timedelta(days=1)
WEEK = 7 * DAY
DAYS_A_MONTH = 30.4375
A_DAY = 60  # requests before; afterwards twice as many

Calls = Callable[["Week"], Iterator[Fact]]


@dataclass
class Week:
    """A week of some project that starts at `start`; `wasteful` before, not after."""

    project_id: int
    start: dt.datetime
    wasteful: bool
    random: random.Random

    @property
    def requests(self) -> int:
        """Logical requests of one kind of work in the week."""
        return A_DAY * 7 * (1 if self.wasteful else 2)

    def time(self) -> dt.datetime:
        return self.start + WEEK * self.random.random()

    def size(self) -> float:
        """How large a request is, beside the mean one."""
        return self.random.lognormvariate(-0.02, 0.2)

    def call(self, dollars: float, **values: Any) -> UsageFact:
        """A call that costs so much; None in `cost_picousd` for one without a price."""
        values = {"cost_picousd": int(dollars * 10**12), "attributes": {}, **values}
        return usage(
            self.project_id, f"{self.random.getrandbits(64):x}", values.pop("time", None) or self.time(), **values
        )


@dataclass(frozen=True)
class Waste:
    """`saved` is what one logical request costs less without it, in dollars (a day, by day)."""

    kind: str
    target: Target
    saved: float
    calls: Calls
    by_day: bool = False

    @property
    def monthly_saving(self) -> float:
        """The planted saving, at the volume after."""
        return self.saved * DAYS_A_MONTH * (1 if self.by_day else 2 * A_DAY)


def cheaper_model(week: Week) -> Iterator[Fact]:
    """Summaries by a model ten times as expensive as one that does; the small one does some of them already."""
    for number in range(week.requests):
        large = week.wasteful and number % 4
        model, dollars = ("gpt-5", 0.02) if large else ("gpt-5-mini", 0.002)
        yield week.call(dollars * week.size(), model=model, operation="summary")
        yield week.call(0.5 * week.size(), model="gpt-5-mini", operation="something else")


def low_cache_hit(week: Week) -> Iterator[Fact]:
    for _ in range(week.requests):
        yield week.call((0.01 if week.wasteful else 0.004) * week.size(), model="claude", provider="anthropic")


def oversized_prompt(week: Week) -> Iterator[Fact]:
    for _ in range(week.requests):
        dollars = (0.03 if week.wasteful else 0.01) * week.size()
        yield week.call(dollars, operation="rag", attributes={"feature": "search"})
        yield week.call(0.5 * week.size(), operation="rag", attributes={"feature": "other"})


def retry_storm(week: Week) -> Iterator[Fact]:
    """Every other request fails three times before it is answered."""
    for number in range(week.requests):
        trace, time = f"{week.start:%d}-{number}", week.time()
        for _ in range(3 if week.wasteful and number % 2 else 0):
            yield week.call(0.008 * week.size(), operation="agent", status="error", trace_id=trace, time=time)
        yield week.call(0.008 * week.size(), operation="agent", trace_id=trace, time=time)


def retry_storm_without_traces(week: Week) -> Iterator[Fact]:
    return (msgspec.structs.replace(fact, trace_id=None) for fact in retry_storm(week) if isinstance(fact, UsageFact))


def error_prone(week: Week) -> Iterator[Fact]:
    for number in range(week.requests):
        status = "error" if week.wasteful and number % 2 else "ok"
        yield week.call(0.004 * week.size(), operation="vision", status=status, attributes={"feature": "eyes"})


def idle_subject(week: Week) -> Iterator[Fact]:
    for _ in range(week.requests if week.wasteful else 0):
        yield week.call(0.01 * week.size(), subject="asleep", attributes={"trial": True, "plan": 7})


WASTES = [
    Waste(
        "CHEAPER_MODEL",
        Target(model="gpt-5", alternative_model="gpt-5-mini"),
        0.75 * (0.02 - 0.002),
        cheaper_model,
    ),
    Waste("LOW_CACHE_HIT", Target(provider="anthropic", model="claude"), 0.006, low_cache_hit),
    Waste("OVERSIZED_PROMPT", Target(operation="rag", attributes=(("feature", "search"),)), 0.02, oversized_prompt),
    Waste("RETRY_STORM", Target(operation="agent"), 0.012, retry_storm),
    Waste("ERROR_PRONE", Target(operation="vision"), 0.002, error_prone),
    Waste("IDLE_SUBJECT", Target(subject="asleep"), 0.6, idle_subject, by_day=True),
    Waste("RETRY_STORM", Target(operation="agent"), 0.012, retry_storm_without_traces),
    Waste("ERROR_PRONE", Target(attributes=(("feature", "eyes"),)), 0.002, error_prone),
    Waste("IDLE_SUBJECT", Target(attributes=(("plan", "7"), ("trial", "true"))), 0.6, idle_subject, by_day=True),
]


def noise(week: Week) -> Iterator[Fact]:
    """Work that has nothing to do with any waste, more expensive every week."""
    for _ in range(week.requests):
        yield week.call((1 if week.wasteful else 3) * week.size(), model="other", operation="noise", subject="awake")


def slow_route(week: Week) -> Iterator[Fact]:
    for _ in range(week.requests):
        status = 500 if week.random.random() < (0.3 if week.wasteful else 0.01) else 200
        duration_ms = (900.0 if week.wasteful else 90.0) * week.size()
        name = f"{week.random.getrandbits(64):x}"
        yield api_call(week.project_id, name, week.time(), route="/slow", status=status, duration_ms=duration_ms)


def two_weeks(project_id: int, middle: dt.datetime, *calls: Calls, seed: int = 1) -> list[Fact]:
    """The calls of the week before `middle` and of the week after it, the earliest first."""
    pick = random.Random(seed)
    weeks = [Week(project_id, middle - WEEK, True, pick), Week(project_id, middle, False, pick)]
    return sorted((fact for week in weeks for some in calls for fact in some(week)), key=lambda fact: fact.time)
