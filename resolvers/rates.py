"""How much somebody may ask for in a minute: counted in cost, by key and by address.

    wait = quota.spend(("key", 1, 7), cost)     # 0: go on; else the seconds after which to come again
    standing = admission.admit(principal, address, cost)        # RateLimited when either has had enough

Counting is a dict lookup. Where several processes share Redis, each tells it once a second what was spent there, and
learns what was spent elsewhere (`share`), so a limit may be exceeded by what comes in a second, and Redis costs no
request anything. While it is away each process counts alone.
"""

import math
import time
from collections.abc import Hashable, Iterable
from dataclasses import dataclass, field
from typing import Final, Protocol

from prometheus_client import Counter

from resolvers.errors import LimitReached
from resolvers.principals import Principal

WINDOW_SECONDS: Final = 60
MOST_COUNTED: Final = 50_000
MOST_SHARED: Final = 200
SHARE_SECONDS: Final = 1.0

REFUSED: Final = Counter("vigie_rate_limited_total", "Requests refused for their rate.", ["by"])
for _by in ("key", "address", "events", "failures"):
    REFUSED.labels(_by)


class RateLimited(LimitReached):
    """Too much in a while; come again after `retry_after` seconds. `headers` say the same to HTTP."""

    def __init__(self, message: str, *, retry_after: int, headers: dict[str, str] | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after
        self.headers = {"Retry-After": str(retry_after), **(headers or {})}


class Shared(Protocol):
    """What counts for all processes."""

    async def add(self, key: str, amount: int, *, seconds: int) -> int | None:
        """Adds to a counter, which ends after some seconds; answers what it is now, None when nobody can say."""
        ...


@dataclass(slots=True)
class _Spent:
    here: float = 0.0
    told: int = 0
    elsewhere: float = 0.0


class Quota:
    """A limit of each who is counted, a minute of the clock. 0 limits nothing."""

    def __init__(self, name: str, limit: int) -> None:
        self.name, self.limit = name, limit
        self._spent: dict[Hashable, _Spent] = {}
        self._window = 0

    def spend(self, who: Hashable, cost: float) -> int:
        """Counts the cost and answers 0; or, when the limit was reached before, the seconds to wait."""
        if not self.limit:
            return 0
        now = time.time()
        if now >= self._window + WINDOW_SECONDS or len(self._spent) >= MOST_COUNTED:
            self._spent.clear()
            self._window = int(now) // WINDOW_SECONDS * WINDOW_SECONDS
        spent = self._spent.get(who)
        if spent is None:
            spent = self._spent[who] = _Spent()
        if spent.here + spent.elsewhere >= self.limit:
            REFUSED.labels(self.name).inc()
            return max(1, math.ceil(self._window + WINDOW_SECONDS - now))
        spent.here += cost
        return 0

    def headers(self, who: Hashable) -> dict[str, str]:
        """The fields `RateLimit` and `RateLimit-Policy` for who was counted just now."""
        spent = self._spent.get(who) or _Spent()
        left = max(0, int(self.limit - spent.here - spent.elsewhere))
        seconds = max(1, math.ceil(self._window + WINDOW_SECONDS - time.time()))
        return {
            "RateLimit-Policy": f'"{self.name}";q={self.limit};w={WINDOW_SECONDS}',
            "RateLimit": f'"{self.name}";r={left};t={seconds}',
        }

    async def share(self, shared: Shared, installation: str) -> None:
        """Tells what was spent here since the last time, of those who spent most, and learns what was elsewhere."""
        window = self._window
        behind = [(who, spent) for who, spent in self._spent.items() if int(spent.here) > spent.told]
        behind.sort(key=lambda one: one[1].told - one[1].here)
        for who, spent in behind[:MOST_SHARED]:
            more = int(spent.here) - spent.told
            key = f"vigie:rate:{installation}:{self.name}:{window}:{who}"
            total = await shared.add(key, more, seconds=2 * WINDOW_SECONDS)
            if total is None:
                return
            spent.told += more
            spent.elsewhere = max(0, total - spent.told)


@dataclass(slots=True)
class Admission:
    """What GraphQL operations may cost a minute, for each key or bearer and for each address."""

    keys: Quota = field(default_factory=lambda: Quota("key", 0))
    addresses: Quota = field(default_factory=lambda: Quota("address", 0))

    def admit(self, principal: Principal, address: str | None, cost: int) -> dict[str, str]:
        """Counts an operation; answers header fields that say what is left. Raises RateLimited."""
        key = (principal.project_id, principal.holder)
        self._spend(self.keys, key, cost, "this key")
        if address is not None:
            self._spend(self.addresses, address, cost, "this address")
        return self.keys.headers(key) if self.keys.limit else {}

    def _spend(self, quota: Quota, who: Hashable, cost: int, named: str) -> None:
        if wait := quota.spend(who, cost):
            raise RateLimited(
                f"The operations of {named} have cost {quota.limit:,} in this minute, which is the limit: "
                f"try again in {wait} seconds.",
                retry_after=wait,
                headers=quota.headers(who),
            )


async def share_all(quotas: Iterable[Quota], shared: Shared, installation: str) -> None:
    """Shares what was spent of each, for the job that does so every `SHARE_SECONDS`."""
    for quota in quotas:
        await quota.share(shared, installation)
