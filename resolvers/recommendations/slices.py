"""Slices: the calls of one model, operation or subject, or of a combination of them. Waste is looked for in each."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Final

from resolvers.recommendations.aggregates import Cell, Sums

DIMENSIONS: Final[Sequence[Callable[[Cell], object]]] = (
    lambda cell: (cell.provider, cell.model),
    lambda cell: cell.operation,
    lambda cell: cell.subject,
)
CHOICES: Final = [chosen for count in (1, 2, 3) for chosen in combinations(DIMENSIONS, count)]
MOST_SLICES: Final = 20


@dataclass(frozen=True, slots=True)
class Slice:
    """Some cells, and the sums of the others that they were taken from."""

    cells: Sequence[Cell]
    sums: Sums
    rest: Sums


Score = Callable[[Slice], float | None]


def worst_slices(
    cells: Sequence[Cell],
    score_among: Callable[[Sequence[Cell]], Score],
    *,
    usual: Callable[[Slice, Sequence[Cell]], bool] = lambda found, others: False,
) -> Iterator[Slice]:
    """The slices that stand out, worst first; what one holds is in no later one.

    `score_among(cells)` makes the function that scores a slice of these cells; None: it is fine. A score that grows
    with the gap between slice and rest, and with the root of the slice's size, is highest for the slice that holds the
    waste and nothing else; of equal ones the simplest wins. `usual(slice, others)` tells that others are like it.
    """
    left = list(cells)
    for _ in range(MOST_SLICES):
        score = score_among(left)
        whole = Sums.total(cell.sums for cell in left)
        scored = [(value, found) for found in _slices(left, whole) if (value := score(found)) is not None]
        for _, found in sorted(scored, key=lambda pair: -pair[0]):
            chosen = set(map(id, found.cells))
            others = [cell for cell in left if id(cell) not in chosen]
            if not usual(found, others):
                yield found
                left = others
                break
        else:
            return


def _slices(cells: Sequence[Cell], whole: Sums) -> Iterator[Slice]:
    for dimensions in CHOICES:
        groups: dict[tuple[object, ...], list[Cell]] = {}
        for cell in cells:
            key = tuple(dimension(cell) for dimension in dimensions)
            if None not in key:
                groups.setdefault(key, []).append(cell)
        for members in groups.values():
            sums = Sums.total(cell.sums for cell in members)
            yield Slice(members, sums, whole - sums)
