"""The writer: one per process, between every door and the log.

    await writer.start()
    stored = await writer.submit(project_id, usage_rows, call_rows)     # returns after the commit
    await writer.stop()                                                 # refuses new work, finishes what waits

Whatever waits while a transaction runs goes into the next one, without a timer: under load the groups grow by
themselves, at rest a request is alone in its own.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final

import structlog
from prometheus_client import Counter, Gauge, Histogram

from integrations.prices import Prices
from models import Database
from realtime.facts import Committed
from resolvers.errors import NotFound, Unavailable
from resolvers.events.checks import Row
from resolvers.events.groups import Part, Request, Stored, store
from resolvers.events.postgres import PostgresStore
from resolvers.events.sqlite import SqliteStore
from resolvers.events.stores import (
    CALLS,
    USAGE,
    AlreadyStored,
    Store,
    StoreDown,
    StoreFull,
    UnfitData,
    UnknownProject,
)
from resolvers.events.terms import TermsOfProjects
from resolvers.events.turns import Turn
from resolvers.rates import Quota
from resolvers.rejects.noting import Rejects

MOST_ROWS = 5_000
"""Of one transaction, unless a single request has more."""
MOST_QUEUED = 50_000
"""Events that may wait, or be on their way to the database."""
RETRY_SECONDS: Final = (0.05, 0.2, 0.5, 1.0, 2.0, 4.0)
"""Pauses between attempts to reach the database; after the last one the requests are refused."""

QUEUED = Gauge("vigie_writer_queued_events", "Events that wait for the writer, or are in its transaction.")
GROUP_EVENTS = Histogram(
    "vigie_writer_group_events", "Events per transaction.", buckets=(1, 3, 10, 30, 100, 300, 1000, 3000, 10000)
)
COMMIT_SECONDS = Histogram(
    "vigie_writer_commit_seconds",
    "Duration of a transaction, from BEGIN to COMMIT.",
    buckets=(0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10),
)
RETRIES = Counter("vigie_writer_retries_total", "Transactions that were done again.", ["reason"])
for _reason in ("duplicate", "unfit", "database"):
    RETRIES.labels(_reason)

log = structlog.get_logger(__name__)


class StorageFull(Unavailable):
    """The database's disk is full: somebody has to make room."""


