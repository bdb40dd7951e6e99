"""What a model call costs: list prices of genai-prices, offline, in force at the time of the call.

A price is turned once into whole rates per token, so that pricing an event is five multiplications; models are found
once and remembered, known and unknown ones alike. Prices that depend on the date, the hour or the size of the prompt
become one set of rates for each case.
"""

import datetime as dt
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from importlib.metadata import version
from typing import Final, NamedTuple, Protocol

from genai_prices.data import providers
from genai_prices.data_snapshot import DataSnapshot
from genai_prices.types import (
    ConditionalPrice,
    ModelInfo,
    ModelPrice,
    StartDateConstraint,
    TieredPrices,
    TimeOfDateConstraint,
)

PICODOLLARS: Final = 10**12
MILLION: Final = 10**6
LARGEST: Final = 2**63 - 1
MOST_REMEMBERED: Final = 10_000
TOKEN_PRICES: Final = ("input_mtok", "cache_read_mtok", "cache_write_mtok", "output_mtok", "output_reasoning_mtok")
PER_REQUEST: Final = "requests_kcount"
ENOUGH_FOR_A_PRICE: Final = frozenset({"input_mtok", "output_mtok", PER_REQUEST})

# Names of the OpenTelemetry GenAI conventions that genai-prices does not know, or takes for somebody else.
PROVIDERS: Final = {
    "azure.ai.inference": "azure",
    "azure.ai.openai": "azure",
    "gcp.gen_ai": "google",
    "x_ai": "x-ai",
}


class Prices(Protocol):
    """A price list. `version` names it, for the events that it priced."""

    version: str

    def cost(
        self,
        provider: str | None,
        model: str,
        time: dt.datetime,
        uncached: int,
        cache_read: int,
        cache_write: int,
        visible: int,
        reasoning: int,
    ) -> int | None:
        """Picodollars of a call with these (disjoint) tokens at that time, or None when the list has no price."""
        ...


class BulkPrices(Protocol):
    """A price list for sums over many calls."""

    def bulk_cost(
        self, provider: str | None, model: str, time: dt.datetime, calls: int, tokens: Sequence[int], *, prompt: float
    ) -> int | None:
        """Picodollars of `calls` calls that have these tokens together, in the order of `Prices.cost`, at that time.

        `prompt` is the mean number of input tokens of a call, where a price depends on it. None without a price.
        """
        ...


class ListPrices:
    """The prices of genai-prices. Without a provider, the one that the model's name belongs to."""

    def __init__(self) -> None:
        self.version = f"genai-prices {version('genai-prices')}"
        self._find = lru_cache(MOST_REMEMBERED)(_find)

    def cost(
        self,
        provider: str | None,
        model: str,
        time: dt.datetime,
        uncached: int,
        cache_read: int,
        cache_write: int,
        visible: int,
        reasoning: int,
    ) -> int | None:
        price = self._find(provider, model)
        if price is None:
            return None
        rates = price.only_rates or price.rates(time, uncached + cache_read + cache_write)
        if rates is None:
            return None
        scale, of_uncached, of_cache_read, of_cache_write, of_visible, of_reasoning, of_request = rates
        total = (
            of_uncached * uncached
            + of_cache_read * cache_read
            + of_cache_write * cache_write
            + of_visible * visible
            + of_reasoning * reasoning
            + of_request
        )
        if scale != 1:
            total = round(Fraction(total, scale))
        return total if total <= LARGEST else None

    def bulk_cost(
        self, provider: str | None, model: str, time: dt.datetime, calls: int, tokens: Sequence[int], *, prompt: float
    ) -> int | None:
        price = self._find(provider, model)
        rates = price and (price.only_rates or price.rates(time, round(prompt)))
        if not rates:
            return None
        scale, *of_tokens, of_call = rates
        total = sum(rate * count for rate, count in zip(of_tokens, tokens, strict=True)) + of_call * calls
        return round(Fraction(total, scale))


class _Rates(NamedTuple):
    """Picodollars, multiplied by `scale`, for one token of each kind and for the request itself."""

    scale: int
    uncached: int
    cache_read: int
    cache_write: int
    visible: int
    reasoning: int
    request: int


