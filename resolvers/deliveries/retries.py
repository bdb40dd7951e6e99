"""When a delivery is tried again, and when it is given up: pure arithmetic.

The pauses double from one second to ten minutes, spread by a fifth either way; a channel that says when to come back is
obeyed, up to an hour. After six hours a delivery is given up.
"""

import datetime as dt
import random
from typing import Final

SHORTEST: Final = dt.timedelta(seconds=1)
LONGEST: Final = dt.timedelta(minutes=10)
LONGEST_ASKED: Final = dt.timedelta(hours=1)
GIVEN_UP_AFTER: Final = dt.timedelta(hours=6)
SPREAD: Final = 0.2
DOUBLINGS: Final = 20


def pause(attempts: int, retry_after: dt.timedelta | None = None, *, lot: float | None = None) -> dt.timedelta:
    """How long to wait after so many attempts. `lot` (0..1) stands for chance."""
    chance = random.random() if lot is None else lot  # noqa: S311 — spreads load, keeps no secret
    if retry_after is not None:
        asked = min(max(retry_after, SHORTEST), LONGEST_ASKED)
        return asked * (1 + SPREAD * chance)  # never earlier than asked for
    doubled = min(SHORTEST * (1 << min(attempts - 1, DOUBLINGS)), LONGEST)
    return doubled * (1 - SPREAD + 2 * SPREAD * chance)


def next_attempt(
    *, created_at: dt.datetime, now: dt.datetime, attempts: int, retry_after: dt.timedelta | None
) -> dt.datetime | None:
    """When to try again; None to give up."""
    at = now + pause(attempts, retry_after)
    return at if at - created_at <= GIVEN_UP_AFTER else None
