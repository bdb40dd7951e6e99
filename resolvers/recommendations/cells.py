"""Reads cells: model calls summed by model, operation and subject, a day at a time, and priced at each day's prices."""

import datetime as dt
from collections.abc import Collection, Iterable, Sequence
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    FunctionElement,
    Integer,
    Row,
    Select,
    and_,
    case,
    cast,
    func,
    literal_column,
    or_,
    over,
    select,
)

from integrations.prices import BulkPrices
from models import ReadSession, UsageEvent
from models.functions import big_sum, seconds_between
from resolvers.recommendations.aggregates import Cell, Sums
from resolvers.recommendations.alternatives import Alternatives
from resolvers.recommendations.sampling import Sample, Stretch

RETRY_SECONDS: Final = 60
"""How long after a call another one may repeat it."""
SHORTEST_RUN: Final = 3
MOST_CELLS: Final = 5000

Key = tuple[str | None, str, str | None, str | None, bool]
INPUT: Final[ColumnElement[int]] = (
    UsageEvent.uncached_tokens + UsageEvent.cache_read_tokens + UsageEvent.cache_write_tokens
)
OUTPUT: Final[ColumnElement[int]] = UsageEvent.visible_tokens + UsageEvent.reasoning_tokens


async def read_cells(
    session: ReadSession,
    *,
    project_id: int,
    sample: Sample,
    since: dt.datetime,
    subjects: Collection[str],
    prices: BulkPrices,
    alternatives: Alternatives,
) -> list[Cell]:
    """The cells of a sample, their sums scaled up to all calls; those from `since` on are summed apart as well.

    Only these subjects have cells of their own. Two statements a day, over the calls of that day; the rows that they
    answer are bounded by `subjects`. Of more than 5,000 cells those with most calls, whatever senders name models.
    """
    pricing = _Pricing(prices, alternatives)
    found: dict[Key, list[Sums]] = {}
    recent: dict[Key, list[Sums]] = {}
    for stretches in sample.days(cut=since):
        day = stretches[0][0]
        of_day = [UsageEvent.project_id == project_id, _within(stretches)]
        runs = {
            _key(row): (int(row.repeats), int(row.repeats_cost or 0))
            for row in await session.rows(_runs(of_day, subjects))
        }
        for row in await session.rows(_sums(of_day, subjects)):
            key = _key(row)
            sums = pricing.priced(row, key, day, runs.get(key, (0, 0)))
            found.setdefault(key, []).append(sums)
            if day >= since:
                recent.setdefault(key, []).append(sums)

    def scaled(days: Iterable[Sums]) -> Sums:
        return Sums.total(days).scaled(1 / sample.share)

    cells = [
        Cell(*key, *pricing.known(key[0], key[1]), scaled(days), scaled(recent.get(key, ())))
        for key, days in found.items()
    ]
    return sorted(cells, key=lambda cell: -cell.sums.requests)[:MOST_CELLS]


class _Pricing:
    """Prices the sums of a day."""

    def __init__(self, prices: BulkPrices, alternatives: Alternatives) -> None:
        self._prices = prices
        self._alternatives = alternatives
        self._listed: dict[tuple[str | None, str], tuple[bool, str | None]] = {}

    def known(self, provider: str | None, model: str) -> tuple[bool, str | None]:
        """Whether the model is in the price list, and its alternative if that one is too."""
        return self._listed.get((provider, model), (False, None))

    def priced(self, row: Row[Any], key: Key, day: dt.datetime, runs: tuple[int, int]) -> Sums:
        provider, model = key[:2]
        tokens = (row.uncached, row.cache_read, row.cache_write, row.visible, row.reasoning)
        whole_input = sum(tokens[:3])
        alternative = self._alternatives.of(model)

        def cost(*tokens: int, of: str = model) -> int | None:
            return self._prices.bulk_cost(provider, of, day, row.requests, tokens, prompt=whole_input / row.requests)

        listed = cost(*tokens)
        there = None if alternative is None else cost(*tokens, of=alternative)
        self._listed[provider, model] = (listed is not None, alternative if there is not None else None)
        output_cost = cost(0, 0, 0, *tokens[3:]) or 0
        return Sums(
            requests=row.requests,
            errors=row.errors,
            errors_cost=int(row.errors_cost or 0),
            cost=int(row.cost or 0),
            uncached=row.uncached,
            cache_read=row.cache_read,
            cache_write=row.cache_write,
            visible=row.visible,
            reasoning=row.reasoning,
            list_cost=listed or 0,
            list_input_cost=(listed or 0) - output_cost,
            uncached_cost=(cost(whole_input, 0, 0, *tokens[3:]) or 0) - output_cost,
            read_cost=(cost(0, whole_input, 0, *tokens[3:]) or 0) - output_cost,
            written_cost=(cost(0, 0, whole_input, *tokens[3:]) or 0) - output_cost,
            alternative_cost=there or 0,
            repeats=runs[0],
            repeats_cost=runs[1],
        )


