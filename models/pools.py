"""Connections to the database, and statements on them, as figures of this process."""

import time
from collections.abc import Callable
from typing import Any, Final
from weakref import WeakSet

from prometheus_client import Counter, Gauge, Histogram
from sqlalchemy import event
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.pool import AsyncAdaptedQueuePool, ConnectionPoolEntry

KINDS: Final = ("select", "insert", "update", "delete")
OTHER: Final = "other"

IN_USE: Final = Gauge("vigie_database_pool_connections_in_use", "Connections of this process that are in use.")
SIZE: Final = Gauge("vigie_database_pool_connections_max", "The most connections that this process opens.")
WAITED: Final = Histogram(
    "vigie_database_pool_wait_seconds",
    "Seconds until a connection was there: waited for, or opened.",
    buckets=(0.0001, 0.001, 0.01, 0.05, 0.1, 0.5, 1, 5, 30),
)
SECONDS: Final = Histogram(
    "vigie_database_statement_seconds",
    "Duration of statements, until the database answers.",
    ["kind"],
    buckets=(0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)
FAILED: Final = Counter("vigie_database_statement_errors_total", "Statements that failed.", ["kind"])

_BY_KIND: Final = {kind: SECONDS.labels(kind) for kind in (*KINDS, OTHER)}
_FAILED_BY_KIND: Final = {kind: FAILED.labels(kind) for kind in (*KINDS, OTHER)}
_POOLS: Final[WeakSet["CountedPool"]] = WeakSet()


class CountedPool(AsyncAdaptedQueuePool):
    """A pool that is counted among those of the process."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _POOLS.add(self)

    def _do_get(self) -> ConnectionPoolEntry:
        with WAITED.time():
            return super()._do_get()

    @property
    def most(self) -> int:
        """How many connections it opens at most."""
        return self.size() + self._max_overflow


def time_statements(engine: Engine) -> None:
    """Measures every statement of the engine from now on."""

    @event.listens_for(engine, "before_cursor_execute")
    def _begin(_: Connection, __: object, ___: str, ____: object, context: Any, _____: bool) -> None:
        if context is not None:
            context.began = time.perf_counter()

    @event.listens_for(engine, "after_cursor_execute")
    def _end(_: Connection, __: object, sql: str, ____: object, context: Any, _____: bool) -> None:
        if context is not None:
            _BY_KIND[_kind(sql)].observe(time.perf_counter() - context.began)

    @event.listens_for(engine, "handle_error")
    def _failed(context: Any) -> None:
        if context.statement is not None:
            _FAILED_BY_KIND[_kind(context.statement)].inc()


def _kind(sql: str) -> str:
    word = sql[:6].lower()
    return word if word in KINDS else OTHER


def _sum(of: Callable[[CountedPool], int]) -> Callable[[], float]:
    return lambda: float(sum(of(pool) for pool in tuple(_POOLS)))


IN_USE.set_function(_sum(lambda pool: pool.checkedout()))
SIZE.set_function(_sum(lambda pool: pool.most))
