"""Streams shared by a key: what many subscribers ask for alike is made once, and handed to all of them.

A source makes parts for as long as anybody listens. A listener that does not keep up is let go of and keeps its place:
it never slows the source or the others, and comes back when it has caught up by itself.
"""

import asyncio
import datetime as dt
import weakref
from collections import deque
from collections.abc import AsyncGenerator, Callable, Hashable, Iterator
from contextlib import aclosing, contextmanager, suppress
from typing import Final, Generic, TypeVar

import msgspec
from prometheus_client import Counter, Gauge, Histogram

K = TypeVar("K", bound=Hashable)

MOST_PARTS: Final = 64
MOST_BYTES: Final = 2**20
"""What may wait for one listener. The parts themselves are one in memory for all of them."""
TURN: Final = 2_000
"""How many listeners are served before others of the process have a turn."""

SOURCES = Gauge("vigie_stream_shared_sources", "Live streams that are executed once for all who ask the same.")
LISTENERS = Gauge("vigie_stream_shared_listeners", "Subscriptions that follow a shared live stream.")
DELIVERIES = Counter("vigie_stream_deliveries_total", "Messages of subscriptions delivered.")
SHARED = Counter("vigie_stream_executions_shared_total", "Messages delivered that were executed once for all.")
BEHIND = Counter("vigie_stream_listeners_behind_total", "Times a subscription fell behind its shared live stream.")
REPLACED = Counter("vigie_stream_gauge_values_replaced_total", "Values of gauges that a newer one replaced unsent.")
QUEUED = Gauge("vigie_stream_queue_parts", "Messages of shared live streams that wait for subscriptions.")
DELIVERY = Histogram(
    "vigie_stream_delivery_seconds",
    "From the commit of a fact to its message being written, on live streams: once for all sockets that take it at "
    "once, and once for each that does not.",
    buckets=(0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)


class Part(msgspec.Struct, frozen=True, gc=False):
    """What a source made of the stretch behind `after` up to `seq`, encoded. A gauge has no places, only values."""

    after: int
    seq: int
    body: bytes
    committed_at: dt.datetime | None = None

    def observe(self) -> None:
        """Notes how long it took from the commit until now."""
        if self.committed_at is not None:
            DELIVERY.observe(max(0.0, (dt.datetime.now(dt.UTC) - self.committed_at).total_seconds()))


class Progress:
    """How far one subscription has come on a live stream, for whoever watches it, and its short cut.

    `at_once` gives a message to the client, if that can be done now: it answers whether it did. It is asked only while
    the subscription has nothing else to send, and saves waking it up.
    """

    def __init__(self, at_once: Callable[[bytes], bool] | None = None) -> None:
        self.seq = 0
        """The place up to which its client was sent everything."""
        self.source: Source | None = None
        self.at_once = at_once

    @property
    def lag(self) -> int:
        """How many facts, of whatever kind, the live stream is ahead of it."""
        return max(0, self.source.seq - self.seq) if self.source else 0


class Source:
    """One execution, and who listens to it. The first part only tells where it starts, unless it is a gauge."""

    def __init__(self, parts: AsyncGenerator[Part, None], *, gauge: bool) -> None:
        self.gauge = gauge
        self.newest: Part | None = None
        self.error: Exception | None = None
        self.ended = False
        self.users: set[Listener] = set()
        self.attached: set[Listener] = set()
        self._started = asyncio.Event()
        self._task = asyncio.create_task(self._run(parts), name="shared-stream")
        _running.add(self)

    @property
    def seq(self) -> int:
        """The place up to which everything was handed out."""
        return self.newest.seq if self.newest else 0

    async def start(self) -> None:
        """Waits until it runs. Raises what it fails with."""
        await self._started.wait()
        self.check()

    def check(self) -> None:
        """Raises what the source has failed with."""
        if self.error is not None:
            raise self.error.with_traceback(None)

    def cancel(self) -> None:
        self._task.cancel()

    async def _run(self, parts: AsyncGenerator[Part, None]) -> None:
        try:
            async with aclosing(parts):
                async for part in parts:
                    started, self.newest = self.newest is not None, part
                    self._started.set()
                    if started or self.gauge:
                        await self._hand_out(part)
        except Exception as error:  # noqa: BLE001 — raised by every listener
            self.error = error
        finally:
            self.ended = True
            _running.discard(self)
            self._started.set()
            for listener in tuple(self.attached):
                listener.detach()

    async def _hand_out(self, part: Part) -> None:
        """Gives everybody a part, and lets others of the process run in between."""
        at_once = 0
        for number, listener in enumerate(tuple(self.attached), 1):
            if listener.attached:
                at_once += listener.put(part)
            if number % TURN == 0:
                await asyncio.sleep(0)
        if at_once:
            DELIVERIES.inc(at_once)
            SHARED.inc(at_once)
            part.observe()


class Listener:
    """What waits for one subscription: parts in order, bounded, or the newest value of a gauge."""

    def __init__(self, source: Source, progress: Progress) -> None:
        self.source = progress.source = source
        self.progress = progress
        self._parts: deque[Part] = deque()
        self._size = 0
        self._waiter: asyncio.Future[None] | None = None

    @property
    def waiting(self) -> int:
        """How many parts wait."""
        return len(self._parts)

    @property
    def attached(self) -> bool:
        return self in self.source.attached

    def attach(self) -> None:
        """From here on every part behind `source.seq` comes in; of a gauge its newest value too."""
        if not self.source.ended:
            self.source.attached.add(self)
            if self.source.gauge and self.source.newest:
                self.put(self.source.newest)

    def detach(self) -> None:
        """Lets what waits go."""
        self.source.attached.discard(self)
        self._parts.clear()
        self._size = 0
        self._wake()

    def put(self, part: Part) -> bool:
        """Takes a part in; answers whether the client has it already."""
        progress, idle = self.progress, self._waiter is not None and not self._waiter.done()
        fits = self.source.gauge or progress.seq <= part.after
        if idle and fits and progress.at_once is not None:
            with suppress(OSError, RuntimeError):  # it is being lost: its own task will see it
                if progress.at_once(part.body):
                    progress.seq = part.seq
                    return True
        if self.source.gauge and self._parts:
            REPLACED.inc()
            self._parts.clear()
            self._size = 0
        elif self._parts and (len(self._parts) >= MOST_PARTS or self._size + len(part.body) > MOST_BYTES):
            BEHIND.inc()
            self.detach()
            return False
        self._parts.append(part)
        self._size += len(part.body)
        self._wake()
        return False

    async def take(self) -> Part | None:
        """The next part; None when the listener is not attached any more."""
        while not self._parts:
            if not self.attached:
                return None
            self._waiter = asyncio.get_running_loop().create_future()
            await self._waiter
        part = self._parts.popleft()
        self._size -= len(part.body)
        return part

    def sent(self, part: Part) -> None:
        """Counts a part that was taken and is now with its socket."""
        SHARED.inc()
        part.observe()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


class SharedStreams(Generic[K]):
    """The sources that run, by what they are of."""

    def __init__(self) -> None:
        self._sources: dict[K, Source] = {}

    @contextmanager
    def listening(
        self, key: K, parts: Callable[[], AsyncGenerator[Part, None]], progress: Progress, *, gauge: bool = False
    ) -> Iterator[Listener]:
        """A listener, not attached yet, to the source of this key, which runs for as long as anybody is inside."""
        source = self._sources.get(key)
        if source is None or source.ended:
            source = self._sources[key] = Source(parts(), gauge=gauge)
        listener = Listener(source, progress)
        source.users.add(listener)
        try:
            yield listener
        finally:
            listener.detach()
            source.users.discard(listener)
            if not source.users:
                source.cancel()
                if self._sources.get(key) is source:
                    del self._sources[key]


_running: weakref.WeakSet[Source] = weakref.WeakSet()
SOURCES.set_function(lambda: len(_running))
LISTENERS.set_function(lambda: sum(len(source.users) for source in _running))
QUEUED.set_function(lambda: sum(listener.waiting for source in _running for listener in source.users))
