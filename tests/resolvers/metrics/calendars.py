"""Local time for the oracle, by walking through it: slow, and without an idea of its own about zones."""

import datetime as dt
from collections.abc import Hashable
from itertools import pairwise
from zoneinfo import ZoneInfo

INTERVALS = ("MINUTE", "HOUR", "DAY", "WEEK", "MONTH")
MINUTE, QUARTER, DAY = dt.timedelta(minutes=1), dt.timedelta(minutes=15), dt.timedelta(days=1)
MICROSECOND = dt.timedelta(microseconds=1)

Label = Hashable


def label(time: dt.datetime, zone: ZoneInfo, interval: str) -> Label:
    """Which bucket of the local clock or calendar an instant lies in. An hour that comes twice is two buckets."""
    here = time.astimezone(zone)
    match interval:
        case "MINUTE":
            return here.replace(tzinfo=None, second=0, microsecond=0), here.utcoffset()
        case "HOUR":
            return here.replace(tzinfo=None, minute=0, second=0, microsecond=0), here.utcoffset()
        case "DAY":
            return here.date()
        case "WEEK":
            return here.date() - dt.timedelta(days=here.weekday())
        case "MONTH":
            return here.date().replace(day=1)
    raise ValueError(interval)


def buckets(start: dt.datetime, end: dt.datetime, zone: ZoneInfo, interval: str) -> list[tuple[dt.datetime, Label]]:
    """The start and label of each bucket that has a part in [start, end)."""
    step = MINUTE if interval == "MINUTE" else QUARTER
    time = dt.datetime.min.replace(tzinfo=dt.UTC)
    time += (start - time) // step * step
    while label(time - step, zone, interval) == label(start, zone, interval):
        time -= step
    found: list[tuple[dt.datetime, Label]] = []
    while time < end:
        name = label(time, zone, interval)
        if not found or found[-1][1] != name:
            found.append((time, name))
        time += step
    return found


def begins_a_day(time: dt.datetime, zone: ZoneInfo) -> bool:
    return label(time, zone, "DAY") != label(time - MICROSECOND, zone, "DAY")


def previous(start: dt.datetime, end: dt.datetime, zone: ZoneInfo) -> tuple[dt.datetime, dt.datetime]:
    """The period before: as many whole local days, else of equal length."""
    if not (begins_a_day(start, zone) and begins_a_day(end, zone)):
        return start - (end - start), start
    days = len(buckets(start, end, zone, "DAY"))
    return buckets(start - (days + 2) * DAY, start, zone, "DAY")[-days][0], start


def full_days(start: dt.datetime, end: dt.datetime, zone: ZoneInfo) -> list[Label]:
    """The local days that lie in [start, end) from their first to their last moment."""
    days = [(day_start, day) for day_start, day in buckets(start, end + 2 * DAY, zone, "DAY")]
    return [day for (begin, day), (finish, _) in pairwise(days) if start <= begin and finish <= end]
