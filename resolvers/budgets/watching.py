"""Budgets as figures of alert rules: at one moment, and at each of many past ones."""

import datetime as dt
import itertools
import math
from bisect import bisect_left
from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Final

from sqlalchemy import func, select

from models import Budget, ReadSession, UsageEvent
from models.functions import big_sum, seconds_bucket
from models.rollups import QUARTER
from resolvers.budgets.listing import get_budget
from resolvers.budgets.spending import columns_of, standings
from resolvers.budgets.standing import Spent, Standing
from resolvers.budgets.windows import window_at
from resolvers.errors import NotFound
from resolvers.metrics.snapshots import Snapshot

A_QUARTER: Final = QUARTER * 60
"""Every midnight of every zone is a multiple of so many seconds."""
GONE: Final = "The budget that it watches was deleted."


async def standings_at(
    session: ReadSession, snapshot: Snapshot, numbers: Collection[int], *, at: dt.datetime
) -> dict[int, Standing]:
    """How the budgets of these numbers stood at a moment. Deleted ones are left out."""
    if not numbers:
        return {}
    rows = await session.scalars(
        select(Budget).where(
            Budget.project_id == snapshot.project_id, Budget.id.in_(sorted(numbers)), Budget.deleted_at.is_(None)
        )
    )
    return await standings(session, snapshot, rows, at=at)


async def standings_over(
    session: ReadSession, *, project_id: int, number: int, instants: Sequence[dt.datetime], every: dt.timedelta
) -> list[Standing]:
    """How a budget stood at each moment; moments ascend in steps of `every`. Raises NotFound for one that is gone."""
    budget = await get_budget(session, project_id=project_id, number=number)
    if budget is None:
        raise NotFound(GONE, field="budgetId")
    windows = [window_at(budget.window, budget.time_zone, at) for at in instants]
    facts, size = UsageEvent, math.gcd(int(every.total_seconds()), A_QUARTER)
    bucket = seconds_bucket(facts.time, size).label("bucket")
    rows = await session.rows(
        select(bucket, big_sum(facts.cost_picousd), func.count(), func.count(facts.cost_picousd))
        .where(
            facts.project_id == project_id,
            facts.time >= windows[0].start,
            facts.time < instants[-1],
            *(getattr(facts, column).in_(values) for column, values in columns_of(budget).items()),
        )
        .group_by(bucket)
        .order_by(bucket)
    )
    starts = [row[0] for row in rows]
    totals = [[0, *itertools.accumulate(row[place] or 0 for row in rows)] for place in (1, 2, 3)]
    empty = Standing(
        windows[0], instants[0], budget.amount_picousd, Spent(), budget.soft_threshold, budget.hard_threshold
    )
    found = []
    for at, window in zip(instants, windows, strict=True):
        first, last = bisect_left(starts, window.start), bisect_left(starts, at)
        spent = Spent(*(total[last] - total[first] for total in totals))
        found.append(replace(empty, window=window, at=at, spent=spent))
    return found
