"""Alerts and their rules: the lists, previews, and the mutations that change them."""

import datetime as dt
from typing import Annotated

import strawberry

from models import Alert as AlertRow
from models.base import from_microseconds, to_microseconds
from resolvers.alerts import closing, listing
from resolvers.alerts.previewing import preview_rule
from resolvers.alerts.rules import count_rules, delete_rule, list_rules, save_rule
from resolvers.errors import Refusal
from schema.alerts.inputs import (
    AcknowledgeAlertInput,
    AlertFilterInput,
    AlertRuleInput,
    DeleteAlertRuleInput,
    ResolveAlertInput,
    SaveAlertRuleInput,
    number_of,
)
from schema.alerts.previews import AlertRulePreview
from schema.alerts.rules import AlertRule
from schema.alerts.types import Alert
from schema.context import Info
from schema.guards import EDITS, READS
from schema.ids import own_key
from schema.paging import After, Connection, First, Microseconds, decode_cursor, encode_cursor, page_size
from schema.payloads import REFUSALS, Payload
from schema.periods import PeriodArgument
from schema.selections import selected

RULES, ALERTS = "alertRules", "alerts"


@strawberry.type(description="The rule as it is now.")
class SaveAlertRulePayload(Payload):
    rule: AlertRule | None = strawberry.field(default=None, description="The rule; null when refused.")


@strawberry.type(description="The rule that is gone.")
class DeleteAlertRulePayload(Payload):
    deleted_id: strawberry.ID | None = strawberry.field(default=None, description="Its `id`; null when refused.")


@strawberry.type(description="The alert as it is now.")
class AlertPayload(Payload):
    alert: Alert | None = strawberry.field(
        default=None, description="The alert as it is now; null when refused, but for a conflict."
    )

    @classmethod
    def shown(cls, current: AlertRow) -> dict[str, Alert]:
        return {"alert": Alert.of(current)}


@strawberry.type(description="The acknowledged alert.")
class AcknowledgeAlertPayload(AlertPayload):
    pass


@strawberry.type(description="The resolved alert.")
class ResolveAlertPayload(AlertPayload):
    pass


@strawberry.type
class AlertQuery:
    @strawberry.field(description="Rules, the oldest first.", extensions=[READS])
    async def alert_rules(self, info: Info, first: First, after: After = None) -> Connection[AlertRule]:
        project_id, limit, total = info.context.principal.project_id, page_size(first) + 1, None
        behind = decode_cursor(RULES, after, tuple[int])[0] if after is not None else None
        async with info.context.reading() as session:
            rows = await list_rules(session, project_id=project_id, limit=limit, after=behind)
            if any(field.name == "totalCount" for field in selected(info)):
                total = await count_rules(session, project_id=project_id)
        return Connection.of(
            rows,
            first=first,
            after=after,
            node=AlertRule.of,
            cursor=lambda row: encode_cursor(RULES, (row.id,)),
            total_count=total,
        )

    @strawberry.field(description="Alerts, the one that started last first.", extensions=[READS])
    async def alerts(
        self,
        info: Info,
        first: First,
        filter: Annotated[  # noqa: A002
            AlertFilterInput | None, strawberry.argument(description="What to keep.")
        ] = None,
        after: After = None,
    ) -> Connection[Alert]:
        project_id, limit, total = info.context.principal.project_id, page_size(first) + 1, None
        kept = filter.resolve(project_id) if filter else listing.AlertFilter()
        place = decode_cursor(ALERTS, after, tuple[Microseconds, int]) if after is not None else None
        position = None if place is None else (from_microseconds(place[0]), place[1])
        async with info.context.reading() as session:
            rows = await listing.list_alerts(session, project_id=project_id, kept=kept, limit=limit, after=position)
            if any(field.name == "totalCount" for field in selected(info)):
                total = await listing.count_alerts(session, project_id=project_id, kept=kept)
        return Connection.of(
            rows,
            first=first,
            after=after,
            node=Alert.of,
            cursor=lambda row: encode_cursor(ALERTS, (to_microseconds(row.started_at), row.id)),
            total_count=total,
        )

    @strawberry.field(description="The alert with an id; null when there is none.", extensions=[READS])
    async def alert(
        self,
        info: Info,
        id: Annotated[strawberry.ID, strawberry.argument(description="Its `id`.")],  # noqa: A002
    ) -> Alert | None:
        project_id = info.context.principal.project_id
        key = own_key(id, type_name="Alert", project_id=project_id)
        if key is None or not key.isdecimal() or len(key) > 9:
            return None
        async with info.context.reading() as session:
            row = await listing.get_alert(session, project_id=project_id, number=int(key))
        return Alert.of(row) if row else None

    @strawberry.field(
        description="What a rule would have done over a period of at most 31 days, by the machinery that evaluates it.",
        extensions=[READS],
    )
    async def preview_alert_rule(
        self,
        info: Info,
        rule: Annotated[AlertRuleInput, strawberry.argument(description="The rule; it is not saved.")],
        period: PeriodArgument,
    ) -> AlertRulePreview:
        project_id = info.context.principal.project_id
        meant, resolved = rule.resolve(project_id, field="rule."), period.resolve()
        async with info.context.reading() as session:
            preview = await preview_rule(
                session,
                project_id=project_id,
                rule=meant,
                period=resolved,
                pace=info.context.services.pace,
                now=dt.datetime.now(dt.UTC),
            )
        return AlertRulePreview.of(preview)


