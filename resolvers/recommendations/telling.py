"""What the feed tells of recommendations: one fact for each change, in the transaction of the change."""

import datetime as dt
from typing import Any

from uuid_utils import uuid7

from models import Activity, Recommendation, WriteSession

KIND = "recommendation"
NODE_TYPE = "Recommendation"

VERBS = {
    "issued": "Advised",
    "updated": "Advised anew",
    "viewed": "Seen",
    "implemented": "Implemented",
    "dismissed": "Dismissed",
    "expired": "Expired",
    "measured": "Measured",
}


def tell(session: WriteSession, row: Recommendation, what: str, *, now: dt.datetime, **payload: Any) -> None:
    """Announces that something has become of a recommendation: `what` is one of VERBS."""
    session.announce(
        Activity(
            project_id=row.project_id,
            time=now,
            id=str(uuid7()),
            kind=KIND,
            name=f"{KIND}.{what}",
            title=f"{VERBS[what]}: {row.title}",
            subject=row.subject,
            severity=None,
            node_type=NODE_TYPE,
            node_key=str(row.id),
            payload={"kind": row.kind, "status": row.status, **payload},
        )
    )
