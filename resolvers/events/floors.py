"""Since when each project keeps events, remembered for a few seconds."""

import asyncio
import datetime as dt
import time
from typing import Final

from sqlalchemy import select

from models import Counter, Database
from resolvers.errors import NotFound

SECONDS: Final = 5.0
EARLIEST: Final = dt.datetime(2000, 1, 1, tzinfo=dt.UTC)


class Floors:
    """The retention floors of all projects that send events."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known: dict[int, tuple[dt.datetime, float]] = {}
        self._reading = asyncio.Lock()

    async def get(self, project_id: int) -> dt.datetime:
        """No event of the project may be older than this. Raises NotFound for a project that is not there."""
        if (floor := self._recent(project_id)) is not None:
            return floor
        async with self._reading:
            # Somebody else may have read it while we waited.
            if (floor := self._recent(project_id)) is not None:
                return floor
            async with self._database.read() as session:
                stored = await session.scalar(select(Counter.floor).where(Counter.project_id == project_id))
            if stored is None:
                raise NotFound("The project does not exist any more.")
            floor = max(stored, EARLIEST)
            self._known[project_id] = (floor, time.monotonic() + SECONDS)
            return floor

    def _recent(self, project_id: int) -> dt.datetime | None:
        floor, until = self._known.get(project_id, (None, 0.0))
        return floor if time.monotonic() < until else None
