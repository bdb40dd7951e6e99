"""What the thread does: gathers events into batches, and sends each until Vigie has it."""

import math
import random
import threading
import time
from collections.abc import Mapping
from queue import Empty, SimpleQueue
from typing import Any, Final

from vigie_sdk.events import Event, encoded
from vigie_sdk.quiet import log, say_once
from vigie_sdk.transport import Answer, Door, Refused, Unreachable

LINGER_SECONDS: Final = 1.0
"""How long the first event of a batch waits for others."""
NAP_SECONDS: Final = 0.1
MOST_EVENTS: Final = 500
MOST_BYTES: Final = 512 * 1024
"""Of a body: proxies often refuse more than a mebibyte."""
FIRST_PAUSE: Final = 0.5
LONGEST_PAUSE: Final = 10.0
LONGEST_WAIT: Final = 300.0
"""However long Vigie, or a proxy, asks to wait."""


class Token(threading.Event):
    """In the queue: set once everything before it has left. The `last` one ends the thread."""

    def __init__(self, *, last: bool = False) -> None:
        super().__init__()
        self.last = last


class Sender:
    """Empties a queue. `held` is what it took and has not sent yet.

    From the moment `until` on, a batch that cannot be sent is given up.
    """

    def __init__(self, queue: SimpleQueue[Event | Token]) -> None:
        self.held = 0
        self.dropped = 0
        self.until = math.inf
        self._queue = queue
        self._lock = threading.Lock()
        self._hurry = threading.Event()
        self._asked = 0
        self._away = False

    def ask(self, token: Token) -> None:
        """Has everything before the token sent without waiting."""
        with self._lock:
            self._asked += 1
        self._queue.put(token)
        self._hurry.set()

    def run(self, door: Door) -> None:
        """Sends to this door for ever, or until the last token."""
        carried: bytes | None = None
        while True:
            batch, token, carried = self._gather(carried)
            if batch:
                self._deliver(door, batch)
            self.held = 0 if carried is None else 1
            if token is not None:
                self._hurry.clear()
                with self._lock:
                    self._asked -= 1
                token.set()
                if token.last:
                    return

    def _gather(self, carried: bytes | None) -> tuple[list[bytes], Token | None, bytes | None]:
        """The next batch, the token that waits for it, and the event that did not fit into it."""
        batch = [] if carried is None else [carried]
        size = sum(map(len, batch))
        first = None if batch else self._queue.get()
        if not isinstance(first, Token):
            self.held = 1
            self._linger()
        while len(batch) < MOST_EVENTS:
            try:
                item, first = first or self._queue.get_nowait(), None
            except Empty:
                break
            if isinstance(item, Token):
                return batch, item, None
            self.held = len(batch) + 1
            event = self._encoded(item)
            time.sleep(0)  # the program goes first
            if event is None:
                continue
            if batch and size + len(event) > MOST_BYTES:
                return batch, None, event
            batch.append(event)
            size += len(event) + 1
        return batch, None, None

    def _linger(self) -> None:
        """Waits for more events, in naps: to wake for each of them would take the interpreter from the program."""
        until = time.monotonic() + LINGER_SECONDS
        while not self._asked and self._queue.qsize() < MOST_EVENTS and time.monotonic() < until:
            self._hurry.wait(NAP_SECONDS)

    def _encoded(self, event: Mapping[str, Any]) -> bytes | None:
        try:
            return encoded(event)
        except Exception as error:  # noqa: BLE001 — one bad event must not end the thread
            self.dropped += 1
            say_once("an event is dropped: %s: %s", type(error).__name__, error)
            return None

    def _deliver(self, door: Door, batch: list[bytes]) -> None:
        """Sends the batch, as often as it takes. Its events have ids: Vigie stores each once."""
        body = b'{"events":[' + b",".join(batch) + b"]}"
        failures = 0
        while True:
            try:
                answer = door.send(body)
            except Refused as refused:
                self.dropped += len(batch)
                say_once("Vigie refuses events, which are dropped: %s", refused)
                return
            except Unreachable as error:
                failures += 1
                if not self._pause(failures, error, len(batch)):
                    return
            else:
                self._take(answer)
                return

    def _pause(self, failures: int, error: Unreachable, events: int) -> bool:
        """Waits for the next try; False when there will be none."""
        if not self._away:
            self._away = True
            log.warning("Vigie cannot be reached (%s): events wait, up to the size of the queue", error)
        if time.monotonic() >= self.until:
            self.dropped += events
            return False
        pause = min(FIRST_PAUSE * 2 ** min(failures - 1, 10), LONGEST_PAUSE) * random.uniform(0.5, 1)  # noqa: S311
        wait = max(pause, min(error.retry_after, LONGEST_WAIT))
        if self._hurry.wait(wait):
            self._hurry.clear()
        return True

    def _take(self, answer: Answer) -> None:
        if self._away:
            self._away = False
            log.warning("Vigie is reached again")
        self.dropped += len(answer.rejected)
        for rejection in answer.rejected[:10]:
            say_once("Vigie refuses an event, which is dropped: %s", rejection)
