"""What the rules look at: sums over the calls of a stretch of time. Amounts are picodollars."""

from collections.abc import Iterable
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from typing import Final, Self

DAYS_A_MONTH: Final = 30.4375


@dataclass(frozen=True, slots=True)
class Sums:
    """Of the calls of a cell. Tokens are disjoint.

    `cost` is what was paid; `list_cost` what the same tokens cost by the price list, each at its time, and
    `list_input_cost` the input's part of that. `uncached_cost`, `read_cost` and `written_cost` are what all of the
    input would cost were none of it cached, all read from a cache, all written to one. `alternative_cost` is what all
    of it would cost with the alternative model. `repeats` are calls in runs of three and more that repeat each other,
    `repeats_cost` that of all but the last of each run.
    """

    requests: int = 0
    errors: int = 0
    errors_cost: int = 0
    cost: int = 0
    uncached: int = 0
    cache_read: int = 0
    cache_write: int = 0
    visible: int = 0
    reasoning: int = 0
    list_cost: int = 0
    list_input_cost: int = 0
    uncached_cost: int = 0
    read_cost: int = 0
    written_cost: int = 0
    alternative_cost: int = 0
    repeats: int = 0
    repeats_cost: int = 0

    @property
    def input(self) -> int:
        """Input tokens, cached ones included."""
        return self.uncached + self.cache_read + self.cache_write

    @property
    def output(self) -> int:
        """Output tokens, reasoning included."""
        return self.visible + self.reasoning

    @property
    def mean_input(self) -> float:
        return self.input / self.requests if self.requests else 0.0

    @property
    def mean_output(self) -> float:
        return self.output / self.requests if self.requests else 0.0

    @property
    def cached_share(self) -> float:
        """The part of the input that was read from a cache."""
        return self.cache_read / self.input if self.input else 0.0

    @property
    def discount(self) -> float:
        """What was paid, as a part of the list price."""
        return self.cost / self.list_cost if self.list_cost else 1.0

    def __sub__(self, other: "Sums") -> "Sums":
        return Sums(*(getattr(self, name) - getattr(other, name) for name in _NAMES))

    def scaled(self, factor: float) -> "Sums":
        """A part of the calls, taken for more of them."""
        return self if factor == 1 else Sums(*(round(getattr(self, name) * factor) for name in _NAMES))

    @classmethod
    def total(cls, parts: Iterable["Sums"]) -> Self:
        """All of them together."""
        columns = list(zip(*([getattr(part, name) for name in _NAMES] for part in parts), strict=True))
        return cls(*(sum(column) for column in columns))


_NAMES: Final = tuple(field.name for field in fields(Sums))


@dataclass(frozen=True, slots=True)
class Cell:
    """Model calls that share their dimensions. `subject` None: those without one, and of subjects that cost little.

    `priced` says whether these calls have a cost; `listed` whether the price list knows their model. `alternative` is
    the smaller model, if the table and the price list know one. `recent` sums the window's last days alone.
    """

    provider: str | None
    model: str
    operation: str | None
    subject: str | None
    priced: bool
    listed: bool
    alternative: str | None
    sums: Sums
    recent: Sums


@dataclass(frozen=True, slots=True)
class Model:
    """Calls of a model, priced or not."""

    model: str
    requests: int
    priced: int
    recent: "Model | None" = None


@dataclass(frozen=True, slots=True)
class Route:
    """API calls of a route. `hits` and `misses` are those of which the cache state is known."""

    route: str
    requests: int
    errors: int
    timed: int
    mean_ms: float | None
    p95_ms: float | None
    hits: int
    misses: int
    recent: "Route | None" = None


@dataclass(frozen=True, slots=True)
class Subject:
    """A subject's model calls and API calls; `recent_*` are those of the window's last `Aggregates.idle_days`."""

    subject: str
    requests: int
    cost: int
    recent_requests: int
    api_requests: int
    recent_api_requests: int


@dataclass(frozen=True)
class Aggregates:
    """A project's traffic in a window of so many `days` (a fraction; at least 1).

    `cells` are those that no finding covers yet, `touched` the subjects of those that one does. `share_read` is the
    part of the model calls that cells were read from; their sums stand for all calls. `recent_days` is how far `recent`
    figures go back: what is wasted no more is no waste. Those of subjects go back `idle_days`.
    """

    days: float
    recent_days: float
    idle_days: float
    share_read: float
    cost: int
    cells: tuple[Cell, ...]
    models: tuple[Model, ...]
    routes: tuple[Route, ...]
    subjects: tuple[Subject, ...]
    touched: frozenset[str] = field(default_factory=frozenset)

    @cached_property
    def priced(self) -> tuple[Cell, ...]:
        """The cells that have a cost."""
        return tuple(cell for cell in self.cells if cell.priced)

    def monthly(self, amount: float) -> float:
        """What an amount of this window comes to in a month."""
        return amount / self.days * DAYS_A_MONTH

    def without(self, covered: Iterable[Cell]) -> "Aggregates":
        """What is left when a finding covers these cells: no call is saved twice."""
        gone = set(map(id, covered))
        touched = {cell.subject for cell in self.cells if id(cell) in gone and cell.subject is not None}
        left = tuple(cell for cell in self.cells if id(cell) not in gone)
        return replace(self, cells=left, touched=self.touched | touched)
