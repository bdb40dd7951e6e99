"""Who goes first on the event loop: the writer, for the moments in which the database waits for it."""

import asyncio
import contextlib
from typing import Final

PATIENCE_SECONDS: Final = 0.005


class Turn:
    """The writer's statements before and after a COPY take microseconds, and the database idles between them.

    A request that is decoded meanwhile holds them up for milliseconds, so large ones wait for the next COPY: then the
    database is busy, and they are decoded beside it.
    """

    def __init__(self) -> None:
        self._others = asyncio.Event()
        self._others.set()

    def take(self) -> None:
        """The database waits for the writer."""
        self._others.clear()

    def give(self) -> None:
        """The database is busy, or has nothing to do."""
        self._others.set()

    async def wait(self) -> None:
        """Returns when it is somebody else's turn than the writer's, or after five milliseconds."""
        if not self._others.is_set():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(PATIENCE_SECONDS):
                    await self._others.wait()
