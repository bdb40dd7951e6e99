"""What one block of figures is about: a period, a filter, and the snapshot that it is read from."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from resolvers.metrics.blocks import Block
from resolvers.metrics.filters import MetricsFilter
from resolvers.metrics.periods import Period
from resolvers.metrics.snapshots import Snapshot


@dataclass(frozen=True, slots=True)
class Scope:
    snapshot: Snapshot
    block: Block
    period: Period
    filter: MetricsFilter

    @property
    def columns(self) -> Mapping[str, tuple[Any, ...]]:
        """The column values that the filter asks of this block."""
        return self.filter.columns(self.block)

    def over(self, period: Period) -> "Scope":
        """The same question of another period."""
        return replace(self, period=period)