class Writer:
    """`publish` hears of every commit after it, `on_commit` how many rows it added. Neither may raise or wait.

    `refusal` answers why nothing can be taken in now, or None.
    """

    def __init__(
        self,
        database: Database,
        prices: Prices,
        *,
        publish: Callable[[Committed], None] | None = None,
        on_commit: Callable[[int], None] | None = None,
        rejects: Rejects | None = None,
        refusal: Callable[[], str | None] = lambda: None,
        quota: Quota | None = None,
    ) -> None:
        self.quota = quota or Quota("events", 0)
        self.terms = TermsOfProjects(database, prices)
        self.rejects = rejects or Rejects()
        self.turn = Turn()
        self._store: Store = PostgresStore(database) if database.dialect == "postgresql" else SqliteStore(database)
        self._publish = publish
        self._on_commit = on_commit
        self._refusal = refusal
        self._waiting: deque[Part] = deque()
        self._queued = 0
        self._wake = asyncio.Event()
        self._stopping = False
        self._exact = False
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begins to write. Connects when the first request comes."""
        self._task = asyncio.create_task(self._run(), name="writer")

    async def stop(self) -> None:
        """Refuses new requests, stores those that wait, and closes the connection."""
        self._stopping = True
        self._wake.set()
        if self._task is not None:
            await self._task
        await self._store.close()

    @property
    def running(self) -> bool:
        """Whether requests are taken and stored."""
        return self._task is not None and not self._task.done() and not self._stopping

    async def submit(
        self, project_id: int, usage: list[Row], calls: list[Row], contents: dict[int, Row] | None = None
    ) -> Stored:
        """Stores the rows of one request and says what became of them, after the commit.

        `contents` are rows of `usage_contents` by the identity of their usage row: stored with it, or not at all.

        Raises Unavailable when the queue is full, the database away or the writer stopped (StorageFull when there is
        no room on its disk), NotFound when the project is gone. Nothing of the request is stored then, unless the
        connection broke at COMMIT and could not be made again: events that carry ids can safely be sent again.
        """
        answer: asyncio.Future[Stored] = asyncio.get_running_loop().create_future()
        part = Part(Request(project_id, answer, contents or {}), {USAGE: usage, CALLS: calls}, len(usage) + len(calls))
        if not self.running:
            raise Unavailable("This process is shutting down: send the events again.", retry_after=1)
        if (reason := self._refusal()) is not None:
            raise StorageFull(reason, retry_after=60)
        if self._queued + part.size > MOST_QUEUED:
            raise Unavailable(
                "Too many events are waiting to be stored: send them again a little later.", retry_after=1
            )
        self._queue(part.size)
        self._waiting.append(part)
        self._wake.set()
        return await answer

    def _queue(self, events: int) -> None:
        self._queued += events
        QUEUED.set(self._queued)

    async def _run(self) -> None:
        while True:
            while self._waiting:
                await self._finish(self._take())
            if self._stopping:
                return
            self._wake.clear()
            await self._wake.wait()

    def _take(self) -> list[Part]:
        """The requests that go into the next transaction."""
        parts = [self._waiting.popleft()]
        rows = parts[0].size
        while self._waiting and rows + self._waiting[0].size <= MOST_ROWS:
            part = self._waiting.popleft()
            rows += part.size
            parts.append(part)
        return parts

    async def _finish(self, parts: Sequence[Part]) -> None:
        """Stores the parts and answers their requests, one way or the other."""
        failure: Exception | None = None
        try:
            await self._store_all(parts)
        except Exception as error:  # noqa: BLE001 — the callers get it, and the writer goes on
            failure = error
        self.turn.give()
        for part in parts:
            part.request.finish(part.size, failure)
            self._queue(-part.size)

    async def _store_all(self, parts: Sequence[Part], *, uncertain: bool = False) -> None:
        """Stores the parts, whatever it takes. Raises Unavailable when the database cannot."""
        exact = self._exact or uncertain
        pauses = iter(RETRY_SECONDS)
        while parts:
            try:
                return await self._store_once(parts, exact=exact, uncertain=uncertain)
            except AlreadyStored:
                RETRIES.labels("duplicate").inc()
                exact = True
            except UnknownProject as error:
                for part in parts:
                    if part.request.project_id in error.project_ids:
                        part.request.finish(part.size, NotFound("The project does not exist any more."))
                parts = [part for part in parts if part.request.project_id not in error.project_ids]
            except UnfitData as error:
                RETRIES.labels("unfit").inc()
                return await self._store_halves(parts, str(error), uncertain=uncertain)
            except StoreFull as error:
                log.warning("database is full", error=str(error))
                raise StorageFull(
                    "The database's disk is full: its operator has to make room.", retry_after=60
                ) from error
            except StoreDown as error:
                pause = None if self._stopping else next(pauses, None)
                log.warning("database is down", error=str(error), retry_after=pause)
                if pause is None:
                    raise Unavailable("The database does not answer: send the events again.", retry_after=5) from error
                RETRIES.labels("database").inc()
                exact = uncertain = True
                await asyncio.sleep(pause)
        return None

    async def _store_halves(self, parts: Sequence[Part], reason: str, *, uncertain: bool) -> None:
        """Searches for the rows that the database refuses, and stores the others."""
        if len(parts) > 1:
            middle = len(parts) // 2
            halves: Sequence[Sequence[Part]] = (parts[:middle], parts[middle:])
        elif parts[0].size > 1:
            halves = [[half] for half in parts[0].halves()]
        else:
            part = parts[0]
            part.request.unfit += [(row, reason) for rows in part.rows.values() for row in rows]
            log.warning("database refused an event", project_id=part.request.project_id, error=reason)
            return
        for half in halves:
            await self._store_all(half, uncertain=uncertain)

    async def _store_once(self, parts: Sequence[Part], *, exact: bool, uncertain: bool) -> None:
        start = time.perf_counter()
        duplicates = sum(part.request.duplicates for part in parts)
        commits = await store(self._store, parts, self.turn, exact=exact, uncertain=uncertain)
        COMMIT_SECONDS.observe(time.perf_counter() - start)
        GROUP_EVENTS.observe(sum(part.size for part in parts))
        # Duplicates seldom come alone: the next group looks before it numbers, too.
        self._exact = sum(part.request.duplicates for part in parts) > duplicates
        for commit in commits:
            if self._publish is not None:
                self._publish(commit)
        rows = sum(commit.last_seq - commit.first_seq + 1 for commit in commits)
        if rows and self._on_commit is not None:
            self._on_commit(rows)
