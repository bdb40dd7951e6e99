"""Events for tests, as objects of the wire, and a look at what the log holds afterwards."""

import asyncio
import datetime as dt
from collections.abc import Sequence
from typing import Any

import orjson
from sqlalchemy import select

from models import ApiCall, Commit, Counter, Database, UsageEvent
from resolvers.events.decoding import from_json
from resolvers.events.recording import Recorded, record
from resolvers.events.writer import Writer

NOW = dt.datetime.now(dt.UTC).replace(microsecond=0)


def at(seconds_ago: float) -> str:
    """A time before the tests began, as it travels."""
    return (NOW - dt.timedelta(seconds=seconds_ago)).isoformat()


def usage(id: str | None = None, *, seconds_ago: float = 60, **fields: Any) -> dict[str, Any]:  # noqa: A002
    """A usage event; `fields` replace its members, None removes one."""
    event = {"type": "usage", "id": id, "time": at(seconds_ago), "model": "gpt-4", "provider": "openai", **fields}
    return {name: value for name, value in event.items() if value is not None}


def call(id: str | None = None, *, seconds_ago: float = 60, **fields: Any) -> dict[str, Any]:  # noqa: A002
    """An API call; `fields` replace its members, None removes one."""
    event = {
        "type": "apiCall",
        "id": id,
        "time": at(seconds_ago),
        "method": "GET",
        "route": "/",
        "status": 200,
        **fields,
    }
    return {name: value for name, value in event.items() if value is not None}


async def send(writer: Writer, project_id: int, events: Sequence[dict[str, Any]]) -> Recorded:
    """Records events as the JSON door does."""
    decoded = from_json(orjson.dumps({"events": events}))
    return await record(writer, project_id=project_id, decoded=decoded, door="json")


async def until_queued(writer: Writer, events: int) -> None:
    """Waits until so many events wait for the writer, or are in its transaction."""
    while writer._queued < events:  # noqa: ASYNC110 — it takes a few turns of the loop
        await asyncio.sleep(0)


async def stored(database: Database, project_id: int) -> list[UsageEvent | ApiCall]:
    """Every fact of a project in order of `seq`."""
    async with database.read() as session:
        facts: list[UsageEvent | ApiCall] = [
            *await session.scalars(select(UsageEvent).where(UsageEvent.project_id == project_id)),
            *await session.scalars(select(ApiCall).where(ApiCall.project_id == project_id)),
        ]
    return sorted(facts, key=lambda fact: fact.seq)


async def check_log(database: Database, project_id: int) -> list[UsageEvent | ApiCall]:
    """The facts of a project, after checking that numbers, counter and commits agree and leave no hole."""
    facts = await stored(database, project_id)
    async with database.read() as session:
        last = await session.scalar(select(Counter.last_seq).where(Counter.project_id == project_id))
        commits = await session.scalars(select(Commit).where(Commit.project_id == project_id).order_by(Commit.last_seq))
    assert [fact.seq for fact in facts] == list(range(1, len(facts) + 1))
    assert last == len(facts)
    assert [commit.first_seq for commit in commits] == [1, *(commit.last_seq + 1 for commit in commits)][: len(commits)]
    assert not commits or commits[-1].last_seq == last
    assert [commit.committed_at for commit in commits] == sorted(commit.committed_at for commit in commits)
    for commit in commits:
        times = [fact.time for fact in facts[commit.first_seq - 1 : commit.last_seq]]
        assert (commit.min_time, commit.max_time) == (min(times), max(times))
    return facts
