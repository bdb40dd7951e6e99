"""How far a project has come: the number of its last fact, and its revision.

    version = await versions.of(project_id)     # of now: nothing that was committed before the call is missing
    await revise(session, project_id=...)       # what answers say has changed, though no fact tells of it

Two answers to the same question under the same version are the same, but for the time that has passed.
"""

import asyncio
import time
from dataclasses import dataclass
from typing import Final

import structlog
from cachetools import TTLCache
from prometheus_client import Counter as Figure
from sqlalchemy import select, update

from integrations.circuits import OPENED, Circuits, Open
from models import Database, WriteSession
from models.commits import Counter
from models.outages import database_is_down
from resolvers.errors import Unavailable

MOST_REMEMBERED: Final = 10_000
CIRCUIT: Final = "database"
FAILURES: Final = 5
PAUSE_SECONDS: Final = 1.0
READS: Final = Figure("vigie_version_reads_total", "Statements that read how far projects have come, many at once.")

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Version:
    """A state of a project's data."""

    last_seq: int
    revision: int


async def revise(session: WriteSession, *, project_id: int) -> None:
    """What was answered about the project is out of date with this commit. The last step before it: it takes a lock."""
    await session.run(update(Counter).where(Counter.project_id == project_id).values(revision=Counter.revision + 1))


class Versions:
    """Reads versions: whoever asks while a statement runs waits for the next, which then serves all of them.

    With `stale_seconds` a version is remembered for so long, and what was committed meanwhile is missing from it.
    """

    def __init__(self, database: Database, *, stale_seconds: float = 0, circuits: Circuits | None = None) -> None:
        self._database = database
        self._circuits = circuits or Circuits()
        self._stale_seconds = stale_seconds
        self._known: TTLCache[int, Version] = TTLCache(MOST_REMEMBERED, stale_seconds, time.monotonic)
        self._waiting: dict[int, asyncio.Future[Version | None]] = {}
        self._reading: asyncio.Task[None] | None = None

    async def of(self, project_id: int) -> Version | None:
        """The version of a project; None when the database does not tell, or knows no such project.

        Raises Unavailable, at once, while the database's circuit is open.
        """
        if self._stale_seconds and (known := self._known.get(project_id)):
            return known
        waiting = self._waiting.get(project_id)
        if waiting is None:
            waiting = self._waiting[project_id] = asyncio.get_running_loop().create_future()
        if self._reading is None:
            self._reading = asyncio.create_task(self._read(), name="versions")
        version = await asyncio.shield(waiting)
        if version is None and self._circuits.state(CIRCUIT) == OPENED:
            raise Unavailable("The database does not answer: try again.", retry_after=PAUSE_SECONDS)
        return version

    def forget(self, project_id: int) -> None:
        """Reads the project's version anew, whatever is remembered."""
        self._known.pop(project_id, None)

    async def _read(self) -> None:
        try:
            while self._waiting:
                asked, self._waiting = self._waiting, {}
                found: dict[int, Version] = {}
                try:
                    async with self._circuits.guarding(CIRCUIT, failures=FAILURES, seconds=PAUSE_SECONDS):
                        found = await self._query(tuple(asked))
                except Open:
                    pass
                except Exception as error:
                    if not database_is_down(error):
                        log.exception("versions cannot be read")
                finally:
                    for project_id, waiting in asked.items():
                        waiting.set_result(found.get(project_id))
                if self._stale_seconds:
                    self._known.update(found)
        finally:
            self._reading = None

    async def _query(self, project_ids: tuple[int, ...]) -> dict[int, Version]:
        READS.inc()
        statement = select(Counter.project_id, Counter.last_seq, Counter.revision)
        rows = await self._database.glance(statement.where(Counter.project_id.in_(project_ids)))
        return {project_id: Version(last_seq, revision) for project_id, last_seq, revision in rows}
