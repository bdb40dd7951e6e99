"""How a budget stands: spent, left, where it is going, and when it is used up. Whole picodollars, without rounding up.

The rate is that of the window so far, but never that of less than its 24th part: one call in the first minute of a
month says nothing about the month.
"""

import datetime as dt
from dataclasses import dataclass
from typing import Final

from models.base import MICROSECOND
from resolvers.budgets.windows import Window

OK, SOFT, HARD = "ok", "soft", "hard"
LEAST_PART: Final = 24


@dataclass(frozen=True, slots=True)
class Spent:
    """What the calls of a window cost so far. Calls without a price are in `requests` only."""

    picousd: int = 0
    requests: int = 0
    priced: int = 0


@dataclass(frozen=True, slots=True)
class Standing:
    """A budget of `amount` at a moment inside its window."""

    window: Window
    at: dt.datetime
    amount: int
    spent: Spent
    soft_threshold: float
    hard_threshold: float

    @property
    def left(self) -> int:
        """What is left; negative beyond the amount."""
        return self.amount - self.spent.picousd

    @property
    def spent_share(self) -> float:
        return self.spent.picousd / self.amount

    @property
    def projected(self) -> int:
        """What will be spent at the window's own end, if it goes on like this."""
        remaining = (self.window.end - self.at) // MICROSECOND
        return self.spent.picousd + self.spent.picousd * remaining // self._elapsed

    @property
    def projected_share(self) -> float:
        return self.projected / self.amount

    @property
    def used_up(self) -> bool:
        return self.left <= 0

    @property
    def used_up_at(self) -> dt.datetime | None:
        """When nothing is left, at this rate; None when that is not in this window, or over already."""
        if self.used_up or self.projected <= self.amount:
            return None
        return self.at + self.left * self._elapsed // self.spent.picousd * MICROSECOND

    @property
    def state(self) -> str:
        """`hard` or `soft` from the threshold on, else `ok`."""
        if self.spent_share >= self.hard_threshold:
            return HARD
        return SOFT if self.spent_share >= self.soft_threshold else OK

    @property
    def _elapsed(self) -> int:
        whole = (self.window.end - self.window.start) // MICROSECOND
        return max((self.at - self.window.start) // MICROSECOND, whole // LEAST_PART)
