"""A generated month of a product's traffic, with noise, and the wastes that are planted in it."""

import datetime as dt
import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from integrations.prices import ListPrices
from models.base import PICODOLLARS
from realtime.facts import ApiCallFact, Fact, UsageFact

DAYS: Final = 30
DAYS_A_MONTH: Final = 30.4375
PRICES: Final = ListPrices()
SUBJECTS: Final = tuple(f"customer-{number}" for number in range(1, 25))
CACHED: Final = 0.55
ROUTES: Final = tuple(f"/v1/things/{number}" for number in range(10))


@dataclass(frozen=True)
class Operation:
    """How a product uses a model: medians of tokens, and whether prompts are long enough to be cached."""

    name: str
    provider: str
    model: str
    input: int
    output: int
    weight: int

    @property
    def cached(self) -> float:
        return CACHED if self.input >= 1024 and self.output else 0.0


OPERATIONS: Final = (
    Operation("chat", "openai", "gpt-4o-mini", 900, 320, 10),
    Operation("answer", "anthropic", "claude-sonnet-4-5", 3000, 650, 4),
    Operation("draft", "openai", "gpt-4o", 1900, 700, 3),
    Operation("extract", "openai", "gpt-4.1-nano", 1300, 160, 4),
    Operation("embed", "openai", "text-embedding-3-small", 500, 0, 5),
)


@dataclass(frozen=True)
class Planted:
    """A waste: its kind, what it costs in dollars a month, and values that its target has."""

    kind: str
    saving_usd: float
    target: dict[str, str]


