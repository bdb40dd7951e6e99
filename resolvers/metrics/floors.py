"""Periods that reach below a floor: single calls are gone there, and what roll-ups keep cannot be cut any finer."""

import datetime as dt
from collections.abc import Sequence

from models.base import EPOCH
from models.rollups import QUARTER
from resolvers.errors import Invalid
from resolvers.metrics.periods import Period
from resolvers.metrics.snapshots import Snapshot


def outward(edges: Sequence[dt.datetime], *, minutes: int, floor: dt.datetime) -> Sequence[dt.datetime]:
    """The edges, the outer ones moved outward to buckets of so many minutes where they lie below the floor."""
    size = dt.timedelta(minutes=minutes)
    start, *inner, end = edges
    if start < floor:
        start -= (start - EPOCH) % size
    if end < floor:
        end += -(end - EPOCH) % size
    return (start, *inner, end)


def understood(snapshot: Snapshot, period: Period) -> Period:
    """The period that figures are about: rounded outward to quarter-hours below the floor."""
    start, end = outward((period.start, period.end), minutes=QUARTER, floor=snapshot.floor)
    return Period(start, end, period.zone)


def notice_of(snapshot: Snapshot, period: Period) -> str | None:
    """What to know of figures of a period that retention concerns, the period before included; else None."""
    said = []
    if period.start < snapshot.floor:
        said.append(
            f"Single calls from before {_shown(snapshot.floor)} are gone: figures of that time come from roll-ups, by "
            "quarter-hours, those by subject by days (UTC), and the period is rounded outward to them."
        )
    if period.start < snapshot.rollups_floor:
        said.append(f"Of the time before {_shown(snapshot.rollups_floor)} nothing is kept.")
    elif period.previous().start < snapshot.rollups_floor:
        said.append(f"Of the time before {_shown(snapshot.rollups_floor)} nothing is kept: `previous` is incomplete.")
    return " ".join(said) or None


def gone(floor: dt.datetime) -> Invalid:
    """Why a question that only single calls answer has no answer below the floor."""
    return Invalid(
        f"Single calls from before {_shown(floor)} are gone, and roll-ups do not know this combination of dimensions, "
        "figures and interval: begin the period there, or ask for less.",
        field="period",
    )


def _shown(time: dt.datetime) -> str:
    return f"{time:%Y-%m-%dT%H:%M:%SZ}"
