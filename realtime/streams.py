"""One stream: frames of facts from a cursor on, each fact once, in commit order, live or read from the tables."""

import datetime as dt
import time
from collections.abc import AsyncGenerator, Callable
from typing import Final

import msgspec
from prometheus_client import Counter, Histogram

from realtime.cursors import BadCursor
from realtime.facts import Fact, Span
from realtime.hub import Hub
from realtime.mailboxes import Mailbox
from realtime.replay import PAGE

QUIET_SECONDS: Final = 15.0
"""How long a stream whose place moves may say nothing."""

FACTS = Counter("vigie_stream_facts_total", "Facts given to streams, after their filters.")
CATCH_UPS = Counter("vigie_stream_catch_ups_total", "Spans of facts read from the tables for one subscriber alone.")
DELIVERY = Histogram(
    "vigie_stream_delivery_seconds",
    "From the commit of a fact to its frame being taken over by the socket, on live streams.",
    buckets=(0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)


class Frame(msgspec.Struct, frozen=True):
    """What a subscriber gets at a time: at most PAGE facts. `cursor_seq` is the place to resume behind.

    `missed` counts the numbers since the frame before, of whatever kind, whose facts retention has taken.
    """

    cursor_seq: int
    missed: int = 0
    facts: list[Fact] = []


async def frames(
    hub: Hub, project_id: int, *, after: int | None, wants: Callable[[Fact], bool]
) -> AsyncGenerator[Frame, None]:
    """The facts of a project behind `after` (None: from now on) that `wants` picks, for as long as the hub runs.

    The first frame comes at once, empty, with the place from which the stream runs. Later ones are empty only when
    the place has moved and nothing was said for QUIET_SECONDS. Raises BadCursor, before the first frame, when the log
    has not come as far as `after`.
    """
    with hub.following(project_id) as tail:
        end = await hub.reader.extent(project_id)
        tail.know(end)
        if after is not None and after > end:
            raise BadCursor
        cursor = end if after is None else after
        yield Frame(cursor)
        told, told_at = cursor, time.monotonic()
        mailbox = Mailbox()
        try:
            while not tail.closed:
                if mailbox.since is None and tail.seq - cursor <= PAGE:
                    tail.attach(mailbox)
                live = mailbox.since is not None and mailbox.since <= cursor
                if live:
                    patience = told_at + QUIET_SECONDS - time.monotonic() if cursor > told else None
                    spans = await tail.take(mailbox, PAGE, wait=patience)
                else:
                    CATCH_UPS.inc()
                    spans = [await hub.reader.private_span(project_id, after=cursor)]
                frame = _frame(cursor, spans, wants)
                cursor = frame.cursor_seq
                quiet = time.monotonic() - told_at >= QUIET_SECONDS
                if frame.facts or frame.missed or (quiet and cursor > told):
                    yield frame
                    told, told_at = cursor, time.monotonic()
                    FACTS.inc(len(frame.facts))
                    if live and frame.facts:
                        DELIVERY.observe(max(0.0, (dt.datetime.now(dt.UTC) - spans[0].committed_at).total_seconds()))
        finally:
            tail.detach(mailbox)


def _frame(cursor: int, spans: list[Span], wants: Callable[[Fact], bool]) -> Frame:
    """What is wanted of spans that follow each other, behind a place."""
    missed, facts = 0, list[Fact]()
    for span in spans:
        span = span.behind(cursor)
        missed += span.missed
        facts += filter(wants, span.facts)
        cursor = span.last_seq
    return Frame(cursor, missed, facts)
