"""Answers that are kept: given again as long as they are exact, and made anew as soon as they are not."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import orjson
import pytest

from integrations.answer_store import MIB, AnswerStore, Kept
from integrations.circuits import Circuits
from models import Database, Project
from realtime.hub import Hub
from resolvers.principals import Role
from resolvers.revisions import Versions
from schema import schema
from schema.caching import ANSWERS, LIFETIMES, OUTCOMES, Cache, CachingEngine, lifetime_of
from schema.context import Services
from schema.execution import Answer
from schema.requests import Freshness, GraphQLRequest
from tests.schema.subscribing import Log, principal_of
from tests.servers import free_port

METRICS = """{ metrics(period: {from: "2026-11-20T00:00:00Z", to: "2026-11-21T00:00:00Z"}) {
  asOf usage { totals { requests } }
} }"""
LAST = "query ($last: Duration!) { metrics(period: {last: $last}) { asOf } }"


class Asking:
    """A process's engine, and clients of it."""

    def __init__(self, engine: CachingEngine, project: Project) -> None:
        self.engine, self._project = engine, project

    async def ask(self, query: str = METRICS, role: Role = Role.READER, **members: Any) -> Answer:
        request = GraphQLRequest(query, **members)
        return await self.engine.execute(self.engine.prepare(request), principal_of(self._project, role=role), "here")

    async def requests(self, **members: Any) -> int:
        data = orjson.loads((await self.ask(**members)).body)["data"]
        return int(data["metrics"]["usage"]["totals"]["requests"])


@pytest.fixture
async def ending() -> AsyncIterator[AsyncExitStack]:
    async with AsyncExitStack() as ending:
        yield ending


@pytest.fixture
async def asking(database: Database, hub: Hub, project: Project, ending: AsyncExitStack) -> Asking:
    return Asking(await start(database, hub, ending), project)


async def start(
    database: Database,
    hub: Hub,
    ending: AsyncExitStack,
    *,
    redis_url: str | None = None,
    stale_seconds: float = 0,
    most_bytes: int = MIB,
) -> CachingEngine:
    """What one process has."""
    store = AnswerStore(Circuits(), most_bytes=most_bytes, redis_url=redis_url)
    await store.start()
    ending.push_async_callback(store.close)
    nothing: Any = None
    cache = Cache(Versions(database, stale_seconds=stale_seconds), store, "1.2.3", hub)
    return CachingEngine(schema, Services(database, hub, nothing, nothing), cache)


def counted() -> dict[str, float]:
    return {outcome: ANSWERS.labels(outcome)._value.get() for outcome in OUTCOMES}


def since(before: dict[str, float]) -> dict[str, float]:
    return {outcome: count - before[outcome] for outcome, count in counted().items() if count != before[outcome]}


async def test_an_answer_is_given_again_until_something_is_committed(asking: Asking, log: Log) -> None:
    await log.add(3)
    assert (await asking.ask()).age is None
    again = await asking.ask()
    assert again.age is not None
    assert 0 <= again.age < 10
    await log.add(2)
    assert await asking.requests() == 5


async def test_answers_differ_by_variables_and_rights_but_not_by_key_order(asking: Asking) -> None:
    before = counted()
    two = "query ($from: DateTime, $to: DateTime) { metrics(period: {from: $from, to: $to}) { asOf } }"
    bounds = {"from": "2026-01-01T00:00:00Z", "to": "2026-01-02T00:00:00Z"}
    await asking.ask(two, variables=bounds)
    await asking.ask(two, variables=dict(reversed(bounds.items())))
    await asking.ask(two, variables=bounds | {"to": "2026-01-03T00:00:00Z"})
    await asking.ask(two, variables=bounds, role=Role.ADMIN)
    assert since(before) == {"miss": 3, "hit": 1}
    refused = await asking.ask(two, variables=bounds, role=Role.INGEST)
    assert refused.has_errors


async def test_a_hundred_who_ask_the_same_at_once_cost_one_execution(asking: Asking, log: Log) -> None:
    await log.add(1)
    before = counted()
    bodies = {answer.body for answer in await asyncio.gather(*(asking.ask() for _ in range(100)))}
    assert len(bodies) == 1
    assert since(before)["miss"] == 1


async def test_who_asks_after_a_commit_does_not_get_what_was_begun_before(asking: Asking, log: Log) -> None:
    for committed in range(1, 20):
        asked = [asyncio.create_task(asking.ask()) for _ in range(3)]
        await log.add(1)
        assert await asking.requests() == committed
        await asyncio.gather(*asked)


async def test_a_mutation_lets_go_of_what_was_answered(asking: Asking) -> None:
    attributes = "{ declaredAttributes }"
    await asking.ask(attributes)
    assert (await asking.ask(attributes)).age is not None
    declare = 'mutation { declareAttributes(input: {keys: ["plan"]}) { userErrors { code } } }'
    await asking.ask(declare, role=Role.ADMIN)
    assert b"plan" in (await asking.ask(attributes)).body
    assert (await asking.ask(attributes)).age is not None
    reloaded = await asking.ask("mutation { reloadCache { reloadedAt userErrors { code } } }", role=Role.EDITOR)
    assert orjson.loads(reloaded.body)["data"]["reloadCache"]["userErrors"] == []
    assert (await asking.ask(attributes)).age is None
    assert (await asking.ask("mutation { reloadCache { reloadedAt } }", role=Role.READER)).has_errors


