"""Figures by the values of a dimension: ranked, a page at a time, with what is left."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from models import ReadSession
from resolvers.metrics.blocks import API, Block
from resolvers.metrics.figures import ApiFigures, Figures, dollars, figures_of, named_sums, share
from resolvers.metrics.filters import MOST_VALUES
from resolvers.metrics.readings import Key, Question, Reading, read
from resolvers.metrics.scopes import Scope
from resolvers.rollups.routes import OTHER_ROUTES

Rank = Decimal | None
Position = tuple[Rank, Key]
"""Where an entry stands: its measure (None: nothing priced or timed) and its key."""

TOKENS = ("uncached_tokens", "cache_read_tokens", "cache_write_tokens", "visible_tokens", "reasoning_tokens")


@dataclass(frozen=True, slots=True)
class Entry:
    """One value of the dimension; `key` is None for rows without it. `share` is its part of the ordering measure."""

    key: Key
    share: float | None
    figures: Figures
    position: Position


@dataclass(frozen=True, slots=True)
class Breakdown:
    """A page of entries, and the rest: what is neither on this page nor before it."""

    entries: list[Entry]
    rest_keys: int
    rest: Figures

    @property
    def has_next(self) -> bool:
        return self.rest_keys > 0


async def breakdown(
    session: ReadSession,
    scope: Scope,
    *,
    by: str,
    order: str,
    first: int,
    after: Position | None,
    needs: frozenset[str],
    rest_needs: frozenset[str],
) -> Breakdown:
    """Splits a period's figures by a dimension, highest measure first, ties by key, rows without it last among equals.

    `needs` and `rest_needs` name the sketches wanted of the page and of the rest; those are read for these keys only.
    """
    ranked_by = frozenset({"latency"}) if order == "p95" else frozenset[str]()
    groups = await by_key(session, scope, by, ranked_by)
    ranks = await ranks_of(session, scope, groups, order)
    keys = sorted(groups, key=lambda key: _place((ranks[key], key)))
    if after is not None:
        keys = [key for key in keys if _place((ranks[key], key)) > _place(after)]
    page, others = keys[:first], keys[first:]

    async def shaped(some: Sequence[Key], wanted: frozenset[str]) -> dict[Key, Reading]:
        wanted = wanted_by(by, wanted)
        if not some or wanted <= ranked_by:
            return {key: groups[key] for key in some}
        named = OTHER_ROUTES not in some and len(some) <= MOST_VALUES
        found = await by_key(session, scope, by, wanted, some if named else None)
        return {key: found[key] for key in some}

    on_page = await shaped(page, needs)
    whole = sum((rank for rank in ranks.values() if rank is not None), Decimal(0))
    rest = Reading.empty(scope.block)
    for reading in (await shaped(others, rest_needs)).values():
        rest.add(reading)
    *made, left = await figures_of(session, scope, [*on_page.values(), rest])
    return Breakdown(
        entries=[
            Entry(key, _part(ranks[key], whole, order), counted(by, figures, [key]), (ranks[key], key))
            for key, figures in zip(on_page, made, strict=True)
        ],
        rest_keys=len(others),
        rest=counted(by, left, others),
    )


def rating(figures: Figures) -> str | None:
    """`good` up to 500 ms at p95 and 1 % errors, `fair` up to 2,000 ms and 5 %, else `poor`; None without requests."""
    if not isinstance(figures, ApiFigures) or figures.error_rate is None:
        return None
    slow, failing = figures.latency.p95_ms or 0.0, figures.error_rate
    if slow <= 500 and failing <= 0.01:
        return "good"
    return "fair" if slow <= 2000 and failing <= 0.05 else "poor"


async def by_key(
    session: ReadSession, scope: Scope, by: str, needs: frozenset[str], keys: Sequence[Key] | None = None
) -> dict[Key, Reading]:
    """A reading for each value of a dimension that has requests, or for each of `keys`."""
    values = None if keys is None else tuple(_value(scope.block, by, key) for key in keys)
    question = Question(
        scope.block, (scope.period.start, scope.period.end), scope.columns, by=by, keys=values, needs=needs
    )
    found = await read(session, scope.snapshot, question)
    return {key: reading for (_, key), reading in found.items() if reading.sums[0]}


async def ranks_of(session: ReadSession, scope: Scope, groups: dict[Key, Reading], order: str) -> dict[Key, Rank]:
    """What each key is ranked by: the measure of an order; None for nothing priced or timed."""
    if order == "p95":
        figures = await figures_of(session, scope, list(groups.values()))
        return {key: _exact(made.latency.p95_ms) for key, made in zip(groups, figures, strict=True)}
    rank = _RANKS[order]
    return {key: rank(named_sums(scope.block, reading)) for key, reading in groups.items()}


_RANKS: dict[str, Callable[[dict[str, Any]], Rank]] = {
    "cost": lambda sums: dollars(sums["cost_picousd"]) if sums["priced"] else None,
    "requests": lambda sums: Decimal(sums["requests"]),
    "errors": lambda sums: Decimal(sums["errors"]),
    "tokens": lambda sums: Decimal(sum(sums[bucket] for bucket in TOKENS)),
}


def _exact(number: float | None) -> Rank:
    return None if number is None else Decimal(repr(number))


def _place(position: Position) -> tuple[bool, Decimal, bool, str]:
    rank, key = position
    return (rank is None, -(rank or Decimal(0)), key is None, key or "")


def _part(rank: Rank, whole: Decimal, order: str) -> float | None:
    return None if order == "p95" or rank is None else share(rank, whole)


def wanted_by(by: str, needs: frozenset[str]) -> frozenset[str]:
    return needs - {"subjects"} if by == "subject" else needs


def counted(by: str, figures: Figures, keys: Sequence[Key]) -> Figures:
    """Active subjects of a breakdown by subject are its keys."""
    if by != "subject":
        return figures
    return replace(figures, active_subjects=sum(key is not None for key in keys))


def _value(block: Block, by: str, key: Key) -> Any:
    return int(key) if key is not None and block is API and by == "status" else key
