"""How streams read the tables: patiently, and few at a time."""

import asyncio
import random
from collections.abc import Collection
from typing import Final

import structlog
from prometheus_client import Counter

from models.database import Database
from models.outages import database_is_down
from realtime import replay
from realtime.facts import Span

FIRST_DELAY_SECONDS: Final = 0.1
LAST_DELAY_SECONDS: Final = 2.0
PRIVATE_READS: Final = 4
SPAN_BYTES: Final = 2**18
"""What is read together takes at most so many bytes as it travels, unless it is a single fact."""
FIRST_FACTS: Final = 100

CATCH_UPS = Counter("vigie_stream_catch_ups_total", "Spans of facts read from the tables for one subscriber alone.")

log = structlog.get_logger(__name__)


class Pace:
    """How many facts to read at a time, as large as they are around here: few at first, then up to a page."""

    def __init__(self) -> None:
        self.facts = FIRST_FACTS

    def learn(self, span: Span) -> None:
        if span.facts:
            fitting = SPAN_BYTES * len(span.facts) // span.size
            self.facts = max(1, min(fitting, 4 * self.facts, replay.PAGE))


class Reader:
    """Reads of the log on behalf of streams. A stream outlives its database's absence: what it needs is tried again."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._private = asyncio.Semaphore(PRIVATE_READS)

    async def installation(self) -> str:
        """See `replay.installation`."""
        async with self._database.read() as session:
            return await replay.installation(session)

    async def last_seqs(self, project_ids: Collection[int]) -> dict[int, int]:
        """How far the logs of some projects have come."""
        async with self._database.read() as session:
            return await replay.last_seqs(session, project_ids=project_ids)

    async def extent(self, project_id: int) -> int:
        """How far the log of a project has come, for one subscriber."""
        async with self._private, self._database.read() as session:
            return await replay.last_seq(session, project_id=project_id)

    async def shared_span(
        self,
        project_id: int,
        *,
        after: int,
        until: int | None = None,
        kinds: Collection[str] | None = None,
        most: int = replay.PAGE,
        pace: Pace,
    ) -> Span:
        """The next facts behind a place, see `replay.read_span`, tried until the database answers."""
        delay = FIRST_DELAY_SECONDS
        while True:
            try:
                async with self._database.read() as session:
                    span = await replay.read_span(
                        session,
                        project_id=project_id,
                        after=after,
                        until=until,
                        kinds=kinds,
                        limit=min(most, pace.facts),
                    )
            except Exception as error:
                log.warning(
                    "reading the log failed, trying again",
                    project_id=project_id,
                    after=after,
                    error=repr(error),
                    exc_info=not database_is_down(error),
                )
            else:
                pace.learn(span)
                return span.within(SPAN_BYTES)
            await asyncio.sleep(delay * random.uniform(0.5, 1))  # noqa: S311
            delay = min(delay * 2, LAST_DELAY_SECONDS)

    async def private_span(
        self,
        project_id: int,
        *,
        after: int,
        until: int | None = None,
        kinds: Collection[str] | None = None,
        most: int = replay.PAGE,
        pace: Pace,
    ) -> Span:
        """The same for one subscriber alone: these take turns, so that many of them leave connections to others."""
        CATCH_UPS.inc()
        async with self._private:
            span = await self.shared_span(project_id, after=after, until=until, kinds=kinds, most=most, pace=pace)
        if span.last_seq == after:
            await asyncio.sleep(FIRST_DELAY_SECONDS)  # heard of but not there, as after a restore: no busy loop
        return span
