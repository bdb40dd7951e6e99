"""What people do to alerts: acknowledge and resolve them, and what ends them with their rule."""

import datetime as dt
from collections.abc import Sequence

from sqlalchemy import delete, func, inspect, select

from models import Alert, AlertRule, AlertTransition, RuleState, WriteSession
from models.alerts import OPEN_STATES
from resolvers.alerts.clocks import lock
from resolvers.alerts.evaluating import Memory, resolve_by_hand
from resolvers.alerts.notifying import notify_resolved
from resolvers.alerts.telling import tell
from resolvers.errors import Conflict, NotFound
from resolvers.texts import check_optional_text

MOST_NOTE = 2_000


async def acknowledge_alert(
    session: WriteSession, *, project_id: int, number: int, actor: str, note: str | None, now: dt.datetime
) -> Alert:
    """Somebody has seen it and is on it: reminders stop. Doing so again is fine.

    Raises NotFound, Invalid for the note, and Conflict with the alert for one that does not fire.
    """
    note = check_optional_text(note, field="note", most=MOST_NOTE)
    alert, rule = await _locked(session, project_id, number)
    if alert.state == "acknowledged":
        return alert
    if alert.state != "firing":
        raise Conflict(f"It is {alert.state}: only what fires is acknowledged.", field="id", current=alert)
    alert.acknowledged_at, alert.acknowledged_by = now, actor
    reason = f"{actor} acknowledged it" + (f": {note}" if note else "")
    await move(session, alert, "acknowledged", reason=reason, actor=actor, now=now)
    tell(session, alert, "acknowledged", rule_name=rule.name, reason=reason, now=now, actor=actor)
    return alert


async def resolve_alert(
    session: WriteSession, *, project_id: int, number: int, actor: str, note: str | None, now: dt.datetime
) -> Alert:
    """Somebody says it is over. The rule opens nothing anew before the condition has ended once. Again is fine.

    Raises NotFound, and Invalid for the note.
    """
    note = check_optional_text(note, field="note", most=MOST_NOTE)
    alert, rule = await _locked(session, project_id, number)
    if alert.state == "resolved":
        return alert
    state = await session.scalar(
        select(RuleState).where(RuleState.project_id == project_id, RuleState.alert_id == alert.id)
    )
    if state is not None:
        state.memory = resolve_by_hand(Memory.from_json(state.memory)).to_json()
        state.state, state.alert_id = "ok", None
        state.reason = f"{actor} resolved its alert; it opens another once the condition has ended"
    reason = f"{actor} resolved it" + (f": {note}" if note else "")
    await end(session, rule, [(alert, reason)], actor=actor, now=now)
    return alert


async def close_alerts(session: WriteSession, rule: AlertRule, *, reason: str, actor: str, now: dt.datetime) -> None:
    """Ends what a rule has open, and forgets what it remembers."""
    await session.run(delete(RuleState).where(RuleState.project_id == rule.project_id, RuleState.rule_id == rule.id))
    alerts = await session.scalars(
        select(Alert).where(Alert.project_id == rule.project_id, Alert.rule_id == rule.id, Alert.state.in_(OPEN_STATES))
    )
    if alerts:
        await end(session, rule, [(alert, reason) for alert in alerts], actor=actor, now=now)


async def end(
    session: WriteSession,
    rule: AlertRule,
    alerts: Sequence[tuple[Alert, str]],
    *,
    actor: str | None,
    now: dt.datetime,
) -> None:
    """Resolves alerts of a rule, each for its reason, and tells whoever was told that they fire."""
    for alert, reason in alerts:
        alert.resolved_at = now
        await move(session, alert, "resolved", reason=reason, actor=actor, now=now)
        what = "resolved" if alert.fired_at else "lapsed"
        tell(session, alert, what, rule_name=rule.name, reason=reason, now=now, actor=actor)
    await notify_resolved(session, rule, [alert for alert, _ in alerts], now=now)


async def move(
    session: WriteSession, alert: Alert, state: str, *, reason: str, actor: str | None, now: dt.datetime
) -> None:
    """Takes an alert to a state, and keeps the step. One that is new in this session takes its first."""
    last = None
    if inspect(alert).persistent:
        await session.flush()
        last = await session.scalar(
            select(func.max(AlertTransition.ordinal)).where(
                AlertTransition.project_id == alert.project_id, AlertTransition.alert_id == alert.id
            )
        )
    session.add(
        AlertTransition(
            project_id=alert.project_id,
            alert_id=alert.id,
            ordinal=(last or 0) + 1,
            time=now,
            from_state=alert.state if last else None,
            to_state=state,
            reason=reason,
            actor=actor,
        )
    )
    alert.state = state


async def _locked(session: WriteSession, project_id: int, number: int) -> tuple[Alert, AlertRule]:
    await lock(session, project_id=project_id)
    found = await session.rows(
        select(Alert, AlertRule)
        .join(AlertRule, (AlertRule.project_id == Alert.project_id) & (AlertRule.id == Alert.rule_id))
        .where(Alert.project_id == project_id, Alert.id == number)
    )
    if not found:
        raise NotFound("There is no such alert in this project.", field="id")
    alert, rule = found[0]
    return alert, rule
