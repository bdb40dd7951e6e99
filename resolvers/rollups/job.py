"""The job that keeps roll-ups close behind the log: it folds what waits, and expires minute rows."""

import asyncio
import datetime as dt
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Hashable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Final

import structlog
from prometheus_client import Counter, Gauge, Histogram
from sqlalchemy import select

from models import Database, Watermark
from models.outages import database_is_down
from resolvers.rollups.expiry import expire_minutes
from resolvers.rollups.fold import FACTS_A_FOLD, fold, fold_subjects
from resolvers.rollups.lags import Lag, lags
from resolvers.rollups.leases import SERIES, SUBJECTS

BEHIND: Final = Gauge("vigie_rollup_facts_behind", "Facts that are in no roll-up yet, of all projects.", ["watermark"])
WAITED: Final = Gauge("vigie_rollup_seconds_behind", "How long the oldest of these facts has waited.", ["watermark"])
FOLDED: Final = Counter("vigie_rollup_facts_folded_total", "Facts that went into roll-ups.", ["watermark"])
FOLD_SECONDS: Final = Histogram(
    "vigie_rollup_fold_seconds",
    "Duration of one fold.",
    ["watermark"],
    buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
EXPIRED: Final = Counter("vigie_rollup_minute_rows_expired_total", "Minute rows deleted for their age.")

EXPIRE_SECONDS: Final = 3600.0
LONGEST_PAUSE: Final = 30.0

log = structlog.get_logger(__name__)

Task = tuple[Hashable, ...]


@dataclass(frozen=True, slots=True)
class Fold:
    """A fold is due when `facts` wait, or every so many `seconds` when any do."""

    run: Callable[[Database, int, int], Awaitable[int]]
    facts: int
    seconds: float


FOLDS: Final = {
    SERIES: Fold(fold, FACTS_A_FOLD, 1.0),
    # A row for each subject that a fold meets: seldom and many at a time is cheaper.
    SUBJECTS: Fold(fold_subjects, FACTS_A_FOLD, 2.0),
}


async def run(database: Database, wake: asyncio.Event, *, pause: float = 1.0) -> None:
    """Folds and expires until it is cancelled. `wake` cuts a pause (seconds) short: set it when many facts wait.

    What fails is logged and tried again, later each time, and holds nothing else up.
    """
    folder = Folder(database)
    while True:
        wake.clear()
        started = time.monotonic()
        if not await folder.step():
            spent = time.monotonic() - started
            with suppress(TimeoutError):
                await asyncio.wait_for(wake.wait(), max(pause, spent))


class Folder:
    """What a process remembers from step to step: when it did what, and what failed."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._not_before: dict[Task, float] = {}
        self._failures: dict[Task, int] = {}

    async def step(self) -> bool:
        """Does what is due; answers whether more is due at once."""
        found: Sequence[Lag] = ()
        async with self._attempt("expire", every=EXPIRE_SECONDS) as due:
            if due:
                await self._expire()
        async with self._attempt("look") as due:
            if due:
                found = await self._look()
        return any([await self._fold(lag) for lag in found])

    async def _fold(self, lag: Lag) -> bool:
        """Folds if it is due; answers whether the next fold is due at once."""
        rule = FOLDS[lag.name]
        many = lag.facts >= rule.facts
        wanted, folded = min(lag.facts, rule.facts), 0
        async with self._attempt(lag.name, lag.project_id, every=rule.seconds, early=many) as due:
            while due and folded < wanted:
                with FOLD_SECONDS.labels(lag.name).time():
                    facts = await rule.run(self._database, lag.project_id, wanted - folded)
                FOLDED.labels(lag.name).inc(facts)
                folded += facts
                due = facts > 0
        return folded > 0 and lag.facts - folded >= rule.facts

    async def _look(self) -> Sequence[Lag]:
        async with self._database.read() as session:
            found = await lags(session)
        now = dt.datetime.now(dt.UTC)
        for name in FOLDS:
            those = [lag for lag in found if lag.name == name]
            BEHIND.labels(name).set(sum(lag.facts for lag in those))
            WAITED.labels(name).set(max((lag.seconds(now) for lag in those), default=0.0))
        return found

    async def _expire(self) -> None:
        now = dt.datetime.now(dt.UTC)
        async with self._database.read() as session:
            projects = await session.scalars(select(Watermark.project_id).where(Watermark.name == SERIES))
        for project_id in projects:
            EXPIRED.inc(await expire_minutes(self._database, project_id, now=now))

    @asynccontextmanager
    async def _attempt(self, *task: Hashable, every: float = 0.0, early: bool = False) -> AsyncIterator[bool]:
        """Yields whether a task is due: once in `every` seconds, or `early`, but after failures only later and later.

        Swallows the failure of the body.
        """
        now = time.monotonic()
        failures = self._failures.get(task, 0)
        due = now >= self._not_before.get(task, now) or (early and not failures)
        try:
            yield due
        except Exception as error:
            self._failures[task] = failures + 1
            self._not_before[task] = time.monotonic() + min(2.0**failures, LONGEST_PAUSE)
            if database_is_down(error):
                log.warning("roll-up task waits", task=task, failures=failures + 1, error=type(error).__name__)
            else:
                log.exception("roll-up task failed", task=task, failures=failures + 1)
        else:
            if due:
                self._failures.pop(task, None)
                self._not_before[task] = now + every
