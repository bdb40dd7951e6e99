"""What to read for the measures of many rules, worked out once for all the moments at which they are evaluated.

Rules that need the same figures over the same window share one read, also those whose filters differ in the values of
one dimension only: their rows come split by it.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from resolvers.alerts.figures import FIGURES, Figure, Measure
from resolvers.metrics.blocks import API, USAGE, Block

SPLIT_BY: Final = ("subject", "model", "route", "operation", "provider", "status", "environment")
"""The dimension that a filter with several is split by: the one that tends to have the most values comes first."""


@dataclass(frozen=True, slots=True)
class Window:
    """Rows from `start` before a moment to `end` before it, with what is `fixed`, and split `by` a dimension."""

    api: bool
    start: dt.timedelta
    end: dt.timedelta
    sketch: bool
    by: str | None
    fixed: tuple[tuple[str, tuple[Any, ...]], ...]

    @property
    def block(self) -> Block:
        return API if self.api else USAGE


@dataclass(frozen=True, slots=True)
class Group:
    """What one read of a window answers: sums (and the latency sketch) for each of `asks`, values of its dimension."""

    window: Window
    asks: tuple[tuple[Any, ...], ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """`traffic` says of each of those measures which ask of which group answers it, the latest window first."""

    groups: tuple[Group, ...]
    traffic: tuple[tuple[Measure, Figure, tuple[tuple[int, int], ...]], ...]
    others: tuple[Measure, ...]

    @property
    def measures(self) -> Sequence[Measure]:
        return [*(measure for measure, _, _ in self.traffic), *self.others]


def plan_of(measures: Iterable[Measure]) -> Plan:
    """The reads that answer measures."""
    asks: dict[Window, dict[tuple[Any, ...], int]] = defaultdict(dict)
    places: dict[Window, int] = {}
    traffic, others = [], []
    for measure in dict.fromkeys(measures):
        figure = FIGURES.get(measure.metric)
        if figure is None:
            others.append(measure)
            continue
        answers = []
        for window, values in _windows(measure, figure):
            group = asks[window]
            place = places.setdefault(window, len(places))
            answers.append((place, group.setdefault(values, len(group))))
        traffic.append((measure, figure, tuple(answers)))
    groups = tuple(Group(window, tuple(asks[window])) for window in places)
    return Plan(groups, tuple(traffic), tuple(others))


def _windows(measure: Measure, figure: Figure) -> list[tuple[Window, tuple[Any, ...]]]:
    """The windows of a measure, the latest first, each with the values that it asks of the dimension it is split by."""
    columns = {name: tuple(dict.fromkeys(values)) for name, values in measure.filter.columns(figure.block).items()}
    by = next((name for name in SPLIT_BY if name in columns), None)
    values = columns.pop(by) if by else ()
    fixed = tuple(sorted(columns.items()))
    api, length = figure.block is API, measure.window
    return [(Window(api, ago + length, ago, figure.sketch, by, fixed), values) for ago in measure.windows]
