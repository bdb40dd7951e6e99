"""How Vigie looks at its own components: what it takes for them to be healthy, degraded or down."""

import asyncio
import datetime as dt
import shutil
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from sqlalchemy import literal, select

from integrations.servers import list_openai_models, ping_redis
from models import Database
from resolvers.components.internal import Finding
from resolvers.components.states import DEGRADED, DOWN, HEALTHY, UNKNOWN
from resolvers.rollups.lags import lags

SLOW_MS: Final = 1000.0
PING_SECONDS: Final = 5.0
LITTLE, NONE_LEFT = 0.10, 0.02
LATE_SECONDS, FAR_LATE_SECONDS = 30.0, 120.0
FAILURES_DOWN: Final = 3
GIB: Final = 1 << 30


async def look_at_database(database: Database) -> Finding:
    """Whether a query comes back, and how fast."""
    started = time.perf_counter()
    async with database.read() as session:
        await session.scalar(select(literal(1)))
    return _answered(started)


async def look_at_redis(url: str | None) -> Finding:
    """Whether Redis answers, where there is one."""
    if url is None:
        return Finding(UNKNOWN, "There is none: VIGIE_REDIS_URL is not set.")
    started = time.perf_counter()
    await ping_redis(url, seconds=PING_SECONDS)
    return _answered(started)


async def look_at_openai(base_url: str, api_key: str | None) -> Finding:
    """Whether OpenAI answers and takes the key, where there is one."""
    if api_key is None:
        return Finding(UNKNOWN, "It is not used: VIGIE_OPENAI_API_KEY is not set.")
    started = time.perf_counter()
    status = await list_openai_models(base_url, api_key, seconds=PING_SECONDS)
    found = _answered(started)
    if status in (401, 403):
        return Finding(DOWN, f"It refuses the key (HTTP {status}).", found.latency_ms)
    if status == 429:
        return Finding(DEGRADED, "It asks for patience (HTTP 429).", found.latency_ms)
    return found if status < 400 else Finding(DOWN, f"HTTP {status}.", found.latency_ms)


async def look_at_disk(folder: Path, refusal: Callable[[], str | None] = lambda: None) -> Finding:
    """How much room the disk of the data folder has left; `refusal` says why no events are taken in, if so."""
    if (reason := refusal()) is not None:
        return Finding(DOWN, reason)
    disk = await asyncio.to_thread(shutil.disk_usage, folder)
    free = disk.free / disk.total
    message = f"{disk.free / GIB:,.1f} GiB free ({free:.0%})."
    return Finding(DOWN if free < NONE_LEFT else DEGRADED if free < LITTLE else HEALTHY, message)


async def look_at_jobs(failures: Callable[[], Mapping[str, int]]) -> Finding:
    """Whether the jobs of this process end well; `failures` are those in a row of each that does not."""
    failing = failures()
    if not failing:
        return Finding(HEALTHY)
    message = "; ".join(f"`{job}` failed {times} times in a row" for job, times in sorted(failing.items())) + "."
    return Finding(DOWN if max(failing.values()) >= FAILURES_DOWN else DEGRADED, message)


async def look_at_ingest(database: Database) -> Mapping[int, Finding]:
    """How long the facts of each project that lags have waited for their roll-ups."""
    async with database.read() as session:
        behind = await lags(session)
    now = dt.datetime.now(dt.UTC)
    found = dict[int, Finding]()
    for lag in sorted(behind, key=lambda lag: lag.seconds(now)):
        seconds = lag.seconds(now)
        status = DOWN if seconds > FAR_LATE_SECONDS else DEGRADED if seconds > LATE_SECONDS else HEALTHY
        message = f"{lag.facts:,} facts wait for their roll-ups, the oldest for {seconds:.0f} s."
        found[lag.project_id] = Finding(status, None if status == HEALTHY else message)
    return found


def _answered(started: float) -> Finding:
    latency_ms = (time.perf_counter() - started) * 1000
    slow = latency_ms > SLOW_MS
    return Finding(DEGRADED if slow else HEALTHY, f"It took {latency_ms:,.0f} ms." if slow else None, latency_ms)
