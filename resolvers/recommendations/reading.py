"""Reads the aggregates that rules look at: from roll-ups where they serve, from calls where dimensions combine."""

import datetime as dt
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import func, select

from integrations.prices import BulkPrices, ListPrices
from models import ReadSession, UsageEvent
from resolvers.metrics.blocks import API, USAGE, Block
from resolvers.metrics.figures import named_sums
from resolvers.metrics.readings import Key, Question, Reading, read
from resolvers.metrics.snapshots import Snapshot, take_snapshot
from resolvers.recommendations.aggregates import Aggregates, Model, Route, Subject
from resolvers.recommendations.alternatives import Alternatives
from resolvers.recommendations.cells import read_cells
from resolvers.recommendations.sampling import DAY, Sample
from resolvers.recommendations.thresholds import Thresholds
from resolvers.rollups import sketch
from resolvers.rollups.routes import OTHER_ROUTES

LONGEST: Final = dt.timedelta(days=31)
RECENT: Final = dt.timedelta(days=7)
SUBJECTS_APART: Final = 200


@dataclass(frozen=True, slots=True)
class Sources:
    """What aggregates are read with. Of single calls about `most_calls` are read."""

    prices: BulkPrices = field(default_factory=ListPrices)
    alternatives: Alternatives = field(default_factory=Alternatives)
    thresholds: Thresholds = field(default_factory=Thresholds)
    most_calls: int = 1_000_000


async def read_aggregates(
    session: ReadSession, *, project_id: int, start: dt.datetime, end: dt.datetime, now: dt.datetime, sources: Sources
) -> Aggregates | None:
    """The traffic of [start, end), of its last 31 days when it is longer; None without any.

    Roll-ups answer by model, route and subject. Cells read calls, `sources.most_calls` at most: beyond that an even
    part of each hour stands for all. So the cost grows with the calls up to that many, with the number of subjects and
    routes, and no further.
    """
    end = min(end, now)
    start = max(start, end - LONGEST)
    if start >= end:
        return None
    snapshot = await take_snapshot(session, project_id=project_id, now=now)
    first, last = await _span(session, project_id, start, end)
    models = await _by(session, snapshot, USAGE, "model", start, end)
    routes = await _by(session, snapshot, API, "route", start, end, needs=frozenset({"latency"}))
    if first is None or last is None:
        if not routes:
            return None
        first, last = start, end
    calls = sum(reading.sums[0] for reading in models.values())
    days = max(1.0, (last - first) / DAY)
    recently = max(start, _recently(first, last))
    recent_models = await _by(session, snapshot, USAGE, "model", recently, end)
    recent_routes = await _by(session, snapshot, API, "route", recently, end, needs=frozenset({"latency"}))
    since = max(start, _midnight(last - dt.timedelta(days=sources.thresholds.idle_days)))
    subjects = await _subjects(session, snapshot, start, since, end)
    dearest = sorted(subjects, key=lambda subject: (-subject.cost, subject.subject))[:SUBJECTS_APART]
    sample = Sample.of(start, end, calls=calls, most=sources.most_calls)
    cells = await read_cells(
        session,
        project_id=project_id,
        sample=sample,
        since=recently,
        subjects=[subject.subject for subject in dearest],
        prices=sources.prices,
        alternatives=sources.alternatives,
    )
    return Aggregates(
        days=days,
        recent_days=max(0.5, (last - recently) / DAY),
        idle_days=(last - since) / DAY,
        share_read=sample.share,
        cost=sum(named_sums(USAGE, reading)["cost_picousd"] for reading in models.values()),
        cells=tuple(cells),
        models=tuple(_model(model, reading, recent_models.get(model)) for model, reading in models.items()),
        routes=tuple(
            _route(route, reading, recent_routes.get(route))
            for route, reading in routes.items()
            if route != OTHER_ROUTES
        ),
        subjects=tuple(subjects),
    )


def _midnight(time: dt.datetime) -> dt.datetime:
    return time.replace(hour=0, minute=0, second=0, microsecond=0)


def _recently(first: dt.datetime, last: dt.datetime) -> dt.datetime:
    """The midnight from which calls are recent. A busy day more than RECENT would outweigh a calm week after it."""
    since = _midnight(last - min(RECENT, (last - first) / 2))
    return since if last - since <= RECENT else since + DAY


async def _span(
    session: ReadSession, project_id: int, start: dt.datetime, end: dt.datetime
) -> tuple[dt.datetime | None, dt.datetime | None]:
    """The first and the last model call of a time: a project that is younger than it costs that much in fewer days."""
    of_project = (UsageEvent.project_id == project_id, UsageEvent.time >= start, UsageEvent.time < end)
    first = await session.scalar(select(func.min(UsageEvent.time)).where(*of_project))
    last = await session.scalar(select(func.max(UsageEvent.time)).where(*of_project))
    return first, last


async def _by(
    session: ReadSession,
    snapshot: Snapshot,
    block: Block,
    dimension: str,
    start: dt.datetime,
    end: dt.datetime,
    needs: frozenset[str] = frozenset(),
) -> dict[Key, Reading]:
    found = await read(session, snapshot, Question(block, (start, end), {}, by=dimension, needs=needs))
    return {key: reading for (_, key), reading in found.items() if reading.sums[0]}


async def _subjects(
    session: ReadSession, snapshot: Snapshot, start: dt.datetime, since: dt.datetime, end: dt.datetime
) -> list[Subject]:
    async def sums(block: Block, start: dt.datetime) -> dict[Key, dict[str, Any]]:
        found = await _by(session, snapshot, block, "subject", start, end)
        return {key: named_sums(block, reading) for key, reading in found.items()}

    usage, api = await sums(USAGE, start), await sums(API, start)
    recent_usage, recent_api = (usage, api) if since == start else (await sums(USAGE, since), await sums(API, since))
    return [
        Subject(
            subject=subject,
            requests=of["requests"],
            cost=of["cost_picousd"],
            recent_requests=recent_usage.get(subject, {}).get("requests", 0),
            api_requests=api.get(subject, {}).get("requests", 0),
            recent_api_requests=recent_api.get(subject, {}).get("requests", 0),
        )
        for subject, of in usage.items()
        if subject is not None
    ]


def _model(model: Key, reading: Reading, recent: Reading | None = None) -> Model:
    sums = named_sums(USAGE, reading)
    return Model(model or "", sums["requests"], sums["priced"], None if recent is None else _model(model, recent))


def _route(route: Key, reading: Reading, recent: Reading | None = None) -> Route:
    sums = named_sums(API, reading)
    stored, raw = (b"".join(parts.get("latency", ())) for parts in (reading.stored, reading.raw))
    ((p95,),) = sketch.grouped_quantiles([stored], [raw], (0.95,))
    return Route(
        route=route or "",
        requests=sums["requests"],
        errors=sums["errors"],
        timed=sums["timed"],
        mean_ms=sums["duration_ms"] / sums["timed"] if sums["timed"] else None,
        p95_ms=p95,
        hits=sums["hits"],
        misses=sums["misses"],
        recent=None if recent is None else _route(route, recent),
    )
