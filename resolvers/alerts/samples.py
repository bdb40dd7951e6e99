"""Figures of the running processes and of the database, sampled as time goes by: open sockets, refused keys, lags."""

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from sqlalchemy import func, select

from models import ReadSession, Sample, WriteSession
from resolvers.alerts.figures import COUNTED, LOWEST, NEVER_ZERO, Measure, value_of
from resolvers.rollups.upserts import insert_into, table_of

NOBODY: Final = 0
"""The project of samples that belong to none and count in every one."""

Samples = Mapping[tuple[int, str], float]
"""Values by project and metric."""


async def store_samples(session: WriteSession, samples: Samples, *, time: dt.datetime, process: str) -> None:
    """Keeps what a process found at a time, once; zeros are left out, for what is missing was zero."""
    rows = [
        {"project_id": project_id, "metric": metric, "time": time, "process": process, "value": float(value)}
        for (project_id, metric), value in sorted(samples.items())
        if value
    ]
    if rows:
        insert = insert_into(table_of(Sample), session.dialect)
        await session.run_many(insert.on_conflict_do_nothing(), rows)


async def sampled(
    session: ReadSession, *, project_id: int, measure: Measure, instants: Sequence[dt.datetime]
) -> list[float | None]:
    """The figure at each instant: what is counted is added up, of the others the worst sample of the window is it.

    What several processes found at one moment is added up.
    """
    rows = await session.rows(
        select(Sample.time, func.sum(Sample.value))
        .where(
            Sample.project_id.in_((project_id, NOBODY)),
            Sample.metric == measure.metric,
            Sample.time > instants[0] - measure.reach,
            Sample.time <= instants[-1],
        )
        .group_by(Sample.time)
        .order_by(Sample.time)
    )
    found = [(time, float(value)) for time, value in rows]
    return [_at(measure, found, instant) for instant in instants]


def _at(measure: Measure, found: Sequence[tuple[dt.datetime, float]], instant: dt.datetime) -> float | None:
    parts: list[float | None] = []
    for ago in measure.windows:
        end = instant - ago
        parts.append(_folded(measure, (value for time, value in found if end - measure.window < time <= end)))
    return value_of(parts)


def _folded(measure: Measure, values: Iterable[float]) -> float | None:
    if measure.metric in COUNTED:
        return sum(values)
    worst = min if measure.metric in LOWEST else max
    return worst(values, default=None if measure.metric in NEVER_ZERO else 0.0)
