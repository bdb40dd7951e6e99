"""Reads the target's calls of a window: from roll-ups where they know the target, else from the calls themselves."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import ColumnElement, case, func, or_, select

from models import ReadSession, UsageEvent
from models.functions import json_text
from resolvers.metrics.blocks import API, USAGE, Block
from resolvers.metrics.figures import named_sums
from resolvers.metrics.readings import Question, Reading, read
from resolvers.metrics.snapshots import Snapshot
from resolvers.recommendations.effects import DAY, Basis, Figures
from resolvers.recommendations.targets import Target
from resolvers.rollups.measures import USAGE_SUMS

SUMMED = ("requests", "errors", "priced", "cost_picousd", "timed", "duration_ms")
Window = tuple[dt.datetime, dt.datetime]


@dataclass(frozen=True, slots=True)
class Calls:
    """Which calls: those with one of the values of each column (None: without any), and with all of the attributes."""

    block: Block
    columns: Mapping[str, tuple[str | None, ...]]
    attributes: tuple[tuple[str, str], ...] = ()


async def calls_of(session: ReadSession, snapshot: Snapshot, *, target: Target, before: Window) -> Calls:
    """The calls that a target means, those of the model advised instead too, for requests move there.

    That model may do other work besides: its calls count for operations that the model itself had before.
    """
    if target.route is not None:
        return Calls(API, _set(route=target.route, subject=target.subject, environment=target.environment))
    columns = _set(
        provider=target.provider,
        model=target.model,
        operation=target.operation,
        subject=target.subject,
        environment=target.environment,
    )
    if target.alternative_model is None or target.model is None:
        return Calls(USAGE, columns, target.attributes)
    if target.operation is None:
        found = await read(session, snapshot, Question(USAGE, before, columns, by="operation"))
        columns["operation"] = tuple(operation for _, operation in found)
    columns["model"] = (target.model, target.alternative_model)
    if "provider" in columns:
        columns["provider"] += (target.alternative_provider or target.provider,)
    return Calls(USAGE, columns, target.attributes)


async def read_window(
    session: ReadSession, snapshot: Snapshot, *, calls: Calls, basis: Basis, window: Window
) -> Figures:
    """The figures of calls in the window, their cost spread as the basis says."""
    if calls.attributes or basis is Basis.TRACE:
        return await _from_facts(session, snapshot.project_id, calls, basis, window)
    sums = await _sums(session, snapshot, calls, window)
    if basis is Basis.FAILURE:
        failed = replace(calls, columns={**calls.columns, "status": ("error",)})
        sums["cost_picousd"] = (await _sums(session, snapshot, failed, window))["cost_picousd"]
    return _figures(sums, units=_days(window) if basis is Basis.DAY else sums["requests"])


async def _sums(session: ReadSession, snapshot: Snapshot, calls: Calls, window: Window) -> dict[str, Any]:
    found = await read(session, snapshot, Question(calls.block, window, calls.columns))
    return named_sums(calls.block, found.get((None, None)) or Reading.empty(calls.block))


async def _from_facts(session: ReadSession, project_id: int, calls: Calls, basis: Basis, window: Window) -> Figures:
    start, end = window
    conditions: list[ColumnElement[bool]] = [
        UsageEvent.project_id == project_id,
        UsageEvent.time >= start,
        UsageEvent.time < end,
        *(_among(getattr(UsageEvent, column), values) for column, values in calls.columns.items()),
        *(json_text(UsageEvent.attributes, name) == value for name, value in calls.attributes),
    ]
    # A call without a trace stands for one if it ended well: what failed was made for another one.
    traces = func.coalesce(UsageEvent.trace_id, case((UsageEvent.status == "ok", UsageEvent.id)))
    measures = [USAGE_SUMS[name] for name in SUMMED]
    *summed, traced = await session.one(select(*measures, func.count(traces.distinct())).where(*conditions))
    sums = dict(zip(SUMMED, summed, strict=True))
    if basis is Basis.FAILURE:
        failed = select(USAGE_SUMS["cost_picousd"]).where(*conditions, UsageEvent.status == "error")
        sums["cost_picousd"] = await session.scalar(failed)
    units = {Basis.TRACE: traced, Basis.DAY: _days(window)}
    return _figures(sums, units=units.get(basis, sums["requests"]))


def _set(**columns: str | None) -> dict[str, tuple[str | None, ...]]:
    return {column: (value,) for column, value in columns.items() if value is not None}


def _among(column: Any, values: tuple[str | None, ...]) -> ColumnElement[bool]:
    return or_(column.in_([value for value in values if value is not None]), *([column.is_(None)] * (None in values)))


def _days(window: Window) -> int:
    return (window[1] - window[0]) // DAY


def _figures(sums: dict[str, Any], *, units: int) -> Figures:
    """API calls have no prices: `priced` is None."""
    return Figures(
        requests=sums["requests"],
        errors=sums["errors"],
        units=units,
        priced=sums.get("priced"),
        cost_picousd=sums.get("cost_picousd", 0),
        timed=sums["timed"],
        duration_ms=sums["duration_ms"],
    )
