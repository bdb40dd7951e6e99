"""A subscriber of tests: takes frames as they come and checks what every stream promises."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from realtime.facts import Fact
from realtime.hub import Hub
from realtime.replay import PAGE
from realtime.streams import Frame, frames

PATIENCE = 20.0


def everything(_: Fact) -> bool:
    return True


async def until(holds: Callable[[], bool]) -> None:
    """Lets others run until something holds."""
    async with asyncio.timeout(PATIENCE):
        while not holds():  # noqa: ASYNC110 — what others do sets no event
            await asyncio.sleep(0.001)


class Listener:
    """What one stream has given so far."""

    def __init__(self) -> None:
        self.frames: list[Frame] = []
        self.started: int | None = None
        """The place from which the stream runs, once it has said so."""
        self.reading = asyncio.Event()
        """Cleared by a test that wants the subscriber to stall."""
        self.reading.set()
        self._times: list[float] = []
        self._heard = asyncio.Condition()

    @property
    def seqs(self) -> list[int]:
        return [fact.seq for frame in self.frames for fact in frame.facts]

    @property
    def cursor(self) -> int:
        return self.frames[-1].cursor_seq

    @property
    def missed(self) -> int:
        return sum(frame.missed for frame in self.frames)

    def heard_at(self, seq: int) -> float:
        """When the frame came that reaches `seq`, by the monotonic clock."""
        return next(at for at, frame in zip(self._times, self.frames, strict=True) if frame.cursor_seq >= seq)

    async def until(self, seq: int) -> None:
        """Waits until the stream has come as far as `seq`."""
        async with asyncio.timeout(PATIENCE), self._heard:
            await self._heard.wait_for(lambda: bool(self.frames) and self.cursor >= seq)

    async def listen(self, hub: Hub, project_id: int, after: int | None, wants: Callable[[Fact], bool]) -> None:
        async for frame in frames(hub, project_id, after=after, wants=wants):
            if not self.frames:
                assert (frame.facts, frame.missed) == ([], 0)
                self.started = frame.cursor_seq
            else:
                assert frame.cursor_seq > self.cursor
                assert len(frame.facts) <= PAGE
                assert all(self.cursor < fact.seq <= frame.cursor_seq for fact in frame.facts)
            async with self._heard:
                self.frames.append(frame)
                self._times.append(time.monotonic())
                self._heard.notify_all()
            await self.reading.wait()


@asynccontextmanager
async def listening(
    hub: Hub, project_id: int, *, after: int | None = None, wants: Callable[[Fact], bool] = everything
) -> AsyncIterator[Listener]:
    """A subscriber that has had its first frame."""
    listener = Listener()
    task = asyncio.create_task(listener.listen(hub, project_id, after, wants))
    try:
        started = asyncio.create_task(listener.until(0))
        await asyncio.wait({task, started}, return_when=asyncio.FIRST_COMPLETED)
        started.cancel()
        if task.done():
            task.result()
        yield listener
        if task.done():
            task.result()
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
