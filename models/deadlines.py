"""How long a piece of work may take, its statements included.

async with deadline(30):    # TimeoutError after 30 seconds; whatever the database did for it has ended by then
    ...

What runs inside is cancelled, and with it a statement that PostgreSQL is at. SQLite runs in a thread, which no
cancellation reaches: the connections that are checked out inside are told, and interrupt what they are at.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from contextvars import ContextVar


class Deadline:
    """One piece of work: whether its time is up, and what to do about its connections then."""

    def __init__(self) -> None:
        self.passed = False
        self.interrupts: dict[object, Callable[[], None]] = {}
        """How to interrupt each connection that is at work now."""

    def end(self) -> None:
        """The time is up."""
        self.passed = True
        for interrupt in self.interrupts.values():
            interrupt()


_current: ContextVar[Deadline | None] = ContextVar("deadline", default=None)


def current_deadline() -> Deadline | None:
    """The deadline of the work that runs here; None when it has none."""
    return _current.get()


@asynccontextmanager
async def deadline(seconds: float) -> AsyncIterator[None]:
    """Ends what runs inside after so many seconds. Raises TimeoutError then."""
    limit = Deadline()
    before = _current.set(limit)
    timer = asyncio.get_running_loop().call_later(seconds, limit.end)
    try:
        async with asyncio.timeout(seconds):
            yield
    finally:
        timer.cancel()
        _current.reset(before)
