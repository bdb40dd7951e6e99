"""What every door does with the events that it has decoded: check them, store them, say what became of each."""

import asyncio
import datetime as dt
from typing import Final

from msgspec import Struct
from prometheus_client import Counter

from resolvers.events.checks import Checked, Checker
from resolvers.events.decoding import Decoded
from resolvers.events.groups import Stored
from resolvers.events.rejections import INVALID, TIME_OUT_OF_RANGE, Rejection
from resolvers.events.writer import Writer

DOORS: Final = ("json", "graphql", "otlp")
SLICE: Final = 250
"""Events that are checked in one go; between slices other requests get their turn."""
MASKED_SLICE: Final = 10
"""The same where events are masked, which takes longer the more they say."""

ACCEPTED = Counter("vigie_events_accepted_total", "Events stored.", ["door"])
DUPLICATES = Counter("vigie_events_duplicate_total", "Events that were there already.", ["door"])
REJECTED = Counter("vigie_events_rejected_total", "Events that were refused.", ["door", "reason"])
for _door in DOORS:
    ACCEPTED.labels(_door)
    DUPLICATES.labels(_door)
    for _reason in (INVALID, TIME_OUT_OF_RANGE):
        REJECTED.labels(_door, _reason)


class Recorded(Struct, frozen=True):
    """What became of a request's events. `rejected` is in the order of the request."""

    accepted: int
    duplicates: int
    rejected: list[Rejection]


async def record(
    writer: Writer, *, project_id: int, decoded: Decoded, door: str, key_id: int | None = None
) -> Recorded:
    """Checks and stores events; returns after the commit. Sending them again is harmless when they carry ids.

    `door` is one of DOORS, `key_id` the key that they came with. Raises what `Writer.submit` raises.
    """
    terms = await writer.terms.get(project_id)
    checker = Checker(
        project_id=project_id,
        now=dt.datetime.now(dt.UTC),
        terms=terms,
        suspect=decoded.suspect,
        key_id=key_id,
    )
    checked = Checked()
    size = SLICE if terms.keeping is None else MASKED_SLICE
    for start in range(0, len(decoded.events), size):
        if start:
            await asyncio.sleep(0)
        checker.check(decoded.events[start : start + size], checked, start=start)
    stored = Stored(0, 0, [])
    if checked.usage or checked.calls:
        stored = await writer.submit(project_id, checked.usage, checked.calls, checked.contents)
    rejected = checked.rejected
    if stored.unfit:
        rejected = sorted([*rejected, *_unfit(checked, stored)], key=lambda rejection: rejection.index)
    if stored.accepted:
        ACCEPTED.labels(door).inc(stored.accepted)
    if stored.duplicates:
        DUPLICATES.labels(door).inc(stored.duplicates)
    if rejected:
        writer.rejects.note_events(project_id, door, rejected, decoded.events, terms.keeping)
    for rejection in rejected:
        REJECTED.labels(door, rejection.code).inc()
    return Recorded(stored.accepted, stored.duplicates, rejected)


def _unfit(checked: Checked, stored: Stored) -> list[Rejection]:
    """The rejections of the rows that passed the checks and that the database refused."""
    places = {
        id(row): place
        for rows, at in ((checked.usage, checked.usage_at), (checked.calls, checked.calls_at))
        for row, place in zip(rows, at, strict=True)
    }
    message = "The database refuses this event: look for characters or numbers that it cannot hold."
    return [Rejection(places[id(row)], INVALID, None, message) for row, _ in stored.unfit]
