"""Streams between processes by Redis: concurrent commits, outages, restarts."""

import asyncio
import contextlib
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager

import pytest
from redis.asyncio import Redis

from models import Database
from realtime import backends
from realtime import hub as hubs
from realtime.backends import NUDGE_BYTES
from realtime.facts import Fact
from realtime.hub import Hub
from realtime.tails import GAPS_READ
from tests.databases import only_postgresql
from tests.realtime.committing import commit_batches
from tests.realtime.listening import PATIENCE, Listener, listening, until
from tests.realtime.log import activity, api_call, commit, usage, usages
from tests.realtime.own_redis import OwnRedis

OpenHub = Callable[..., Awaitable[Hub]]


@pytest.fixture
async def own_redis() -> AsyncIterator[OwnRedis]:
    redis = OwnRedis()
    yield redis
    await redis.stop()


@asynccontextmanager
async def ready(redis_url: str, *project_hubs: tuple[Hub, int]) -> AsyncIterator[None]:
    """Inside, these hubs hear these projects through Redis."""
    with contextlib.ExitStack() as stack:
        for hub, project_id in project_hubs:
            stack.enter_context(hub.following(project_id))
        async with Redis.from_url(redis_url) as redis, asyncio.timeout(PATIENCE):
            while True:
                subscribers = await redis.pubsub_numsub(*(hub.channel(project_id) for hub, project_id in project_hubs))
                if all(count >= len(project_hubs) for _, count in subscribers):
                    break
                await asyncio.sleep(0.01)
        yield


@pytest.fixture
def _no_poll(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hubs, "POLL_SECONDS", 3600)


@pytest.mark.usefixtures("_no_poll")
async def test_facts_travel_whole_to_other_hubs(
    database: Database, open_hub: OpenHub, redis_url: str, project_id: int
) -> None:
    here, there = await open_hub(redis_url), await open_hub(redis_url)
    reads = GAPS_READ._value.get()
    facts: list[Fact] = [
        usage(project_id, "a"),
        api_call(project_id, "b", attributes={"huge": 2**63 - 1, "text": "\u2028 é \U0001f600"}),
        activity(project_id, "c"),
    ]
    async with (
        ready(redis_url, (here, project_id), (there, project_id)),
        listening(here, project_id) as one,
        listening(there, project_id) as two,
    ):
        committed = await commit(database, facts)
        here.publish(committed)
        await one.until(3)
        await two.until(3)
    assert one.frames[-1].facts == two.frames[-1].facts == committed.facts
    assert GAPS_READ._value.get() == reads


@pytest.mark.usefixtures("_no_poll")
async def test_large_commits_travel_as_a_range(
    database: Database, open_hub: OpenHub, redis_url: str, project_id: int
) -> None:
    here, there = await open_hub(redis_url), await open_hub(redis_url)
    async with ready(redis_url, (here, project_id), (there, project_id)), listening(there, project_id) as listener:
        many, heavy = usages(project_id, 1_234), usage(project_id, "heavy", attributes={"text": "x" * NUDGE_BYTES})
        for facts in (many, [heavy]):
            here.publish(await commit(database, facts))
        await listener.until(1_235)
    assert listener.seqs == list(range(1, 1_236))


async def test_installations_on_one_redis_do_not_hear_each_other(
    database: Database, open_hub: OpenHub, redis_url: str, project_id: int
) -> None:
    here, other = await open_hub(redis_url), await open_hub(redis_url)
    other.installation = "another"
    assert here.channel(project_id) != other.channel(project_id)


@only_postgresql
async def test_concurrent_commits_of_three_processes_arrive_everywhere_once_in_order(
    database: Database, database_url: str, open_hub: OpenHub, redis_url: str, project_id: int
) -> None:
    here, there = await open_hub(redis_url), await open_hub(redis_url)
    async with AsyncExitStack() as stack:
        listeners = [
            await stack.enter_async_context(listening(hub, project_id)) for hub in (here, there) for _ in range(3)
        ]
        others = [
            await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "tests.realtime.committing"),
                *(database_url, redis_url, str(project_id), name, "60"),
                stdout=asyncio.subprocess.PIPE,
            )
            for name in ("first", "second")
        ]
        counts = await asyncio.gather(
            *(commit_batches(database, hub, project_id, f"here {n}", 60) for n, hub in enumerate((here, there)))
        )
        counts += [int((await process.communicate())[0].split()[-1]) for process in others]
        for listener in listeners:
            await listener.until(sum(counts))
    for listener in listeners:
        assert listener.seqs == list(range(1, sum(counts) + 1))
        assert listener.missed == 0
        assert len({fact.id for frame in listener.frames for fact in frame.facts}) == sum(counts)


async def test_twenty_five_subscribers_at_once_all_receive(
    database: Database, open_hub: OpenHub, redis_url: str, project_id: int
) -> None:
    here, there = await open_hub(redis_url), await open_hub(redis_url)
    for _ in range(3):
        async with AsyncExitStack() as stack:
            listeners = await asyncio.gather(
                *(stack.enter_async_context(listening(there, project_id)) for _ in range(25))
            )
            committed = await commit(database, [usage(project_id, f"{time.monotonic_ns()}")])
            here.publish(committed)
            for listener in listeners:
                await listener.until(committed.last_seq)
                assert listener.seqs == [committed.last_seq]


