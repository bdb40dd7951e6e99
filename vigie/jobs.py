"""What runs beside the requests: loops that survive their failures, ended together."""

import asyncio
import math
import random
import time
from collections.abc import Awaitable, Callable
from typing import Final

import structlog
from prometheus_client import Counter

from models.outages import database_is_down

RUNS: Final = Counter("vigie_job_runs_total", "Runs of background jobs, by how they ended.", ["job", "outcome"])
LONGEST_PAUSE: Final = 60.0
SETTLED_SECONDS: Final = 60.0

log = structlog.get_logger(__name__)


class Jobs:
    """The background jobs of the process."""

    def __init__(self) -> None:
        self._tasks: list[asyncio.Task[None]] = []
        self._failures: dict[str, int] = {}
        self._running_since: dict[str, float] = {}

    def failures(self) -> dict[str, int]:
        """How often each job that fails has failed in a row. One that has run for a minute since does not fail."""
        settled = time.monotonic() - SETTLED_SECONDS
        return {
            name: failures
            for name, failures in self._failures.items()
            if failures and self._running_since.get(name, math.inf) > settled
        }

    def every(self, seconds: float, name: str, run: Callable[[], Awaitable[None]]) -> None:
        """Runs it now, and again `seconds` after each end. A failure is logged, counted, and waited out ever longer."""
        self._tasks.append(asyncio.create_task(self._repeat(seconds, name, run), name=name))

    async def close(self) -> None:
        """Cancels the jobs, in the middle of a run if need be, and waits until they have ended."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _repeat(self, seconds: float, name: str, run: Callable[[], Awaitable[None]]) -> None:
        while True:
            self._running_since[name] = time.monotonic()
            try:
                await run()
            except Exception as error:
                failures = self._failures[name] = self._failures.get(name, 0) + 1
                RUNS.labels(name, "failed").inc()
                if database_is_down(error):
                    log.warning("job waits for the database", job=name, failures=failures, error=type(error).__name__)
                else:
                    log.exception("job failed", job=name, failures=failures)
            else:
                failures = self._failures[name] = 0
                RUNS.labels(name, "done").inc()
            del self._running_since[name]
            pause = min(seconds * 2**failures, max(seconds, LONGEST_PAUSE)) if failures else seconds
            await asyncio.sleep(pause * random.uniform(0.9, 1.1))  # noqa: S311 — spreads load, keeps no secret
