"""Which stretches of time single calls are read from: all of it, or as even a part as keeps their number bounded."""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

HOUR: Final = dt.timedelta(hours=1)
DAY: Final = dt.timedelta(days=1)
GOLDEN: Final = 0.6180339887498949
"""Multiples of it, less their whole part, are spread evenly: no minute of the hour is always in the sample."""

Stretch = tuple[dt.datetime, dt.datetime]


@dataclass(frozen=True, slots=True)
class Sample:
    """A part (0 to 1) of [start, end)."""

    start: dt.datetime
    end: dt.datetime
    share: float

    @classmethod
    def of(cls, start: dt.datetime, end: dt.datetime, *, calls: int, most: int) -> "Sample":
        """The part of a time with so many calls that holds about `most` of them."""
        return cls(start, end, 1.0 if calls <= most else most / calls)

    def days(self, cut: dt.datetime) -> Iterator[list[Stretch]]:
        """The stretches of each UTC day, half-open: the whole day, or the same part of each of its hours.

        A day that `cut` lies in is two.
        """
        edge = self.start
        while edge < self.end:
            midnight = edge.replace(hour=0, minute=0, second=0, microsecond=0) + DAY
            last = min(midnight, self.end, cut if cut > edge else self.end)
            yield [(edge, last)] if self.share == 1 else list(self._hours(edge, last))
            edge = last

    def _hours(self, start: dt.datetime, end: dt.datetime) -> Iterator[Stretch]:
        hour = start
        while hour < end:
            number = int(hour.timestamp() // HOUR.total_seconds())
            length = min(HOUR, end - hour)
            offset = length * (1 - self.share) * (number * GOLDEN % 1)
            yield hour + offset, hour + offset + length * self.share
            hour += HOUR
