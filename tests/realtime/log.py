"""A log to stream: facts committed as a writer does it, in any order of processes."""

import datetime as dt
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import asyncpg
import msgspec
from sqlalchemy import insert, update

from models import Commit, Counter, Database
from models.partitions import ensure_months, month_of
from realtime.facts import TABLES, ActivityFact, ApiCallFact, Committed, Fact, UsageFact

NOW = dt.datetime(2026, 11, 20, 12, tzinfo=dt.UTC)
LONG_AGO = dt.datetime(2023, 11, 16, tzinfo=dt.UTC)


def usage(project_id: int, id: str, time: dt.datetime = NOW, **values: Any) -> UsageFact:  # noqa: A002
    """A usage event that has no number yet."""
    fact = UsageFact(
        project_id=project_id,
        time=time,
        id=id,
        seq=0,
        provider="openai",
        model="gpt-4",
        operation="chat",
        subject="node-1",
        environment=None,
        trace_id=None,
        session_id=None,
        status="ok",
        error_type=None,
        error_message=None,
        duration_ms=12.5,
        time_to_first_token_ms=None,
        uncached_tokens=374,
        cache_read_tokens=0,
        cache_write_tokens=0,
        visible_tokens=44,
        reasoning_tokens=0,
        cost_picousd=10**18,
        cost_source="book",
        price_version="1",
        estimated=False,
        attributes={"feature": "summary", "nested": [1, None, "é"]},
    )
    return msgspec.structs.replace(fact, **values)


def api_call(project_id: int, id: str, time: dt.datetime = NOW, **values: Any) -> ApiCallFact:  # noqa: A002
    """An API call that has no number yet."""
    fact = ApiCallFact(
        project_id=project_id,
        time=time,
        id=id,
        seq=0,
        method="GET",
        route="/nodes/{pubkey}",
        status=200,
        duration_ms=None,
        request_bytes=None,
        response_bytes=203_023,
        subject=None,
        environment=None,
        trace_id=None,
        cache="hit",
        attributes={},
    )
    return msgspec.structs.replace(fact, **values)


def activity(project_id: int, id: str, time: dt.datetime = NOW, **values: Any) -> ActivityFact:  # noqa: A002
    """An activity that has no number yet."""
    fact = ActivityFact(
        project_id=project_id,
        time=time,
        id=id,
        seq=0,
        kind="bug",
        name="bug.filed",
        title="Something broke",
        subject="node-1",
        severity="high",
        node_type="Bug",
        node_key="7",
        payload={"number": 7},
    )
    return msgspec.structs.replace(fact, **values)


def usages(project_id: int, count: int, name: str = "event", time: dt.datetime = NOW) -> list[UsageFact]:
    """Usage events that have no number yet."""
    return [usage(project_id, f"{name} {n}", time) for n in range(count)]


async def make_months(database: Database, *times: dt.datetime) -> None:
    """The partitions for facts of these times, where the database has partitions."""
    if database.dialect == "postgresql":
        connection = await asyncpg.connect(database.url.render_as_string(hide_password=False))
        try:
            await ensure_months(connection, [month_of(time) for time in times])
        finally:
            await connection.close()


async def commit(database: Database, facts: Sequence[Fact]) -> Committed:
    """Numbers and stores facts of one project in one transaction; answers what there is to publish after it."""
    project_id, now = facts[0].project_id, dt.datetime.now(dt.UTC)
    async with database.write() as session:
        [(last_seq,)] = await session.execute(
            update(Counter)
            .where(Counter.project_id == project_id)
            .values(last_seq=Counter.last_seq + len(facts))
            .returning(Counter.last_seq)
        )
        first_seq = last_seq - len(facts) + 1
        numbered = [msgspec.structs.replace(fact, seq=seq) for seq, fact in enumerate(facts, first_seq)]
        rows: dict[type[Fact], list[dict[str, Any]]] = defaultdict(list)
        for fact in numbered:
            rows[type(fact)].append(msgspec.structs.asdict(fact))
        for kind, some in rows.items():
            await session.run_many(insert(TABLES[kind]), some)
        times = [fact.time for fact in facts]
        await session.run(
            insert(Commit).values(
                project_id=project_id,
                first_seq=first_seq,
                last_seq=last_seq,
                min_time=min(times),
                max_time=max(times),
                committed_at=now,
            )
        )
    return Committed(project_id, first_seq, last_seq, now, numbered)
