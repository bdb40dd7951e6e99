"""Reads sums and sketches from the cheapest rows that answer exactly: roll-ups, facts at the edges, the tail."""

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Select, and_, cast, func, literal_column, or_, select

from models import ApiByRoute, ReadSession
from models.base import BigSum
from models.functions import (
    big_sum,
    distinct_names,
    framed_bytes,
    joined_bytes,
    latency_buckets,
    time_bucket,
    unindexed,
)
from models.partitions import from_month_of
from models.rollups import DAY, MINUTE, QUARTER
from resolvers.errors import Invalid
from resolvers.metrics.blocks import Block, Cube
from resolvers.metrics.floors import gone, outward
from resolvers.metrics.segments import FACTS, Segment, segments
from resolvers.metrics.snapshots import Snapshot, Tail
from resolvers.rollups.routes import OTHER_ROUTES

FACTS_AT_MOST = dt.timedelta(days=31, hours=1)
"""31 local days: one of them has an hour more where the clock is set back."""
MINUTES_KEPT = dt.timedelta(days=13)
"""A day less than the fold keeps minute rows for, so that a row is there whenever it is asked for."""

Key = str | None
Place = tuple[dt.datetime | None, Key]


@dataclass(frozen=True, slots=True)
class Question:
    """What to read of a block.

    Rows lie in [edges[0], edges[-1]), and no edge cuts a row. `columns` keeps rows with one of the values. `by` splits
    by a dimension, of which `keys` are the values wanted (None among them: rows without it; no `keys`: all). `every`
    splits by buckets of that many minutes that begin `shift` minutes after midnight UTC; the inner edges must be
    aligned to them. `needs` names what is wanted besides sums: `pairs`, `subjects`, or a sketch.
    """

    block: Block
    edges: Sequence[dt.datetime]
    columns: Mapping[str, tuple[Any, ...]]
    by: str | None = None
    keys: tuple[Any, ...] | None = None
    every: int | None = None
    shift: int = 0
    needs: frozenset[str] = frozenset()

    @property
    def kept(self) -> Mapping[str, tuple[Any, ...]]:
        """The values that a row may have: those of the filter and, by `by`, one of the keys."""
        return self.columns if self.by is None or self.keys is None else {**self.columns, self.by: self.keys}


@dataclass(slots=True)
class Reading:
    """Sums (in the order of the block's measures), sketches and sets of subjects, as they come from several reads."""

    sums: list[Any]
    pairs: list[Any]
    stored: dict[str, list[bytes]] = field(default_factory=dict)
    raw: dict[str, list[bytes]] = field(default_factory=dict)
    bitmaps: list[bytes] = field(default_factory=list)
    names: set[str] = field(default_factory=set)

    @classmethod
    def empty(cls, block: Block) -> "Reading":
        return cls([0] * (len(block.sums) - 1) + [None], [0] * len(block.pairs))

    def add(self, other: "Reading") -> None:
        """Takes another reading in."""
        self.add_sums(other.sums)
        self.add_pairs(other.pairs)
        for mine, theirs in ((self.stored, other.stored), (self.raw, other.raw)):
            for sketch, parts in theirs.items():
                mine.setdefault(sketch, []).extend(parts)
        self.bitmaps.extend(other.bitmaps)
        self.names |= other.names

    def add_sums(self, sums: Sequence[Any]) -> None:
        *additive, longest = sums
        self.sums[:-1] = [a + b for a, b in zip(self.sums, additive, strict=False)]
        if longest is not None:
            self.sums[-1] = longest if self.sums[-1] is None else max(self.sums[-1], longest)

    def add_pairs(self, pairs: Sequence[Any]) -> None:
        self.pairs = [a + b for a, b in zip(self.pairs, pairs, strict=True)]


