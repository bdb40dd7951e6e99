"""Whether a cost that a sender reports can be dollars: held against what our prices say."""

from decimal import Decimal
from typing import Final

from models.base import PICODOLLARS
from resolvers.events.rejections import Refused

SMALL_UNITS: Final = {100: "cents", 1_000: "thousandths of a dollar"}
NEAR: Final = 0.1
"""How far off a unit's factor still tells it."""
FAR: Final = 900_000
"""Times as much as our price says: nothing but another unit, such as micro-dollars, does that."""


def check_plausible(reported: int, ours: int | None, *, unpriced: str | None) -> None:
    """Raises Refused when a cost (picodollars) is in all likelihood in another unit than dollars.

    Says nothing where our figure is unknown or zero. With `unpriced` kinds of tokens it is an estimate, to which no
    factor near that of a unit means anything.
    """
    if not (ours and reported):
        return
    times = reported / ours
    unit = next((name for factor, name in SMALL_UNITS.items() if abs(times / factor - 1) <= NEAR), None)
    if times < FAR and (unit is None or unpriced is not None):
        return
    raise Refused(
        "costUsd",
        f"`costUsd` is {_dollars(reported)}, which is {times:,.0f} times the {_dollars(ours)} that our prices say: it "
        f"must be in US dollars, and looks like {unit or 'a much smaller unit, such as micro-dollars'}. Convert it, or "
        "leave it out and our price counts; where our price is wrong, save one of your own with `savePrice`.",
    )


def _dollars(picodollars: int) -> str:
    return f"{(Decimal(picodollars) / PICODOLLARS).normalize():f} USD"
