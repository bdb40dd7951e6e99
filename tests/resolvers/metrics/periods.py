"""Periods of the tests: an instant, another, and the zone that cuts the days between."""

import datetime as dt
from dataclasses import dataclass
from typing import Any, Self
from zoneinfo import ZoneInfo

from tests.resolvers.metrics.calendars import previous


@dataclass(frozen=True)
class Period:
    start: dt.datetime
    end: dt.datetime
    zone: ZoneInfo

    @classmethod
    def local(cls, start: str, end: str, zone: str) -> Self:
        """Between two readings of a local clock, in ISO 8601 (the first of the two where it shows one twice)."""
        place = ZoneInfo(zone)
        first, last = (dt.datetime.fromisoformat(time).replace(tzinfo=place) for time in (start, end))
        return cls(first.astimezone(dt.UTC), last.astimezone(dt.UTC), place)

    @property
    def previous(self) -> "Period":
        return Period(*previous(self.start, self.end, self.zone), self.zone)

    @property
    def variable(self) -> dict[str, Any]:
        """The `PeriodInput` that names it."""
        return {"from": self.start.isoformat(), "to": self.end.isoformat(), "timeZone": self.zone.key}

    def __str__(self) -> str:
        return f"{self.start:%Y-%m-%dT%H:%M:%S.%f}_{self.end:%Y-%m-%dT%H:%M:%S.%f}_{self.zone.key}"
