"""Events into batches, batches to the sender, and the tally of what became of them."""

import datetime as dt
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Protocol

import orjson

from vigie.replay.formats import Event, time_of
from vigie.replay.sender import Receipt

MOST_EVENTS: Final = 1000
MOST_BYTES: Final = 4 << 20
MOST_REASONS: Final = 100
AT_ONCE_SECONDS: Final = 0.05


class Sends(Protocol):
    """Whoever takes a batch of encoded events and answers what became of them."""

    def send(self, events: list[bytes]) -> Receipt: ...


@dataclass(slots=True)
class Tally:
    """What became of the events so far: counts, and for what was not stored each reason with its first line."""

    sent: int = 0
    accepted: int = 0
    duplicates: int = 0
    rejected: int = 0
    malformed: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    first: dict[str, int] = field(default_factory=dict)

    def note(self, reason: str, line: int) -> None:
        """Counts a reason, and remembers the line that it was met at first."""
        if reason not in self.first and len(self.first) >= MOST_REASONS:
            reason = "other reasons"
        self.first.setdefault(reason, line)
        self.reasons[reason] += 1


class Pace:
    """When an event is due: at once, or as far from the first one as the trace has it, divided by `speed`."""

    def __init__(self, speed: float | None) -> None:
        self._speed = speed
        self._origin: tuple[dt.datetime, float] | None = None

    def seconds_until(self, happened: dt.datetime, *, now: float) -> float:
        """How long to hold back an event; negative when it is late. `now` is a monotonic clock's."""
        if self._speed is None:
            return 0.0
        if self._origin is None:
            self._origin = (happened, now)
        first, started = self._origin
        return (happened - first).total_seconds() / self._speed - (now - started)


class Delivery:
    """Sends what is put into it, in order, one batch after the other."""

    def __init__(
        self,
        sender: Sends,
        *,
        pace: Pace | None = None,
        shift: dt.timedelta | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.tally = Tally()
        self._sender = sender
        self._pace = pace or Pace(None)
        self._shift = shift
        self._sleep = sleep
        self._numbers: list[int] = []
        self._encoded: list[bytes] = []
        self._bytes = 0

    def put(self, number: int, event: Event) -> bool:
        """Takes one event, of line `number`, when it is due. Answers whether a batch went out. Raises SendError."""
        happened = time_of(event)
        if happened is not None and self._shift is not None:
            happened = event["time"] = happened + self._shift
        sent = False
        wait = self._wait(happened)
        if wait > AT_ONCE_SECONDS:
            sent = self.flush()
            while (wait := self._wait(happened)) > 0:
                self._sleep(min(wait, 1.0))
        encoded = orjson.dumps(event)
        self._numbers.append(number)
        self._encoded.append(encoded)
        self._bytes += len(encoded)
        if len(self._encoded) >= MOST_EVENTS or self._bytes >= MOST_BYTES:
            sent = self.flush()
        return sent

    def flush(self) -> bool:
        """Sends what waits. Answers whether there was something."""
        if not self._encoded:
            return False
        receipt = self._sender.send(self._encoded)
        tally = self.tally
        tally.sent += len(self._encoded)
        tally.accepted += receipt.accepted
        tally.duplicates += receipt.duplicates
        tally.rejected += len(receipt.rejected)
        for rejected in receipt.rejected:
            where = f" ({rejected.field})" if rejected.field else ""
            tally.note(f"{rejected.code}{where}: {rejected.message}", self._numbers[rejected.index])
        self._numbers, self._encoded, self._bytes = [], [], 0
        return True

    def _wait(self, happened: dt.datetime | None) -> float:
        if happened is None:
            return 0.0
        wait = self._pace.seconds_until(happened, now=time.monotonic())
        if self._shift is None:
            return wait
        # What was shifted into the future waits for its time at any speed: the server refuses it before.
        return max(wait, (happened - dt.datetime.now(dt.UTC)).total_seconds())