def _key(row: Row[Any]) -> Key:
    return (row.provider, row.model, row.operation, row.subject, bool(row.priced))


def _within(stretches: Sequence[Stretch]) -> ColumnElement[bool]:
    return or_(*(and_(UsageEvent.time >= start, UsageEvent.time < end) for start, end in stretches))


def _dimensions(subjects: Collection[str]) -> list[ColumnElement[Any]]:
    known = (
        case((UsageEvent.subject.in_(list(subjects)), UsageEvent.subject), else_=None)
        if subjects
        else literal_column("NULL")
    )
    return [
        UsageEvent.provider.label("provider"),
        UsageEvent.model.label("model"),
        UsageEvent.operation.label("operation"),
        known.label("subject"),
        case((UsageEvent.cost_picousd.is_not(None), 1), else_=0).label("priced"),
    ]


def _sums(conditions: Sequence[ColumnElement[bool]], subjects: Collection[str]) -> Select[Any]:
    keys = _dimensions(subjects)
    return (
        select(
            *keys,
            func.count().label("requests"),
            func.sum(case((UsageEvent.status == "error", 1), else_=0)).label("errors"),
            big_sum(case((UsageEvent.status == "error", UsageEvent.cost_picousd), else_=0)).label("errors_cost"),
            big_sum(UsageEvent.cost_picousd).label("cost"),
            func.sum(UsageEvent.uncached_tokens).label("uncached"),
            func.sum(UsageEvent.cache_read_tokens).label("cache_read"),
            func.sum(UsageEvent.cache_write_tokens).label("cache_write"),
            func.sum(UsageEvent.visible_tokens).label("visible"),
            func.sum(UsageEvent.reasoning_tokens).label("reasoning"),
        )
        .where(*conditions)
        .group_by(*_positions(keys))
    )


def _runs(conditions: Sequence[ColumnElement[bool]], subjects: Collection[str]) -> Select[Any]:
    """Calls that repeat the one before: same subject, model, operation and trace, soon after it.

    In a trace (or session) a call repeats one that failed, or that was answered and has a prompt just as long; without
    one it repeats only a failed call for its subject with such a prompt. Runs of fewer than three are none.
    """
    chain = func.coalesce(UsageEvent.trace_id, UsageEvent.session_id)
    calls = (
        select(
            *_dimensions(subjects),
            UsageEvent.subject.label("whose"),
            chain.label("chain"),
            UsageEvent.time.label("time"),
            UsageEvent.id.label("id"),
            UsageEvent.cost_picousd.label("cost"),
            INPUT.label("size"),
            OUTPUT.label("output"),
            (UsageEvent.status != "ok").label("failed"),
        )
        .where(*conditions, or_(chain.is_not(None), UsageEvent.subject.is_not(None)))
        .subquery()
    ).c
    one_of = [calls.provider, calls.model, calls.operation, calls.whose, calls.chain]

    def before(column: ColumnElement[Any]) -> ColumnElement[Any]:
        return func.lag(column).over(partition_by=one_of, order_by=[calls.time, calls.id])

    last_size, last_failed = before(calls.size), before(cast(calls.failed, Integer)) == 1
    same = calls.size == last_size
    repeats = and_(
        seconds_between(calls.time, before(calls.time)) <= RETRY_SECONDS,
        case(
            (calls.chain.is_not(None), or_(last_failed, and_(same, before(calls.output) > 0))),
            else_=and_(last_failed, same),
        ),
    )
    marked = select(*calls, case((repeats, 1), else_=0).label("repeat")).subquery().c

    def along(expression: FunctionElement[Any]) -> ColumnElement[Any]:
        whose = [marked.provider, marked.model, marked.operation, marked.whose, marked.chain]
        return over(expression, partition_by=whose, order_by=[marked.time, marked.id])

    numbered = (
        select(
            *marked,
            along(func.sum(1 - marked.repeat)).label("run"),
            along(func.lead(marked.repeat)).label("repeated"),
        )
        .subquery()
        .c
    )
    # A run may have calls with and without a cost: its cell is that of its calls with one.
    keys = [numbered.provider, numbered.model, numbered.operation, numbered.subject]
    runs = (
        select(
            *keys,
            func.max(numbered.priced).label("priced"),
            func.sum(numbered.repeat).label("repeats"),
            big_sum(case((numbered.repeated == 1, numbered.cost), else_=0)).label("cost"),
        )
        .group_by(*keys, numbered.whose, numbered.chain, numbered.run)
        .having(func.count() >= SHORTEST_RUN)
        .subquery()
        .c
    )
    keys = [runs.provider, runs.model, runs.operation, runs.subject, runs.priced]
    return select(*keys, func.sum(runs.repeats).label("repeats"), big_sum(runs.cost).label("repeats_cost")).group_by(
        *keys
    )


def _positions(keys: Sequence[object]) -> list[ColumnElement[Any]]:
    return [literal_column(str(place)) for place in range(1, len(keys) + 1)]
