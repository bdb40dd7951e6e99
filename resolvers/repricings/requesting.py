"""Asks for a repricing: a row, which a job works off."""

import datetime as dt
from typing import Final

import msgspec
from sqlalchemy import delete, func, select

from models import Repricing, UsageByTime, WriteSession
from models.repricings import RUNNING
from models.rollups import DAY
from resolvers.attribute_dimensions import check_declared
from resolvers.audit_entries import record_audit_entry
from resolvers.errors import Conflict, LimitReached
from resolvers.locks import lock_project
from resolvers.metrics.periods import Period
from resolvers.rollups.slices import day_of
from resolvers.usage_events import UsageFilter, conditions_of

MOST_DRY_RUNS: Final = 3
"""At once, in a project."""
KEPT: Final = 100


async def request_repricing(
    session: WriteSession,
    *,
    project_id: int,
    period: Period,
    filter: UsageFilter,  # noqa: A002
    dry_run: bool,
    actor: str,
) -> Repricing:
    """A repricing that has just begun. Raises Invalid for a filter that is none, Conflict while another one runs."""
    conditions_of(filter)
    keys = [one.key for one in filter.attributes]
    await check_declared(session, project_id=project_id, keys=keys, field="filter.attributes")
    now = dt.datetime.now(dt.UTC)
    await lock_project(session, project_id=project_id)
    running = await session.scalars(
        select(Repricing).where(
            Repricing.project_id == project_id, Repricing.status == RUNNING, Repricing.dry_run.is_(dry_run)
        )
    )
    if running and not dry_run:
        raise Conflict("Another repricing of this project runs: wait until it has ended.", current=running[0])
    if len(running) >= MOST_DRY_RUNS:
        raise LimitReached(f"{MOST_DRY_RUNS} dry runs of this project go on: wait until one has ended.")
    last = await session.scalar(select(func.max(Repricing.id)).where(Repricing.project_id == project_id)) or 0
    await session.run(
        delete(Repricing).where(
            Repricing.project_id == project_id, Repricing.id <= last - KEPT, Repricing.status != RUNNING
        )
    )
    first = day_of(period.start.astimezone(dt.UTC))
    days = select(func.count()).where(
        UsageByTime.project_id == project_id,
        UsageByTime.grain == DAY,
        UsageByTime.bucket >= first,
        UsageByTime.bucket < period.end,
    )
    row = Repricing(
        project_id=project_id,
        id=last + 1,
        dry_run=dry_run,
        status=RUNNING,
        starts_at=period.start,
        ends_at=period.end,
        filter=msgspec.to_builtins(filter),
        next_day=first,
        days=await session.scalar(days) or 0,
        days_done=0,
        days_skipped=0,
        events=0,
        changed=0,
        priced_before=0,
        priced_after=0,
        before_picousd=0,
        after_picousd=0,
        by_model={},
        failures=0,
        error=None,
        requested_by=actor,
        created_at=now,
        updated_at=now,
        finished_at=None,
    )
    session.add(row)
    if not dry_run:
        record_audit_entry(
            session,
            project_id=project_id,
            actor=actor,
            action="usage.repriced",
            target=f"repricing:{row.id}",
            details={
                "from": period.start.isoformat(),
                "to": period.end.isoformat(),
                "filter": row.filter,
            },
        )
    return row
