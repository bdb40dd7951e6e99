"""The audit log: one row for each administrative action, in the transaction of the action itself."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, func, or_, select
from uuid_utils import uuid7

from models import AuditEntry, ReadSession, WriteSession
from resolvers.metrics.periods import Period

Place = tuple[dt.datetime, str]
"""Where an entry stands in the list: its time and id."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which entries are meant: each condition narrows. `action` is one, or what several have before their dot."""

    period: Period | None = None
    actor: str | None = None
    action: str | None = None
    target: str | None = None


def record_audit_entry(
    session: WriteSession,
    *,
    project_id: int,
    actor: str,
    action: str,
    target: str | None = None,
    details: dict[str, Any] | None = None,
) -> AuditEntry:
    """Says who did what: `actor` is the name of a key or of a token's bearer, or `cli`, `bootstrap`.

    `action` is dotted, in the past tense; `target` names the object (`api_key:3`); `details` is JSON without secrets.
    """
    entry = AuditEntry(
        project_id=project_id,
        id=str(uuid7()),
        time=dt.datetime.now(dt.UTC),
        actor=actor,
        action=action,
        target=target,
        details=details or {},
    )
    session.add(entry)
    return entry


def changes(before: Mapping[str, Any] | None, after: Mapping[str, Any]) -> dict[str, Any]:
    """What an entry tells of a change: of what differs, the value `before` (null for a new object) and `after`."""
    if before is None:
        return {"before": None, "after": dict(after)}
    differing = [name for name, value in after.items() if before.get(name) != value]
    return {name: {key: side.get(key) for key in differing} for name, side in (("before", before), ("after", after))}


async def list_audit_entries(
    session: ReadSession, *, project_id: int, wanted: Wanted, limit: int, after: Place | None = None
) -> Sequence[AuditEntry]:
    """At most `limit` entries behind `after`, the newest first."""
    rows = select(AuditEntry).where(*_conditions(project_id, wanted))
    if after is not None:
        time, id_ = after
        rows = rows.where(or_(AuditEntry.time < time, (AuditEntry.time == time) & (AuditEntry.id < id_)))
    return await session.scalars(rows.order_by(AuditEntry.time.desc(), AuditEntry.id.desc()).limit(limit))


async def count_audit_entries(session: ReadSession, *, project_id: int, wanted: Wanted) -> int:
    """How many there are."""
    return await session.scalar(select(func.count()).where(*_conditions(project_id, wanted))) or 0


def _conditions(project_id: int, wanted: Wanted) -> list[ColumnElement[bool]]:
    conditions = [AuditEntry.project_id == project_id]
    if wanted.period is not None:
        conditions += [AuditEntry.time >= wanted.period.start, AuditEntry.time < wanted.period.end]
    if wanted.actor is not None:
        conditions.append(AuditEntry.actor == wanted.actor)
    if wanted.action is not None:
        below = AuditEntry.action.startswith(f"{wanted.action}.", autoescape=True)
        conditions.append(or_(AuditEntry.action == wanted.action, below))
    if wanted.target is not None:
        conditions.append(AuditEntry.target == wanted.target)
    return conditions
