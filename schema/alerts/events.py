"""What becomes of alerts, live."""

import datetime as dt
from collections.abc import AsyncGenerator
from typing import Annotated, Any, Self

import strawberry

from models.bugs import SEVERITIES
from realtime.facts import ActivityFact, Fact
from resolvers.alerts.silences import silences_by_number
from resolvers.alerts.telling import KIND, told_alert
from schema.alerts.silences import Silence
from schema.alerts.types import Alert
from schema.alerts.words import AlertEventKind
from schema.context import Info
from schema.frames import MinInterval, Resume, StreamFrame, follow
from schema.guards import READS
from schema.severities import Severity


@strawberry.type(description="One change of an alert, or the end of a silence.")
class AlertEvent:
    fact: strawberry.Private[ActivityFact]
    time: dt.datetime = strawberry.field(description="When it happened.")
    kind: AlertEventKind = strawberry.field(description="What happened.")
    reason: str | None = strawberry.field(description="Why.")
    actor: str | None = strawberry.field(description="The name of the key that did it; null: the evaluation.")
    alert: Alert | None = strawberry.field(
        description="The alert as the change left it; what explains it is as of now. Null when it is about a silence."
    )

    @strawberry.field(description="Of SILENCE_EXPIRED: the silence.")
    async def silence(self, info: Info) -> Silence | None:
        number = self.fact.payload.get("silence")
        if number is None:
            return None
        row = await info.context.loader(silences_by_number).load((self.fact.project_id, number))
        return Silence.of(row) if row else None

    @classmethod
    def of(cls, fact: ActivityFact) -> Self:
        row = told_alert(fact)
        return cls(
            fact=fact,
            time=fact.time,
            kind=AlertEventKind(fact.name),
            reason=fact.payload.get("reason"),
            actor=fact.payload.get("actor"),
            alert=Alert.of(row) if row else None,
        )


@strawberry.type(description="What a stream of alerts tells at a time.")
class AlertEventFrame(StreamFrame):
    events: list[AlertEvent] = strawberry.field(description="At most 500 changes, in commit order.")

    @classmethod
    def content(cls, facts: list[Fact]) -> dict[str, Any]:
        return {"events": [AlertEvent.of(fact) for fact in facts if isinstance(fact, ActivityFact)]}


@strawberry.type
class AlertSubscription:
    @strawberry.subscription(
        description="Changes of alerts in commit order, each once: behind `after`, or from now on. Frames and cursors "
        "are those of `activity`.",
        extensions=[READS],
    )
    def alert_events(
        self,
        info: Info,
        after: Resume = None,
        minimum_severity: Annotated[
            Severity | None,
            strawberry.argument(
                description="Only of alerts that are at least so bad; null: all, and ends of silences."
            ),
        ] = None,
        min_interval: MinInterval = None,
    ) -> AsyncGenerator[AlertEventFrame, None]:
        least = None if minimum_severity is None else SEVERITIES.index(str(minimum_severity.value))

        def wants(fact: Fact) -> bool:
            if not isinstance(fact, ActivityFact) or fact.kind != KIND:
                return False
            return least is None or (fact.severity is not None and SEVERITIES.index(fact.severity) >= least)

        return follow(info, AlertEventFrame, after=after, wants=wants, kinds={KIND}, min_interval=min_interval)
