"""Periods: the input that names one, and what was understood."""

import datetime as dt
from enum import Enum
from typing import Annotated, Self

import strawberry

from resolvers.metrics.periods import Period as ResolvedPeriod
from resolvers.metrics.periods import make_period


@strawberry.input(
    description="Half-open [from, to). Either `from` and `to`, or `last` (ending now). "
    "`timeZone` cuts days, weeks and the heat map."
)
class PeriodInput:
    from_: dt.datetime | None = strawberry.field(name="from", default=None, description="The first instant inside.")
    to: dt.datetime | None = strawberry.field(default=None, description="The first instant after it.")
    last: dt.timedelta | None = strawberry.field(default=None, description="Its length, ending now: `PT1H`, `P7D`.")
    time_zone: str | None = strawberry.field(default="UTC", description="An IANA name such as `Europe/Paris`.")

    def resolve(self) -> ResolvedPeriod:
        """The period meant. Raises Invalid for inverted ones, unknown zones, and both or neither of the two forms."""
        zone = "UTC" if self.time_zone is None else self.time_zone
        return make_period(start=self.from_, end=self.to, last=self.last, zone=zone, now=dt.datetime.now(dt.UTC))


PeriodArgument = Annotated[PeriodInput, strawberry.argument(description="The time to look at.")]


@strawberry.type(description="The period that an answer is about, half-open.")
class Period:
    from_: dt.datetime = strawberry.field(name="from", description="The first instant inside.")
    to: dt.datetime = strawberry.field(description="The first instant after it.")
    time_zone: str = strawberry.field(description="The IANA zone that cuts its days.")

    @classmethod
    def of(cls, period: ResolvedPeriod) -> Self:
        return cls(from_=period.start, to=period.end, time_zone=period.zone.key)


@strawberry.enum(description="The length of a series' buckets. Days, weeks (from Monday) and months are local.")
class Interval(Enum):
    MINUTE = strawberry.enum_value("minute", description="Minutes of the clock.")
    HOUR = strawberry.enum_value("hour", description="Full hours of the local clock.")
    DAY = strawberry.enum_value("day", description="Local days.")
    WEEK = strawberry.enum_value("week", description="Local weeks, from Monday.")
    MONTH = strawberry.enum_value("month", description="Local months.")
