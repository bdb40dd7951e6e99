"""An operation ends when its time is up, and the statement that it is at with it, on both databases."""

import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
import strawberry
from sqlalchemy import Select, column, func, literal, select, table

from models import Database
from resolvers.errors import Unavailable
from schema.context import Info, Services
from schema.execution import Engine
from schema.requests import GraphQLRequest
from tests.schema.serving import KEYS

pytestmark = pytest.mark.anyio

SOON = 0.5
LONG = 60


def endless(database: Database) -> Select[Any]:
    """A statement that takes a minute or more."""
    if database.dialect == "postgresql":
        return select(func.pg_sleep(LONG))
    numbers = select(literal(1).label("n")).cte("numbers", recursive=True)
    numbers = numbers.union_all(select(numbers.c.n + 1).where(numbers.c.n < 10**9))
    return select(func.count()).select_from(numbers)


async def read(info: Info) -> int:
    async with info.context.reading() as session:
        await session.rows(endless(info.context.services.database))
    return 1


@strawberry.type
class Query:
    @strawberry.field
    async def reads(self, info: Info) -> int:
        return await read(info)


@strawberry.type
class Mutation:
    @strawberry.mutation
    async def writes(self, info: Info) -> int:
        async with info.context.writing() as session:
            await session.execute(endless(info.context.services.database))
        return 1


@strawberry.type
class Tick:
    @strawberry.field
    async def reads(self, info: Info) -> int:
        return await read(info)


@strawberry.type
class Subscription:
    @strawberry.subscription
    async def ticks(self) -> AsyncIterator[Tick]:
        yield Tick()


SCHEMA = strawberry.Schema(Query, Mutation, Subscription)


async def at_work(database: Database) -> int:
    """How many statements of ours the server of PostgreSQL is at, this one left out."""
    if database.dialect != "postgresql":
        return 0
    async with database.read() as session:
        activity = table("pg_stat_activity", column("pid"), column("state"), column("datname"))
        mine = (
            select(func.count())
            .select_from(activity)
            .where(
                activity.c.datname == func.current_database(),
                activity.c.state == "active",
                activity.c.pid != func.pg_backend_pid(),
            )
        )
        return await session.scalar(mine) or 0


async def run(engine: Engine, query: str) -> None:
    operation = engine.prepare(GraphQLRequest(query))
    if query.startswith("subscription"):
        async for _ in engine.stream(operation, KEYS["admin-key"], "r-1"):
            pass
    else:
        await engine.execute(operation, KEYS["admin-key"], "r-1")


@pytest.mark.parametrize("query", ["{ a: reads b: reads }", "mutation { writes }", "subscription { ticks { reads } }"])
async def test_it_is_stopped_with_its_statement(database: Database, query: str) -> None:
    nothing: Any = None
    engine = Engine(SCHEMA, Services(database, nothing, nothing), seconds=SOON)
    started = time.perf_counter()
    with pytest.raises(Unavailable, match=r"stopped after 0\.5 seconds"):
        await run(engine, query)
    assert time.perf_counter() - started < 10 * SOON
    assert await at_work(database) == 0
    async with database.write() as session:  # the connections serve on, and hold no lock
        assert await session.scalar(select(literal(7))) == 7
