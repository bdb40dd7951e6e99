"""Subscribers of tests: what an edge does with the bodies of a subscription, without the edge."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from typing import Any

import orjson

from models import Database, Project
from realtime.cursors import decode_cursor
from realtime.facts import Fact
from realtime.hub import Hub
from realtime.shared import Progress
from resolvers.principals import Principal, Role
from schema import schema
from schema.context import Services
from schema.execution import Engine
from schema.ids import decode_id
from schema.requests import GraphQLRequest
from tests.realtime.log import commit, usages

PATIENCE = 20.0
ACTIVITY = """
subscription Activity($after: String, $kinds: [ActivityKind!], $filter: ActivityFilter, $minInterval: Duration) {
  activity(after: $after, kinds: $kinds, filter: $filter, minInterval: $minInterval) {
    cursor missed events { id title }
  }
}
"""
GAUGE = 'subscription { liveMetrics(window: "PT1H", every: "PT1S") { time usage { requestsPerSecond } } }'


def principal_of(project: Project, *, key_id: int = 1, role: Role = Role.READER) -> Principal:
    return Principal(key_id, f"key {key_id}", role, project.id, project.name)


def open_engine(database: Database, hub: Hub) -> Engine:
    """An engine over the product's schema, as a process has one."""
    nothing: Any = None
    return Engine(schema, Services(database, hub, nothing, nothing))


class Log:
    """Commits and publishes."""

    def __init__(self, database: Database, hub: Hub, project_id: int) -> None:
        self._database, self._hub, self._project_id = database, hub, project_id
        self._commits = 0

    async def add(self, facts: list[Fact] | int) -> int:
        """Answers the last number."""
        self._commits += 1
        some = usages(self._project_id, facts, f"batch {self._commits}") if isinstance(facts, int) else facts
        committed = await commit(self._database, some)
        self._hub.publish(committed)
        return committed.last_seq


class Subscriber:
    """What one subscription has answered so far."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self.reading = asyncio.Event()
        """Cleared by a test whose client stalls."""
        self.reading.set()
        self._heard = asyncio.Condition()

    @property
    def frames(self) -> list[dict[str, Any]]:
        answers = [orjson.loads(body) for body in self.bodies]
        assert not any("errors" in answer for answer in answers)
        return [frame for answer in answers for frame in answer["data"].values()]

    @property
    def seqs(self) -> list[int]:
        """The numbers of the facts, in the order in which they came."""
        return [int(decode_id(event["id"]).key) for frame in self.frames for event in frame["events"]]

    @property
    def started(self) -> int:
        return self._place(0)

    @property
    def place(self) -> int:
        return self._place(-1)

    def _place(self, index: int) -> int:
        cursor = self.frames[index]["cursor"]
        return next(seq for project in range(1, 99) if (seq := _seq(cursor, project)) is not None)

    async def take(self, body: bytes) -> None:
        async with self._heard:
            self.bodies.append(body)
            self._heard.notify_all()
        await self.reading.wait()

    async def until(self, holds: Callable[[], bool]) -> None:
        """Waits until something holds of what has come."""
        async with asyncio.timeout(PATIENCE), self._heard:
            await self._heard.wait_for(holds)

    async def until_place(self, seq: int) -> None:
        await self.until(lambda: self.place >= seq)


def _seq(cursor: str, project_id: int) -> int | None:
    try:
        return decode_cursor(cursor, project_id=project_id)
    except ValueError:
        return None


@asynccontextmanager
async def subscribed(
    engine: Engine,
    principal: Principal,
    document: str = ACTIVITY,
    *,
    progress: Progress | None = None,
    **variables: Any,
) -> AsyncIterator[Subscriber]:
    """A subscriber that has had its first answer."""
    subscriber = Subscriber()

    async def listen() -> None:
        operation = engine.prepare(GraphQLRequest(document, variables))
        async with aclosing(engine.stream(operation, principal, "request", progress)) as bodies:
            async for body in bodies:
                await subscriber.take(body)

    task = asyncio.create_task(listen())
    try:
        started = asyncio.create_task(subscriber.until(lambda: bool(subscriber.bodies)))
        await asyncio.wait({task, started}, return_when=asyncio.FIRST_COMPLETED)
        started.cancel()
        if task.done():
            task.result()
        yield subscriber
        if task.done():
            task.result()
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
