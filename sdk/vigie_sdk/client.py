"""The queue between a program and Vigie.

    vigie = Vigie("https://vigie.example", key)
    vigie.record({"type": "usage", "model": "gpt-4o", "tokens": {"input": 374, "output": 44}})

`record` takes a microsecond and never waits: a thread sends what is queued, in batches. Any thread, event
loop, signal handler or destructor may call it, before and after a fork.
"""

import atexit
import os
import sys
import threading
import time
from queue import SimpleQueue
from typing import Final

from vigie_sdk.events import Event
from vigie_sdk.quiet import log, say_once
from vigie_sdk.sending import Sender, Token
from vigie_sdk.transport import Door, door_at

_open: "Final[set[Vigie]]" = set()


class Vigie:
    """Sends events to Vigie at `url`, with a `key` of role ingest. Without either it takes events and forgets them.

    At most `queue_size` events wait; what comes while they do is dropped, and counted in `dropped`. A request may take
    `timeout` seconds, and the end of the program is held up for at most `exit_seconds` while the queue is sent.
    `environment` is that of events which name none.
    """

    def __init__(
        self,
        url: str | None,
        key: str | None,
        *,
        environment: str | None = None,
        queue_size: int = 10_000,
        timeout: float = 10.0,
        exit_seconds: float = 2.0,
    ) -> None:
        self.environment = environment
        self._queue_size = queue_size
        self._exit_seconds = exit_seconds
        self._door: Door | None = door_at(url, key, timeout)
        self._dropped = 0
        self._closed = False
        self._begin()
        if self._door is not None:
            _open.add(self)

    @property
    def dropped(self) -> int:
        """How many events were lost: the queue was full, or Vigie refused them."""
        return self._dropped + self._sender.dropped

    @property
    def queued(self) -> int:
        """About how many events wait or are on their way."""
        return self._queue.qsize() + self._sender.held

    def record(self, event: Event) -> None:
        """Queues an event of `POST /v1/events`. Its `time`, in seconds since 1970, is now when it has none.

        Returns at once, and never raises. Without an `id` it gets one, so that a retry is harmless.
        """
        if self._door is None:
            return
        if self._closed or self._queue.qsize() + self._sender.held >= self._queue_size:
            self._drop()
            return
        try:
            self._queue.put({"time": time.time(), "environment": self.environment, **event})
        except TypeError:
            say_once("an event is a dictionary, not %s", type(event).__name__)
            return
        if self._thread is None:
            self._start()

    def flush(self, timeout: float = 5.0) -> bool:
        """Sends what waits, now; answers whether all of it has left within `timeout` seconds."""
        return self.queued == 0 if self._closed else self._wait_for(Token(), timeout)

    def close(self, timeout: float = 5.0) -> bool:
        """Takes no more events, and sends what waits, as `flush` does. What cannot be sent by then is given up."""
        if self._closed:
            return self.queued == 0
        self._closed = True
        self._sender.until = time.monotonic() + timeout
        _open.discard(self)
        return self._wait_for(Token(last=True), timeout)

    def end(self) -> None:
        """Closes it as the end of the program does."""
        if not self.close(self._exit_seconds):
            log.warning("about %d events were not sent before the program ended", self.queued)

    def _wait_for(self, token: Token, timeout: float) -> bool:
        if self._thread is None:
            return self._queue.empty()
        self._sender.ask(token)
        return token.wait(max(timeout, 0))

    def _begin(self) -> None:
        """An empty queue, and nobody who sends: at first, and in a process that was forked."""
        # A SimpleQueue takes from destructors and signal handlers, which may interrupt whatever holds a lock.
        self._queue: SimpleQueue[Event | Token] = SimpleQueue()
        self._lock = threading.RLock()
        self._thread: threading.Thread | None = None
        self._sender = Sender(self._queue)

    def _drop(self) -> None:
        with self._lock:
            self._dropped += 1
        say_once("the queue is full: events are dropped, and counted")

    def _start(self) -> None:
        if not self._lock.acquire(blocking=False):
            return  # somebody else does
        try:
            if self._thread is not None:
                return
            thread = threading.Thread(target=self._sender.run, args=(self._door,), name="vigie-sdk", daemon=True)
            self._thread = thread
            thread.start()
            _end_with_a_worker()
        except RuntimeError:  # the interpreter is ending
            self._thread = None
        finally:
            self._lock.release()


@atexit.register
def _end_all() -> None:
    for client in list(_open):
        client.end()


def _end_with_a_worker() -> None:
    """Workers of multiprocessing end without `atexit`."""
    multiprocessing = sys.modules.get("multiprocessing.process")
    if multiprocessing is not None and multiprocessing.parent_process() is not None:
        from multiprocessing.util import Finalize  # noqa: PLC0415 — loaded in such a worker only

        Finalize(None, _end_all, exitpriority=10)


def _after_a_fork() -> None:
    """What waited is the parent's to send, and threads do not come along."""
    for client in list(_open):
        client._begin()  # noqa: SLF001


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_a_fork)
