"""What an operation holds while it runs, what it answers, and how faults are named."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from typing import Any, cast

import orjson
import pytest
import strawberry

from resolvers.errors import Invalid, Refusal
from schema.context import Context, Info, Services
from schema.documents import Refused
from schema.errors import wire_error, wire_errors
from schema.execution import Engine
from schema.requests import GraphQLRequest
from tests.schema.serving import KEYS, engine

pytestmark = pytest.mark.anyio


class Session:
    """Stands for a read session: notices statements at once, and statements after the end."""

    def __init__(self) -> None:
        self.busy = self.ended = False

    async def statement(self) -> int:
        assert not self.busy
        assert not self.ended
        self.busy = True
        working = asyncio.create_task(asyncio.sleep(0.01))
        try:
            await asyncio.shield(working)
        finally:  # as a statement that was sent, it ends by itself
            await working
            self.busy = False
        return id(self)


class Sessions:
    """Stands for the database."""

    def __init__(self) -> None:
        self.all: list[Session] = []

    @asynccontextmanager
    async def read(self) -> AsyncIterator[Session]:
        session = Session()
        self.all.append(session)
        try:
            yield session
        finally:
            assert not session.busy
            session.ended = True


async def numbered(info: Info) -> int:
    async with info.context.reading() as session:
        return await cast("Session", session).statement() % 1_000


BATCHES: list[list[int]] = []


async def names_by_number(session: Any, numbers: list[int]) -> dict[int, str]:
    await session.statement()
    BATCHES.append(numbers)
    return {number: f"n{number}" for number in numbers if number < 3}


@strawberry.type
class Child:
    number: int

    @strawberry.field
    async def session(self, info: Info) -> int:
        return await numbered(info)

    @strawberry.field
    async def fails(self, info: Info) -> int:
        await numbered(info)
        raise Invalid("no")

    @strawberry.field
    async def name(self, info: Info) -> str | None:
        return await info.context.loader(names_by_number).load(self.number)


@strawberry.type
class Query:
    @strawberry.field
    async def session(self, info: Info) -> int:
        return await numbered(info)

    @strawberry.field
    async def children(self, info: Info) -> list[Child]:
        await numbered(info)
        return [Child(number=number) for number in range(4)]

    @strawberry.field
    def fails_at_once(self) -> int:
        raise RuntimeError("at once")

    @strawberry.field
    async def hangs(self, info: Info) -> int:
        async with info.context.reading():
            await asyncio.Event().wait()
        return 0


@strawberry.type
class Subscription:
    @strawberry.subscription
    async def children(self, to: int) -> AsyncIterator[Child]:
        for number in range(to):
            yield Child(number=number)


SCHEMA = strawberry.Schema(Query, subscription=Subscription)


def over(sessions: Sessions) -> Engine:
    return Engine(SCHEMA, Services(database=cast("Any", sessions), hub=cast("Any", None), writer=cast("Any", None)))


async def run(engine: Engine, query: str, **variables: object) -> Any:
    operation = engine.prepare(GraphQLRequest(query, variables))
    return orjson.loads((await engine.execute(operation, KEYS["admin-key"], "r-1")).body)


async def test_an_operation_reads_from_one_snapshot_one_statement_after_the_other() -> None:
    sessions = Sessions()
    answer = await run(over(sessions), "{ a: session b: session children { session } }")
    assert "errors" not in answer
    numbers = {answer["data"]["a"], answer["data"]["b"], *(child["session"] for child in answer["data"]["children"])}
    assert len(numbers) == len(sessions.all) == 1
    assert sessions.all[0].ended


async def test_nothing_is_opened_for_nothing() -> None:
    sessions = Sessions()
    await run(over(sessions), "{ __typename }")
    assert sessions.all == []


async def test_a_loader_asks_once_for_all() -> None:
    BATCHES.clear()
    answer = await run(over(Sessions()), "{ children { name } }")
    assert [child["name"] for child in answer["data"]["children"]] == ["n0", "n1", "n2", None]
    assert BATCHES == [[0, 1, 2, 3]]


async def test_resources_outlive_the_field_that_failed_at_once() -> None:
    sessions, before = Sessions(), asyncio.all_tasks()
    answer = await run(over(sessions), "{ session failsAtOnce }")
    assert answer["data"] is None
    assert all(session.ended for session in sessions.all)
    assert asyncio.all_tasks() == before


async def test_a_statement_that_a_failure_beside_it_cancels_ends_before_its_session() -> None:
    sessions = Sessions()
    for _ in range(10):
        answer = await run(over(sessions), "{ a: children { fails } b: children { session again: session } }")
        assert {error["extensions"]["code"] for error in answer["errors"]} == {"BAD_USER_INPUT"}
    assert all(session.ended for session in sessions.all)


async def test_a_cancelled_operation_gives_everything_back() -> None:
    sessions, before = Sessions(), asyncio.all_tasks()
    task = asyncio.create_task(run(over(sessions), "{ hangs session }"))
    await asyncio.sleep(0.02)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert [session.ended for session in sessions.all] == [True]
    assert asyncio.all_tasks() == before


async def test_each_event_of_a_subscription_has_a_context_of_its_own() -> None:
    sessions = Sessions()
    runs = over(sessions)
    operation = runs.prepare(GraphQLRequest("subscription { children(to: 3) { session name } }"))
    async with aclosing(runs.stream(operation, KEYS["admin-key"], "r")) as bodies:
        async for _ in bodies:
            assert all(session.ended for session in sessions.all)
    assert len(sessions.all) == 3


async def test_an_unknown_operation_does_not_run() -> None:
    runs = engine()
    for request in (GraphQLRequest("query A { hello }", None, "B"), GraphQLRequest("query A { hello } { hello }")):
        with pytest.raises(Refused) as refused:
            await runs.execute(runs.prepare(request), KEYS["admin-key"], "r")
        for error in wire_errors(refused.value.errors, request_id="r"):
            assert error["extensions"]["code"] in ("BAD_USER_INPUT", "GRAPHQL_VALIDATION_FAILED")


@pytest.mark.parametrize(
    ("query", "message", "extensions"),
    [
        (
            '{ refused(how: "") }',
            "`from` lies after `to`.",
            {"code": "BAD_USER_INPUT", "field": "period.from"},
        ),
        ('{ refused(how: "limit") }', "No more than three.", {"code": "BAD_USER_INPUT"}),
        (
            '{ refused(how: "unavailable") }',
            "The database rests.",
            {"code": "UNAVAILABLE", "retryAfterSeconds": 3},
        ),
        (
            "{ broken }",
            "Internal error; the log has it under request id r-1.",
            {"code": "INTERNAL", "requestId": "r-1"},
        ),
        (
            "{ tooBig }",
            "Internal error; the log has it under request id r-1.",
            {"code": "INTERNAL", "requestId": "r-1"},
        ),
    ],
)
async def test_each_fault_has_its_code(query: str, message: str, extensions: dict[str, Any]) -> None:
    (error,) = (await run(engine(), query))["errors"]
    assert (error["message"], error["extensions"]) == (message, extensions)
    assert error["path"]
    assert error["locations"]


async def test_a_null_variable_for_an_argument_is_the_clients_fault() -> None:
    (error,) = (await run(engine(), "query ($n: BigInt = 1) { after(number: $n) }", n=None))["errors"]
    assert error["extensions"]["code"] == "BAD_USER_INPUT"


async def test_what_cannot_be_encoded_is_a_fault_of_ours() -> None:
    error = wire_error(TypeError("object of type X"), request_id="r-1")
    assert error == {
        "message": "Internal error; the log has it under request id r-1.",
        "extensions": {"code": "INTERNAL", "requestId": "r-1"},
    }
    assert wire_error(Refusal("No."), request_id="r")["extensions"] == {"code": "BAD_USER_INPUT"}


async def test_a_fresh_context_shares_nothing_that_was_opened() -> None:
    sessions = Sessions()
    services = Services(database=cast("Any", sessions), hub=cast("Any", None), writer=cast("Any", None))
    context = Context(services, KEYS["admin-key"], "r")
    async with context.resources:
        async with context.reading() as first:
            pass
        other = context.fresh()
        async with other.resources, other.reading() as second:
            assert second is not first
        assert [session.ended for session in sessions.all] == [False, True]
