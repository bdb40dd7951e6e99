"""The book of a project: its own prices before those of the list, compiled so that looking one up costs a microsecond.

Of the prices whose patterns fit a call and that are in force at its time, the most specific counts, and of equally
specific ones that which began last. A call of a service tier asks the prices for that tier first; where there is none
it costs what the standard tier does, and says so.
"""

import datetime as dt
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from decimal import Decimal
from functools import lru_cache
from typing import Final, NamedTuple

from integrations.prices import Prices
from integrations.rates import MOST_REMEMBERED, MOST_TIERS, OVERRIDE, Rates, is_standard, of_another_tier
from models import Price
from resolvers.prices.patterns import matches, rank

EARLIEST: Final = dt.datetime.min.replace(tzinfo=dt.UTC)

Stamp = tuple[tuple[int, int], ...]
"""The prices of a book, by number and revision: two books with one stamp are the same."""


class InForce(NamedTuple):
    """The rates of a call, and the project's own price that they come from; None: the list's."""

    rates: Rates
    price: Price | None


class PriceBook:
    """`own` are prices as they stand now; `prices` is the list behind them."""

    def __init__(self, own: Sequence[Price], prices: Prices) -> None:
        self.stamp: Stamp = stamp_of((price.id, price.revision) for price in own)
        self._prices = prices
        self._own = [_Own(price) for price in own]
        self._find = lru_cache(MOST_REMEMBERED)(self._search)

    def rates(
        self, provider: str | None, model: str, tier: str | None, time: dt.datetime, input_tokens: int
    ) -> Rates | None:
        """As the list's, by which a book can stand in for it."""
        if not self._own:
            return self._prices.rates(provider, model, tier, time, input_tokens)
        found = self.look_up(provider, model, tier, time, input_tokens)
        return found and found.rates

    def look_up(
        self, provider: str | None, model: str, tier: str | None, time: dt.datetime, input_tokens: int
    ) -> InForce | None:
        """The price in force for such a call, or None when nobody knows one."""
        if tier is None or (wanted := tier_of(tier)) is None:
            return self._standard(provider, model, time, input_tokens)
        own = self._find(provider, model, wanted).at(time)
        if own is not None and own.factor is None:
            return InForce(own.rates(input_tokens), own.price)
        base = self._standard(provider, model, time, input_tokens)
        if own is None or base is None:
            return base and InForce(of_another_tier(base.rates), base.price)
        return InForce(own.multiplied(base.rates), own.price)

    def _standard(self, provider: str | None, model: str, time: dt.datetime, input_tokens: int) -> InForce | None:
        own = self._find(provider, model, None).at(time)
        if own is not None and own.factor is None:
            return InForce(own.rates(input_tokens), own.price)
        listed = self._prices.rates(provider, model, None, time, input_tokens)
        if listed is None:
            return None
        return InForce(listed, None) if own is None else InForce(own.multiplied(listed), own.price)

    def _search(self, provider: str | None, model: str, tier: str | None) -> "_Spells":
        return _Spells([own for own in self._own if own.tier == tier and own.fits(provider, model)])


class _Own:
    """One of the project's prices, compiled."""

    def __init__(self, price: Price) -> None:
        self.price = price
        self.tier = price.service_tier
        self.factor = None if price.factor is None else Decimal(price.factor)
        self.order = (rank(price.provider, price.model), price.starts_at or EARLIEST)
        version = version_of(price)
        base = _decimals(price.rates)
        self._starts = [tier["above"] for tier in price.tiers]
        cases = [base, *(base | _decimals(tier["rates"]) for tier in price.tiers)]
        self._cases = [Rates(dollars, source=OVERRIDE, version=version) for dollars in cases]
        self._multiplied = lru_cache(MOST_REMEMBERED)(self._times)

    def fits(self, provider: str | None, model: str) -> bool:
        wanted = self.price.provider
        if wanted is not None and (provider is None or not matches(wanted, provider)):
            return False
        return matches(self.price.model, model)

    def holds_at(self, time: dt.datetime) -> bool:
        return is_in_force(self.price, time)

    def rates(self, input_tokens: int) -> Rates:
        return self._cases[bisect_left(self._starts, input_tokens)]

    def multiplied(self, base: Rates) -> Rates:
        return self._multiplied(base)

    def _times(self, base: Rates) -> Rates:
        return base.times(self.factor or Decimal(0), version=f"{version_of(self.price)} of {base.version}")


class _Spells:
    """Which of the prices that fit a model holds when: one of them, or none, between any two edges."""

    def __init__(self, fitting: Sequence[_Own]) -> None:
        times = {time for own in fitting for time in (own.price.starts_at, own.price.ends_at) if time is not None}
        self._edges = sorted(times)
        self._holders = [
            max((own for own in fitting if own.holds_at(time)), key=lambda own: own.order, default=None)
            for time in (EARLIEST, *self._edges)
        ]

    def at(self, time: dt.datetime) -> _Own | None:
        return self._holders[bisect_right(self._edges, time)]


def stamp_of(revisions: Iterator[tuple[int, int]]) -> Stamp:
    """The stamp of prices with these numbers and revisions."""
    return tuple(sorted(revisions))


def version_of(price: Price) -> str:
    """What names a price in the events that it priced."""
    return f"price {price.id} revision {price.revision}"


@lru_cache(MOST_TIERS)
def tier_of(tier: str | None) -> str | None:
    """A service tier as it is stored and compared: None for the standard one."""
    return None if tier is None or is_standard(tier) else tier.strip().lower()


def is_in_force(price: Price, time: dt.datetime) -> bool:
    """Whether a price counts at a time."""
    return (price.starts_at is None or price.starts_at <= time) and (price.ends_at is None or time < price.ends_at)


def _decimals(rates: dict[str, str]) -> dict[str, Decimal | None]:
    return {kind: Decimal(text) for kind, text in rates.items()}
