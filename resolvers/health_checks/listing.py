"""HTTP checks, read: each with the component that it is about."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Select, and_, func, select
from sqlalchemy.orm import aliased

from models import Component, HealthCheck, ReadSession


@dataclass(frozen=True, slots=True)
class Checked:
    """A check, its component, and the name of the component that this one depends on."""

    check: HealthCheck
    component: Component
    parent: str | None


async def get_health_check(session: ReadSession, *, project_id: int, number: int) -> Checked | None:
    """The check with a number."""
    rows = await session.rows(_checks(HealthCheck.project_id == project_id, HealthCheck.component_id == number))
    return Checked(*rows[0]) if rows else None


async def list_health_checks(
    session: ReadSession, *, project_id: int, limit: int, after: int | None = None
) -> Sequence[Checked]:
    """At most `limit` checks, in the order in which they were added, behind check number `after`."""
    conditions = [HealthCheck.project_id == project_id]
    if after is not None:
        conditions.append(HealthCheck.component_id > after)
    rows = await session.rows(_checks(*conditions).order_by(HealthCheck.component_id).limit(limit))
    return [Checked(*row) for row in rows]


async def count_health_checks(session: ReadSession, *, project_id: int) -> int:
    """How many checks the project has."""
    counted = select(func.count()).select_from(HealthCheck).where(HealthCheck.project_id == project_id)
    return await session.scalar(counted) or 0


def _checks(*conditions: ColumnElement[bool]) -> Select[HealthCheck, Component, str | None]:
    parent = aliased(Component)
    statement = (
        select(HealthCheck, Component, parent.name)
        .join(
            Component,
            and_(Component.project_id == HealthCheck.project_id, Component.id == HealthCheck.component_id),
        )
        .outerjoin(parent, and_(parent.project_id == Component.project_id, parent.id == Component.parent_id))
    )
    return statement.where(*conditions)
