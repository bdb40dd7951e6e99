"""What carries nudges: the process itself, or Redis pub/sub between processes. Both stand behind broadcaster."""

import asyncio
import random
from typing import Any, Final

import msgspec
import structlog
from broadcaster import Broadcast, BroadcastBackend, Event
from prometheus_client import Counter, Gauge
from redis.asyncio import Redis
from redis.asyncio.client import PubSub
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from realtime.facts import Committed

FIRST_DELAY_SECONDS: Final = 0.05
LAST_DELAY_SECONDS: Final = 2.0
ANSWER_SECONDS: Final = 2.0
"""How long Redis may take to accept a connection or a command."""
PING_SECONDS: Final = 5.0
NUDGE_BYTES: Final = 256 * 1024
"""A larger nudge goes without its facts."""
MOST_INCOMING: Final = 1_000
"""How many nudges wait to be heard here; the rest waits in Redis, which ends connections that are too slow."""
SILENCE_SECONDS: Final = 12.0
"""A connection on which not even a pong came for so long is dead."""
ALIVE: Final = "vigie:alive"
"""A channel on which nothing is published: with no subscription at all redis-py stops listening."""

CONNECTED = Gauge("vigie_redis_connected", "1 while nudges come in from Redis.")
RECONNECTS = Counter("vigie_redis_reconnects_total", "Attempts to connect to Redis again after a loss.")
DROPPED = Counter("vigie_nudges_dropped_total", "Nudges that Redis did not take or that could not be read.")

log = structlog.get_logger(__name__)


def open_broadcast(redis_url: str | None) -> Broadcast:
    """The broadcast of an installation: by Redis, or inside this process when there is no URL."""
    return Broadcast(backend=RedisBackend(redis_url)) if redis_url else Broadcast("memory://")


class RedisBackend(BroadcastBackend):
    """Redis pub/sub that outlives Redis.

    One task owns the connection: it subscribes before it listens, and when the connection is lost it makes a new one,
    for ever. Everybody else touches only sets and queues, so nothing here waits for Redis but `publish`, and that for
    two seconds at most. What is sent while Redis is away is lost; the hub reads it from the tables.
    """

    def __init__(self, url: str) -> None:
        self._client = Redis.from_url(
            url,
            protocol=2,  # with 3, redis-py 8 does not notice that a pooled connection has died
            socket_connect_timeout=ANSWER_SECONDS,
            socket_timeout=ANSWER_SECONDS,
            retry=Retry(NoBackoff(), 0, supported_errors=()),  # reconnecting is our task's business alone
        )
        self._encoder = msgspec.json.Encoder()
        self._decoder = msgspec.json.Decoder(Committed)
        self._wanted: set[str] = set()
        self._changed = asyncio.Event()
        self._incoming: asyncio.Queue[Event] = asyncio.Queue(MOST_INCOMING)
        self._connected = False
        self._task: asyncio.Task[None] | None = None

    async def connect(self) -> None:
        """Starts the task. Redis need not be there yet."""
        self._task = asyncio.create_task(self._stay_connected(), name="redis-pubsub")

    async def disconnect(self) -> None:
        while self._task is not None and not self._task.done():
            self._task.cancel()  # again and again: Python 3.11 can lose a cancel that meets a timeout
            await asyncio.wait({self._task}, timeout=1)
        await self._client.aclose()

    async def subscribe(self, group: str) -> None:
        self._wanted.add(group)
        self._changed.set()

    async def unsubscribe(self, group: str) -> None:
        self._wanted.discard(group)
        self._changed.set()

    async def publish(self, channel: str, message: Any) -> None:
        """Sends a nudge, or drops it when Redis does not take it."""
        if self._connected:
            try:
                await self._client.publish(channel, self._encoded(message))
            except (RedisError, OSError):
                DROPPED.inc()
        else:
            DROPPED.inc()

    def _encoded(self, nudge: Committed) -> bytes:
        data = self._encoder.encode(nudge)
        return data if len(data) <= NUDGE_BYTES else self._encoder.encode(msgspec.structs.replace(nudge, facts=None))

    async def next_published(self) -> Event:
        return await self._incoming.get()

    async def _stay_connected(self) -> None:
        failures = 0
        while True:
            try:
                async with self._client.pubsub() as pubsub, asyncio.TaskGroup() as group:
                    wanted = set(self._wanted)
                    await pubsub.subscribe(ALIVE, *wanted)
                    group.create_task(self._follow(pubsub, wanted))
                    group.create_task(self._listen(pubsub))
            except* Exception as lost:  # noqa: BLE001 — whatever ended this connection, the next one is tried
                if failures == 0 or self._connected:
                    failures, why = 0, lost.exceptions[0]
                    log.warning("redis is away, streams go on from the tables", error=f"{type(why).__name__}: {why}")
            self._connected = False
            CONNECTED.set(0)
            RECONNECTS.inc()
            delay = min(FIRST_DELAY_SECONDS * 2 ** min(failures, 10), LAST_DELAY_SECONDS)
            failures += 1
            await asyncio.sleep(delay * random.uniform(0.5, 1))  # noqa: S311

    async def _follow(self, pubsub: PubSub, followed: set[str]) -> None:
        """Keeps the subscriptions what is wanted, and the connection from falling silent."""
        while True:
            self._changed.clear()
            wanted = set(self._wanted)
            if new := wanted - followed:
                await pubsub.subscribe(*new)
            if old := followed - wanted:
                await pubsub.unsubscribe(*old)
            followed = wanted
            try:
                async with asyncio.timeout(PING_SECONDS):
                    await self._changed.wait()
            except TimeoutError:
                await pubsub.ping()

    async def _listen(self, pubsub: PubSub) -> None:
        """Hands on what comes in; the answer to the first SUBSCRIBE says that the connection works."""
        while True:
            async with asyncio.timeout(SILENCE_SECONDS):
                message = await pubsub.get_message(timeout=None)
            if message is None:
                continue
            if not self._connected:
                self._connected = True
                CONNECTED.set(1)
                log.info("listening to redis")
            if message["type"] == "message":
                await self._take_in(message["channel"].decode(), message["data"])

    async def _take_in(self, channel: str, data: bytes) -> None:
        try:
            nudge = self._decoder.decode(data)
        except msgspec.MsgspecError:
            DROPPED.inc()  # from another release, during a rolling update: the counters will tell
        else:
            await self._incoming.put(Event(channel, nudge))  # type: ignore[arg-type]  # broadcaster says text, means any
