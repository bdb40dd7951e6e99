"""Reads what rules watch at one moment, by the plan of their measures."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from models import ReadSession
from resolvers.alerts.components import outages_at
from resolvers.alerts.figures import (
    BUGS_OPEN,
    COMPONENTS_DOWN,
    FIGURES,
    NO_INSTANCE,
    OF_BUDGETS,
    Instances,
    Measure,
    value_of,
)
from resolvers.alerts.plans import Group, Plan
from resolvers.alerts.samples import sampled
from resolvers.budgets.standing import Standing
from resolvers.budgets.watching import GONE, standings_at
from resolvers.bugs.stats import open_at
from resolvers.errors import Refusal
from resolvers.metrics.blocks import Block
from resolvers.metrics.figures import named_sums
from resolvers.metrics.filters import MOST_VALUES
from resolvers.metrics.readings import Question, Reading, read
from resolvers.metrics.snapshots import Snapshot
from resolvers.rollups import sketch

Sums = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A figure that cannot be had, and why."""

    reason: str


async def read_figures(
    session: ReadSession, snapshot: Snapshot, plan: Plan, *, at: dt.datetime
) -> dict[Measure, Instances | Unreadable]:
    """The figures of a plan's measures; their windows end at a moment."""
    answers = [await _answers(session, snapshot, group, at) for group in plan.groups]
    found: dict[Measure, Instances | Unreadable] = {}
    for measure, figure, asked in plan.traffic:
        parts: list[float | None] = []
        for group, ask in asked:
            answer = answers[group]
            if isinstance(answer, Unreadable):
                found[measure] = answer
                break
            sums = answer[ask]
            parts.append(figure.of(sums) if sums else OF_NOTHING[measure.metric])
        else:
            found[measure] = {NO_INSTANCE: value_of(parts)}
    budgets = {measure.budget for measure in plan.others if measure.budget is not None}
    standings = await standings_at(session, snapshot, budgets, at=at)
    for measure in plan.others:
        if measure.metric in OF_BUDGETS:
            found[measure] = _of_budget(measure, standings.get(measure.budget or 0))
        else:
            found[measure] = await _other(session, snapshot.project_id, measure, at)
    return found


def _nothing(block: Block) -> Sums:
    return {**named_sums(block, Reading.empty(block)), "p95_ms": None}


OF_NOTHING: Final = {name: figure.of(_nothing(figure.block)) for name, figure in FIGURES.items()}
"""The figures of no rows: those of most, where rules are many, so nobody works them out again."""


async def _answers(
    session: ReadSession, snapshot: Snapshot, group: Group, at: dt.datetime
) -> list[Sums | None] | Unreadable:
    """The sums for each ask of a group; None for no rows."""
    try:
        by_key = await _read(session, snapshot, group, at)
    except Refusal as refusal:
        return Unreadable(refusal.message)
    return _sums(group, [_reading(group, values, by_key) for values in group.asks])


async def _read(session: ReadSession, snapshot: Snapshot, group: Group, at: dt.datetime) -> dict[str | None, Reading]:
    """The readings of a group by the value of its dimension, by as few statements as the values fit into."""
    window = group.window
    needs = frozenset({"latency"}) if window.sketch else frozenset[str]()
    edges = (at - window.start, at - window.end)
    by_key: dict[str | None, Reading] = {}
    values = list(dict.fromkeys(value for ask in group.asks for value in ask))
    for start in range(0, max(len(values), 1), MOST_VALUES):
        columns = dict(window.fixed)
        if window.by:
            columns[window.by] = tuple(values[start : start + MOST_VALUES])
        question = Question(window.block, edges, columns, by=window.by, needs=needs)
        by_key |= {key: reading for (_, key), reading in (await read(session, snapshot, question)).items()}
    return by_key


def _reading(group: Group, values: Sequence[Any], by_key: Mapping[str | None, Reading]) -> Reading | None:
    """The reading of all rows with one of the values; None without rows."""
    if group.window.by is None:
        return by_key.get(None)
    found = [by_key[key] for key in map(str, values) if key in by_key]
    if len(found) <= 1:
        return found[0] if found else None
    total = Reading.empty(group.window.block)
    for reading in found:
        total.add(reading)
    return total


def _sums(group: Group, readings: Sequence[Reading | None]) -> list[Sums | None]:
    present = [reading for reading in readings if reading is not None]
    made = [named_sums(group.window.block, reading) for reading in present]
    if group.window.sketch:
        stored, raw = (
            [b"".join(getattr(reading, kind).get("latency", ())) for reading in present] for kind in ("stored", "raw")
        )
        for sums, (p95,) in zip(made, sketch.grouped_quantiles(stored, raw, (0.95,)), strict=True):
            sums["p95_ms"] = capped(p95, sums["max_duration_ms"])
    rest = iter(made)
    return [None if reading is None else next(rest) for reading in readings]


def capped(p95: float | None, longest: float | None) -> float | None:
    """A percentile of a sketch: its middle may lie a hair above the largest value, which is known exactly."""
    return p95 if p95 is None or longest is None else min(p95, longest)


def _of_budget(measure: Measure, standing: Standing | None) -> Instances | Unreadable:
    if standing is None:
        return Unreadable(GONE)
    return {NO_INSTANCE: OF_BUDGETS[measure.metric](standing)}


async def _other(session: ReadSession, project_id: int, measure: Measure, at: dt.datetime) -> Instances:
    if measure.metric == COMPONENTS_DOWN:
        (outages,) = await outages_at(session, project_id=project_id, instants=[at])
        return outages.values()
    if measure.metric == BUGS_OPEN:
        parts = [float((await open_at(session, project_id=project_id, time=at - ago)).total) for ago in measure.windows]
        return {NO_INSTANCE: value_of([*parts])}
    (value,) = await sampled(session, project_id=project_id, measure=measure, instants=[at])
    return {NO_INSTANCE: value}
