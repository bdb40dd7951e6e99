"""What one evaluation makes of an alert: it waits, fires, gets worse; and the bug that it files."""

import datetime as dt

from models import Alert, WriteSession
from resolvers.alerts import wording
from resolvers.alerts.cases import Case
from resolvers.alerts.closing import move
from resolvers.alerts.evaluating import FIRING, PENDING, Event, Step
from resolvers.alerts.telling import tell
from resolvers.bugs.fields import TITLE
from resolvers.bugs.filing import Report, file_bug
from resolvers.global_ids import global_id

ACTOR = "alerts"


async def follow(session: WriteSession, case: Case, alert: Alert, step: Step, *, time: dt.datetime) -> None:
    """Takes an alert where a step says, and keeps the worst value. That it is over is for others to do."""
    why, name = case.why(step, time), case.watching.name
    if Event.FIRED in step.events:
        _worse(case, alert, step)
        alert.fired_at = time
        await move(session, alert, FIRING, reason=why, actor=None, now=time)
        rule = case.watching.rule
        if rule is not None and rule.files_bugs:
            await _file_bug(session, alert, name=name, why=why, runbook_url=rule.runbook_url)
        tell(session, alert, "firing", rule_name=name, reason=why, now=time)
    elif Event.OPENED in step.events:
        await move(session, alert, PENDING, reason=why, actor=None, now=time)
        tell(session, alert, "pending", rule_name=name, reason=why, now=time)
    elif Event.RAISED in step.events:
        _worse(case, alert, step)
        await move(session, alert, alert.state, reason=f"worse: {why}", actor=None, now=time)
        tell(session, alert, "raised", rule_name=name, reason=why, now=time)
    value = case.shown_value
    if value is not None and step.memory.level:
        alert.peak_value = wording.worst(case.condition.comparison, alert.peak_value, value)


def _worse(case: Case, alert: Alert, step: Step) -> None:
    level = step.memory.fired_level
    alert.severity, alert.threshold = case.condition.severity_at(level), case.condition.threshold_at(level)
    alert.value = case.shown_value


async def _file_bug(session: WriteSession, alert: Alert, *, name: str, why: str, runbook_url: str | None) -> None:
    filed = await file_bug(
        session,
        project_id=alert.project_id,
        actor=ACTOR,
        report=Report(
            title=f"Alert: {wording.title(name, alert)}"[:TITLE],
            description=why,
            severity=alert.severity,
            category="alert",
            links=[runbook_url] if runbook_url else None,
            context={"alert": global_id("Alert", alert.project_id, alert.id)},
            idempotency_key=f"alert:{alert.id}",
        ),
    )
    alert.bug_number = filed.bug.number
