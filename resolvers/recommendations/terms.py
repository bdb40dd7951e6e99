"""The terms of the ledger: how long advice stays open, and how its effect is measured."""

import datetime as dt
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Terms:
    """Advice expires `open_for` after it was last issued, and is not issued anew until `silent_for` after it was
    dismissed. Its effect compares `window` before and after, when each has at least `fewest_requests`.
    """

    open_for: dt.timedelta = dt.timedelta(days=90)
    silent_for: dt.timedelta = dt.timedelta(days=30)
    window: dt.timedelta = dt.timedelta(days=7)
    fewest_requests: int = 5
