"""Clients that try what they may not: bad keys, forbidden fields, unknown paths, the schema with a key that only sends.

Each attempt is counted under the address that it came from (`CLIENT`, set by the outermost middleware; of IPv6 the
network, for one client has many addresses), in memory that is bounded: the addresses that were heard of least lately
are forgotten. After some bad keys in a minute an address gets no more answers to bad keys; good keys of the same
address go on.
"""

import datetime as dt
import ipaddress
import math
import time
from collections import OrderedDict
from collections.abc import Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

from prometheus_client import Counter

from resolvers.rates import REFUSED, RateLimited

MOST_CLIENTS: Final = 10_000
WINDOW_SECONDS: Final = 60.0
KEYS, FIELDS, PATHS, SCHEMA = "bad_key", "forbidden_field", "unknown_path", "introspection"
KINDS: Final = (KEYS, FIELDS, PATHS, SCHEMA)
UNKNOWN: Final = "unknown"
NOBODY: Final = 0

ATTEMPTS: Final = Counter("vigie_intrusion_attempts_total", "What clients tried that they may not.", ["kind"])
for _kind in KINDS:
    ATTEMPTS.labels(_kind)

CLIENT: ContextVar[str | None] = ContextVar("client", default=None)
"""The address of the client of this request or socket; None outside of any."""


@dataclass(slots=True)
class Suspect:
    """An address, and how often it tried what since when. `project_id` is 0 for what came without a good key."""

    address: str
    project_id: int
    first_seen: dt.datetime
    last_seen: dt.datetime
    attempts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(KINDS, 0))

    @property
    def total(self) -> int:
        return sum(self.attempts.values())


class Suspects:
    """Those of this process. `keys_a_minute` bad keys of one address are answered in a minute; 0: all."""

    def __init__(self, *, keys_a_minute: int = 0) -> None:
        self._keys_a_minute = keys_a_minute
        self._known: OrderedDict[tuple[int, str], Suspect] = OrderedDict()
        self._failures: OrderedDict[str, tuple[float, int]] = OrderedDict()
        self._untold: dict[int, int] = {}

    def note(self, kind: str, *, project_id: int = NOBODY) -> None:
        """Counts an attempt of the client of this request."""
        now, address = dt.datetime.now(dt.UTC), place_of(CLIENT.get())
        ATTEMPTS.labels(kind).inc()
        self._untold[project_id] = self._untold.get(project_id, 0) + 1
        place = (project_id, address)
        suspect = self._known.get(place)
        if suspect is None:
            suspect = self._known[place] = Suspect(address, project_id, now, now)
            if len(self._known) > MOST_CLIENTS:
                self._known.popitem(last=False)
        self._known.move_to_end(place)
        suspect.last_seen = now
        suspect.attempts[kind] += 1

    def failed(self, *, project_id: int = NOBODY) -> None:
        """Counts a bad key. Raises RateLimited when there were too many from there: the wait grows with them."""
        self.note(KEYS, project_id=project_id)
        address = CLIENT.get()
        if not self._keys_a_minute or address is None:
            return
        place, now = place_of(address), time.monotonic()
        since, failures = self._failures.pop(place, (now, 0))
        if now - since >= WINDOW_SECONDS:
            since, failures = now, 0
        self._failures[place] = (since, failures + 1)
        if len(self._failures) > MOST_CLIENTS:
            self._failures.popitem(last=False)
        if failures >= self._keys_a_minute:
            REFUSED.labels("failures").inc()
            wait = math.ceil(since + WINDOW_SECONDS - now)
            raise RateLimited(
                f"Too many bad keys came from this address: try again in {wait} seconds.", retry_after=wait
            )

    def of_projects(self, project_ids: Sequence[int]) -> list[Suspect]:
        """Those who tried at these projects (0: at none in particular), who tried last first."""
        found = [suspect for suspect in self._known.values() if suspect.project_id in project_ids]
        return sorted(found, key=lambda one: (one.last_seen, one.address), reverse=True)

    def take_attempts(self) -> dict[int, int]:
        """How many attempts there were since this was asked last, by project."""
        taken, self._untold = self._untold, {}
        return taken


@lru_cache(maxsize=4096)
def place_of(address: str | None) -> str:
    """What an address is counted as."""
    try:
        found = ipaddress.ip_address(address or "")
    except ValueError:
        return UNKNOWN
    if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped is None:
        return str(ipaddress.ip_network((int(found), 64), strict=False))
    return str(getattr(found, "ipv4_mapped", None) or found)
