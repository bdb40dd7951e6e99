"""Periods of time and the buckets that a time zone cuts them into."""

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

from resolvers.errors import Invalid

MAX_POINTS = 3000
EARLIEST = dt.datetime(2000, 1, 1, tzinfo=dt.UTC)
LATEST = dt.datetime(2200, 1, 1, tzinfo=dt.UTC)
MINUTE, HOUR = dt.timedelta(minutes=1), dt.timedelta(hours=1)
INTERVALS = ("minute", "hour", "day", "week", "month")


@dataclass(frozen=True, slots=True)
class Period:
    """Half-open [start, end), both in UTC; `zone` cuts its days."""

    start: dt.datetime
    end: dt.datetime
    zone: ZoneInfo

    def previous(self) -> "Period":
        """The period before: as many whole local days when this one is made of such, else of equal length."""
        days = self.whole_days()
        if days is None:
            return Period(self.start - (self.end - self.start), self.start, self.zone)
        first = self.start.astimezone(self.zone).date() - dt.timedelta(days=days)
        return Period(_midnight(first, self.zone), self.start, self.zone)

    def whole_days(self) -> int | None:
        """The number of local days that this period is made of, or None when it cuts one."""
        first, last = (edge.astimezone(self.zone).date() for edge in (self.start, self.end))
        if (_midnight(first, self.zone), _midnight(last, self.zone)) != (self.start, self.end):
            return None
        return (last - first).days

    def full_days(self) -> list[dt.datetime]:
        """The edges of the full local days inside, oldest first: one more than there are days, or none."""
        day = self.start.astimezone(self.zone).date()
        if _midnight(day, self.zone) < self.start:
            day += dt.timedelta(days=1)
        edges = []
        while (edge := _midnight(day, self.zone)) <= self.end:
            edges.append(edge)
            day += dt.timedelta(days=1)
        return edges if len(edges) > 1 else []

    def starts(self, interval: str) -> list[dt.datetime]:
        """The starts of the buckets that touch this period, as instants; the first may lie before it.

        Raises Invalid, naming a coarser interval, beyond 3,000 of them.
        """
        after = _STEPS[interval]
        start = _floor(self.start.astimezone(self.zone), interval, self.zone)
        starts = []
        while start < self.end:
            starts.append(start)
            if len(starts) > MAX_POINTS:
                raise Invalid(_too_many(self, interval), field="interval")
            start = after(start, self.zone)
        return starts


def make_period(
    *,
    start: dt.datetime | None,
    end: dt.datetime | None,
    last: dt.timedelta | None,
    zone: str,
    now: dt.datetime,
) -> Period:
    """Either `start` and `end`, or `last` ending now. Raises Invalid otherwise, for inverted ones and unknown zones."""
    if zone not in _zones():
        raise Invalid(f"`{zone[:64]}` is not an IANA time zone such as Europe/Paris.", field="period.timeZone")
    if last is not None:
        if start is not None or end is not None:
            raise Invalid("Give either `from` and `to`, or `last`, not both.", field="period.last")
        if last <= dt.timedelta(0):
            raise Invalid("`last` is longer than nothing: PT1H, P7D.", field="period.last")
        end = now
        try:
            start = now - last
        except OverflowError:
            start = dt.datetime.min.replace(tzinfo=dt.UTC)
    if start is None or end is None:
        raise Invalid("A period is `from` and `to`, or `last`.", field="period")
    if start >= end:
        raise Invalid("`from` lies before `to`.", field="period.from")
    if start < EARLIEST or end > LATEST:
        raise Invalid(f"A period lies between {EARLIEST:%Y} and {LATEST:%Y}.", field="period.from")
    return Period(start.astimezone(dt.UTC), end.astimezone(dt.UTC), ZoneInfo(zone))


@cache
def _zones() -> frozenset[str]:
    """IANA's names, without what lies beside them on a disk: this machine's own time, clocks with leap seconds."""
    return frozenset(available_timezones() - {"localtime"})


def _midnight(day: dt.date, zone: ZoneInfo) -> dt.datetime:
    """The first instant of a local day (where midnight does not exist, the end of the gap)."""
    return dt.datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(dt.UTC)


def _floor(local: dt.datetime, interval: str, zone: ZoneInfo) -> dt.datetime:
    instant = local.astimezone(dt.UTC)
    day = local.date()
    match interval:
        case "minute":
            return instant.replace(second=0, microsecond=0)
        case "hour":
            hour = instant - dt.timedelta(minutes=local.minute, seconds=local.second, microseconds=local.microsecond)
            while _offset(hour, zone) != local.utcoffset():
                hour += MINUTE
            return hour
        case "day":
            return _midnight(day, zone)
        case "week":
            return _midnight(day - dt.timedelta(days=day.weekday()), zone)
        case _:
            return _midnight(day.replace(day=1), zone)


def _next_hour(start: dt.datetime, zone: ZoneInfo) -> dt.datetime:
    """The next full hour of a local clock, or the instant at which it is set: its hours before and after are two."""
    offset = _offset(start, zone)
    after = start + HOUR - dt.timedelta(minutes=start.astimezone(zone).minute)
    if _offset(after, zone) != offset:
        after = start + MINUTE
        while _offset(after, zone) == offset:
            after += MINUTE
    return after


def _offset(instant: dt.datetime, zone: ZoneInfo) -> dt.timedelta | None:
    return instant.astimezone(zone).utcoffset()


def _days_later(start: dt.datetime, zone: ZoneInfo, days: int) -> dt.datetime:
    return _midnight(start.astimezone(zone).date() + dt.timedelta(days=days), zone)


_STEPS: dict[str, Callable[[dt.datetime, ZoneInfo], dt.datetime]] = {
    "minute": lambda start, _: start + dt.timedelta(minutes=1),
    "hour": _next_hour,
    "day": lambda start, zone: _days_later(start, zone, 1),
    "week": lambda start, zone: _days_later(start, zone, 7),
    "month": lambda start, zone: _midnight(
        (start.astimezone(zone).date() + dt.timedelta(days=32)).replace(day=1), zone
    ),
}


def _too_many(period: Period, interval: str) -> str:
    length = period.end - period.start
    lengths = {"hour": HOUR, "day": HOUR * 24, "week": HOUR * 24 * 7, "month": HOUR * 24 * 31}
    fitting = (coarser for coarser, size in lengths.items() if length / size < MAX_POINTS - 1)
    remedy = next((f"ask for {coarser.upper()}" for coarser in fitting), "shorten the period")
    return f"A series has at most {MAX_POINTS} points; this period has more by {interval.upper()}: {remedy}."
