"""When rules are evaluated."""

import datetime as dt
from dataclasses import dataclass

from models.base import EPOCH


@dataclass(frozen=True, slots=True)
class Pace:
    """Rules are evaluated `every` so often, on what occurred until `settle` ago."""

    every: dt.timedelta = dt.timedelta(seconds=15)
    settle: dt.timedelta = dt.timedelta(seconds=10)

    def due(self, now: dt.datetime) -> dt.datetime:
        """The latest moment that is settled."""
        return self.aligned(now - self.settle)

    def aligned(self, time: dt.datetime) -> dt.datetime:
        """The latest moment that is not after a time."""
        return time - (time - EPOCH) % self.every

    def instants(self, start: dt.datetime, end: dt.datetime) -> list[dt.datetime]:
        """The moments in [start, end), in order."""
        first = start + (EPOCH - start) % self.every
        return [first + self.every * number for number in range(max(0, -((first - end) // self.every)))]
