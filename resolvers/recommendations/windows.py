"""Reads the target's calls of a window: from roll-ups where they know the target, else from the calls themselves."""

import datetime as dt
from typing import Any

from sqlalchemy import ColumnElement, case, func, select

from models import ReadSession, UsageEvent
from models.functions import json_text
from resolvers.metrics.blocks import API, USAGE
from resolvers.metrics.figures import named_sums
from resolvers.metrics.readings import Question, Reading, read
from resolvers.metrics.snapshots import Snapshot
from resolvers.recommendations.effects import DAY, Figures, Unit
from resolvers.recommendations.targets import Target
from resolvers.rollups.measures import USAGE_SUMS

SUMMED = ("requests", "errors", "priced", "cost_picousd", "timed", "duration_ms")


async def read_window(
    session: ReadSession, snapshot: Snapshot, *, target: Target, unit: Unit, start: dt.datetime, end: dt.datetime
) -> Figures:
    """The figures of the target's calls in [start, end), of the alternative model's too; its cost spread over units."""
    if target.attributes or unit is Unit.ANSWER:
        return await _from_calls(session, snapshot.project_id, target, unit, start, end)
    block = USAGE if target.route is None else API
    found = await read(session, snapshot, Question(block, (start, end), columns_of(target)))
    sums = named_sums(block, found.get((None, None)) or Reading.empty(block))
    return _figures(sums, units=(end - start) // DAY if unit is Unit.DAY else sums["requests"])


def columns_of(target: Target) -> dict[str, tuple[str, ...]]:
    """The values that the target's calls have, by column; attributes are no column."""
    kept: dict[str, tuple[str | None, ...]]
    if target.route is not None:
        kept = {"route": (target.route,), "subject": (target.subject,), "environment": (target.environment,)}
    else:
        kept = {
            "provider": _providers(target),
            "model": (target.model, target.alternative_model),
            "operation": (target.operation,),
            "subject": (target.subject,),
            "environment": (target.environment,),
        }
    wanted = {column: tuple(value for value in values if value is not None) for column, values in kept.items()}
    return {column: values for column, values in wanted.items() if values}


def _providers(target: Target) -> tuple[str | None, ...]:
    """The providers of the model and of its alternative; none when either may be anybody's."""
    if target.alternative_model is None:
        return (target.provider,)
    return (target.provider, target.alternative_provider) if target.provider and target.alternative_provider else ()


async def _from_calls(
    session: ReadSession, project_id: int, target: Target, unit: Unit, start: dt.datetime, end: dt.datetime
) -> Figures:
    conditions: list[ColumnElement[bool]] = [
        UsageEvent.project_id == project_id,
        UsageEvent.time >= start,
        UsageEvent.time < end,
        *(getattr(UsageEvent, column).in_(values) for column, values in columns_of(target).items()),
        *(json_text(UsageEvent.attributes, name) == value for name, value in target.attributes),
    ]
    ended_well = case((UsageEvent.status == "ok", func.coalesce(UsageEvent.trace_id, UsageEvent.id)))
    measures = [USAGE_SUMS[name] for name in SUMMED]
    *summed, answers = await session.one(select(*measures, func.count(ended_well.distinct())).where(*conditions))
    sums = dict(zip(SUMMED, summed, strict=True))
    units = {Unit.REQUEST: sums["requests"], Unit.ANSWER: answers, Unit.DAY: (end - start) // DAY}
    return _figures(sums, units=units[unit])


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
