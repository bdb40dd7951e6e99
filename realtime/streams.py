"""One stream: frames of facts from a cursor on, each fact once, in commit order, live or read from the tables."""

import datetime as dt
import time
from collections.abc import AsyncGenerator, Callable, Collection, Sequence
from typing import Final

import msgspec
from prometheus_client import Counter

from realtime.cursors import BadCursor
from realtime.facts import Fact, Span, size_of
from realtime.hub import Hub
from realtime.mailboxes import Mailbox
from realtime.readers import SPAN_BYTES, Pace
from realtime.replay import PAGE

QUIET_SECONDS: Final = 15.0
"""How long a stream whose place moves may say nothing."""

FACTS = Counter("vigie_stream_facts_total", "Facts given to streams, after their filters.")
COALESCED = Counter("vigie_stream_coalesced_total", "Commits that travelled in a frame together with earlier ones.")


class Frame(msgspec.Struct, frozen=True):
    """What a subscriber gets at a time: at most PAGE facts. `cursor_seq` is the place to resume behind.

    `missed` counts the numbers since the frame before, of whatever kind, whose facts retention has taken.
    `committed_at` is when its first commit was made, when that is how long the frame took: not where it was held back.
    """

    cursor_seq: int
    missed: int = 0
    facts: list[Fact] = []
    committed_at: dt.datetime | None = None


class Stretch(msgspec.Struct, frozen=True):
    """A part of a stream: everything behind `after` up to `until`. Without an end: from now on, whatever `after` is."""

    after: int = 0
    until: int | None = None


async def frames(
    hub: Hub,
    project_id: int,
    *,
    after: int | None,
    wants: Callable[[Fact], bool],
    kinds: Collection[str] | None = None,
    min_interval: float = 0.0,
) -> AsyncGenerator[Frame, None]:
    """The facts of a project behind `after` (None: from now on) that `wants` picks, for as long as the hub runs.

    The first frame comes at once, empty, with the place from which the stream runs. Later ones are empty only when
    the place has moved and nothing was said for QUIET_SECONDS. With a `min_interval` frames that are not full are that
    many seconds apart. `kinds`, when `wants` takes no others, spare the tables of the rest. Raises BadCursor, before
    the first frame, when the log has not come as far as `after`.
    """
    with hub.following(project_id) as tail:
        end = await hub.reader.extent(project_id)
        tail.know(end)
        if after is not None and after > end:
            raise BadCursor
        cursor = end if after is None else after
        yield Frame(cursor)
        gathering = _Gathering(cursor, wants, min_interval)
        mailbox, pace = Mailbox(), Pace()
        try:
            while not tail.closed:
                cursor, (most, most_bytes) = gathering.cursor, gathering.room
                if mailbox.since is None and tail.seq - cursor <= PAGE:
                    tail.attach(mailbox)
                live = mailbox.since is not None and mailbox.since <= cursor
                if live:
                    spans = await tail.take(mailbox, most, most_bytes, wait=gathering.patience())
                else:
                    read = hub.reader.private_span
                    spans = [await read(project_id, after=cursor, kinds=kinds, most=most, pace=pace)]
                gathering.add(spans)
                if gathering.is_due(crowded=not spans and mailbox.size > 0):
                    FACTS.inc(len(gathering.facts))
                    yield gathering.frame(live=live)
        finally:
            tail.detach(mailbox)


async def finished(
    hub: Hub,
    project_id: int,
    part: Stretch,
    *,
    wants: Callable[[Fact], bool],
    kinds: Collection[str] | None = None,
) -> AsyncGenerator[Frame, None]:
    """The frames of a stretch of the log that has an end, read from the tables; of one without numbers, where it is."""
    gathering, pace = _Gathering(part.after, wants, 0), Pace()
    if part.after == part.until:
        yield gathering.frame(live=False)
    while part.until is not None and gathering.cursor < part.until:
        after, read = gathering.cursor, hub.reader.private_span
        span = await read(project_id, after=after, until=part.until, kinds=kinds, most=PAGE, pace=pace)
        if span.last_seq == after:  # the log ends before: a backup has taken its place
            return
        gathering.add([span])
        if gathering.is_due(crowded=False):
            FACTS.inc(len(gathering.facts))
            yield gathering.frame(live=False)


class _Gathering:
    """What has come since the last frame."""

    def __init__(self, cursor: int, wants: Callable[[Fact], bool], min_interval: float) -> None:
        self.cursor = self._told = cursor
        self._wants = wants
        self._min_interval = min_interval
        self._start()

    def _start(self) -> None:
        self.facts: list[Fact] = []
        self._missed = self._size = self._spans = 0
        self._committed_at: dt.datetime | None = None
        self._told, self._told_at = self.cursor, time.monotonic()

    @property
    def room(self) -> tuple[int, int]:
        """How many more facts and bytes fit into the frame."""
        return PAGE - len(self.facts), SPAN_BYTES - self._size

    def add(self, spans: Sequence[Span]) -> None:
        for span in spans:
            span = span.behind(self.cursor)
            self.cursor = span.last_seq
            self._missed += span.missed
            wanted = [*filter(self._wants, span.facts)]
            if wanted:
                self.facts += wanted
                self._size += span.size if len(wanted) == len(span.facts) else sum(map(size_of, wanted))
                self._spans += 1
                self._committed_at = self._committed_at or span.committed_at

    def patience(self) -> float | None:
        """For how many seconds there is nothing to say unless something comes; None: for ever."""
        if self.facts or self._missed:
            return max(0.0, self._told_at + self._min_interval - time.monotonic())
        return max(0.0, self._told_at + QUIET_SECONDS - time.monotonic()) if self.cursor > self._told else None

    def is_due(self, *, crowded: bool) -> bool:
        """Whether a frame must leave now. `crowded`: what waits does not fit into it any more."""
        full = crowded or min(self.room) <= 0
        return (full and self.cursor > self._told) or self.patience() == 0

    def frame(self, *, live: bool) -> Frame:
        """The frame; the next one starts empty."""
        COALESCED.inc(max(0, self._spans - 1))
        told = live and not self._min_interval
        frame = Frame(self.cursor, self._missed, self.facts, self._committed_at if told else None)
        self._start()
        return frame
