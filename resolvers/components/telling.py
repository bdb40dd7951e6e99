"""What the feed tells of components: one fact for each change of a status, in the transaction of the change."""

import datetime as dt
from typing import Final

from uuid_utils import uuid7

from models import Activity, Component, WriteSession
from realtime.facts import ActivityFact

KIND: Final = "health"
CHANGED: Final = "health.changed"
NODE_TYPE: Final = "Component"
VERBS: Final = {
    "healthy": "is healthy",
    "degraded": "is degraded",
    "down": "is down",
    "unknown": "is not watched",
}
TOLD: Final = ("id", "name", "kind", "critical", "parent_id", "status", "since", "message", "latency_ms", "checked_at")
TIMES: Final = ("since", "checked_at")


def tell(session: WriteSession, row: Component, before: str) -> None:
    """Announces the status that a component has had `since`, and the one before."""
    told = {name: getattr(row, name) for name in TOLD}
    told |= {name: told[name] and told[name].isoformat() for name in TIMES}
    severity = {"degraded": "medium", "down": "critical" if row.critical else "high"}.get(row.status)
    session.announce(
        Activity(
            project_id=row.project_id,
            time=row.since,
            id=str(uuid7()),
            kind=KIND,
            name=CHANGED,
            title=f"{row.name} {VERBS[row.status]}" + (f": {row.message}" if row.message else ""),
            subject=None,
            severity=severity,
            node_type=NODE_TYPE,
            node_key=str(row.id),
            payload={"from": before, "to": row.status, "message": row.message, "component": told},
        )
    )


def told_component(fact: ActivityFact) -> Component:
    """The component as a fact tells of it."""
    told = dict(fact.payload["component"])
    told |= {name: told[name] and dt.datetime.fromisoformat(told[name]) for name in TIMES}
    return Component(project_id=fact.project_id, **told)
