"""Reads what rules watch at one moment: rules that need the same figures over the same window share one read.

A read is shared by all rules whose filters differ in the values of one dimension only: their rows come split by it.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from models import ReadSession
from resolvers.alerts.components import outages_at
from resolvers.alerts.figures import (
    BUGS_OPEN,
    COMPONENTS_DOWN,
    FIGURES,
    NO_INSTANCE,
    Figure,
    Instances,
    Measure,
    value_of,
)
from resolvers.alerts.samples import sampled
from resolvers.bugs.stats import open_at
from resolvers.errors import Refusal
from resolvers.metrics.blocks import API, Block
from resolvers.metrics.figures import named_sums
from resolvers.metrics.filters import MOST_VALUES
from resolvers.metrics.readings import Question, Reading, read
from resolvers.metrics.snapshots import Snapshot
from resolvers.rollups import sketch

SPLIT_BY: Final = ("subject", "model", "route", "operation", "provider", "status", "environment")
"""The dimension that a filter with several is split by: the one that tends to have the most values comes first."""

Columns = tuple[tuple[str, tuple[Any, ...]], ...]


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A figure that cannot be had, and why."""

    reason: str


@dataclass(frozen=True, slots=True)
class Ask:
    """Sums (and the latency sketch) over one window of the rows with one of the `values` of `by` and with `fixed`."""

    api: bool
    start: dt.datetime
    end: dt.datetime
    sketch: bool
    by: str | None
    values: tuple[Any, ...]
    fixed: Columns

    @property
    def block(self) -> Block:
        return FIGURES["api_requests" if self.api else "usage_requests"].block

    @property
    def shared(self) -> tuple[Any, ...]:
        """What asks have in common that are answered by one read."""
        return self.api, self.start, self.end, self.sketch, self.by, self.fixed


async def read_figures(
    session: ReadSession,
    snapshot: Snapshot,
    measures: Iterable[Measure],
    *,
    at: dt.datetime,
) -> dict[Measure, Instances | Unreadable]:
    """The figures of measures whose windows end at a moment."""
    wanted = dict.fromkeys(measures)
    asks = {measure: asks_of(measure, at) for measure in wanted if measure.metric in FIGURES}
    answers = await _answers(session, snapshot, [ask for some in asks.values() for ask in some])
    found: dict[Measure, Instances | Unreadable] = {}
    for measure in wanted:
        if measure in asks:
            found[measure] = _figure(measure, [answers[ask] for ask in asks[measure]])
        else:
            found[measure] = await _other(session, snapshot.project_id, measure, at)
    return found


def asks_of(measure: Measure, at: dt.datetime) -> list[Ask]:
    """What to read for a measure, the latest window first."""
    figure = FIGURES[measure.metric]
    columns = {name: tuple(dict.fromkeys(values)) for name, values in measure.filter.columns(figure.block).items()}
    by = next((name for name in SPLIT_BY if name in columns), None)
    values = columns.pop(by) if by else ()
    fixed = tuple(sorted(columns.items()))
    ends = [at - ago for ago in measure.windows]
    return [Ask(figure.block is API, end - measure.window, end, figure.sketch, by, values, fixed) for end in ends]


async def _answers(
    session: ReadSession, snapshot: Snapshot, asks: Sequence[Ask]
) -> dict[Ask, Mapping[str, Any] | Unreadable]:
    groups: dict[tuple[Any, ...], list[Ask]] = defaultdict(list)
    for ask in dict.fromkeys(asks):
        groups[ask.shared].append(ask)
    answers: dict[Ask, Mapping[str, Any] | Unreadable] = {}
    for group in groups.values():
        try:
            readings = await _read(session, snapshot, group)
        except Refusal as refusal:
            answers |= dict.fromkeys(group, Unreadable(refusal.message))
        else:
            answers |= zip(group, _sums(group[0], readings), strict=True)
    return answers


async def _read(session: ReadSession, snapshot: Snapshot, group: Sequence[Ask]) -> list[Reading]:
    """A reading for each ask of a group, by as few statements as their values fit into."""
    first = group[0]
    needs = frozenset({"latency"}) if first.sketch else frozenset[str]()
    by_key: dict[str | None, Reading] = {}
    values = list(dict.fromkeys(value for ask in group for value in ask.values))
    for start in range(0, max(len(values), 1), MOST_VALUES):
        columns = dict(first.fixed)
        if first.by:
            columns[first.by] = tuple(values[start : start + MOST_VALUES])
        question = Question(first.block, (first.start, first.end), columns, by=first.by, needs=needs)
        by_key |= {key: reading for (_, key), reading in (await read(session, snapshot, question)).items()}
    readings = []
    for ask in group:
        total = Reading.empty(ask.block)
        for key in map(str, ask.values) if ask.by else (None,):
            if key in by_key:
                total.add(by_key[key])
        readings.append(total)
    return readings


def _sums(ask: Ask, readings: Sequence[Reading]) -> list[dict[str, Any]]:
    sums = [named_sums(ask.block, reading) for reading in readings]
    if ask.sketch:
        stored, raw = (
            [b"".join(getattr(reading, kind).get("latency", ())) for reading in readings] for kind in ("stored", "raw")
        )
        for made, (p95,) in zip(sums, sketch.grouped_quantiles(stored, raw, (0.95,)), strict=True):
            made["p95_ms"] = capped(p95, made["max_duration_ms"])
    return sums


def capped(p95: float | None, longest: float | None) -> float | None:
    """A percentile of a sketch: its middle may lie a hair above the largest value, which is known exactly."""
    return p95 if p95 is None or longest is None else min(p95, longest)


def _figure(measure: Measure, answers: Sequence[Mapping[str, Any] | Unreadable]) -> Instances | Unreadable:
    figure: Figure = FIGURES[measure.metric]
    parts: list[float | None] = []
    for answer in answers:
        if isinstance(answer, Unreadable):
            return answer
        parts.append(figure.of(answer))
    return {NO_INSTANCE: value_of(parts)}


async def _other(session: ReadSession, project_id: int, measure: Measure, at: dt.datetime) -> Instances:
    if measure.metric == COMPONENTS_DOWN:
        (outages,) = await outages_at(session, project_id=project_id, instants=[at])
        return outages.values()
    if measure.metric == BUGS_OPEN:
        parts = [float((await open_at(session, project_id=project_id, time=at - ago)).total) for ago in measure.windows]
        return {NO_INSTANCE: value_of([*parts])}
    (value,) = await sampled(session, project_id=project_id, measure=measure, instants=[at])
    return {NO_INSTANCE: value}
