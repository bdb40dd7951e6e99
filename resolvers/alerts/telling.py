"""What the feed tells of alerts: one fact for each change, in its transaction, with the alert as the change left it."""

import datetime as dt
from typing import Final

from uuid_utils import uuid7

from models import Activity, Alert, Silence, WriteSession
from realtime.facts import ActivityFact
from resolvers.alerts.wording import title

KIND: Final = "alert"
NODE_TYPE: Final = "Alert"
SILENCE: Final = "Silence"
VERBS: Final = {
    "pending": "Pending",
    "firing": "Firing",
    "raised": "Worse",
    "acknowledged": "Acknowledged",
    "resolved": "Resolved",
    "lapsed": "Over before it fired",
}
SILENCE_EXPIRED: Final = "silence_expired"

_UNTOLD: Final = {"project_id"}
_COLUMNS: Final = [column.key for column in Alert.__mapper__.column_attrs if column.key not in _UNTOLD]
_TIMES: Final = {name for name in _COLUMNS if name.endswith("_at")}


def tell(
    session: WriteSession,
    alert: Alert,
    what: str,
    *,
    rule_name: str,
    reason: str,
    now: dt.datetime,
    actor: str | None = None,
) -> None:
    """Announces what has become of an alert: `what` is one of VERBS."""
    told = {name: getattr(alert, name) for name in _COLUMNS}
    told |= {name: told[name] and told[name].isoformat() for name in _TIMES}
    session.announce(
        Activity(
            project_id=alert.project_id,
            time=now,
            id=str(uuid7()),
            kind=KIND,
            name=f"{KIND}.{what}",
            title=f"{VERBS[what]}: {title(rule_name, alert)}",
            subject=None,
            severity=alert.severity,
            node_type=NODE_TYPE,
            node_key=str(alert.id),
            payload={"alert": told, "reason": reason, "actor": actor},
        )
    )


def tell_expired(session: WriteSession, silence: Silence, *, now: dt.datetime) -> None:
    """Announces, to its author, that a silence is over."""
    session.announce(
        Activity(
            project_id=silence.project_id,
            time=now,
            id=str(uuid7()),
            kind=KIND,
            name=f"{KIND}.{SILENCE_EXPIRED}",
            title=f"The silence of {silence.author} is over: {silence.reason}",
            subject=silence.author,
            severity=None,
            node_type=SILENCE,
            node_key=str(silence.id),
            payload={"silence": silence.id, "author": silence.author, "matcher": silence.matcher},
        )
    )


def told_alert(fact: ActivityFact) -> Alert | None:
    """The alert as a fact tells of it; None when it is about a silence."""
    if "alert" not in fact.payload:
        return None
    told = dict(fact.payload["alert"])
    told |= {name: told[name] and dt.datetime.fromisoformat(told[name]) for name in _TIMES}
    return Alert(project_id=fact.project_id, **told)