async def read(session: ReadSession, snapshot: Snapshot, question: Question) -> dict[Place, Reading]:
    """Answers a question from one snapshot: a reading for each bucket of time and key that has rows.

    Below the floor a period is rounded outward to whole roll-up rows. Raises Invalid when only facts can answer and the
    period is longer than 31 days, or reaches below the floor.
    """
    floor = snapshot.floor
    cube = _cube(question, below=question.edges[0] < floor)
    if cube is not None and "route" in question.columns and await _collapsed(session, snapshot, question):
        cube = None
        _check_facts_alone(question)
    if question.edges[0] < floor:
        if cube is None:
            raise gone(floor)
        minutes = min((grain for grain in _nested(cube, question) if grain >= QUARTER), default=MINUTE)
        question = replace(question, edges=outward(question.edges, minutes=minutes, floor=floor))
    found: dict[Place, Reading] = {}
    sketches = _sketches(question)
    for statement, from_facts in _statements(snapshot, question, cube):
        known = {key for _, key in found}
        collapsed = from_facts and cube is not None and question.by == "route" and OTHER_ROUTES in known
        for row in await session.rows(statement):
            (time, key), reading = _reading(row, question, sketches, from_facts=from_facts)
            if collapsed and key not in known:
                key = OTHER_ROUTES
            if (time, key) in found:
                found[time, key].add(reading)
            else:
                found[time, key] = reading
    return found


async def _collapsed(session: ReadSession, snapshot: Snapshot, question: Question) -> bool:
    """Whether roll-ups of the period hold routes under `(other)`, so that only facts know a single route's calls."""
    others = select(ApiByRoute.bucket).where(
        ApiByRoute.project_id == snapshot.project_id,
        ApiByRoute.grain == DAY,
        ApiByRoute.bucket > question.edges[0] - dt.timedelta(days=1),
        ApiByRoute.bucket < question.edges[-1],
        ApiByRoute.route == OTHER_ROUTES,
    )
    return await session.scalar(others.limit(1)) is not None


def _statements(snapshot: Snapshot, question: Question, cube: Cube | None) -> Iterator[tuple[Select[Any], bool]]:
    if cube is None:
        yield _from_facts(snapshot, question, [Segment(FACTS, question.edges[0], question.edges[-1])]), True
        return
    minutes_from = snapshot.now - MINUTES_KEPT
    covered = segments(question.edges, grains=_nested(cube, question), minutes_from=minutes_from)
    edges = covered.pop(FACTS, [])
    if edges and edges[0].start < snapshot.floor:
        raise gone(snapshot.floor)
    for grain, stretches in covered.items():
        yield _from_cube(snapshot, question, cube, grain, stretches), False
    if edges:
        yield _from_facts(snapshot, question, edges), True
    tail = snapshot.tails.get(cube.watermark)
    folded = [stretch for stretches in covered.values() for stretch in stretches]
    if tail is not None and any(stretch.start <= tail.last and tail.first < stretch.end for stretch in folded):
        yield _from_tail(snapshot, question, tail, folded), True


def _nested(cube: Cube, question: Question) -> list[int]:
    """The grains of a roll-up whose rows lie each in one of the buckets asked for, coarsest first."""
    every = question.every
    return [grain for grain in cube.grains if every is None or (grain <= every and question.shift % grain == 0)]


def _cube(question: Question, *, below: bool) -> Cube | None:
    """The smallest roll-up that has every dimension asked about, or None: facts, unless some are `below` the floor."""
    dimensions = set(question.columns) | ({question.by} if question.by else set())
    if "subject" in question.kept and not below:
        return None  # their facts are found by index, over any period
    for cube in question.block.cubes:
        shaped = cube.watermark == "series"
        fine = shaped or not question.every or QUARTER in cube.grains
        if dimensions <= cube.dimensions and fine and (shaped or not question.needs):
            return cube
    _check_facts_alone(question)
    return None


def _check_facts_alone(question: Question) -> None:
    """Raises Invalid where facts, without any roll-up, would be too many to answer from."""
    if question.edges[-1] - question.edges[0] > FACTS_AT_MOST:
        raise Invalid(
            "This combination of dimensions and figures is read from single events, for at most 31 days: shorten the "
            "period, filter by subjects, or ask for fewer figures.",
            field="period",
        )


def _from_cube(
    snapshot: Snapshot, question: Question, cube: Cube, grain: int, stretches: Sequence[Segment]
) -> Select[Any]:
    table = cube.table
    names = (*question.block.sums, *(question.block.pairs if "pairs" in question.needs else ()))
    measures = [_summed(getattr(table, name)) for name in names]
    measures += [joined_bytes(getattr(table, sketch)) for sketch in _sketches(question)]
    if "subjects" in question.needs:
        measures.append(framed_bytes(table.subjects))
    keys: list[Any] = []
    if question.every:
        bucket = table.bucket
        keys.append(bucket if question.every == grain else time_bucket(bucket, question.every, question.shift))
    if question.by:
        keys.append(getattr(table, question.by))
    conditions = [table.project_id == snapshot.project_id, _within(table.bucket, stretches)]
    if QUARTER in cube.grains:
        conditions.insert(1, table.grain == grain)
    for column, values in question.kept.items():
        conditions.append(getattr(table, column).in_(["" if value is None else value for value in values]))
    return _grouped(keys, measures).where(*conditions)


