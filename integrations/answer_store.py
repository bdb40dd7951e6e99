"""Answers that are kept for a while: in this process, bounded in bytes, and in Redis, where there is one, for all.

Both are cashews' backends. Redis may be slow or away: it then costs a tenth of a second, and a few of those in a row
make its circuit leave it alone. Nothing that is kept here is trusted for being kept: see `schema.caching`.
"""

import asyncio
from typing import Any, Final

import msgspec
from cashews.backends.memory import Memory
from cashews.backends.redis import Redis
from cashews.exceptions import CacheBackendInteractionError
from prometheus_client import Counter, Gauge
from redis.asyncio import Redis as Client
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from integrations.circuits import Circuits, Open

MIB: Final = 2**20
MOST_ENTRY_BYTES: Final = MIB
MOST_ENTRIES: Final = 10_000
ENTRY_OVERHEAD: Final = 600
EXPIRY_SECONDS: Final = 10.0
REDIS_SECONDS: Final = 0.1
REDIS_FAILURES: Final = 3
REDIS_PAUSE_SECONDS: Final = 10.0
MOST_WRITES: Final = 100
"""How many answers may be on their way to Redis; what comes beyond stays here alone."""

KEPT_BYTES: Final = Gauge("vigie_cache_bytes", "Bytes that kept answers take in this process.")
KEPT: Final = Gauge("vigie_cache_entries", "Answers that are kept in this process.")
FAILED: Final = Counter("vigie_cache_redis_failures_total", "Answers that Redis did not give or take in time.")


class Kept(msgspec.Struct, frozen=True, array_like=True):
    """An answer: the version (last fact, revision) that it is of, when it was made and until when it serves."""

    last_seq: int
    revision: int
    made_at: float
    until: float
    body: bytes


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Kept).decode


class BoundedMemory(Memory):
    """cashews' memory, the least recently used first out, bounded in bytes."""

    __slots__ = ("_bytes", "_most_bytes")

    def __init__(self, most_bytes: int) -> None:
        super().__init__(MOST_ENTRIES, EXPIRY_SECONDS)
        self._most_bytes = most_bytes
        self._bytes = 0

    def look(self, key: str) -> Kept | None:
        """What is kept under the key: without waiting, unlike `get`."""
        if key not in self.store:
            return None
        self.store.move_to_end(key)
        kept: Kept = self.store[key][1]
        return kept

    def _set(self, key: str, value: Kept, expire: float | None = None) -> None:
        self._forget(key)
        while self.store and (self._bytes + _size(value) > self._most_bytes or len(self.store) >= self.size):
            self._forget(next(iter(self.store)))
        super()._set(key, value, expire)
        self._bytes += _size(value)
        self._show()

    async def _delete(self, key: str) -> bool:
        there = key in self.store
        self._forget(key)
        self._show()
        return there

    def _forget(self, key: str) -> None:
        if (held := self.store.pop(key, None)) is not None:
            self._bytes -= _size(held[1])

    def _show(self) -> None:
        KEPT_BYTES.set(self._bytes)
        KEPT.set(len(self.store))


class AnswerStore:
    """Where answers are kept. `start` it, and `close` it at the end."""

    def __init__(self, circuits: Circuits, *, most_bytes: int, redis_url: str | None = None) -> None:
        self._circuits = circuits
        self._most_entry = min(MOST_ENTRY_BYTES, most_bytes // 8)
        self._memory = BoundedMemory(most_bytes)
        self._redis: Redis | None = None
        self._writes: set[asyncio.Task[None]] = set()
        if redis_url:
            self._redis = Redis(
                redis_url,
                suppress=False,
                socket_timeout=REDIS_SECONDS,
                socket_connect_timeout=REDIS_SECONDS,
                wait_for_connection_timeout=REDIS_SECONDS,
                retry=Retry(NoBackoff(), 0, supported_errors=()),
                protocol=2,
            )

    async def start(self) -> None:
        """Takes up work. Redis need not be there yet."""
        await self._memory.init()
        if self._redis is not None:
            await self._redis.init()  # type: ignore[no-untyped-call]

    async def close(self) -> None:
        for write in self._writes:
            write.cancel()
        await asyncio.gather(*self._writes, return_exceptions=True)
        await self._memory.close()
        if self._redis is not None:
            client = self._redis._client  # noqa: SLF001 — closing the backend leaves its connections open
            if isinstance(client, Client):
                await client.aclose(close_connection_pool=True)
            else:
                await client.aclose()

    def here(self, key: str) -> Kept | None:
        """What this process keeps under a key; it may be out of date."""
        return self._memory.look(key)

    async def elsewhere(self, key: str) -> Kept | None:
        """What Redis keeps under a key; None also when there is none, or when it does not answer in time."""
        if self._redis is None:
            return None
        data = await self._ask(self._redis.get(key))
        try:
            return _decode(data) if isinstance(data, bytes) else None
        except msgspec.MsgspecError:
            return None

    def keep(self, key: str, kept: Kept, seconds: float, *, everywhere: bool = True) -> None:
        """Keeps an answer here and, soon, in Redis. One that is too large is not kept."""
        if len(kept.body) > self._most_entry:
            return
        self._memory._set(key, kept, seconds)  # noqa: SLF001 — `set` is the same behind a coroutine
        if everywhere and self._redis is not None and len(self._writes) < MOST_WRITES:
            write = asyncio.create_task(self._write(key, _encode(kept), seconds))
            self._writes.add(write)
            write.add_done_callback(self._writes.discard)

    async def _write(self, key: str, data: bytes, seconds: float) -> None:
        if self._redis is not None:
            await self._ask(self._redis.set(key, data, seconds))

    async def _ask(self, command: Any) -> Any:
        try:
            async with (
                self._circuits.guarding("redis", failures=REDIS_FAILURES, seconds=REDIS_PAUSE_SECONDS),
                asyncio.timeout(REDIS_SECONDS),
            ):
                return await command
        except Open:
            command.close()
        except (CacheBackendInteractionError, RedisError, OSError, TimeoutError):
            FAILED.inc()
        return None


def _size(kept: Kept) -> int:
    return len(kept.body) + ENTRY_OVERHEAD
