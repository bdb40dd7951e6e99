"""A stored log whose roll-ups have come only so far: what is behind them, queries add themselves."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field

import asyncpg

from models import Database, Project
from models.partitions import ensure_months, month_of
from realtime.facts import ApiCallFact, Fact, UsageFact
from resolvers.rollups.fold import fold, fold_subjects
from tests.resolvers.metrics.asking import Client
from tests.resolvers.rollups.facts import commit


@dataclass
class Log:
    """The facts of a project, in a database and in a list."""

    database: Database
    project: Project
    now: dt.datetime
    facts: list[Fact] = field(default_factory=list)

    @property
    def client(self) -> Client:
        return Client(self.database, self.project)

    @property
    def usage(self) -> list[UsageFact]:
        return [fact for fact in self.facts if isinstance(fact, UsageFact)]

    @property
    def api(self) -> list[ApiCallFact]:
        return [fact for fact in self.facts if isinstance(fact, ApiCallFact)]

    async def append(self, facts: Sequence[Fact]) -> None:
        """Commits the next facts, which have the next numbers."""
        if self.database.dialect == "postgresql":
            url = self.database.url.set(drivername="postgresql").render_as_string(hide_password=False)
            connection = await asyncpg.connect(url)
            await ensure_months(connection, {month_of(fact.time) for fact in facts})
            await connection.close()
        await commit(self.database, facts)
        self.facts += facts

    async def fold(self, limit: int | None = None) -> None:
        """Folds so many facts into the series, or all that there are."""
        while limit is None or limit > 0:
            folded = await fold(self.database, self.project.id, *([] if limit is None else [limit]))
            if not folded:
                return
            if limit is not None:
                limit -= folded

    async def fold_subjects(self) -> None:
        """Folds all that there is into the roll-ups by subject."""
        while await fold_subjects(self.database, self.project.id):
            pass
