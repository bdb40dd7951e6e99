"""What one socket may cost."""

import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SocketLimits:
    """How long a socket may wait, how much may run on it, and how often its client may ask."""

    init_seconds: float = 10.0
    """From its opening to `connection_init`."""
    ping_seconds: float = 15.0
    """Between two pings of ours."""
    operations: int = 100
    """That run at a time."""
    messages: int = 100
    """In `per_seconds`; more are refused one by one, and twice as many end the socket."""
    per_seconds: float = 60.0


class Bucket:
    """A token bucket: `size` tokens, which come back over `seconds`."""

    def __init__(self, size: int, seconds: float, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._size = size
        self._each = seconds / size
        self._clock = clock
        self._tokens = float(size)
        self._at = clock()

    def take(self) -> bool:
        """Takes a token; False when there is none."""
        now = self._clock()
        self._tokens = min(self._size, self._tokens + (now - self._at) / self._each)
        self._at = now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True

    @property
    def seconds_to_next(self) -> float:
        """How long until there is a token again, as of the last look."""
        return max(0.0, (1 - self._tokens) * self._each)
