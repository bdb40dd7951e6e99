"""How the components of a project are now, and what that makes of the whole."""

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import aliased

from models import Component, ReadSession

HEALTHY, DEGRADED, DOWN, UNKNOWN = "healthy", "degraded", "down", "unknown"


@dataclass(frozen=True, slots=True)
class ComponentState:
    """A component that is watched now. `status` (healthy, degraded, down or unknown) holds `since`.

    `parent_id` and `parent` are the number and the name of the component that it depends on.
    """

    id: int
    name: str
    kind: str
    critical: bool
    status: str
    since: dt.datetime
    message: str | None
    checked_at: dt.datetime | None
    parent_id: int | None
    parent: str | None


async def component_states(session: ReadSession, *, project_id: int) -> Sequence[ComponentState]:
    """Every enabled component of a project, by name: at most a thousand and a few, in one statement."""
    parent = aliased(Component)
    rows = await session.rows(
        select(Component, parent.name)
        .outerjoin(parent, (parent.project_id == Component.project_id) & (parent.id == Component.parent_id))
        .where(Component.project_id == project_id, Component.enabled)
        .order_by(Component.name)
    )
    return [
        ComponentState(
            id=row.id,
            name=row.name,
            kind=row.kind,
            critical=row.critical,
            status=row.status,
            since=row.since,
            message=row.message,
            checked_at=row.checked_at,
            parent_id=row.parent_id,
            parent=parent_name,
        )
        for row, parent_name in rows
    ]


def overall(components: Iterable[tuple[bool, str]]) -> str:
    """The status of a whole, from whether each part is critical, and its status: the worst of the critical ones.

    Parts of which nothing is known count for nothing; it is unknown when nothing is known of any.
    """
    critical = {status for is_critical, status in components if is_critical}
    return next((status for status in (DOWN, DEGRADED, HEALTHY) if status in critical), UNKNOWN)
