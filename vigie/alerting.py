"""How the process drives alerts: it samples its own figures, evaluates what is due, and tells of what is over."""

import datetime as dt
from collections.abc import Callable
from typing import Final

from models import Database
from resolvers.alerts.engine import Engine
from resolvers.alerts.figures import AUTH_FAILURES, INTRUSION_ATTEMPTS, SOCKETS
from resolvers.alerts.forgetting import forget
from resolvers.alerts.pace import Pace
from resolvers.alerts.samples import store_samples
from resolvers.alerts.silences import tell_of_expired
from resolvers.connections import Connections

LOOK_SECONDS: Final = 0.5
"""How often it looks whether something is due: how late an evaluation may come after it is."""
SILENCES_SECONDS: Final = 5.0
FORGET_SECONDS: Final = 3600.0


class Alerting:
    """The alerts of one process.

    `refusals` takes the refused keys since it was asked last, by project; `attempts` all that clients may not.
    """

    def __init__(
        self,
        database: Database,
        pace: Pace,
        connections: Connections,
        refusals: Callable[[], dict[int, int]],
        attempts: Callable[[], dict[int, int]] = dict,
    ) -> None:
        self._counts = {AUTH_FAILURES: refusals, INTRUSION_ATTEMPTS: attempts}
        self._database = database
        self._pace = pace
        self._connections = connections
        self._engine = Engine(database, pace)
        self._sampled = dt.datetime.min.replace(tzinfo=dt.UTC)
        self._waiting: dict[tuple[int, str], float] = {}

    async def evaluate(self) -> None:
        """Samples and evaluates what is due."""
        now = dt.datetime.now(dt.UTC)
        await self._sample(now)
        await self._engine.step(now)

    async def tell(self) -> None:
        """Tells of silences that are over."""
        await tell_of_expired(self._database, now=dt.datetime.now(dt.UTC))

    async def forget(self) -> None:
        """Removes what nobody asks about any more."""
        await forget(self._database, now=dt.datetime.now(dt.UTC))

    async def _sample(self, now: dt.datetime) -> None:
        """Keeps what was found by each aligned moment. Refusals that could not be stored wait for the next one."""
        time = self._pace.aligned(now)
        if time <= self._sampled:
            return
        for metric, take in self._counts.items():
            for project_id, count in take().items():
                place = (project_id, metric)
                self._waiting[place] = self._waiting.get(place, 0.0) + count
        found = dict(self._waiting)
        for project_id, count in self._connections.count_by_project().items():
            found[project_id, SOCKETS] = float(count)
        if found:
            async with self._database.write() as session:
                await store_samples(session, found, time=time, process=self._connections.process)
        self._waiting.clear()
        self._sampled = time
