"""Where everything goes that names no Vigie: as `configure` says, else the environment, which is read only here."""

import os
import threading
from typing import Final

from vigie_sdk.client import Vigie

_lock: Final = threading.RLock()
_default: Vigie | None = None


def configure(
    url: str | None = None,
    key: str | None = None,
    *,
    environment: str | None = None,
    queue_size: int = 10_000,
    timeout: float = 10.0,
    exit_seconds: float = 2.0,
) -> Vigie:
    """Says where events go: to Vigie at `url`, with a `key` of role ingest.

    What is not said is read from VIGIE_URL, VIGIE_API_KEY and VIGIE_ENVIRONMENT. Without an address or a key nothing is
    recorded, which the log `vigie_sdk` says once. The rest as in `Vigie`. Never raises.
    """
    global _default
    client = Vigie(
        url or os.environ.get("VIGIE_URL"),
        key or os.environ.get("VIGIE_API_KEY"),
        environment=environment or os.environ.get("VIGIE_ENVIRONMENT"),
        queue_size=queue_size,
        timeout=timeout,
        exit_seconds=exit_seconds,
    )
    with _lock:
        before, _default = _default, client
    if before is not None:
        before.close(0)
    return client


def default() -> Vigie:
    """The Vigie of `configure`; of the environment, when nobody called that before the first event."""
    if _default is not None:
        return _default
    with _lock:
        return _default or configure()


def flush(timeout: float = 5.0) -> bool:
    """Sends what waits, now; answers whether all of it has left within `timeout` seconds."""
    return _default is None or _default.flush(timeout)
