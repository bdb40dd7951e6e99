"""Telling channels: the alerts of one rule that fire, or end, in one evaluation are one notification."""

import datetime as dt
from collections import defaultdict
from collections.abc import Sequence
from typing import Any, Final

from models import Alert, AlertRule, AlertSuppression, WriteSession
from models.bugs import SEVERITIES
from resolvers.alerts.explaining import explanations
from resolvers.alerts.suppression import Suppression
from resolvers.alerts.wording import BROKEN, title
from resolvers.deliveries.outbox import FIRING, RESOLVED, Notification, channels_told, enqueue
from resolvers.global_ids import global_id

MOST_TOLD: Final = 50
"""Alerts that one notification describes; it counts the others."""
EVALUATIONS_TOLD: Final = 10


def is_due(rule: AlertRule, alert: Alert, now: dt.datetime) -> bool:
    """Whether channels are to be told (again) that an alert fires: news, worse news, or a reminder of what nobody saw.

    What somebody acknowledged is not repeated, unless it gets worse.
    """
    if alert.notified_at is None or alert.notified_severity is None:
        return alert.state == "firing"
    if SEVERITIES.index(alert.severity) > SEVERITIES.index(alert.notified_severity):
        return True
    again = rule.renotify_seconds
    return alert.state == "firing" and again is not None and now - alert.notified_at >= dt.timedelta(seconds=again)


async def notify_firing(session: WriteSession, rule: AlertRule, alerts: Sequence[Alert], *, now: dt.datetime) -> None:
    """Tells a rule's channels that alerts of it fire."""
    worst = max(alerts, key=lambda alert: SEVERITIES.index(alert.severity)).severity
    await enqueue(
        session,
        notification=Notification(
            project_id=rule.project_id,
            kind=FIRING,
            severity=worst,
            payload=await _payload(session, FIRING, rule, alerts, now),
            time=now,
            channel_ids=rule.channel_ids,
            alert_ids=[alert.id for alert in alerts],
        ),
    )
    for alert in alerts:
        alert.notified_at, alert.notified_severity = now, alert.severity
    rule.notified_at = now


async def notify_resolved(session: WriteSession, rule: AlertRule, alerts: Sequence[Alert], *, now: dt.datetime) -> None:
    """Tells those channels that alerts are over that were told that they fired, whatever is silent by now."""
    told = await channels_told(
        session, project_id=rule.project_id, alert_ids=[alert.id for alert in alerts if alert.notified_at]
    )
    groups: dict[frozenset[int], list[Alert]] = defaultdict(list)
    for alert in alerts:
        if alert.id in told:
            groups[told[alert.id]].append(alert)
    for channel_ids, some in groups.items():
        await enqueue(
            session,
            notification=Notification(
                project_id=rule.project_id,
                kind=RESOLVED,
                severity=max(some, key=lambda alert: SEVERITIES.index(alert.severity)).severity,
                payload=await _payload(session, RESOLVED, rule, some, now),
                time=now,
                channel_ids=channel_ids,
                alert_ids=[alert.id for alert in some],
                anyhow=True,
            ),
        )


def note_suppressions(
    session: WriteSession, alert: Alert, found: Sequence[Suppression], known: set[tuple[str, str]], now: dt.datetime
) -> None:
    """Keeps what held an alert back, once."""
    for suppression in found:
        if (suppression.kind, suppression.key) not in known:
            known.add((suppression.kind, suppression.key))
            session.add(
                AlertSuppression(
                    project_id=alert.project_id,
                    alert_id=alert.id,
                    kind=suppression.kind,
                    key=suppression.key,
                    reason=suppression.reason,
                    since=now,
                    until=suppression.until,
                )
            )


async def _payload(
    session: WriteSession, kind: str, rule: AlertRule, alerts: Sequence[Alert], now: dt.datetime
) -> dict[str, Any]:
    await session.flush()
    told = alerts[:MOST_TOLD]
    why = await explanations(
        session,
        project_id=rule.project_id,
        alert_ids=[alert.id for alert in told],
        limit=EVALUATIONS_TOLD,
    )
    first = title(rule.name, alerts[0])
    more = f" and {len(alerts) - 1} more" if len(alerts) > 1 else ""
    reasons = [f"{title(rule.name, alert)}: {_reason(why[alert.id])}" for alert in told]
    return {
        "kind": kind,
        "time": now.isoformat(),
        "title": f"{kind.capitalize()}: {first}{more}",
        "text": "\n".join(reasons),
        "rule": {
            "id": global_id("AlertRule", rule.project_id, rule.id),
            "name": rule.name,
            "metric": rule.metric.upper(),
            "runbookUrl": rule.runbook_url,
        },
        "alertCount": len(alerts),
        "alerts": [{**_plain(alert), "explanation": why[alert.id]} for alert in told],
    }


def _reason(explanation: dict[str, Any]) -> str:
    transitions = explanation["transitions"]
    return str(transitions[-1]["reason"]) if transitions else ""


def _plain(alert: Alert) -> dict[str, Any]:
    return {
        "id": global_id("Alert", alert.project_id, alert.id),
        "state": alert.state.upper(),
        "severity": alert.severity.upper(),
        "component": alert.instance if alert.instance and alert.kind != BROKEN else None,
        "value": alert.value,
        "threshold": alert.threshold,
        "startedAt": alert.started_at.isoformat(),
        "acknowledgedAt": alert.acknowledged_at and alert.acknowledged_at.isoformat(),
        "acknowledgedBy": alert.acknowledged_by,
        "resolvedAt": alert.resolved_at and alert.resolved_at.isoformat(),
    }
