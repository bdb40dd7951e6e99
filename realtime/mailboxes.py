"""What waits for one subscriber, bounded in facts and in bytes."""

import asyncio
import weakref
from collections import deque
from contextlib import suppress
from typing import Final

from prometheus_client import Counter, Gauge

from realtime.facts import Span

MAILBOX_FACTS: Final = 1_000
MAILBOX_BYTES: Final = 2 * 2**20

OVERFLOWS = Counter("vigie_stream_overflows_total", "Times a subscriber fell behind and its queue was dropped.")
QUEUED = Gauge("vigie_stream_queue_facts", "Facts that wait for streams which have not taken them yet.")


class Mailbox:
    """Spans in order, with at most `limit` facts and `limit_bytes` bytes together.

    A span that does not fit empties the mailbox and detaches it: its owner keeps a cursor and reads the tables.
    """

    def __init__(self, *, limit: int = MAILBOX_FACTS, limit_bytes: int = MAILBOX_BYTES) -> None:
        self.limit, self.limit_bytes = limit, limit_bytes
        self.size = self.bytes = 0
        """How many facts wait, and what they take."""
        self.since: int | None = None
        """Every span behind this place has come in; None while the mailbox is detached."""
        self._spans: deque[Span] = deque()
        self._changed = asyncio.Event()

    @property
    def is_half_full(self) -> bool:
        return self.size > self.limit // 2 or self.bytes > self.limit_bytes // 2

    def open(self, seq: int) -> None:
        """Attached: every span behind `seq` comes in from now on."""
        self.since = seq
        _open.add(self)

    def put(self, span: Span) -> None:
        """Takes a span in, or everything out when there is no room."""
        if self.size + len(span.facts) > self.limit or self.bytes + span.size > self.limit_bytes:
            OVERFLOWS.inc()
            self.close()
            return
        self._spans.append(span)
        self._count(span, 1)
        self._changed.set()

    def close(self) -> None:
        """Detached and empty; wakes whoever waits."""
        self._spans.clear()
        self.size = self.bytes = 0
        self.since = None
        self._changed.set()

    async def take(self, most: int, most_bytes: int, *, wait: float | None) -> list[Span]:
        """The waiting spans of at most `most` facts together, and no more once they have `most_bytes` bytes.

        Waits for the first one, at most `wait` seconds. Empty after that, when the first one does not fit, and as soon
        as the mailbox is closed.
        """
        if not self._spans and self.since is not None:
            self._changed.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(wait):
                    await self._changed.wait()
        taken: list[Span] = []
        while self._spans and len(self._spans[0].facts) <= most and most_bytes > 0:
            span = self._spans.popleft()
            self._count(span, -1)
            most -= len(span.facts)
            most_bytes -= span.size
            taken.append(span)
        return taken

    def _count(self, span: Span, sign: int) -> None:
        self.size += sign * len(span.facts)
        self.bytes += sign * span.size


_open: weakref.WeakSet[Mailbox] = weakref.WeakSet()
QUEUED.set_function(lambda: sum(mailbox.size for mailbox in tuple(_open)))
