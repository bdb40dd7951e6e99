"""Whether a cost that a sender reports can be dollars: held against what our prices say."""

from decimal import Decimal
from typing import Final

from integrations.rates import SERVICE_TIER
from models.base import PICODOLLARS
from resolvers.events.rejections import Refused

FACTOR: Final = 50
"""Discounts, fees and service tiers move a cost by less; cents are a hundred times as many."""
FACTOR_OF_ESTIMATES: Final = 1_000
"""Where a kind of token counts at the rate of another one: sound costs up to twenty times what text does."""


def check_plausible(reported: int, ours: int | None, *, unpriced: str | None) -> None:
    """Raises Refused when a cost (picodollars) is in all likelihood in another unit.

    Says nothing where our figure is unknown or zero; with `unpriced` kinds of tokens it is an estimate. A reported zero
    is zero in every unit.
    """
    if not (ours and reported):
        return
    factor = FACTOR if unpriced in (None, SERVICE_TIER) else FACTOR_OF_ESTIMATES
    if ours * factor > reported and reported * factor > ours:
        return
    more = reported > ours
    times = reported / ours if more else ours / reported
    raise Refused(
        "costUsd",
        f"`costUsd` is {_dollars(reported)}, which is {times:.3g} times {'more' if more else 'less'} than the "
        f"{_dollars(ours)} that our prices say: it must be in US dollars, not in cents, micro-dollars or another "
        "currency. Convert it, or leave it out and our price counts; where our price is wrong, save one of your own "
        "with `savePrice`.",
    )


def _dollars(picodollars: int) -> str:
    return f"{(Decimal(picodollars) / PICODOLLARS).normalize():f} USD"
