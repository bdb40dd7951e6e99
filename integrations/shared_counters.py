"""Counters in Redis that processes share: the storage of `limits`, which has a quarter of a second to answer."""

import asyncio
from typing import Final

from limits.aio.storage import RedisStorage
from redis.exceptions import RedisError

from integrations.circuits import Circuits, Open

SECONDS: Final = 0.25
FAILURES: Final = 3
PAUSE_SECONDS: Final = 10.0


class SharedCounters:
    """Counts for all processes that name the same Redis."""

    def __init__(self, url: str, circuits: Circuits) -> None:
        self._circuits = circuits
        self._storage = RedisStorage(
            f"async+{url}",
            implementation="redispy",
            socket_timeout=SECONDS,
            socket_connect_timeout=SECONDS,
            protocol=2,
        )

    async def add(self, key: str, amount: int, *, seconds: int) -> int | None:
        """Adds to a counter, which ends after some seconds; answers what it is now, None when Redis does not."""
        try:
            async with (
                self._circuits.guarding("redis", failures=FAILURES, seconds=PAUSE_SECONDS),
                asyncio.timeout(SECONDS),
            ):
                return await self._storage.incr(key, seconds, amount=amount)
        except (Open, RedisError, OSError, TimeoutError):
            return None

    async def close(self) -> None:
        await self._storage.bridge.storage.aclose()  # type: ignore[attr-defined]
