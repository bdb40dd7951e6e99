"""Slices: facts grouped in SQL at the finest grain that is kept, from which every roll-up row is summed."""

import datetime as dt
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from operator import add
from typing import Any

from pyroaring import BitMap
from sqlalchemy import ColumnElement, Select, String, case, func, literal_column, select

from models.functions import all_names, latency_buckets, time_bucket
from models.rollups import DAY, MINUTE, QUARTER
from resolvers.rollups.cubes import Series

Key = tuple[Any, ...]
"""Grain, bucket, and the values of the dimensions, as in the primary key after the project."""


@dataclass(slots=True)
class Slice:
    """The facts of one bucket that share their dimensions. `raw` are raw latency buckets for each sketch."""

    bucket: dt.datetime
    dimensions: tuple[Any, ...]
    sums: list[Any]
    longest: float | None
    raw: list[bytes | None]
    names: list[str]
    first_seq: int


@dataclass(slots=True)
class Group:
    """What the slices add to one roll-up row."""

    sums: list[Any]
    longest: float | None
    raw: list[list[bytes]]
    members: BitMap


Groups = dict[Key, Group]


def slices_of(series: Series, *conditions: ColumnElement[bool], minutes_from: dt.datetime) -> Select[Any]:
    """The SELECT of the slices among the facts that meet the conditions: minutes where they are kept, else quarters."""
    facts = series.facts
    keys = [
        case((facts.time >= minutes_from, time_bucket(facts.time, MINUTE)), else_=time_bucket(facts.time, QUARTER)),
        *(_dimension(getattr(facts, name)) for name in series.dimensions),
    ]
    measures = [
        *series.sums.values(),
        series.longest,
        *(latency_buckets(milliseconds) for milliseconds in series.sketches.values()),
        all_names(facts.subject),
        func.min(facts.seq),
    ]
    by_position: list[ColumnElement[Any]] = [literal_column(str(place)) for place in range(1, len(keys) + 1)]
    labelled = [column.label(f"column_{place}") for place, column in enumerate([*keys, *measures])]
    return select(*labelled).where(*conditions).group_by(*by_position)


def slice_of(series: Series, row: Iterable[Any]) -> Slice:
    """A row of `slices_of`."""
    bucket, *rest, names, first_seq = row
    dimensions, sums = len(series.dimensions), len(series.sums)
    return Slice(
        bucket=bucket,
        dimensions=tuple(rest[:dimensions]),
        sums=rest[dimensions : dimensions + sums],
        longest=rest[dimensions + sums],
        raw=rest[dimensions + sums + 1 :],
        names=names,
        first_seq=first_seq,
    )


def gather(
    slices: Iterable[Slice],
    numbers: dict[str, int],
    *,
    minutes_from: dt.datetime,
    into: tuple[Groups, Groups],
) -> None:
    """Adds slices to the groups by time and to those split by dimensions, at every grain."""
    by_time, split = into
    for each in slices:
        members = BitMap({numbers[name] for name in each.names})
        for bucket in _buckets(each.bucket, minutes_from):
            _add(by_time, bucket, each, members)
            _add(split, bucket + each.dimensions, each, members)


def day_of(time: dt.datetime) -> dt.datetime:
    """The start of the UTC day of a time."""
    return time.replace(hour=0, minute=0, second=0, microsecond=0)


def _dimension(column: Any) -> Any:
    return func.coalesce(column, "") if isinstance(column.type, String) else column


def _buckets(finest: dt.datetime, minutes_from: dt.datetime) -> Iterator[tuple[int, dt.datetime]]:
    if finest >= minutes_from:
        yield MINUTE, finest
    yield QUARTER, finest.replace(minute=finest.minute - finest.minute % QUARTER)
    yield DAY, day_of(finest)


def _add(groups: Groups, key: Key, each: Slice, members: BitMap) -> None:
    group = groups.get(key)
    if group is None:
        groups[key] = Group(each.sums, each.longest, [[part] if part else [] for part in each.raw], members.copy())
        return
    group.sums = list(map(add, group.sums, each.sums))
    if each.longest is not None:
        group.longest = each.longest if group.longest is None else max(group.longest, each.longest)
    for parts, part in zip(group.raw, each.raw, strict=True):
        if part:
            parts.append(part)
    group.members |= members
