"""Latencies of a component, an hour in a row of six bytes each: when in the hour (0.1 s), and milliseconds."""

import datetime as dt
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import select

from models import Component, ComponentHour, WriteSession

HOUR: Final = dt.timedelta(hours=1)
TICK: Final = dt.timedelta(milliseconds=100)
PACKED: Final = np.dtype([("ticks", ">u2"), ("ms", ">f4")])


def pack(time: dt.datetime, latency_ms: float) -> bytes:
    """One latency."""
    return np.array([((time - hour_of(time)) // TICK, latency_ms)], dtype=PACKED).tobytes()


def unpack(hour: dt.datetime, latencies: bytes) -> tuple[NDArray[Any], NDArray[Any]]:
    """The times (seconds since the epoch) and the milliseconds of an hour's latencies, in the order of recording."""
    packed = np.frombuffer(latencies, dtype=PACKED)
    return hour.timestamp() + packed["ticks"] * TICK.total_seconds(), packed["ms"].astype(float)


def hour_of(time: dt.datetime) -> dt.datetime:
    """The start of the hour."""
    return time.replace(minute=0, second=0, microsecond=0)


async def keep_latency(session: WriteSession, row: Component, time: dt.datetime, latency_ms: float) -> None:
    """Adds a latency of a component whose row is locked."""
    hour = hour_of(time)
    kept = await session.scalar(
        select(ComponentHour).where(
            ComponentHour.project_id == row.project_id,
            ComponentHour.component_id == row.id,
            ComponentHour.hour == hour,
        )
    )
    if kept is None:
        kept = ComponentHour(project_id=row.project_id, component_id=row.id, hour=hour, latencies=b"")
        session.add(kept)
    kept.latencies += pack(time, latency_ms)
