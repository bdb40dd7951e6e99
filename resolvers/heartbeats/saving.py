"""Saving, listing and deleting heartbeats. Only the hash of a token is stored, so its text is shown once, when made."""

import datetime as dt
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, and_, delete, func, select
from sqlalchemy.orm import aliased

from models import Component, Heartbeat, ReadSession, WriteSession
from resolvers.api_keys import digest_of
from resolvers.audit_entries import record_audit_entry
from resolvers.components.changing import (
    LONGEST,
    SHORTEST,
    add_component,
    check_duration,
    check_name,
    delete_component,
    find_parent,
    switch,
)
from resolvers.components.observing import lock_component
from resolvers.errors import Invalid, NotFound
from resolvers.heartbeats.beating import late_at
from resolvers.locks import lock_project

KIND: Final = "heartbeat"
GRACE: Final = dt.timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Beating:
    """A heartbeat, its component, and the name of the component that this one depends on."""

    heartbeat: Heartbeat
    component: Component
    parent: str | None


async def save_heartbeat(
    session: WriteSession, *, project_id: int, number: int | None, values: Mapping[str, Any], actor: str
) -> tuple[int, str | None]:
    """Adds a heartbeat (`number` None) or changes one; answers its number, and the token when it is a new one.

    `values` has only what is meant, and `name` always: every, grace, critical, depends_on, enabled, new_token; a new
    one needs `every`. Raises Invalid, NotFound and LimitReached.
    """
    now = dt.datetime.now(dt.UTC)
    await lock_project(session, project_id=project_id)
    if number is None:
        if values.get("every") is None:
            raise Invalid("Say how often it is to beat: `every`.", field="every")
        row = await add_component(
            session, project_id=project_id, name=values["name"], kind=KIND, every=values["every"], due_at=now
        )
        heartbeat = Heartbeat(
            project_id=project_id,
            component_id=row.id,
            grace_seconds=GRACE.total_seconds(),
            digest=b"",
            expected_since=now,
            beaten_at=None,
        )
        session.add(heartbeat)
    else:
        row, heartbeat = await _find(session, project_id, number)
        row.name = await check_name(session, project_id=project_id, name=values["name"], number=number)
    token = secrets.token_urlsafe(32) if number is None or values.get("new_token") else None
    if token is not None:
        heartbeat.digest = digest_of(token)
    await _watch(session, row, heartbeat, values, now)
    record_audit_entry(
        session,
        project_id=project_id,
        actor=actor,
        action="heartbeat.saved",
        target=f"heartbeat:{row.id}",
        details={"name": row.name, "newToken": token is not None},
    )
    return row.id, token


async def delete_heartbeat(session: WriteSession, *, project_id: int, number: int, actor: str) -> None:
    """Deletes a heartbeat, its component and its past. Raises NotFound, and Invalid while others depend on it."""
    await lock_project(session, project_id=project_id)
    row, _ = await _find(session, project_id, number)
    name = row.name
    await session.run(delete(Heartbeat).where(Heartbeat.project_id == project_id, Heartbeat.component_id == number))
    await delete_component(session, row)
    record_audit_entry(
        session,
        project_id=project_id,
        actor=actor,
        action="heartbeat.deleted",
        target=f"heartbeat:{number}",
        details={"name": name},
    )


async def get_heartbeat(session: ReadSession, *, project_id: int, number: int) -> Beating | None:
    """The heartbeat with a number."""
    rows = await session.rows(_heartbeats(Heartbeat.project_id == project_id, Heartbeat.component_id == number))
    return Beating(*rows[0]) if rows else None


async def list_heartbeats(
    session: ReadSession, *, project_id: int, limit: int, after: int | None = None
) -> Sequence[Beating]:
    """At most `limit` heartbeats, in the order in which they were added, behind heartbeat number `after`."""
    conditions = [Heartbeat.project_id == project_id]
    if after is not None:
        conditions.append(Heartbeat.component_id > after)
    rows = await session.rows(_heartbeats(*conditions).order_by(Heartbeat.component_id).limit(limit))
    return [Beating(*row) for row in rows]


async def count_heartbeats(session: ReadSession, *, project_id: int) -> int:
    """How many heartbeats the project has."""
    counted = select(func.count()).select_from(Heartbeat).where(Heartbeat.project_id == project_id)
    return await session.scalar(counted) or 0


async def _find(session: WriteSession, project_id: int, number: int) -> tuple[Component, Heartbeat]:
    row = await lock_component(session, project_id=project_id, number=number)
    heartbeat = await session.scalar(
        select(Heartbeat).where(Heartbeat.project_id == project_id, Heartbeat.component_id == number)
    )
    if row is None or heartbeat is None:
        raise NotFound("There is no such heartbeat in this project.", field="id")
    return row, heartbeat


async def _watch(
    session: WriteSession, row: Component, heartbeat: Heartbeat, values: Mapping[str, Any], now: dt.datetime
) -> None:
    if values.get("every") is not None:
        every = check_duration(values["every"], field="every", least=SHORTEST, most=LONGEST)
        row.every_seconds = every.total_seconds()
    if "grace" in values:
        grace = GRACE if values["grace"] is None else values["grace"]
        grace = check_duration(grace, field="grace", least=dt.timedelta(0), most=LONGEST)
        heartbeat.grace_seconds = grace.total_seconds()
    if "critical" in values:
        row.critical = bool(values["critical"])
    if "depends_on" in values:
        row.parent_id = await find_parent(session, row, values["depends_on"])
    was = row.enabled
    enabled = row.enabled if "enabled" not in values else values["enabled"] is not False
    if enabled and not was:
        heartbeat.expected_since = now
    row.due_at = late_at(row, heartbeat)
    await switch(session, row, enabled=enabled)


def _heartbeats(*conditions: ColumnElement[bool]) -> Select[Heartbeat, Component, str | None]:
    parent = aliased(Component)
    statement = (
        select(Heartbeat, Component, parent.name)
        .join(Component, and_(Component.project_id == Heartbeat.project_id, Component.id == Heartbeat.component_id))
        .outerjoin(parent, and_(parent.project_id == Component.project_id, parent.id == Component.parent_id))
    )
    return statement.where(*conditions)
