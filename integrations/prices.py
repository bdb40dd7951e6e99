"""List prices of models: those of genai-prices, offline, in force at the time of the call.

Models are found once and remembered, known and unknown ones alike. Prices that depend on the date, the hour or the
size of the prompt become one set of rates for each case.
"""

import datetime as dt
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from decimal import Decimal
from functools import lru_cache
from importlib.metadata import version
from typing import Final, Protocol

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

from integrations.rates import (
    BOOK,
    CACHE_READ,
    CACHE_WRITE,
    INPUT,
    INPUT_AUDIO,
    INPUT_IMAGE,
    MOST_REMEMBERED,
    OUTPUT,
    OUTPUT_AUDIO,
    OUTPUT_IMAGE,
    REASONING,
    REQUEST,
    Rates,
    is_standard,
    of_another_tier,
)

KEYS: Final = {
    "input_mtok": INPUT,
    "cache_read_mtok": CACHE_READ,
    "cache_write_mtok": CACHE_WRITE,
    "output_mtok": OUTPUT,
    "output_reasoning_mtok": REASONING,
    "input_audio_mtok": INPUT_AUDIO,
    "output_audio_mtok": OUTPUT_AUDIO,
    "input_image_mtok": INPUT_IMAGE,
    "output_image_mtok": OUTPUT_IMAGE,
    "requests_kcount": REQUEST,
}
"""What genai-prices calls the kinds."""
ENOUGH_FOR_A_PRICE: Final = (INPUT, OUTPUT, REQUEST)

# Names of the OpenTelemetry GenAI conventions that genai-prices does not know, or takes for somebody else.
PROVIDERS: Final = {
    "azure.ai.inference": "azure",
    "azure.ai.openai": "azure",
    "gcp.gen_ai": "google",
    "x_ai": "x-ai",
}


class Prices(Protocol):
    """A price list."""

    def rates(
        self, provider: str | None, model: str, tier: str | None, time: dt.datetime, input_tokens: int
    ) -> Rates | None:
        """The rates of a call with so many input tokens at that time, or None when the list has no price.

        `tier` is the service tier as the provider names it, None for the standard one.
        """
        ...


class BulkPrices(Protocol):
    """A price list for sums over many calls."""

    def bulk_cost(
        self, provider: str | None, model: str, time: dt.datetime, calls: int, tokens: Sequence[int], *, prompt: float
    ) -> int | None:
        """Picodollars of `calls` calls that have these tokens together, in the order of `Rates.cost`, at that time.

        `prompt` is the mean number of input tokens of a call, where a price depends on it. None without a price.
        """
        ...


class ListPrices:
    """The prices of genai-prices. Without a provider, the one that the model's name belongs to.

    They are those of the standard service tier, and say so of a call in another one.
    """

    def __init__(self) -> None:
        self.version = f"genai-prices {version('genai-prices')}"
        self._find = lru_cache(MOST_REMEMBERED)(self._search)

    def rates(
        self, provider: str | None, model: str, tier: str | None, time: dt.datetime, input_tokens: int
    ) -> Rates | None:
        price = self._find(provider, model)
        if price is None:
            return None
        rates = price.only_rates or price.rates(time, input_tokens)
        return rates if tier is None or rates is None or is_standard(tier) else of_another_tier(rates)

    def bulk_cost(
        self, provider: str | None, model: str, time: dt.datetime, calls: int, tokens: Sequence[int], *, prompt: float
    ) -> int | None:
        uncached, cache_read, cache_write, visible, reasoning = tokens
        rates = self.rates(provider, model, None, time, round(prompt))
        if rates is None:
            return None
        return rates.cost(uncached, cache_read, cache_write, visible, reasoning, calls=calls)[0]

    def _search(self, provider: str | None, model: str) -> "_Price | None":
        # A snapshot of its own for each search: it keeps every name that it was ever asked for.
        snapshot = DataSnapshot(providers=providers, from_auto_update=False)
        try:
            _, found = snapshot.find_provider_model(model, None, PROVIDERS.get(provider or "", provider), None)
        except LookupError:
            return None
        return _Price(found, self.version)


class _Price:
    """The price of one model: its rates by the case that an event falls into."""

    def __init__(self, model: ModelInfo, version: str) -> None:
        self._model = model
        cases = [ConditionalPrice(prices=model.prices)] if isinstance(model.prices, ModelPrice) else model.prices
        self._tiers = {id(case.prices): _tiers(case.prices, version) for case in cases}
        self._by_the_hour = any(isinstance(case.constraint, TimeOfDateConstraint) for case in cases)
        starts = {case.constraint.start_date for case in cases if isinstance(case.constraint, StartDateConstraint)}
        self._days = sorted(start.toordinal() for start in starts)
        self._periods = [self._at(_midnight(day)) for day in (1, *self._days)]
        first = self._periods[0][1]
        self.only_rates = first[0] if len(cases) == 1 and len(first) == 1 else None
        """The rates of a price that depends on nothing."""

    def rates(self, time: dt.datetime, input_tokens: int) -> Rates | None:
        """The rates at that time (in UTC) for a prompt of that size, None where the list has none."""
        period = self._at(time) if self._by_the_hour else self._periods[bisect_right(self._days, time.toordinal())]
        starts, rates = period
        return rates[bisect_left(starts, input_tokens)]

    def _at(self, time: dt.datetime) -> tuple[list[int], list[Rates | None]]:
        return self._tiers[id(self._model.get_prices(time))]


def _midnight(day: int) -> dt.datetime:
    return dt.datetime.combine(dt.date.fromordinal(day), dt.time(tzinfo=dt.UTC))


def _tiers(price: ModelPrice, version: str) -> tuple[list[int], list[Rates | None]]:
    """The input sizes above which other rates hold, and the rates up to and above each."""
    tiered = [value for value in vars(price).values() if isinstance(value, TieredPrices)]
    starts = sorted({tier.start for value in tiered for tier in value.tiers})
    return starts, [_rates(price, size, version) for size in (0, *(start + 1 for start in starts))]


def _rates(price: ModelPrice, input_tokens: int, version: str) -> Rates | None:
    dollars = {kind: _dollars(vars(price).get(key), input_tokens) for key, kind in KEYS.items()}
    if not any(dollars[kind] is not None for kind in ENOUGH_FOR_A_PRICE):
        return None
    if (thousand := dollars[REQUEST]) is not None:
        dollars[REQUEST] = thousand / 1000
    return Rates(dollars, source=BOOK, version=version)


def _dollars(value: object, input_tokens: int) -> Decimal | None:
    if isinstance(value, TieredPrices):
        above = [tier.price for tier in value.tiers if input_tokens > tier.start]
        return above[-1] if above else value.base
    return value if isinstance(value, Decimal) else None
