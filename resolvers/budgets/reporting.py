"""Budgets as they stand now, for answers that show many of them."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select, tuple_

from models import Budget, ReadSession
from resolvers.budgets.spending import standings, used_up_at
from resolvers.budgets.standing import Standing
from resolvers.metrics.snapshots import Snapshot, take_snapshot

Key = tuple[int, int]
"""A project id and a budget's number."""


@dataclass(frozen=True, slots=True)
class Report:
    """`as_of` is the last commit that it includes; `exhausted_at` is when nothing was or will be left."""

    standing: Standing
    as_of: dt.datetime | None
    exhausted_at: dt.datetime | None


async def reports_by_budget(session: ReadSession, keys: Sequence[Key]) -> dict[Key, Report]:
    """How the budgets with these keys stand at this moment. Deleted ones are left out."""
    known = tuple_(Budget.project_id, Budget.id).in_(list(keys))
    rows = await session.scalars(select(Budget).where(known, Budget.deleted_at.is_(None)))
    now, found = dt.datetime.now(dt.UTC), {}
    for project_id in sorted({row.project_id for row in rows}):
        own = [row for row in rows if row.project_id == project_id]
        snapshot = await take_snapshot(session, project_id=project_id, now=now)
        for number, report in (await _reports(session, snapshot, own)).items():
            found[project_id, number] = report
    return found


async def _reports(session: ReadSession, snapshot: Snapshot, budgets: Sequence[Budget]) -> dict[int, Report]:
    found = await standings(session, snapshot, budgets, at=snapshot.now, whole=True)
    return {
        budget.id: Report(
            found[budget.id],
            snapshot.as_of,
            await used_up_at(session, snapshot, budget, found[budget.id]),
        )
        for budget in budgets
    }
