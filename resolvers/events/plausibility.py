"""Whether a cost that a sender reports can be dollars: held against what our prices say."""

from decimal import Decimal
from typing import Final

from models.base import PICODOLLARS
from resolvers.events.rejections import Refused

FACTOR: Final = 50
"""Discounts, caches and fees move a cost by less; cents are a hundred times as many."""


def check_plausible(reported: int, ours: int | None, *, exact: bool) -> None:
    """Raises Refused when a cost (picodollars) is in all likelihood in another unit.

    Says nothing where our figure is unknown, zero, or not `exact`: then some tokens have no price of their own. A
    reported zero is zero in every unit.
    """
    if not (exact and ours and reported):
        return
    if ours * FACTOR > reported and reported * FACTOR > ours:
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
