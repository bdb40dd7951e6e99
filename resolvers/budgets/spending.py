"""What budgets have spent: those of the same window and scope share one read."""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from models import Budget, ReadSession
from models.rollups import QUARTER
from resolvers.budgets.standing import Spent, Standing
from resolvers.budgets.windows import Window, window_at
from resolvers.metrics.blocks import USAGE
from resolvers.metrics.figures import named_sums
from resolvers.metrics.filters import MOST_VALUES
from resolvers.metrics.readings import Question, Reading, read
from resolvers.metrics.snapshots import Snapshot

COLUMNS: Final[Mapping[str, str]] = {"subject": "subject", "model": "model", "key": "api_key_id"}
"""The column of events that a scope restricts; the whole project has none."""
A_QUARTER: Final = dt.timedelta(minutes=QUARTER)


async def standings(
    session: ReadSession,
    snapshot: Snapshot,
    budgets: Iterable[Budget],
    *,
    at: dt.datetime,
    whole: bool = False,
) -> dict[int, Standing]:
    """How each budget stands at a moment, by its number: by the events before it, or by all of its `whole` window."""
    groups: dict[tuple[str, Window], list[Budget]] = defaultdict(list)
    for budget in budgets:
        groups[budget.scope, window_at(budget.window, budget.time_zone, at)].append(budget)
    found: dict[int, Standing] = {}
    for (scope, window), group in groups.items():
        edges = (window.start, window.end if whole else at)
        spent = await _spent(session, snapshot, scope, edges, group)
        for budget in group:
            found[budget.id] = Standing(
                window,
                at,
                budget.amount_picousd,
                spent.get(budget.scope_value, Spent()),
                budget.soft_threshold,
                budget.hard_threshold,
            )
    return found


async def used_up_at(
    session: ReadSession, snapshot: Snapshot, budget: Budget, standing: Standing
) -> dt.datetime | None:
    """When nothing was or will be left; None when that is not in this window. What is past, to the quarter-hour."""
    if not standing.used_up:
        return standing.used_up_at
    edges = (standing.window.start, standing.window.end)
    question = Question(USAGE, edges, columns_of(budget), every=QUARTER)
    readings = await read(session, snapshot, question)
    total = 0
    for (start, _), reading in sorted(readings.items(), key=lambda item: item[0][0] or edges[0]):
        total += _of(reading).picousd
        if start is not None and total >= standing.amount:
            return min(start + A_QUARTER, standing.at)
    return standing.at


def columns_of(budget: Budget) -> dict[str, tuple[Any, ...]]:
    """What a budget restricts events to: a column and its value, or nothing."""
    return {COLUMNS[budget.scope]: (_stored(budget),)} if budget.scope in COLUMNS else {}


def _stored(budget: Budget) -> Any:
    return int(budget.scope_value or 0) if budget.scope == "key" else budget.scope_value


async def _spent(
    session: ReadSession,
    snapshot: Snapshot,
    scope: str,
    edges: tuple[dt.datetime, dt.datetime],
    budgets: Sequence[Budget],
) -> dict[str | None, Spent]:
    if edges[0] >= edges[1]:
        return {}
    whole = Question(USAGE, edges, {})
    if scope not in COLUMNS:
        return {key: _of(reading) for (_, key), reading in (await read(session, snapshot, whole)).items()}
    by = COLUMNS[scope]
    spent: dict[str | None, Spent] = {}
    values = tuple(dict.fromkeys(map(_stored, budgets)))
    for start in range(0, len(values), MOST_VALUES):
        some = replace(whole, columns={by: values[start : start + MOST_VALUES]}, by=by)
        found = await read(session, snapshot, some)
        spent |= {key: _of(reading) for (_, key), reading in found.items()}
    return spent


def _of(reading: Reading) -> Spent:
    sums = named_sums(USAGE, reading)
    return Spent(sums["cost_picousd"], sums["requests"], sums["priced"])