class Month:
    """Thirty whole days from `start`: calls as they are added, then sorted and numbered by `facts`."""

    def __init__(self, project_id: int, *, seed: int, start: dt.datetime, calls_a_day: int = 350) -> None:
        self.random = random.Random(seed)
        self.project_id = project_id
        self.start = start
        self.end = start + dt.timedelta(days=DAYS)
        self.calls: list[dict[str, Any]] = []
        self.api_calls: list[dict[str, Any]] = []
        self.planted: list[Planted] = []
        for time in self.times(calls_a_day * DAYS):
            operation = self.random.choices(OPERATIONS, [each.weight for each in OPERATIONS])[0]
            self.calls.append(self.call(time, operation, self.subject()))
        for time in self.times(calls_a_day * DAYS // 2):
            self.api_calls.append(self.api_call(time))

    def times(self, count: int) -> list[dt.datetime]:
        """Busy by day and calm by night and at weekends."""
        found: list[dt.datetime] = []
        while len(found) < count:
            time = self.start + dt.timedelta(days=DAYS) * self.random.random()
            busy = 0.55 + 0.45 * math.sin((time.hour - 8) / 24 * 2 * math.pi)
            if self.random.random() < busy * (0.5 if time.weekday() > 4 else 1):
                found.append(time)
        return found

    def subject(self) -> str | None:
        """A few call more than the others, some calls are nobody's."""
        weights = [1 / (place + 1) ** 0.7 for place in range(len(SUBJECTS))]
        return None if self.random.random() < 0.05 else self.random.choices(SUBJECTS, weights)[0]

    def call(self, time: dt.datetime, operation: Operation, subject: str | None, **values: Any) -> dict[str, Any]:
        """A call of an operation with noise in everything; `values` replace what it would be."""
        pick = self.random
        whole = max(5, round(operation.input * pick.lognormvariate(0, 0.5)))
        output = round(operation.output * pick.lognormvariate(0, 0.6))
        status = pick.choices(["ok", "error", "aborted"], [985, 10, 5])[0]
        call = {
            "time": time,
            "provider": operation.provider,
            "model": operation.model,
            "operation": operation.name,
            "subject": subject,
            "trace_id": f"trace {pick.getrandbits(40)}",
            "status": status,
            "input": whole,
            "cached_share": min(0.95, max(0.0, pick.gauss(operation.cached, 0.15))) if operation.cached else 0.0,
            "output": 0 if status == "error" else output,
            "duration_ms": pick.lognormvariate(6.5, 0.6),
        }
        return {**call, **values}

    def api_call(self, time: dt.datetime, **values: Any) -> dict[str, Any]:
        pick = self.random
        route = pick.choice(ROUTES)
        call = {
            "time": time,
            "route": route,
            "status": pick.choices([200, 404, 500], [970, 25, 5])[0],
            "duration_ms": pick.lognormvariate(4 + ROUTES.index(route) / 10, 0.7),
            "subject": self.subject(),
            "cache": pick.choices(["hit", "miss"], [65, 35])[0] if ROUTES.index(route) % 2 else "none",
        }
        return {**call, **values}

    def plant(self, kind: str, waste: float, **target: str) -> None:
        """Notes a waste of so many picodollars in the month. Wasteful calls carry a `cure`: what would change, or None
        for those that would not be made.
        """
        self.planted.append(Planted(kind, waste / PICODOLLARS / DAYS * DAYS_A_MONTH, target))

    def facts(self, first_seq: int = 1) -> list[Fact]:
        """Everything in order, numbered."""
        calls = sorted([*self.calls, *self.api_calls], key=lambda call: call["time"])
        made: list[Callable[[int], Fact]] = [
            self._usage(call) if "model" in call else self._api(call) for call in calls
        ]
        return [make(seq) for seq, make in enumerate(made, first_seq)]

    def week_after(self, first_seq: int) -> list[Fact]:
        """The last week once more, without the wastes."""
        week = dt.timedelta(days=7)
        last = [call for call in [*self.calls, *self.api_calls] if call["time"] >= self.end - week]
        self.calls = [
            {**call, **call.get("cure", {}), "time": call["time"] + week}
            for call in last
            if "model" in call and call.get("cure", {}) is not None
        ]
        self.api_calls = [{**call, "time": call["time"] + week} for call in last if "route" in call]
        return self.facts(first_seq)

    def _usage(self, call: dict[str, Any]) -> Callable[[int], Fact]:
        read = round(call["input"] * call["cached_share"])
        return lambda seq: UsageFact(
            project_id=self.project_id,
            time=call["time"],
            id=f"call {seq}",
            seq=seq,
            provider=call["provider"],
            model=call["model"],
            operation=call["operation"],
            subject=call["subject"],
            environment="production",
            trace_id=call["trace_id"],
            session_id=None,
            status=call["status"],
            error_type="Timeout" if call["status"] == "error" else None,
            error_message=None,
            duration_ms=call["duration_ms"],
            time_to_first_token_ms=None,
            uncached_tokens=call["input"] - read,
            cache_read_tokens=read,
            cache_write_tokens=0,
            visible_tokens=call["output"],
            reasoning_tokens=0,
            cost_picousd=cost(call),
            cost_source="book",
            price_version=None,
            estimated=False,
            attributes={},
        )

    def _api(self, call: dict[str, Any]) -> Callable[[int], Fact]:
        return lambda seq: ApiCallFact(
            project_id=self.project_id,
            time=call["time"],
            id=f"call {seq}",
            seq=seq,
            method="GET",
            route=call["route"],
            status=call["status"],
            duration_ms=call["duration_ms"],
            request_bytes=0,
            response_bytes=100,
            subject=call["subject"],
            environment="production",
            trace_id=None,
            cache=call["cache"],
            attributes={},
        )


def cost(call: dict[str, Any], **changed: Any) -> int | None:
    """Picodollars of a call, or of the call that it would be."""
    call = {**call, **changed}
    read = round(call["input"] * call["cached_share"])
    rates = PRICES.rates(call["provider"], call["model"], None, call["time"], call["input"])
    return None if rates is None else rates.cost(call["input"] - read, read, 0, call["output"], 0)[0]


def wasted(calls: Sequence[dict[str, Any]], **changed: Any) -> float:
    """What calls cost beyond what they would with these values changed, which becomes their cure."""
    for call in calls:
        call["cure"] = changed
    return sum((cost(call) or 0) - (cost(call, **changed) or 0) for call in calls)
