"""What the feed tells of components: one fact for each change of a status, in the transaction of the change."""

from typing import Final

from uuid_utils import uuid7

from models import Activity, Component, WriteSession

KIND: Final = "health"
NODE_TYPE: Final = "Component"
VERBS: Final = {
    "healthy": "is healthy",
    "degraded": "is degraded",
    "down": "is down",
    "unknown": "is not watched",
}


def tell(session: WriteSession, row: Component, before: str) -> None:
    """Announces the status that a component has had `since`, and the one before."""
    severity = {"degraded": "medium", "down": "critical" if row.critical else "high"}.get(row.status)
    session.announce(
        Activity(
            project_id=row.project_id,
            time=row.since,
            id=str(uuid7()),
            kind=KIND,
            name=f"{KIND}.changed",
            title=f"{row.name} {VERBS[row.status]}" + (f": {row.message}" if row.message else ""),
            subject=None,
            severity=severity,
            node_type=NODE_TYPE,
            node_key=str(row.id),
            payload={"from": before, "to": row.status, "message": row.message, "component": told(row)},
        )
    )


def told(row: Component) -> dict[str, object]:
    """A component as a fact tells of it."""
    return {
        "id": row.id,
        "name": row.name,
        "kind": row.kind,
        "critical": row.critical,
        "status": row.status,
        "since": row.since.isoformat(),
        "message": row.message,
        "latency_ms": row.latency_ms,
        "checked_at": row.checked_at and row.checked_at.isoformat(),
    }
