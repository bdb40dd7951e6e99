"""Noting what is refused: in memory, beside the path of events, and written by a job.

Of each project so many refusals a minute are kept one by one; of those behind them, how many there were.
"""

import datetime as dt
from collections import Counter as Counting
from collections.abc import Callable, Sequence
from typing import Any, Final

import structlog
from prometheus_client import Counter
from sqlalchemy import insert, select
from uuid_utils import uuid7

from models import Database, IngestReject, Project
from resolvers.contents.defaults import DEFAULTS
from resolvers.contents.keeping import Keeping
from resolvers.contents.masking import Masking
from resolvers.events.rejections import Rejection
from resolvers.rejects.samples import sample_of

A_MINUTE: Final = 200
"""Refusals of a project that are kept one by one, of each minute and process."""
MOST_WAITING: Final = 5_000
MOST_REASON: Final = 1000
DOORS: Final = ("json", "graphql", "otlp")
STATUSES: Final = (400, 401, 403, 405, 413, 415, 422, 429)

REQUESTS = Counter(
    "vigie_requests_rejected_total", "Requests with events that were refused as a whole.", ["door", "reason"]
)
for _door in DOORS:
    for _status in STATUSES:
        REQUESTS.labels(_door, str(_status))

log = structlog.get_logger(__name__)

OwnerOf = Callable[[str], int | None]
"""The project of a key's text, whether the key is good or not; None when nobody knows it."""
Group = tuple[int, str, str]
"""Project, door and code of refusals that are only counted."""


class Rejects:
    """What one process has refused and not written yet. Noting never fails and never waits."""

    def __init__(self, owner_of: OwnerOf = lambda secret: None) -> None:
        self._owner_of = owner_of
        self._minute = dt.datetime.min.replace(tzinfo=dt.UTC)
        self._noted: Counting[int] = Counting()
        self._left_out: Counting[Group] = Counting()
        self._waiting: list[dict[str, Any]] = []
        self._masking = Masking(DEFAULTS)

    def note_events(
        self, project_id: int, door: str, rejected: Sequence[Rejection], events: Sequence[Any], keeping: Keeping | None
    ) -> None:
        """Notes the rejections of a request, whose `events` they point into."""
        for rejection in rejected:
            if not self._takes(project_id, door, rejection.code):
                continue
            event = events[rejection.index]
            sample = sample_of(getattr(event, "sent", event), self._masking)
            reason, field = (
                self._masking.text(rejection.message),
                rejection.field and self._masking.text(rejection.field),
            )
            if keeping is not None:
                reason, sample = keeping.masking.text(reason), sample and keeping.masking.text(sample)
            self._note(project_id, door, rejection.code, field, reason, sample)

    def note_request(self, secret: str | None, *, door: str, status: int, reason: str) -> None:
        """Counts a request that was refused as a whole, and notes it where it is known whose it was."""
        REQUESTS.labels(door, str(status) if status in STATUSES else "other").inc()
        project_id = self._owner_of(secret) if secret else None
        if project_id is not None:
            self.note_whole(project_id, door=door, code=f"HTTP_{status}", reason=reason)

    def note_whole(self, project_id: int, *, door: str, code: str, reason: str) -> None:
        """Notes a request of a project that was refused as a whole."""
        if self._takes(project_id, door, code):
            self._note(project_id, door, code, None, reason, None)

    async def write(self, database: Database) -> None:
        """Writes what was noted. What cannot be written now waits, as far as there is room."""
        rows = self._taken(dt.datetime.now(dt.UTC))
        if not rows:
            return
        try:
            async with database.write() as session:
                present = set(await session.scalars(select(Project.id)))
                kept = [row for row in rows if row["project_id"] in present]
                if kept:
                    await session.run_many(insert(IngestReject), kept)
        except BaseException:
            self._waiting = [*rows, *self._waiting][:MOST_WAITING]
            raise

    async def close(self, database: Database) -> None:
        """Writes what is left; a database that is away does not keep the process from ending."""
        try:
            await self.write(database)
        except Exception as error:  # noqa: BLE001 — whatever it is, it is the end
            log.warning("refusals are lost", rows=len(self._waiting), error=repr(error))

    def _takes(self, project_id: int, door: str, code: str) -> bool:
        """Whether there is room for one more; it is counted either way."""
        now = dt.datetime.now(dt.UTC)
        if now - self._minute >= dt.timedelta(minutes=1):
            self._close_minute(now)
        if self._noted[project_id] < A_MINUTE and len(self._waiting) < MOST_WAITING:
            self._noted[project_id] += 1
            return True
        self._left_out[project_id, door, code] += 1
        return False

    def _note(
        self, project_id: int, door: str, code: str, field: str | None, reason: str, sample: str | None, count: int = 1
    ) -> None:
        self._waiting.append(
            {
                "project_id": project_id,
                "time": dt.datetime.now(dt.UTC),
                "id": str(uuid7()),
                "door": door,
                "code": code,
                "field": _storable(field),
                "reason": _storable(reason),
                "sample": _storable(sample),
                "count": count,
            }
        )

    def _close_minute(self, now: dt.datetime) -> None:
        left_out, self._left_out = self._left_out, Counting()
        self._noted.clear()
        self._minute = now.replace(second=0, microsecond=0)
        for (project_id, door, code), count in left_out.items():
            reason = f"{count:,} more within a minute: {A_MINUTE} of them are kept one by one."
            self._note(project_id, door, code, None, reason, None, count)

    def _taken(self, now: dt.datetime) -> list[dict[str, Any]]:
        if self._left_out and now - self._minute >= dt.timedelta(minutes=1):
            self._close_minute(now)
        rows, self._waiting = self._waiting, []
        return rows


def _storable(text: str | None) -> str | None:
    return None if text is None else text[: MOST_REASON * 2].replace("\0", "").encode(errors="replace").decode()
