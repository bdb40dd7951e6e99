"""Facts for tests of roll-ups, put into the log as a writer would: one transaction, one commit."""

import datetime as dt
import random
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

import asyncpg
from sqlalchemy import insert, select, update

from models import Commit, Counter, Database
from models.partitions import ensure_months, month_of
from realtime.facts import TABLES, ActivityFact, ApiCallFact, Fact, UsageFact, columns_of
from resolvers.rollups.fold import fold, fold_subjects

Made = TypeVar("Made", UsageFact, ApiCallFact, ActivityFact)


class Traffic:
    """Random facts of one project, numbered in the order they are made; `facts` are those made so far."""

    def __init__(
        self, project_id: int, *, seed: int = 1, first_seq: int = 1, subjects: int = 20, routes: int = 5
    ) -> None:
        self.project_id = project_id
        self.random = random.Random(seed)
        self.subjects = [None, *(f"subject {n}" for n in range(subjects))]
        self.models = ["small", "large", "huge"]
        self.routes = [f"/route/{n}" for n in range(routes)]
        self.first_seq = first_seq
        self.facts: list[Fact] = []

    def batch(self, times: Iterable[dt.datetime]) -> list[Fact]:
        """The next facts, one at each of the times: nine usage events and ten API calls for each activity."""
        kinds: list[Callable[[dt.datetime], Fact]] = [self.usage, self.api_call, self.activity]
        return [self.random.choices(kinds, [9, 10, 1])[0](time) for time in times]

    def times(self, count: int, until: dt.datetime, hours: float = 1.0) -> list[dt.datetime]:
        """That many random times within so many hours."""
        return [until - dt.timedelta(hours=hours) * self.random.random() for _ in range(count)]

    def usage(self, time: dt.datetime, **values: Any) -> UsageFact:
        pick = self.random
        tokens = [pick.randrange(5000) for _ in range(5)]
        return self._made(
            UsageFact,
            values,
            **self._key(time),
            provider=pick.choice(["openai", "azure", None]),
            model=pick.choice(self.models),
            operation=pick.choice(["chat", "embeddings", None]),
            subject=pick.choice(self.subjects),
            environment=None,
            trace_id=None,
            session_id=None,
            status=pick.choice(["ok", "ok", "ok", "error", "aborted"]),
            error_type=None,
            error_message=None,
            duration_ms=pick.choice([None, 0.0, pick.lognormvariate(6, 1.5)]),
            time_to_first_token_ms=pick.choice([None, pick.lognormvariate(4, 1)]),
            uncached_tokens=tokens[0],
            cache_read_tokens=tokens[1],
            cache_write_tokens=tokens[2],
            visible_tokens=tokens[3],
            reasoning_tokens=tokens[4],
            cost_picousd=pick.choice([None, 0, pick.randrange(2**62)]),
            cost_source="none",
            price_version=None,
            estimated=pick.random() < 0.1,
            attributes={},
        )

    def api_call(self, time: dt.datetime, **values: Any) -> ApiCallFact:
        pick = self.random
        return self._made(
            ApiCallFact,
            values,
            **self._key(time),
            method=pick.choice(["GET", "POST"]),
            route=pick.choice(self.routes),
            status=pick.choice([200, 200, 404, 499, 500, 503]),
            duration_ms=pick.choice([None, pick.lognormvariate(3, 2)]),
            request_bytes=pick.choice([None, pick.randrange(2**62)]),
            response_bytes=pick.choice([None, pick.randrange(10_000)]),
            subject=pick.choice(self.subjects),
            environment=None,
            trace_id=None,
            cache=pick.choice([None, "hit", "miss"]),
            attributes={},
        )

    def activity(self, time: dt.datetime) -> ActivityFact:
        return self._made(
            ActivityFact,
            {},
            **self._key(time),
            kind="bug",
            name="bug.filed",
            title="Something broke",
            subject="somebody else",
            severity=None,
            node_type=None,
            node_key=None,
            payload={},
        )

    def _key(self, time: dt.datetime) -> dict[str, Any]:
        seq = self.first_seq + len(self.facts)
        return {"project_id": self.project_id, "time": time, "id": f"fact {seq}", "seq": seq}

    def _made(self, kind: type[Made], chosen: dict[str, Any], /, **values: Any) -> Made:
        fact = kind(**(values | chosen))
        self.facts.append(fact)
        return fact


async def commit(database: Database, facts: Sequence[Fact]) -> None:
    """Stores facts that are numbered already, in one transaction."""
    project_id = facts[0].project_id
    if database.dialect == "postgresql":
        async with database.engine.connect() as connection:
            driver = (await connection.get_raw_connection()).driver_connection
            assert isinstance(driver, asyncpg.Connection)
            await ensure_months(driver, {month_of(fact.time) for fact in facts})
    rows: dict[Any, list[dict[str, Any]]] = defaultdict(list)
    for fact in facts:
        rows[TABLES[type(fact)]].append({name: getattr(fact, name) for name in columns_of(type(fact))})
    async with database.write() as session:
        for table, some in rows.items():
            await session.run_many(insert(table), some)
        last = await session.scalar(select(Counter.last_seq).where(Counter.project_id == project_id))
        assert facts[0].seq == (last or 0) + 1
        await session.run(update(Counter).where(Counter.project_id == project_id).values(last_seq=facts[-1].seq))
        await session.run(
            insert(Commit).values(
                project_id=project_id,
                first_seq=facts[0].seq,
                last_seq=facts[-1].seq,
                min_time=min(fact.time for fact in facts),
                max_time=max(fact.time for fact in facts),
                committed_at=dt.datetime.now(dt.UTC),
            )
        )


async def catch_up(database: Database, project_id: int) -> None:
    """Folds whatever waits."""
    for folding in (fold, fold_subjects):
        while await folding(database, project_id):
            pass
