"""What a call costs: the same at its arrival as when it is priced anew."""

import datetime as dt
from typing import Final, NamedTuple

from integrations.prices import Prices
from integrations.rates import Rates, nameless

FROM_PROVIDER: Final = "provider"
FROM_NOWHERE: Final = "none"
"""Sources of a cost besides those of rates: the provider's own figure, and nobody."""


class Basis(NamedTuple):
    """The columns of an event that say what it cost, and why, in picodollars.

    `computed` is what our prices say where the cost is the provider's own.
    """

    cost: int | None
    source: str
    version: str | None
    unpriced: str | None
    computed: int | None


def compute(
    prices: Prices,
    provider: str | None,
    model: str,
    tier: str | None,
    time: dt.datetime,
    uncached: int,
    cache_read: int,
    cache_write: int,
    visible: int,
    reasoning: int,
    input_audio: int,
    output_audio: int,
    input_image: int,
    output_image: int,
) -> tuple[int | None, Rates | None, str | None]:
    """Picodollars of a call by our prices (None: unknown), the rates, and the kinds of tokens that lack a price."""
    rates = prices.rates(provider, model, tier, time, uncached + cache_read + cache_write)
    if rates is not None:
        cost, unpriced = rates.cost(
            uncached,
            cache_read,
            cache_write,
            visible,
            reasoning,
            input_audio,
            output_audio,
            input_image,
            output_image,
        )
        return cost, rates, unpriced
    tokens = (
        max(uncached - input_audio - input_image, 0),
        cache_read,
        cache_write,
        max(visible - output_audio - output_image, 0),
        reasoning,
        input_audio,
        output_audio,
        input_image,
        output_image,
    )
    return None, None, nameless(tokens)


def basis_of(cost: int | None, rates: Rates | None, unpriced: str | None, reported: int | None) -> Basis:
    """The columns of a call whose provider reported that cost, if any: it stands, and ours is kept beside it."""
    if reported is not None:
        return Basis(reported, FROM_PROVIDER, None, None, cost)
    if cost is None or rates is None:
        return Basis(None, FROM_NOWHERE, None, unpriced, None)
    return Basis(cost, rates.source, rates.version, unpriced, None)
