"""Two periods beside each other, by the values of a dimension, from one snapshot."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from models import ReadSession
from resolvers.metrics.breakdowns import by_key, counted, ranks_of, wanted_by
from resolvers.metrics.figures import Figures, figures_of
from resolvers.metrics.readings import Key, Reading
from resolvers.metrics.scopes import Scope

NOTHING: Final = Decimal(0)
Position = tuple[Decimal, Key]
"""Where a pair stands: how much its measure changed, and its key."""


@dataclass(frozen=True, slots=True)
class Pair:
    """One value of a dimension in both periods."""

    key: Key
    now: Figures
    other: Figures
    position: Position


@dataclass(frozen=True, slots=True)
class Pairs:
    """A page of pairs, and how many keys are behind it."""

    pairs: list[Pair]
    rest_keys: int


async def compare(
    session: ReadSession,
    scope: Scope,
    other: Scope,
    *,
    by: str,
    order: str,
    first: int,
    after: Position | None,
    needs: frozenset[str],
) -> Pairs:
    """Every value that has calls in either period, the largest change of the measure first, ties by key.

    What has no measure in a period counts as 0 there. `needs` names the sketches that are wanted of the page.
    """
    ranked_by = frozenset({"latency"}) if order == "p95" else frozenset[str]()
    both = (scope, other)
    sides = [await by_key(session, one, by, ranked_by) for one in both]
    now, then = [await ranks_of(session, one, groups, order) for one, groups in zip(both, sides, strict=True)]
    moved = {key: (now.get(key) or NOTHING) - (then.get(key) or NOTHING) for key in {*now, *then}}
    keys = sorted(moved, key=lambda key: _place((moved[key], key)))
    if after is not None:
        keys = [key for key in keys if _place((moved[key], key)) > _place(after)]
    page = keys[:first]
    wanted = wanted_by(by, needs)
    if page and not wanted <= ranked_by:
        sides = [await by_key(session, one, by, wanted) for one in both]
    figures = [await _figures(session, one, by, groups, page) for one, groups in zip(both, sides, strict=True)]
    pairs = [Pair(key, one, two, (moved[key], key)) for key, one, two in zip(page, *figures, strict=True)]
    return Pairs(pairs, len(keys) - len(page))


async def _figures(
    session: ReadSession, scope: Scope, by: str, groups: dict[Key, Reading], keys: Sequence[Key]
) -> list[Figures]:
    made = await figures_of(session, scope, [groups.get(key) or Reading.empty(scope.block) for key in keys])
    return [counted(by, one, [key] if key in groups else []) for key, one in zip(keys, made, strict=True)]


def _place(position: Position) -> tuple[Decimal, bool, str]:
    change, key = position
    return (-abs(change), key is None, key or "")
