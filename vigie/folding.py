"""How the process drives the roll-ups: woken by many commits, and not ready when they fall far behind."""

import asyncio
import datetime as dt
from typing import Final

from models import Database
from resolvers.rollups.fold import FACTS_A_FOLD
from resolvers.rollups.job import run
from resolvers.rollups.lags import lags
from vigie.probes import Check

FAR_BEHIND_SECONDS: Final = 120.0


class Folding:
    """The job that folds, and the bell that wakes it."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._wake = asyncio.Event()
        self._waiting = 0

    async def run(self) -> None:
        """Folds until it is cancelled."""
        await run(self._database, self._wake)

    def committed(self, facts: int) -> None:
        """Hears of every commit of this process; rings when a whole fold waits."""
        self._waiting += facts
        if self._waiting >= FACTS_A_FOLD:
            self._waiting = 0
            self._wake.set()


def roll_ups_keep_up(database: Database) -> Check:
    """The check that answers stay fast: they read what no roll-up has yet from the facts."""

    async def check() -> str | None:
        async with database.read() as session:
            now = dt.datetime.now(dt.UTC)
            seconds = max((lag.seconds(now) for lag in await lags(session)), default=0.0)
        return f"roll-ups are {seconds:.0f} s behind" if seconds > FAR_BEHIND_SECONDS else None

    return check
