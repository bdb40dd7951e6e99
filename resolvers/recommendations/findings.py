"""What a rule answers: what is wasted, where, on what evidence, and how sure that is."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from models.base import PICODOLLARS
from resolvers.recommendations.aggregates import Aggregates, Cell, Sums
from resolvers.recommendations.targets import Target
from resolvers.recommendations.thresholds import Thresholds

ENOUGH_DAYS: Final = 7
STILL: Final = 0.25


@dataclass(frozen=True, slots=True)
class Finding:
    """Waste of a kind. `figures` are the numbers behind it, with units in their names: what a text may say.

    `saving` is in picodollars a month, 0 where no money is saved. `covers` are the cells whose calls it is about, and
    `wasted` tells how much of their sums is waste, in any unit.
    """

    kind: str
    target: Target
    figures: Mapping[str, Any]
    saving: float
    confidence: float
    covers: Sequence[Cell] = field(default=(), repr=False)
    wasted: Callable[[Sums], float] = field(default=lambda sums: 0.0, repr=False)


Rule = Callable[[Aggregates, Thresholds], list[Finding]]


def worth_it(saving: float, aggregates: Aggregates, thresholds: Thresholds) -> bool:
    """Whether a monthly saving (picodollars) is large enough, by itself and beside what the project costs."""
    return saving >= max(
        thresholds.saving_usd * PICODOLLARS, thresholds.saving_share * aggregates.monthly(aggregates.cost)
    )


def confidence(certainty: float, aggregates: Aggregates, *, calls: int, thresholds: Thresholds) -> float:
    """A rule's own certainty (0 to 1), less with few days or few calls: half of it at the fewest calls it judges."""
    by_days = min(1.0, aggregates.days / ENOUGH_DAYS)
    return round(certainty * by_days * calls / (calls + thresholds.requests), 3)


def persists(finding: Finding, aggregates: Aggregates) -> bool:
    """Whether the last days waste a quarter of what the window wastes a day, at least: else it has been mended."""
    whole = finding.wasted(Sums.total(cell.sums for cell in finding.covers))
    recent = finding.wasted(Sums.total(cell.recent for cell in finding.covers))
    return recent / aggregates.recent_days >= STILL * whole / aggregates.days


def dollars(picodollars: float) -> float:
    """Dollars, to the hundredth of a cent."""
    return round(picodollars / PICODOLLARS, 4)


def target_of(cells: Sequence[Cell], **more: Any) -> Target:
    """What all of the cells have in common, and nothing else has to."""
    first = cells[0]
    common = {
        name: getattr(first, name)
        for name in ("model", "operation", "subject")
        if all(getattr(cell, name) == getattr(first, name) for cell in cells)
    }
    if "model" in common and all(cell.provider == first.provider for cell in cells):
        common["provider"] = first.provider
    return Target(**common, **more)
