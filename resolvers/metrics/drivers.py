"""What drives the cost: how it changed against the period before, what kind of change that is, and whose.

The change is the sum of four effects, exactly. With N requests in all, of which each model has r, at u dollars each, t
tokens each and p dollars a token (0: before, 1: now):

    volume   (N1 - N0) x cost0 / N0                   more or fewer requests, at the mean price before
    mix      sum of (r1 - r0 x N1 / N0) x u0           other models' share of them
    size     sum of r1 x (t1 - t0) x p0                longer or shorter prompts and answers
    price    sum of r1 x t1 x (p1 - p0)                more or less for a token

A model that is new counts as if it had cost then what it costs now.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any, Final

from models import ReadSession
from models.base import PICODOLLARS
from resolvers.metrics.figures import named_sums
from resolvers.metrics.periods import Period
from resolvers.metrics.readings import Question, read
from resolvers.metrics.scopes import Scope

DIMENSIONS: Final = ("model", "subject", "operation")
MOST: Final = 5
TOKENS: Final = ("uncached_tokens", "cache_read_tokens", "cache_write_tokens", "visible_tokens", "reasoning_tokens")
VOLUME, MIX, SIZE, PRICE = "volume", "mix", "size", "price"
NEW, GONE = "new", "gone"

Key = str | None


@dataclass(frozen=True, slots=True)
class Spending:
    """Requests, tokens and picodollars of something in a period."""

    requests: int = 0
    tokens: int = 0
    cost: int = 0


@dataclass(frozen=True, slots=True)
class Driver:
    """A value of a dimension, and its part of the change. `effect` is the largest of its own."""

    dimension: str
    key: Key
    before: int
    now: int
    effect: str

    @property
    def change(self) -> int:
        return self.now - self.before


@dataclass(frozen=True, slots=True)
class Change:
    """How the cost changed, in picodollars; the four effects add up to the change."""

    before: int
    now: int
    effects: Mapping[str, Fraction]
    drivers: Sequence[Driver]


async def cost_change(session: ReadSession, scope: Scope, days: Period) -> Change:
    """How the cost of these days differs from that of as many before, and who drives it."""
    now, before = {}, {}
    for dimension in DIMENSIONS:
        now[dimension] = await _spending(session, scope, days, dimension)
        before[dimension] = await _spending(session, scope, days.previous(), dimension)
    drivers = [driver for name in DIMENSIONS for driver in drivers_of(name, before[name], now[name])]
    cost0, cost1 = (sum(one.cost for one in side["model"].values()) for side in (before, now))
    return Change(cost0, cost1, effects_of(before["model"], now["model"]), ranked(drivers, cost1 - cost0))


def effects_of(before: Mapping[Key, Spending], now: Mapping[Key, Spending]) -> dict[str, Fraction]:
    """The four effects, in picodollars: they add up to the difference of the sums."""
    n0, n1 = (sum(one.requests for one in side.values()) for side in (before, now))
    cost0, cost1 = (sum(one.cost for one in side.values()) for side in (before, now))
    if not n0 or not n1:
        return {VOLUME: Fraction(cost1 - cost0), MIX: Fraction(0), SIZE: Fraction(0), PRICE: Fraction(0)}
    effects = {VOLUME: Fraction((n1 - n0) * cost0, n0), SIZE: Fraction(0), PRICE: Fraction(0)}
    for key, one in now.items():
        size, price = _per_request(before.get(key, Spending()), one)
        effects[SIZE] += size
        effects[PRICE] += price
    effects[MIX] = Fraction(cost1 - cost0) - sum(effects.values())
    return effects


def drivers_of(dimension: str, before: Mapping[Key, Spending], now: Mapping[Key, Spending]) -> list[Driver]:
    """Every value that changed. A dimension with one value explains nothing, so it has none."""
    keys = {*before, *now}
    if len(keys) < 2:
        return []
    return [
        Driver(dimension, key, then.cost, one.cost, _effect(then, one))
        for key in keys
        for then, one in [(before.get(key, Spending()), now.get(key, Spending()))]
        if then.cost != one.cost
    ]


def ranked(drivers: Sequence[Driver], change: int) -> list[Driver]:
    """Those that change the cost most in its own direction, at most five; models before subjects among equals."""
    sign = -1 if change < 0 else 1
    those = [driver for driver in drivers if driver.change * sign > 0]
    return sorted(
        those, key=lambda driver: (-driver.change * sign, DIMENSIONS.index(driver.dimension), driver.key or "")
    )[:MOST]


def usd(picodollars: Fraction | int) -> Decimal:
    """Dollars, to the picodollar."""
    return Decimal(round(picodollars)) / PICODOLLARS


def _per_request(before: Spending, now: Spending) -> tuple[Fraction, Fraction]:
    """The effects of size and price on what there is now. Without tokens on both sides, all of it is price."""
    if not before.requests or not now.requests:
        return Fraction(0), Fraction(0)
    whole = Fraction(now.cost) - Fraction(before.cost * now.requests, before.requests)
    if not before.tokens or not now.tokens:
        return Fraction(0), whole
    longer = Fraction(now.tokens, now.requests) - Fraction(before.tokens, before.requests)
    size = now.requests * longer * Fraction(before.cost, before.tokens)
    return size, whole - size


def _effect(before: Spending, now: Spending) -> str:
    if not before.requests or not now.requests:
        return GONE if before.requests else NEW
    size, price = _per_request(before, now)
    volume = Fraction((now.requests - before.requests) * before.cost, before.requests)
    effects = {VOLUME: volume, SIZE: size, PRICE: price}
    sign = -1 if now.cost < before.cost else 1
    return max(effects, key=lambda name: effects[name] * sign)


async def _spending(session: ReadSession, scope: Scope, period: Period, by: str) -> dict[Key, Spending]:
    question = Question(scope.block, (period.start, period.end), scope.columns, by=by)
    found = await read(session, scope.snapshot, question)
    spending: dict[Key, Spending] = {}
    for (_, key), reading in found.items():
        sums: dict[str, Any] = named_sums(scope.block, reading)
        if sums["requests"]:
            spending[key] = Spending(sums["requests"], sum(sums[name] for name in TOKENS), sums["cost_picousd"])
    return spending