def _summed(column: Any) -> Any:
    """The total of a roll-up column over its rows: the longest for a maximum."""
    if column.key == "max_duration_ms":
        return func.max(column)
    if isinstance(column.type, BigSum):
        return big_sum(column)
    # A sum of 64-bit integers is numeric on PostgreSQL, and these never outgrow 64 bits.
    return cast(func.sum(column), BigInteger) if isinstance(column.type, BigInteger) else func.sum(column)


def _from_facts(snapshot: Snapshot, question: Question, stretches: Sequence[Segment]) -> Select[Any]:
    facts = question.block.facts
    # No word of `seq`: the transaction sees nothing newer, and SQLite would look the whole log up by it.
    return _fact_sums(question).where(facts.project_id == snapshot.project_id, _within(facts.time, stretches))


def _from_tail(snapshot: Snapshot, question: Question, tail: Tail, stretches: Sequence[Segment]) -> Select[Any]:
    facts = question.block.facts
    return _fact_sums(question).where(
        facts.project_id == snapshot.project_id,
        facts.seq > tail.after_seq,
        facts.seq <= snapshot.last_seq,
        from_month_of(facts.time, tail.first),
        _within(unindexed(facts.time), stretches),
    )


def _fact_sums(question: Question) -> Select[Any]:
    block, facts = question.block, question.block.facts
    measures: list[Any] = [*block.sums.values(), *(block.pairs.values() if "pairs" in question.needs else ())]
    measures += [latency_buckets(block.sketches[sketch]) for sketch in _sketches(question)]
    if "subjects" in question.needs:
        measures.append(distinct_names(facts.subject))
    keys: list[Any] = []
    if question.every:
        keys.append(time_bucket(facts.time, question.every, question.shift))
    if question.by:
        # SQLite would walk all of a project's subjects in their index to have them in order.
        keys.append(unindexed(block.column(question.by)))
    conditions = [_among(block.column(column), values) for column, values in question.kept.items()]
    return _grouped(keys, measures).where(*conditions)


def _among(column: Any, values: Sequence[Any]) -> ColumnElement[bool]:
    present = column.in_([value for value in values if value is not None])
    return or_(present, column.is_(None)) if None in values else present


def _grouped(keys: list[Any], measures: list[Any]) -> Select[Any]:
    named = [key.label(f"key_{place}") for place, key in enumerate(keys)]
    by_position: list[Any] = [literal_column(str(place)) for place in range(1, len(keys) + 1)]
    return select(*named, *measures).group_by(*by_position)


def _within(column: Any, stretches: Sequence[Segment]) -> ColumnElement[bool]:
    return or_(*(and_(column >= stretch.start, column < stretch.end) for stretch in stretches))


def _sketches(question: Question) -> list[str]:
    return [sketch for sketch in question.block.sketches if sketch in question.needs]


def _reading(
    row: Sequence[Any], question: Question, sketches: Sequence[str], *, from_facts: bool
) -> tuple[Place, Reading]:
    values = list(row)
    time = values.pop(0) if question.every else None
    key = _key(values.pop(0)) if question.by else None
    reading = Reading.empty(question.block)
    if values[0]:
        sums = len(question.block.sums)
        reading.sums = values[:sums]
        rest = iter(values[sums:])
        if "pairs" in question.needs:
            reading.pairs = [next(rest) for _ in question.block.pairs]
        for sketch in sketches:
            if part := next(rest):
                (reading.raw if from_facts else reading.stored)[sketch] = [part]
        if "subjects" in question.needs:
            members = next(rest)
            if from_facts:
                reading.names.update(members)
            elif members:
                reading.bitmaps.append(members)
    return (time, key), reading


def _key(value: Any) -> Key:
    """A dimension's value as the API says it; null and the roll-ups' empty string are the same."""
    return None if value is None or value == "" else str(value)
