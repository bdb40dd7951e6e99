"""Circuit breakers: what has failed several times in a row is left alone for a while, then tried again.

    async with circuits.guarding("redis"):    # Open, at once, while it is left alone
        ...

Breakers are purgatory's, kept in this process: each process finds out for itself what it cannot reach. Circuits are
named by what stands behind them: `openai`, or `channel:1:7`. The part before the colon is what figures name.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import structlog
from prometheus_client import Counter, Gauge
from purgatory import AsyncCircuitBreakerFactory
from purgatory.domain.messages.events import ContextChanged
from purgatory.domain.model import OpenedState
from purgatory.service._async.circuitbreaker import AsyncCircuitBreaker

CLOSED: Final = "closed"
HALF_OPENED: Final = "half-opened"
OPENED: Final = "opened"
OWN: Final = ("database", "redis", "openai")
KINDS: Final = (*OWN, "channel")

STATE: Final = Gauge(
    "vigie_circuit_state",
    "Circuit breakers of each kind that are not closed: what is left alone, or tried again.",
    ["kind", "state"],
)
REFUSED: Final = Counter("vigie_circuit_refusals_total", "Calls that an open circuit breaker refused.", ["kind"])
for _kind in KINDS:
    REFUSED.labels(_kind)
    for _state in (HALF_OPENED, OPENED):
        STATE.labels(_kind, _state)

log = structlog.get_logger(__name__)


class Open(Exception):  # noqa: N818 — a state, not a fault
    """It is left alone: nothing was asked of it."""

    def __init__(self, circuit: str) -> None:
        super().__init__(f"{circuit} failed several times and is left alone for a while")


@dataclass(frozen=True, slots=True)
class Circuit:
    """A breaker as it is now. `since` is when it took this state, in seconds of `time.time()`."""

    name: str
    state: str
    since: float

    @property
    def kind(self) -> str:
        return self.name.partition(":")[0]


@dataclass(slots=True)
class Circuits:
    """The breakers of a process. `changed` hears of every circuit that opens or closes."""

    changed: Callable[[Circuit], None] = lambda circuit: None
    _breakers: dict[str, AsyncCircuitBreaker] = field(default_factory=dict)
    _known: dict[str, Circuit] = field(default_factory=dict)
    _factory: AsyncCircuitBreakerFactory = field(default_factory=AsyncCircuitBreakerFactory)

    def __post_init__(self) -> None:
        self._factory.add_listener(self._heard)

    @asynccontextmanager
    async def guarding(self, name: str, *, failures: int = 5, seconds: float = 30.0) -> AsyncIterator[None]:
        """Counts what the block raises; after `failures` in a row it raises Open for `seconds`, then tries again."""
        breaker = self._breakers.get(name)
        if breaker is None:
            breaker = await self._factory.get_breaker(name, failures, seconds, exclude=[asyncio.CancelledError])
            self._breakers[name] = breaker
        try:
            async with breaker:
                yield
        except OpenedState as refused:
            refused.__traceback__ = None  # the same exception is raised each time, and would grow by each
            REFUSED.labels(_kind_of(name)).inc()
            raise Open(name) from None

    @property
    def open(self) -> list[Circuit]:
        """Those that are not closed, by name."""
        return sorted((one for one in self._known.values() if one.state != CLOSED), key=lambda one: one.name)

    @property
    def shown(self) -> list[Circuit]:
        """Those of the process itself, however they are, and of the others those that are not closed."""
        own = [self._known.get(name) or Circuit(name, CLOSED, 0.0) for name in OWN]
        return [*own, *(circuit for circuit in self.open if circuit.name not in OWN)]

    def state(self, name: str) -> str:
        """How a circuit is; closed as long as nothing was heard of it."""
        known = self._known.get(name)
        return known.state if known else CLOSED

    def drop(self, name: str) -> None:
        """Forgets the breaker of something that is gone."""
        self._breakers.pop(name, None)
        if known := self._known.pop(name, None):
            _show(known.kind, known.state, CLOSED)

    def _heard(self, name: str, _: str, event: Any) -> None:
        if not isinstance(event, ContextChanged):
            return
        before = self.state(name)
        circuit = Circuit(name, event.state, time.time())
        if circuit.state == CLOSED:
            self._known.pop(name, None)
        else:
            self._known[name] = circuit
        _show(circuit.kind, before, circuit.state)
        if HALF_OPENED not in (before, circuit.state) or circuit.state == CLOSED:
            log.warning("circuit changed", circuit=name, state=circuit.state)
            self.changed(circuit)


def _kind_of(name: str) -> str:
    return name.partition(":")[0]


def _show(kind: str, before: str, after: str) -> None:
    if before != CLOSED:
        STATE.labels(kind, before).dec()
    if after != CLOSED:
        STATE.labels(kind, after).inc()