@pytest.mark.parametrize(
    "away", [0.5, pytest.param(5, marks=pytest.mark.long), pytest.param(30, marks=pytest.mark.long)]
)
async def test_redis_dies_during_traffic_and_nothing_is_lost_or_late(
    database: Database, open_hub: OpenHub, own_redis: OwnRedis, project_id: int, away: float
) -> None:
    await own_redis.start()
    here, there = await open_hub(own_redis.url), await open_hub(own_redis.url)
    traffic = Traffic(database, here, project_id)
    async with AsyncExitStack() as stack:
        listeners = [await stack.enter_async_context(listening(hub, project_id)) for hub in (here, there)]
        sending = asyncio.create_task(traffic.run())
        await traffic.seconds(0.5)
        await own_redis.stop()
        listeners.append(await stack.enter_async_context(listening(there, project_id)))
        await traffic.seconds(away)
        await own_redis.start()
        listeners.append(await stack.enter_async_context(listening(there, project_id)))
        await traffic.seconds(0.5)
        traffic.stopping = True
        await sending
        for listener in listeners:
            await listener.until(traffic.last_seq)
            assert listener.started is not None
            assert listener.seqs == list(range(listener.started + 1, traffic.last_seq + 1))
            assert traffic.worst_delay(listener) < 5
        async with ready(own_redis.url, (here, project_id), (there, project_id)):
            reads = GAPS_READ._value.get()
            here.publish(await commit(database, [usage(project_id, "when all is well again")]))
            for listener in listeners:
                await listener.until(traffic.last_seq + 1)
            assert GAPS_READ._value.get() == reads


class Traffic:
    """Commits small batches one after the other, and knows when each was stored."""

    def __init__(self, database: Database, hub: Hub, project_id: int) -> None:
        self._database, self._hub, self._project_id = database, hub, project_id
        self._committed: list[tuple[int, float]] = []
        self.stopping = False

    @property
    def last_seq(self) -> int:
        return self._committed[-1][0]

    async def run(self) -> None:
        while not self.stopping:
            n = len(self._committed)
            committed = await commit(self._database, usages(self._project_id, 1 + n % 3, f"batch {n}"))
            self._hub.publish(committed)
            self._committed.append((committed.last_seq, time.monotonic()))
            await asyncio.sleep(0.005)

    async def seconds(self, seconds: float) -> None:
        """Lets traffic flow for a while: at least ten commits."""
        before = len(self._committed)
        await asyncio.sleep(seconds)
        await until(lambda: len(self._committed) >= before + 10)

    def worst_delay(self, listener: Listener) -> float:
        """The longest time, in seconds, from a commit to its frame."""
        return max(listener.heard_at(seq) - at for seq, at in self._committed if seq > (listener.started or 0))


async def test_a_hub_starts_without_redis_and_finds_it_later(
    database: Database, open_hub: OpenHub, own_redis: OwnRedis, project_id: int
) -> None:
    here, there = await open_hub(own_redis.url), await open_hub(own_redis.url)
    async with listening(there, project_id) as listener:
        here.publish(await commit(database, [usage(project_id, "without")]))
        await listener.until(1)
        await own_redis.start()
        async with ready(own_redis.url, (here, project_id), (there, project_id)):
            assert backends.CONNECTED._value.get() == 1
            reads = GAPS_READ._value.get()
            here.publish(await commit(database, [usage(project_id, "with")]))
            await listener.until(2)
            assert GAPS_READ._value.get() == reads
    assert listener.seqs == [1, 2]


async def test_a_connection_that_falls_silent_is_given_up(monkeypatch: pytest.MonkeyPatch, own_redis: OwnRedis) -> None:
    """A server that accepts and never answers, as behind a dead firewall."""
    monkeypatch.setattr(backends, "SILENCE_SECONDS", 0.2)
    accepted: list[asyncio.StreamWriter] = []

    async def accept(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        accepted.append(writer)

    async with await asyncio.start_server(accept, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        backend = backends.RedisBackend(f"redis://127.0.0.1:{port}/0")
        await backend.connect()
        await until(lambda: len(accepted) >= 2)
        await backend.disconnect()
        for writer in accepted:
            writer.close()


async def test_a_stream_resumes_on_another_hub(
    database: Database, open_hub: OpenHub, redis_url: str, project_id: int
) -> None:
    here, there = await open_hub(redis_url), await open_hub(redis_url)
    async with listening(here, project_id) as listener:
        here.publish(await commit(database, usages(project_id, 5, "before")))
        await listener.until(5)
    here.publish(await commit(database, usages(project_id, 5, "between")))
    async with listening(there, project_id, after=listener.cursor) as resumed:
        await resumed.until(10)
        here.publish(await commit(database, usages(project_id, 5, "live")))
        await resumed.until(15)
    assert resumed.seqs == list(range(6, 16))


async def test_a_closed_hub_leaves_no_task_and_no_subscription(
    database: Database, redis_url: str, project_id: int
) -> None:
    before = asyncio.all_tasks()
    async with Hub(database, backends.open_broadcast(redis_url)) as hub:
        channel = hub.channel(project_id)
        async with ready(redis_url, (hub, project_id)), listening(hub, project_id):
            pass
        async with Redis.from_url(redis_url) as redis:
            while (await redis.pubsub_numsub(channel))[0][1]:
                pass
    assert asyncio.all_tasks() <= before
