"""What Vigie's own model calls cost today: they are usage events of the project `vigie`, so every process knows."""

import datetime as dt
from decimal import Decimal
from typing import Final

import structlog
from sqlalchemy import select

from integrations.openai import Spent
from models import Database, UsageEvent
from models.base import PICODOLLARS
from models.functions import big_sum
from resolvers.errors import Refusal
from resolvers.events.decoding import from_objects
from resolvers.events.inputs import UsageEventInput
from resolvers.events.recording import record
from resolvers.events.writer import Writer
from resolvers.projects import get_project

OPERATION: Final = "recommendations.wording"
DOOR: Final = "own"

log = structlog.get_logger(__name__)


class DailyPurse:
    """So many dollars a UTC day, of which what was spent is read from the log of the own project."""

    def __init__(self, database: Database, writer: Writer, *, own_project: str, daily_usd: float) -> None:
        self._database = database
        self._writer = writer
        self._own_project = own_project
        self._daily = round(daily_usd * PICODOLLARS)
        self._unrecorded = 0

    async def left(self) -> int:
        """Picodollars left for today; 0 without the own project, where nothing could be counted."""
        now = dt.datetime.now(dt.UTC)
        async with self._database.read() as session:
            project = await get_project(session, name=self._own_project)
            if project is None:
                return 0
            spent = await session.scalar(
                select(big_sum(UsageEvent.cost_picousd)).where(
                    UsageEvent.project_id == project.id,
                    UsageEvent.time >= now.replace(hour=0, minute=0, second=0, microsecond=0),
                    UsageEvent.operation == OPERATION,
                )
            )
        return self._daily - int(spent or 0) - self._unrecorded

    async def book(self, spent: Spent) -> None:
        """Records a call as a usage event; what cannot be recorded now counts for as long as the process lives."""
        async with self._database.read() as session:
            project = await get_project(session, name=self._own_project)
        event = {
            "time": spent.time,
            "provider": "openai",
            "model": spent.model,
            "operation": OPERATION,
            "status": "ok" if spent.ok else "error",
            "durationMs": spent.duration_ms,
            "tokens": {
                "input": spent.input,
                "output": spent.output,
                "cacheRead": spent.cache_read,
                "reasoning": spent.reasoning,
            },
            "costUsd": Decimal(spent.cost) / PICODOLLARS,
            "estimated": not spent.ok,
        }
        accepted = 0
        if project is not None:
            try:
                decoded = from_objects(UsageEventInput, [event])
                accepted = (await record(self._writer, project_id=project.id, decoded=decoded, door=DOOR)).accepted
            except Refusal as refusal:
                log.warning("own usage not recorded", reason=refusal.message)
        if not accepted:
            self._unrecorded += spent.cost
