"""Keys at the edges: whose one is, and when it ends while a connection that was opened with it is still there."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final

from resolvers.errors import Unavailable
from resolvers.principals import Principal

Authenticate = Callable[[str], Awaitable[Principal | None]]
"""Whose key it is; None when nobody's, revoked or expired."""

ASKED_EVERY: Final = 1.5
"""Seconds. With the two for which a process remembers a key, an end is seen everywhere within five."""


async def until_ended(authenticate: Authenticate, secret: str, *, every: float = ASKED_EVERY) -> None:
    """Returns when the key is revoked or has expired. While nobody can tell, it counts as it was."""
    held = True
    while held:
        await asyncio.sleep(every)
        with suppress(Unavailable):
            held = await authenticate(secret) is not None
