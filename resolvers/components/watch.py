"""The watch: looks at every component when its time comes, in one process of all, and records what it finds.

What is due stands in the table. Whoever claims a row moves its time on first, so nobody else looks meanwhile, and a
process that dies costs no more than that. Vigie's own components are looked at once and recorded in every project.
"""

import asyncio
import datetime as dt
import time
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from typing import Final

import structlog
from prometheus_client import Counter, Histogram
from sqlalchemy import ColumnElement, select, tuple_, update

from models import Component, Database, WriteSession
from models.outages import database_is_down
from resolvers.components.expiry import expire
from resolvers.components.internal import CRITICAL, EXTERNAL, Finding, Looks
from resolvers.components.observing import Observation, lock_component, next_look, observe
from resolvers.components.states import DOWN, HEALTHY
from resolvers.components.terms import WatchTerms
from resolvers.heartbeats.beating import look
from resolvers.heartbeats.saving import KIND as HEARTBEAT

TICK_SECONDS: Final = 0.5
LEASE: Final = dt.timedelta(seconds=90)
LOOK_SECONDS: Final = 10.0
MOST_OWN: Final = 2000
MOST_AT_ONCE: Final = 100
EXPIRE_SECONDS: Final = 3600.0

LOOKED: Final = Counter("vigie_health_looks_total", "Looks at components, by what they found.", ["kind", "status"])
LOOK_TOOK: Final = Histogram(
    "vigie_health_look_seconds",
    "Duration of looks at components.",
    ["kind"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60),
)

log = structlog.get_logger(__name__)

Check = Callable[[int, int], Awaitable[str]]
"""Runs the HTTP check of a project's component and records what came of it; answers the status that it found."""


class Watch:
    """Keeps the watch until it is cancelled. `looks` are those at Vigie's own components, `check` runs HTTP checks."""

    def __init__(self, database: Database, *, looks: Looks, check: Check, terms: WatchTerms) -> None:
        self._database = database
        self._looks = looks
        self._check = check
        self._terms = terms
        self._tasks: set[asyncio.Task[None]] = set()
        self._lost: tuple[dt.datetime, dt.datetime] | None = None
        """From when to when the database did not answer, where nobody could record it."""
        self._expire_at = 0.0

    async def run(self) -> None:
        """Claims what is due, twice a second, and looks at it beside."""
        try:
            while True:
                await self._tick()
                await asyncio.sleep(TICK_SECONDS)
        finally:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _tick(self) -> None:
        now = dt.datetime.now(dt.UTC)
        try:
            own = await self._claim(MOST_OWN, Component.kind.in_(CRITICAL))
            others = await self._claim(MOST_AT_ONCE - len(self._tasks), Component.kind.not_in(CRITICAL))
            await self._expire(now)
        except Exception as error:
            if not database_is_down(error):
                raise
            self._lost = (self._lost[0] if self._lost else now, dt.datetime.now(dt.UTC))
            return
        if own:
            self._beside(self._look_at_own([(row.project_id, row.id, row.kind) for row in own]))
        for row in others:
            beats = row.kind == HEARTBEAT
            self._beside((self._look_for_beat if beats else self._run_check)(row.project_id, row.id))

    async def _claim(self, most: int, *conditions: ColumnElement[bool]) -> Sequence[Component]:
        """What is due; the next time of each is set, for the case that nobody records anything."""
        now = dt.datetime.now(dt.UTC)
        due = select(Component).where(Component.due_at <= now, *conditions).order_by(Component.due_at)
        async with self._database.read() as session:
            if most <= 0 or not await session.scalars(due.limit(1)):
                return ()
        async with self._database.write() as session:
            rows = [row for (row,) in await session.execute(due.limit(most).with_for_update(skip_locked=True))]
            keys = [(row.project_id, row.id) for row in rows]
            await session.run(
                update(Component)
                .where(tuple_(Component.project_id, Component.id).in_(keys))
                .values(due_at=now + LEASE)
                .execution_options(synchronize_session=False)
            )
        return rows

    async def _expire(self, now: dt.datetime) -> None:
        if time.monotonic() >= self._expire_at:
            self._expire_at = time.monotonic() + EXPIRE_SECONDS
            await expire(self._database, before=now - self._terms.kept_for)

    async def _look_at_own(self, claimed: Collection[tuple[int, int, str]]) -> None:
        """Looks once at each kind, and records it for every project that is due."""
        kinds = sorted({kind for *_, kind in claimed})
        found = dict(zip(kinds, await asyncio.gather(*map(self._look, kinds)), strict=True))
        now = dt.datetime.now(dt.UTC)
        lost = self._lost if "database" in kinds else None
        for project_id in sorted({project_id for project_id, *_ in claimed}):
            async with self._database.write() as session:
                for _, number, kind in sorted(claim for claim in claimed if claim[0] == project_id):
                    row = await lock_component(session, project_id=project_id, number=number)
                    if row is None:
                        continue
                    if kind == "database" and lost is not None:
                        await _observe_loss(session, row, *lost)
                    await self._record(session, row, found[kind], now)
        if lost is not None and self._lost == lost:
            self._lost = None

    async def _record(
        self, session: WriteSession, row: Component, found: Mapping[int, Finding] | Finding, now: dt.datetime
    ) -> None:
        finding = found if isinstance(found, Finding) else found.get(row.project_id, Finding(HEALTHY))
        every = self._terms.external_every if row.kind in EXTERNAL else self._terms.internal_every
        row.every_seconds, row.due_at = every.total_seconds(), next_look(now, every)
        await observe(session, row, Observation(finding.status, now, finding.message, finding.latency_ms))

    async def _look(self, kind: str) -> Mapping[int, Finding] | Finding:
        started = time.monotonic()
        found: Mapping[int, Finding] | Finding
        try:
            async with asyncio.timeout(LOOK_SECONDS):
                found = await self._looks[kind]()
        except TimeoutError:
            found = Finding(DOWN, f"No answer within {LOOK_SECONDS:g} s.")
        except Exception as error:  # noqa: BLE001 — whatever it is, the component does not work
            # The type alone: a message may quote an address with its password.
            found = Finding(DOWN, f"{type(error).__name__}.")
        LOOK_TOOK.labels(kind).observe(time.monotonic() - started)
        if isinstance(found, Finding):
            LOOKED.labels(kind, found.status).inc()
        return found

    async def _look_for_beat(self, project_id: int, number: int) -> None:
        async with self._database.write() as session:
            row = await lock_component(session, project_id=project_id, number=number)
            if row is not None and row.enabled:
                await look(session, row, dt.datetime.now(dt.UTC))

    async def _run_check(self, project_id: int, number: int) -> None:
        with LOOK_TOOK.labels("http").time():
            status = await self._check(project_id, number)
        LOOKED.labels("http", status).inc()

    def _beside(self, work: Awaitable[None]) -> None:
        task = asyncio.ensure_future(_logged(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


async def _observe_loss(session: WriteSession, row: Component, since: dt.datetime, until: dt.datetime) -> None:
    await observe(session, row, Observation(DOWN, since, "The database did not answer."))
    row.checked_at = until


async def _logged(work: Awaitable[None]) -> None:
    """Nobody waits for it: what fails is logged here, and due again when its claim ends."""
    try:
        await work
    except Exception as error:
        if database_is_down(error):
            log.warning("a look could not be recorded", error=type(error).__name__)
        else:
            log.exception("a look failed")
