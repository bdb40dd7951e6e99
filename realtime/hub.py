"""The hub: one per process, through which every committed fact reaches every stream of the installation.

Commits are nudges: they travel through broadcaster, by Redis or inside the process, and may be lost, late or doubled.
The tables are the truth: what no nudge brings is read from them, and once a second the counters of the projects that
are followed here tell what was missed.
"""

import asyncio
import datetime as dt
from collections.abc import Collection, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import Final, Self, cast

import msgspec
import structlog
from broadcaster import Broadcast
from prometheus_client import Counter, Gauge

from models import Activity
from models.database import Database
from models.outages import database_is_down
from realtime.facts import ActivityFact, Committed, columns_of
from realtime.readers import Reader
from realtime.tails import Tail

NUDGE_FACTS: Final = 100
"""A commit of more facts is announced without them."""
POLL_SECONDS: Final = 1.0

SENT = Counter("vigie_nudges_sent_total", "Nudges given to the broadcast.")
RECEIVED = Counter("vigie_nudges_received_total", "Nudges received for projects that are followed here.")
FOLLOWED = Gauge("vigie_stream_projects", "Projects that are followed here.")
SUBSCRIBERS = Gauge("vigie_stream_subscribers", "Streams that are open here.")

log = structlog.get_logger(__name__)


class _Followed:
    """A tail, the task that feeds it, and how many streams need it."""

    def __init__(self, tail: Tail, task: asyncio.Task[None]) -> None:
        self.tail, self.task, self.streams = tail, task, 0


class Hub:
    """Give it the installation's database and a `Broadcast` from `realtime.backends`; `async with hub` runs it."""

    def __init__(self, database: Database, broadcast: Broadcast) -> None:
        self.reader = Reader(database)
        self._broadcast = broadcast
        self.installation = ""
        """What sets our channels apart from those of others on the same Redis."""
        self._followed: dict[int, _Followed] = {}
        self._outbox: dict[int, Committed] = {}
        self._posted = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self.installation = await self.reader.installation()
        await self._broadcast.connect()
        self._start(self._send(), "hub-send")
        self._start(self._poll(), "hub-poll")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for followed in self._followed.values():
            followed.tail.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._broadcast.disconnect()
        await asyncio.sleep(0)  # lets broadcaster's own listener, which it does not wait for, end

    def publish(self, committed: Committed) -> None:
        """Announces a commit after it has happened. Never blocks and never fails; call it on the event loop."""
        facts = committed.facts
        count = committed.last_seq - committed.first_seq + 1
        if facts is not None and (count > NUDGE_FACTS or len(facts) != count):
            committed = msgspec.structs.replace(committed, facts=None)
        waiting = self._outbox.get(committed.project_id)
        self._outbox[committed.project_id] = _joined(waiting, committed) if waiting else committed
        self._posted.set()

    def publish_activities(
        self, project_id: int, first_seq: int, last_seq: int, activities: Sequence[Activity]
    ) -> None:
        """`publish` in the form in which `Database.published` calls it."""
        names = columns_of(ActivityFact)
        facts = [ActivityFact(*(getattr(activity, name) for name in names)) for activity in activities]
        self.publish(Committed(project_id, first_seq, last_seq, dt.datetime.now(dt.UTC), [*facts]))

    @property
    def waiting(self) -> Collection[Committed]:
        """What is published but not sent yet: at most one nudge for each project."""
        return self._outbox.values()

    @contextmanager
    def following(self, project_id: int) -> Iterator[Tail]:
        """The tail of a project's log, kept up to date for as long as somebody is inside."""
        followed = self._followed.get(project_id)
        if followed is None:
            tail = Tail(self.reader, project_id)
            followed = _Followed(tail, self._start(self._feed(tail), f"hub-tail-{project_id}"))
            self._followed[project_id] = followed
            FOLLOWED.inc()
        followed.streams += 1
        SUBSCRIBERS.inc()
        try:
            yield followed.tail
        finally:
            SUBSCRIBERS.dec()
            followed.streams -= 1
            if not followed.streams:
                del self._followed[project_id]
                FOLLOWED.dec()
                followed.task.cancel()

    def _start(self, work: Coroutine[None, None, None], name: str) -> asyncio.Task[None]:
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()):
            log.error("a task of the hub died", task=task.get_name(), exc_info=error)

    async def _send(self) -> None:
        """Posts what waits; commits of one project that come faster than they can be sent travel as one."""
        while True:
            await self._posted.wait()
            self._posted.clear()
            posts, self._outbox = self._outbox, {}
            for project_id, committed in posts.items():
                try:
                    await self._broadcast.publish(self.channel(project_id), committed)
                    SENT.inc()
                except Exception:
                    log.warning("a nudge was not sent; the counters will tell", project_id=project_id, exc_info=True)

    async def _feed(self, tail: Tail) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(self._listen(tail))
            group.create_task(tail.fill_gaps())

    async def _listen(self, tail: Tail) -> None:
        async with self._broadcast.subscribe(self.channel(tail.project_id)) as subscriber:
            while True:
                event = await subscriber.get()
                RECEIVED.inc()
                tail.hear(cast("Committed", event.message))

    async def _poll(self) -> None:
        """Once a second, how far the followed logs have come: a lost nudge costs no more than that."""
        away = False
        while True:
            await asyncio.sleep(POLL_SECONDS)
            if not self._followed:
                continue
            try:
                last_seqs = await self.reader.last_seqs(tuple(self._followed))
            except Exception as error:
                down = database_is_down(error)
                if not (down and away):  # an outage is told once, not once a second
                    log.warning("the counters cannot be read, streams wait", error=repr(error), exc_info=not down)
                away = down
                continue
            away = False
            for project_id, seq in last_seqs.items():
                if followed := self._followed.get(project_id):
                    followed.tail.know(seq)

    def channel(self, project_id: int) -> str:
        """The channel on which the commits of a project are announced."""
        return f"vigie:{self.installation}:{project_id}"


def _joined(first: Committed, second: Committed) -> Committed:
    """Two commits of a project as one: with their facts when nothing lies between them and they are few."""
    facts = None
    if first.facts is not None and second.facts is not None and first.last_seq + 1 == second.first_seq:
        facts = [*first.facts, *second.facts]
    return Committed(
        first.project_id,
        min(first.first_seq, second.first_seq),
        max(first.last_seq, second.last_seq),
        min(first.committed_at, second.committed_at),
        facts if facts is not None and len(facts) <= NUDGE_FACTS else None,
    )