async def test_a_client_may_want_a_fresh_answer(asking: Asking) -> None:
    before = counted()
    await asking.ask(freshness=Freshness.UNSTORED)
    assert (await asking.ask(freshness=Freshness.FRESH)).age is None
    assert (await asking.ask()).age is not None
    assert since(before) == {"bypass": 2, "hit": 1}


@pytest.mark.parametrize(
    ("header", "wanted"),
    [
        ("", Freshness.ANY),
        ("max-age=60", Freshness.ANY),
        ("no-cache", Freshness.FRESH),
        ("Max-Age=0, must-revalidate", Freshness.FRESH),
        ("no-cache, no-store", Freshness.UNSTORED),
    ],
)
def test_cache_control_says_what_a_client_wants(header: str, wanted: Freshness) -> None:
    assert GraphQLRequest.of({"query": "{ a }"}, header).freshness is wanted
    assert GraphQLRequest.of({"query": "{ a }", "extensions": {"cacheControl": header}}).freshness is wanted


@pytest.mark.parametrize(
    ("query", "seconds"),
    [
        ('{ metrics(period: {last: "P7D"}) { asOf } }', 10),
        ('{ metrics(period: {from: "2026-01-01T00:00:00Z", to: "2026-01-02T00:00:00Z"}) { asOf } }', 600),
        ('{ metrics(period: {from: "2026-01-01T00:00:00Z", to: "2999-01-02T00:00:00Z"}) { asOf } }', 10),
        ('query ($p: PeriodInput = {last: "PT1H"}) { metrics(period: $p) { asOf } }', 10),
        ("{ declaredAttributes }", 60),
        ("{ declaredAttributes bugs(first: 1) { totalCount } }", 30),
        ("{ declaredAttributes viewer { name } }", None),
        ("{ health { status } }", None),
        ("{ ...A } fragment A on Query { ... { declaredAttributes viewer { name } } }", None),
        ("{ __schema { queryType { name } } }", None),
    ],
)
async def test_the_least_of_the_root_fields_says_how_long_an_answer_serves(
    asking: Asking, query: str, seconds: float | None
) -> None:
    assert lifetime_of(asking.engine.prepare(GraphQLRequest(query))) == seconds


def test_lifetimes_are_of_root_fields_and_from_ten_seconds_to_ten_minutes() -> None:
    query = schema._schema.query_type
    assert query is not None
    assert set(LIFETIMES) - {"__typename"} <= set(query.fields)
    assert all(10 <= seconds <= 600 for seconds in LIFETIMES.values())


async def test_what_is_old_or_has_errors_is_executed_again(asking: Asking, monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = '{ metrics(period: {last: "PT0S"}) { asOf } }'
    assert (await asking.ask(wrong)).has_errors
    assert (await asking.ask(wrong)).age is None
    await asking.ask(LAST, variables={"last": "P1D"})
    assert (await asking.ask(LAST, variables={"last": "P1D"})).age is not None
    real = time.time
    monkeypatch.setattr(time, "time", lambda: real() + 11)
    assert (await asking.ask(LAST, variables={"last": "P1D"})).age is None


async def test_staleness_is_allowed_where_it_is_set(
    database: Database, hub: Hub, project: Project, log: Log, ending: AsyncExitStack
) -> None:
    lazy = Asking(await start(database, hub, ending, stale_seconds=60), project)
    assert await lazy.requests() == 0
    await log.add(2)
    assert await lazy.requests() == 0
    await lazy.ask("mutation { reloadCache { reloadedAt } }", role=Role.ADMIN)
    assert await lazy.requests() == 2


async def test_processes_share_answers_by_redis(
    database: Database, hub: Hub, project: Project, log: Log, redis_url: str, ending: AsyncExitStack
) -> None:
    one, other = [Asking(await start(database, hub, ending, redis_url=redis_url), project) for _ in range(2)]
    await log.add(1)
    await one.ask()
    async with asyncio.timeout(10):
        while (await other.ask(query=METRICS, freshness=Freshness.ANY)).age is None:
            other = Asking(await start(database, hub, ending, redis_url=redis_url), project)
    await log.add(1)
    assert await other.requests() == 2


async def test_without_redis_answers_do_not_wait(
    database: Database, hub: Hub, project: Project, ending: AsyncExitStack
) -> None:
    away = f"redis://127.0.0.1:{free_port()}/0"
    asking = Asking(await start(database, hub, ending, redis_url=away), project)
    started = time.monotonic()
    for days in range(1, 21):
        await asking.ask(LAST, variables={"last": f"P{days}D"})
    assert (await asking.ask(LAST, variables={"last": "P1D"})).age is not None
    assert time.monotonic() - started < 5


async def test_memory_is_bounded_in_bytes_and_lets_the_oldest_go() -> None:
    store = AnswerStore(Circuits(), most_bytes=MIB)
    for number in range(100):
        store.keep(str(number), Kept(1, 1, 0, 0, bytes(50_000)), 60)
        store.here("0")
    assert store.here("0") is not None
    assert store.here("1") is None
    assert 15 < sum(store.here(str(number)) is not None for number in range(100)) < 22
    store.keep("large", Kept(1, 1, 0, 0, bytes(MIB)), 60)
    assert store.here("large") is None