class _Price:
    """The price of one model: its rates by the case that an event falls into."""

    def __init__(self, model: ModelInfo) -> None:
        self._model = model
        cases = [ConditionalPrice(prices=model.prices)] if isinstance(model.prices, ModelPrice) else model.prices
        self._tiers = {id(case.prices): _tiers(case.prices) for case in cases}
        self._by_the_hour = any(isinstance(case.constraint, TimeOfDateConstraint) for case in cases)
        starts = {case.constraint.start_date for case in cases if isinstance(case.constraint, StartDateConstraint)}
        self._days = sorted(start.toordinal() for start in starts)
        self._periods = [self._at(_midnight(day)) for day in (1, *self._days)]
        first = self._periods[0][1]
        self.only_rates = first[0] if len(cases) == 1 and len(first) == 1 else None
        """The rates of a price that depends on nothing."""

    def rates(self, time: dt.datetime, input_tokens: int) -> _Rates | None:
        """The rates at that time (in UTC) for a prompt of that size, None where the list has none."""
        period = self._at(time) if self._by_the_hour else self._periods[bisect_right(self._days, time.toordinal())]
        starts, rates = period
        return rates[bisect_left(starts, input_tokens)]

    def _at(self, time: dt.datetime) -> tuple[list[int], list[_Rates | None]]:
        return self._tiers[id(self._model.get_prices(time))]


def _midnight(day: int) -> dt.datetime:
    return dt.datetime.combine(dt.date.fromordinal(day), dt.time(tzinfo=dt.UTC))


def _find(provider: str | None, model: str) -> _Price | None:
    # A snapshot of its own for each search: it keeps every name that it was ever asked for.
    snapshot = DataSnapshot(providers=providers, from_auto_update=False)
    try:
        _, found = snapshot.find_provider_model(model, None, PROVIDERS.get(provider or "", provider), None)
    except LookupError:
        return None
    return _Price(found)


def _tiers(price: ModelPrice) -> tuple[list[int], list[_Rates | None]]:
    """The input sizes above which other rates hold, and the rates up to and above each."""
    tiered = [value for value in vars(price).values() if isinstance(value, TieredPrices)]
    starts = sorted({tier.start for value in tiered for tier in value.tiers})
    return starts, [_rates(price, size) for size in (0, *(start + 1 for start in starts))]


def _rates(price: ModelPrice, input_tokens: int) -> _Rates | None:
    if not any(vars(price).get(key) is not None for key in ENOUGH_FOR_A_PRICE):
        return None
    dollars = {key: _dollars(vars(price).get(key), input_tokens) for key in (*TOKEN_PRICES, PER_REQUEST)}
    per_input = dollars["input_mtok"] or Decimal(0)
    per_output = dollars["output_mtok"] or Decimal(0)
    exact = [
        per_input * PICODOLLARS / MILLION,
        _first(dollars["cache_read_mtok"], per_input) * PICODOLLARS / MILLION,
        _first(dollars["cache_write_mtok"], per_input) * PICODOLLARS / MILLION,
        per_output * PICODOLLARS / MILLION,
        _first(dollars["output_reasoning_mtok"], per_output) * PICODOLLARS / MILLION,
        (dollars[PER_REQUEST] or Decimal(0)) * PICODOLLARS / 1000,
    ]
    scale = _scale(exact)
    return _Rates(scale, *(int(rate * scale) for rate in exact))


def _dollars(value: object, input_tokens: int) -> Decimal | None:
    if isinstance(value, TieredPrices):
        above = [tier.price for tier in value.tiers if input_tokens > tier.start]
        return above[-1] if above else value.base
    return value if isinstance(value, Decimal) else None


def _first(price: Decimal | None, fallback: Decimal) -> Decimal:
    return fallback if price is None else price


def _scale(rates: Iterable[Decimal]) -> int:
    """The power of ten that makes every rate a whole number."""
    places = [-exponent for rate in rates if isinstance(exponent := rate.normalize().as_tuple().exponent, int)]
    return int(10 ** max(0, *places))
