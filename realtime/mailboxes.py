"""What waits for one subscriber, bounded."""

import asyncio
from collections import deque
from contextlib import suppress
from typing import Final

from prometheus_client import Counter

from realtime.facts import Span

MAILBOX_FACTS: Final = 1_000

OVERFLOWS = Counter("vigie_stream_overflows_total", "Times a subscriber fell behind and its queue was dropped.")


class Mailbox:
    """Spans in order, with at most `limit` facts together.

    A span that does not fit empties the mailbox and detaches it: its owner keeps a cursor and reads the tables.
    """

    def __init__(self, *, limit: int = MAILBOX_FACTS) -> None:
        self.limit = limit
        self.size = 0
        """How many facts wait."""
        self.since: int | None = None
        """Every span behind this place has come in; None while the mailbox is detached."""
        self._spans: deque[Span] = deque()
        self._changed = asyncio.Event()

    def open(self, seq: int) -> None:
        """Attached: every span behind `seq` comes in from now on."""
        self.since = seq

    def put(self, span: Span) -> None:
        """Takes a span in, or everything out when there is no room."""
        if self.size + len(span.facts) > self.limit:
            OVERFLOWS.inc()
            self.close()
            return
        self._spans.append(span)
        self.size += len(span.facts)
        self._changed.set()

    def close(self) -> None:
        """Detached and empty; wakes whoever waits."""
        self._spans.clear()
        self.size, self.since = 0, None
        self._changed.set()

    async def take(self, most: int, *, wait: float | None) -> list[Span]:
        """The waiting spans of at most `most` facts together (a single span may have more).

        Waits for the first one, at most `wait` seconds. Empty after that, and as soon as the mailbox is closed.
        """
        if not self._spans and self.since is not None:
            self._changed.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(wait):
                    await self._changed.wait()
        taken: list[Span] = []
        while self._spans and (not taken or len(self._spans[0].facts) <= most):
            span = self._spans.popleft()
            most -= len(span.facts)
            self.size -= len(span.facts)
            taken.append(span)
        return taken
