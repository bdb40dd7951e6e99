"""What the roll-up tables hold, and what they ought to hold, computed from the facts in plain Python."""

import datetime as dt
import math
import struct
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

import pytest
from pyroaring import BitMap
from sqlalchemy import select

from models import (
    ApiByRoute,
    ApiBySubject,
    ApiByTime,
    Database,
    Subject,
    UsageByModel,
    UsageBySubject,
    UsageByTime,
)
from models.functions import latency_bucket
from realtime.facts import ApiCallFact, Fact, UsageFact
from resolvers.rollups.cubes import minutes_from

MODELS: tuple[Any, ...] = (UsageByTime, UsageByModel, UsageBySubject, ApiByTime, ApiByRoute, ApiBySubject)
Rows = dict[tuple[Any, ...], dict[str, Any]]


async def stored(database: Database, project_id: int) -> Rows:
    """Every roll-up row of a project by table and key: sketches as counters, sets of subjects as their names."""
    found: Rows = {}
    async with database.read() as session:
        subjects = await session.rows(select(Subject.number, Subject.name).where(Subject.project_id == project_id))
        names = {row.number: row.name for row in subjects}
        assert len(set(names.values())) == len(names)
        for model in MODELS:
            table = model.__table__
            for row in await session.rows(select(table).where(table.c.project_id == project_id)):
                values = row._asdict()
                key = (table.name, *(values.pop(column.name) for column in table.primary_key))
                for sketch in {"latency", "time_to_first_token"} & values.keys():
                    values[sketch] = _counter(values[sketch])
                if "subjects" in values:
                    numbers = BitMap.deserialize(values["subjects"]) if values["subjects"] else ()
                    values["subjects"] = {names[number] for number in numbers}
                found[key] = values
    return found


def recomputed(facts: Iterable[Fact], *, now: dt.datetime, routes_a_day: int = 2_000) -> Rows:
    """What `stored` ought to answer for these facts."""
    groups: dict[tuple[Any, ...], list[Any]] = defaultdict(list)
    admitted: dict[dt.date, set[str]] = defaultdict(set)
    for fact in facts:
        if isinstance(fact, UsageFact):
            dimensions = (fact.provider or "", fact.model, fact.operation or "", fact.status)
            tables = ("usage_by_time", "usage_by_model", "usage_by_subject")
        elif isinstance(fact, ApiCallFact):
            routes = admitted[fact.time.date()]
            if len(routes) < routes_a_day:
                routes.add(fact.route)
            route = fact.route if fact.route in routes else "(other)"
            dimensions = (fact.method, route, fact.status)  # type: ignore[assignment]
            tables = ("api_by_time", "api_by_route", "api_by_subject")
        else:
            continue
        for grain in (1, 15, 1440):
            if grain > 1 or fact.time >= minutes_from(now):
                bucket = _bucket(fact.time, grain)
                groups[tables[0], fact.project_id, grain, bucket].append(fact)
                groups[tables[1], fact.project_id, grain, bucket, *dimensions].append(fact)
        groups[tables[2], fact.project_id, _bucket(fact.time, 1440), fact.subject or ""].append(fact)
    return {key: _values(key[0], some) for key, some in groups.items()}


def assert_same(found: Rows, wanted: Rows) -> None:
    """Integers, sketches and sets are equal, floating-point sums nearly so."""
    assert found.keys() == wanted.keys()
    for key, values in wanted.items():
        assert found[key] == {
            name: pytest.approx(value, rel=1e-9) if isinstance(value, float) else value
            for name, value in values.items()
        }, key


def _bucket(time: dt.datetime, grain: int) -> dt.datetime:
    minute = time.hour * 60 + time.minute
    start = dt.datetime.combine(time.date(), dt.time(), dt.UTC)
    return start + dt.timedelta(minutes=minute - minute % grain)


def _values(table: str, facts: Sequence[Any]) -> dict[str, Any]:
    durations = [fact.duration_ms for fact in facts if fact.duration_ms is not None]
    values: dict[str, Any] = {
        "requests": len(facts),
        "timed": len(durations),
        "duration_ms": math.fsum(durations),
        "max_duration_ms": max(durations, default=None),
    }
    values |= _usage(facts) if table.startswith("usage") else _api(facts)
    if not table.endswith("by_subject"):
        values["latency"] = Counter(map(latency_bucket, durations))
        values["subjects"] = {fact.subject for fact in facts if fact.subject is not None}
        if table.startswith("usage"):
            values |= _usage_shape(facts)
    return values


def _usage(facts: Sequence[UsageFact]) -> dict[str, Any]:
    return {
        "errors": sum(fact.status == "error" for fact in facts),
        "priced": sum(fact.cost_picousd is not None for fact in facts),
        "estimated": sum(fact.estimated for fact in facts),
        "unpriced": sum(fact.unpriced is not None for fact in facts),
        "cost_picousd": sum(fact.cost_picousd or 0 for fact in facts),
        "uncached_tokens": sum(fact.uncached_tokens for fact in facts),
        "cache_read_tokens": sum(fact.cache_read_tokens for fact in facts),
        "cache_write_tokens": sum(fact.cache_write_tokens for fact in facts),
        "visible_tokens": sum(fact.visible_tokens for fact in facts),
        "reasoning_tokens": sum(fact.reasoning_tokens for fact in facts),
    }


def _usage_shape(facts: Sequence[UsageFact]) -> dict[str, Any]:
    first = [fact.time_to_first_token_ms for fact in facts if fact.time_to_first_token_ms is not None]
    pairs = [
        (fact.cost_picousd / 1e12, fact.duration_ms)
        for fact in facts
        if fact.cost_picousd is not None and fact.duration_ms is not None
    ]
    return {
        "time_to_first_token": Counter(map(latency_bucket, first)),
        "paired": len(pairs),
        "paired_usd": math.fsum(usd for usd, _ in pairs),
        "paired_usd_squared": math.fsum(usd * usd for usd, _ in pairs),
        "paired_ms": math.fsum(ms for _, ms in pairs),
        "paired_ms_squared": math.fsum(ms * ms for _, ms in pairs),
        "paired_product": math.fsum(usd * ms for usd, ms in pairs),
    }


def _api(facts: Sequence[ApiCallFact]) -> dict[str, Any]:
    return {
        "errors": sum(fact.status >= 500 for fact in facts),
        "request_bytes": sum(fact.request_bytes or 0 for fact in facts),
        "response_bytes": sum(fact.response_bytes or 0 for fact in facts),
        "hits": sum(fact.cache == "hit" for fact in facts),
        "misses": sum(fact.cache == "miss" for fact in facts),
    }


def _counter(sketch: bytes) -> Counter[int]:
    counted: Counter[int] = Counter()
    for bucket, count in struct.iter_unpack("<HI", sketch):
        assert bucket not in counted, "a stored sketch names a bucket once"
        counted[bucket] = count
    return counted
