"""Alerts as clients see them, and what explains each."""

import datetime as dt
from typing import Annotated, Self

import strawberry

from models import Alert as AlertRow
from models import AlertEvaluation as EvaluationRow
from models import AlertSuppression as SuppressionRow
from models import AlertTransition as TransitionRow
from resolvers.alerts import explaining
from resolvers.alerts.evaluating import BREACHED
from resolvers.alerts.rules import rules_by_number
from resolvers.bugs.reading import bugs_by_number
from schema.alerts.rules import AlertRule
from schema.alerts.words import AlertState, SuppressionKind
from schema.bugs.types import Bug
from schema.context import Info
from schema.deliveries import Delivery
from schema.ids import Node, encode_id
from schema.paging import page_size
from schema.severities import Severity

MOST_SUPPRESSIONS = 50
SUPPRESSORS = {
    "silence": "Silence",
    "maintenance": "MaintenanceWindow",
    "dependency": "Component",
    "throttle": "AlertRule",
}

Last = Annotated[int, strawberry.argument(description="How many of the last at most: 1 to 200.")]


@strawberry.type(description="One look at a rule's figure. Kept when the outcome is new, and while an alert is open.")
class AlertEvaluation:
    time: dt.datetime = strawberry.field(description="The moment at which its window ended.")
    value: float | None = strawberry.field(description="The figure; null without data.")
    threshold: float = strawberry.field(description="The threshold that was met, else the rule's own.")
    breached: bool = strawberry.field(description="Whether the condition held.")

    @classmethod
    def of(cls, row: EvaluationRow) -> Self:
        return cls(time=row.time, value=row.value, threshold=row.threshold, breached=row.outcome == BREACHED)


@strawberry.type(description="One step of an alert's life.")
class AlertTransition:
    time: dt.datetime = strawberry.field(description="When.")
    from_: AlertState | None = strawberry.field(name="from", description="Where it stood; null: it was not there yet.")
    to: AlertState = strawberry.field(description="Where it stands since.")
    reason: str = strawberry.field(description="Why.")
    actor: str | None = strawberry.field(description="The name of the key that did it; null: the evaluation.")

    @classmethod
    def of(cls, row: TransitionRow) -> Self:
        return cls(
            time=row.time,
            from_=None if row.from_state is None else AlertState(row.from_state),
            to=AlertState(row.to_state),
            reason=row.reason,
            actor=row.actor,
        )


@strawberry.type(description="What held a notification of an alert back. Its `id` is that of what did so.")
class AlertSuppression:
    id: strawberry.ID = strawberry.field(description="The id of the silence, window, component or rule.")
    kind: SuppressionKind = strawberry.field(description="What it is.")
    reason: str = strawberry.field(description="Why.")
    since: dt.datetime = strawberry.field(description="When it first held one back.")
    until: dt.datetime | None = strawberry.field(description="When it ends; null when nobody knows.")

    @classmethod
    def of(cls, row: SuppressionRow) -> Self:
        return cls(
            id=encode_id(SUPPRESSORS[row.kind], row.project_id, row.key),
            kind=SuppressionKind(row.kind),
            reason=row.reason,
            since=row.since,
            until=row.until,
        )


@strawberry.type(description="Why an alert is as it is. Every list is in order of time, the oldest first.")
class AlertExplanation:
    alert: strawberry.Private[AlertRow]

    @strawberry.field(description="Looks at the figure while it was open, and those that opened and ended it.")
    async def evaluations(self, info: Info, last: Last) -> list[AlertEvaluation]:
        rows = await info.context.loader(explaining.evaluations_by_alert).load(self._last(last)) or []
        return [AlertEvaluation.of(row) for row in rows]

    @strawberry.field(description="The steps of its life.")
    async def transitions(self, info: Info, last: Last) -> list[AlertTransition]:
        rows = await info.context.loader(explaining.transitions_by_alert).load(self._last(last)) or []
        return [AlertTransition.of(row) for row in rows]

    @strawberry.field(description=f"What held its notifications back, at most {MOST_SUPPRESSIONS}.")
    async def suppressed_by(self, info: Info) -> list[AlertSuppression]:
        last = explaining.Last(self.alert.project_id, self.alert.id, MOST_SUPPRESSIONS)
        rows = await info.context.loader(explaining.suppressions_by_alert).load(last) or []
        return [AlertSuppression.of(row) for row in rows]

    @strawberry.field(description="Whom it was sent to.")
    async def deliveries(self, info: Info, last: Last) -> list[Delivery]:
        rows = await info.context.loader(explaining.deliveries_by_alert).load(self._last(last)) or []
        return [Delivery.of(row) for row in rows]

    def _last(self, limit: int) -> explaining.Last:
        return explaining.Last(self.alert.project_id, self.alert.id, page_size(limit, field="last"))


@strawberry.type(description="A condition that held, from when to when, and who was told.")
class Alert(Node):
    row: strawberry.Private[AlertRow]
    state: AlertState = strawberry.field(description="Where it stands.")
    severity: Severity = strawberry.field(description="How bad it is: the worst that it was.")
    value: float | None = strawberry.field(
        description="The figure when it fired or, before, when the condition first held; null without data, and of a "
        "rule that cannot be evaluated."
    )
    threshold: float = strawberry.field(description="The threshold that was met.")
    peak_value: float | None = strawberry.field(description="The figure that was furthest beyond the threshold.")
    component: str | None = strawberry.field(description="The component that is down; null for other figures.")
    is_broken_rule: bool = strawberry.field(description="Whether it says that its rule cannot be evaluated.")
    started_at: dt.datetime = strawberry.field(description="When the condition first held.")
    fired_at: dt.datetime | None = strawberry.field(description="When it fired; null when it has not.")
    acknowledged_at: dt.datetime | None = strawberry.field(description="When somebody acknowledged it.")
    acknowledged_by: str | None = strawberry.field(description="The name of the key that did.")
    resolved_at: dt.datetime | None = strawberry.field(description="When it was over.")

    @strawberry.field(description="The rule that opened it, deleted or not.")
    async def rule(self, info: Info) -> AlertRule:
        row = await info.context.loader(rules_by_number).load((self.row.project_id, self.row.rule_id))
        if row is None:
            raise LookupError(f"alert {self.row.id} is of rule {self.row.rule_id}, which is not there")
        return AlertRule.of(row)

    @strawberry.field(description="What to do about it.")
    async def runbook_url(self, info: Info) -> str | None:
        row = await info.context.loader(rules_by_number).load((self.row.project_id, self.row.rule_id))
        return row.runbook_url if row else None

    @strawberry.field(description="The bug that it filed, if its rule does so.")
    async def bug(self, info: Info) -> Bug | None:
        if self.row.bug_number is None:
            return None
        row = await info.context.loader(bugs_by_number).load((self.row.project_id, self.row.bug_number))
        return Bug.of(row) if row else None

    @strawberry.field(description="Why it is as it is.")
    def explain(self) -> AlertExplanation:
        return AlertExplanation(alert=self.row)

    @classmethod
    def of(cls, row: AlertRow) -> Self:
        return cls(
            id=encode_id("Alert", row.project_id, row.id),
            row=row,
            state=AlertState(row.state),
            severity=Severity(row.severity),
            value=row.value,
            threshold=row.threshold,
            peak_value=row.peak_value,
            component=row.instance or None,
            is_broken_rule=row.kind == "broken",
            started_at=row.started_at,
            fired_at=row.fired_at,
            acknowledged_at=row.acknowledged_at,
            acknowledged_by=row.acknowledged_by,
            resolved_at=row.resolved_at,
        )
