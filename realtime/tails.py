"""The live end of a project's log, handed to everybody who follows it."""

import asyncio
from typing import Final

from prometheus_client import Counter

from realtime.backends import NUDGE_BYTES
from realtime.facts import Committed, Span
from realtime.mailboxes import Mailbox
from realtime.readers import Pace, Reader

PATIENCE_SECONDS: Final = 0.02
"""How long a late nudge is waited for before its facts are read from the tables."""
EARLY_NUDGES: Final = 32
"""How many nudges are kept that came before the one that they follow."""

GAPS_READ = Counter("vigie_stream_gaps_read_total", "Spans of facts read from the tables, once for all subscribers.")


class Tail:
    """A project's log from some place on, handed to every attached mailbox: each fact once, in order.

    Nudges that come in order with their facts are handed out at once. Anything else is a gap, read from the tables
    once for all, at the pace of the fastest follower.
    """

    def __init__(self, reader: Reader, project_id: int) -> None:
        self.project_id = project_id
        self.seq = 0
        """The place up to which everything was handed out."""
        self.closed = False
        self._reader = reader
        self._known = 0
        self._early: dict[int, Span] = {}
        self._mailboxes: set[Mailbox] = set()
        self._behind = asyncio.Event()
        self._room = asyncio.Event()

    @property
    def is_behind(self) -> bool:
        """Whether more is known to be there than was handed out."""
        return self._known > self.seq

    def attach(self, mailbox: Mailbox) -> None:
        """From here on the mailbox gets everything behind `mailbox.since`."""
        mailbox.open(self.seq)
        self._mailboxes.add(mailbox)
        self._room.set()

    def detach(self, mailbox: Mailbox) -> None:
        mailbox.close()
        self._mailboxes.discard(mailbox)
        self._room.set()

    async def take(self, mailbox: Mailbox, most: int, most_bytes: int, *, wait: float | None) -> list[Span]:
        """What waits in a mailbox, see `Mailbox.take`; makes room for the next gap."""
        spans = await mailbox.take(most, most_bytes, wait=wait)
        self._room.set()
        return spans

    def hear(self, committed: Committed) -> None:
        """A nudge has come."""
        if committed.last_seq <= self.seq:
            return
        span = _span(committed)
        if span is not None and span.after <= self.seq:
            self._hand_out(span)
        elif self._mailboxes:
            if span is not None and len(self._early) < EARLY_NUDGES:
                self._early[span.after] = span
            self.know(committed.last_seq)

    def know(self, seq: int) -> None:
        """The log has come as far as `seq`, says its counter."""
        self._known = max(self._known, seq)
        if not self._mailboxes:
            self._jump()
        elif self.is_behind:
            self._behind.set()

    def close(self) -> None:
        """Lets every follower go."""
        self.closed = True
        for mailbox in tuple(self._mailboxes):
            self.detach(mailbox)

    async def fill_gaps(self) -> None:
        """Reads from the tables what no nudge has brought, for as long as the tail lives."""
        pace = Pace()
        while True:
            await self._behind.wait()
            await asyncio.sleep(PATIENCE_SECONDS)
            while self.is_behind:
                await self._until_a_follower_has_room()
                if not self._mailboxes:
                    self._jump()
                    break
                span = await self._reader.shared_span(self.project_id, after=self.seq, pace=pace)
                GAPS_READ.inc()
                self._hand_out(span)
                if span.last_seq == span.after:
                    self._known = self.seq  # heard of more than there is: the tables are right
            self._behind.clear()

    async def _until_a_follower_has_room(self) -> None:
        while self._mailboxes and all(mailbox.is_half_full for mailbox in self._mailboxes):
            self._room.clear()
            await self._room.wait()

    def _jump(self) -> None:
        """Nobody follows: what was missed is read by those who need it."""
        self.seq = max(self.seq, self._known)
        self._early.clear()

    def _hand_out(self, span: Span) -> None:
        """Gives every mailbox a span that joins on, and the early nudges that join on to it."""
        following: Span | None = span
        while following is not None and following.last_seq > self.seq:
            span = following.behind(self.seq)
            self.seq = span.last_seq
            for mailbox in tuple(self._mailboxes):
                mailbox.put(span)
                if mailbox.since is None:
                    self._mailboxes.discard(mailbox)
            self._early = {after: early for after, early in self._early.items() if after >= self.seq}
            following = self._early.pop(self.seq, None)


def _span(nudge: Committed) -> Span | None:
    """What a nudge brings; None when that is nothing, or too much to be kept for everybody."""
    if nudge.facts is None:
        return None
    span = Span(nudge.first_seq - 1, nudge.last_seq, nudge.facts, nudge.committed_at)
    return span if span.size <= NUDGE_BYTES else None