@strawberry.type
class AlertMutation:
    @strawberry.mutation(
        description="Makes a rule, or changes one. Alerts that a disabled one has open end.",
        extensions=[EDITS, REFUSALS],
    )
    async def save_alert_rule(
        self,
        info: Info,
        input: Annotated[SaveAlertRuleInput, strawberry.argument(description="The rule.")],  # noqa: A002
    ) -> SaveAlertRulePayload:
        principal = info.context.principal
        project_id = principal.project_id
        number = None if input.id is None else number_of(input.id, "AlertRule", project_id, "rule")
        try:
            async with info.context.writing() as session:
                row = await save_rule(
                    session,
                    project_id=project_id,
                    actor=principal.name,
                    number=number,
                    rule=input.rule.resolve(project_id, field=""),
                    now=dt.datetime.now(dt.UTC),
                )
        except Refusal as refusal:
            if refusal.field not in (None, "id"):
                refusal.field = f"rule.{refusal.field}"
            raise
        return SaveAlertRulePayload(rule=AlertRule.of(row))

    @strawberry.mutation(
        description="Deletes a rule. Its open alerts end; those that it opened stay to be read.",
        extensions=[EDITS, REFUSALS],
    )
    async def delete_alert_rule(
        self,
        info: Info,
        input: Annotated[DeleteAlertRuleInput, strawberry.argument(description="The rule.")],  # noqa: A002
    ) -> DeleteAlertRulePayload:
        principal = info.context.principal
        number = number_of(input.id, "AlertRule", principal.project_id, "rule")
        async with info.context.writing() as session:
            await delete_rule(
                session,
                project_id=principal.project_id,
                actor=principal.name,
                number=number,
                now=dt.datetime.now(dt.UTC),
            )
        return DeleteAlertRulePayload(deleted_id=input.id)

    @strawberry.mutation(
        description="Notes that somebody is on an alert: channels are not told again. Doing so again is fine; one that "
        "does not fire is a CONFLICT.",
        extensions=[EDITS, REFUSALS],
    )
    async def acknowledge_alert(
        self,
        info: Info,
        input: Annotated[AcknowledgeAlertInput, strawberry.argument(description="The alert.")],  # noqa: A002
    ) -> AcknowledgeAlertPayload:
        principal = info.context.principal
        number = number_of(input.id, "Alert", principal.project_id, "alert")
        async with info.context.writing() as session:
            row = await closing.acknowledge_alert(
                session,
                project_id=principal.project_id,
                number=number,
                actor=principal.name,
                note=input.note,
                now=dt.datetime.now(dt.UTC),
            )
        return AcknowledgeAlertPayload(alert=Alert.of(row))

    @strawberry.mutation(
        description="Ends an alert by hand. Its rule opens another one only after the condition has ended. Doing so "
        "again is fine.",
        extensions=[EDITS, REFUSALS],
    )
    async def resolve_alert(
        self,
        info: Info,
        input: Annotated[ResolveAlertInput, strawberry.argument(description="The alert.")],  # noqa: A002
    ) -> ResolveAlertPayload:
        principal = info.context.principal
        number = number_of(input.id, "Alert", principal.project_id, "alert")
        async with info.context.writing() as session:
            row = await closing.resolve_alert(
                session,
                project_id=principal.project_id,
                number=number,
                actor=principal.name,
                note=input.note,
                now=dt.datetime.now(dt.UTC),
            )
        return ResolveAlertPayload(alert=Alert.of(row))
