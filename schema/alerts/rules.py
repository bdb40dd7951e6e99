"""Alert rules as clients see them."""

import datetime as dt
from typing import Self

import strawberry

from models import AlertRule as RuleRow
from resolvers.alerts.clocks import clocks_by_project
from resolvers.alerts.listing import channels_by_number, enabled_channels, states_by_rule
from schema.alerts.words import AlertRuleState, Comparison, Metric, NoData, RuleBasis
from schema.channels import Channel
from schema.context import Info
from schema.ids import Node, encode_id
from schema.severities import Severity

MOST_CHANNELS = 1_000


@strawberry.type(description="What a rule's figure is restricted to; empty lists restrict nothing.")
class RuleFilter:
    subjects: list[str] = strawberry.field(description="Subjects, at most 1,000.")
    models: list[str] = strawberry.field(description="Models, at most 1,000.")
    providers: list[str] = strawberry.field(description="Providers, at most 1,000.")
    operations: list[str] = strawberry.field(description="Operations, at most 1,000.")
    routes: list[str] = strawberry.field(description="Route templates, at most 1,000.")
    statuses: list[str] = strawberry.field(description="Statuses, at most 1,000.")
    environments: list[str] = strawberry.field(description="Environments, at most 1,000.")

    @classmethod
    def of(cls, stored: dict[str, list[str]]) -> Self:
        names = ("subjects", "models", "providers", "operations", "routes", "statuses", "environments")
        return cls(**{name: stored.get(name, []) for name in names})


@strawberry.type(description="What somebody asks to be alerted of.")
class AlertRule(Node):
    row: strawberry.Private[RuleRow]
    name: str = strawberry.field(description="What it is called.")
    metric: Metric | None = strawberry.field(
        description="The figure that it watches; null when this Vigie does not know it, and the rule is BROKEN."
    )
    basis: RuleBasis = strawberry.field(description="What of the figure is compared.")
    filter: RuleFilter = strawberry.field(description="What the figure is restricted to.")
    comparison: Comparison = strawberry.field(description="How it is compared.")
    threshold: float = strawberry.field(description="With what: rates are 0..1, times milliseconds, costs dollars.")
    warn_threshold: float | None = strawberry.field(
        description="From where on it fires one severity lower, LOW at least; null for none."
    )
    window: dt.timedelta = strawberry.field(description="The length of time that the figure is about.")
    for_duration: dt.timedelta = strawberry.field(description="How long the condition has to hold before it fires.")
    no_data: NoData = strawberry.field(description="What a figure without data counts as.")
    severity: Severity = strawberry.field(description="How bad it is.")
    renotify_every: dt.timedelta | None = strawberry.field(
        description="How often channels are told again while nobody acknowledges it; null for never."
    )
    throttle: dt.timedelta | None = strawberry.field(
        description="How long after telling channels of an alert they are not told of another; null: at once."
    )
    runbook_url: str | None = strawberry.field(description="What to do about it.")
    enabled: bool = strawberry.field(description="Whether it is evaluated.")
    file_bug_on_firing: bool = strawberry.field(description="Whether an alert of it files a bug when it fires.")
    origin: str | None = strawberry.field(description="Of a rule that came with the project, which one it is.")
    budget_id: strawberry.ID | None = strawberry.field(description="The budget that it watches; null for none.")
    created_at: dt.datetime = strawberry.field(description="When it was made.")
    updated_at: dt.datetime = strawberry.field(description="When it was saved last.")

    @strawberry.field(
        description=f"Who is told, at most {MOST_CHANNELS:,}: every enabled channel unless some are named."
    )
    async def channels(self, info: Info) -> list[Channel]:
        if self.row.channel_ids is None:
            rows = await info.context.loader(enabled_channels).load(self.row.project_id) or []
        else:
            keys = [(self.row.project_id, number) for number in self.row.channel_ids]
            found = await info.context.loader(channels_by_number).load_many(keys)
            rows = [row for row in found if row is not None and row.deleted_at is None]
        return [Channel.of(row) for row in rows[:MOST_CHANNELS]]

    @strawberry.field(description="How it is.")
    async def state(self, info: Info) -> AlertRuleState:
        return AlertRuleState((await self._state(info))[0])

    @strawberry.field(description="Why it is so; null when all is well.")
    async def state_reason(self, info: Info) -> str | None:
        return (await self._state(info))[1] or None

    @strawberry.field(description="The moment that it was evaluated at last; null: not yet.")
    async def last_evaluated_at(self, info: Info) -> dt.datetime | None:
        clock = await info.context.loader(clocks_by_project).load(self.row.project_id)
        return clock.evaluated_until if clock and str(self.row.id) in clock.figures else None

    @strawberry.field(description="The figure then; null without data.")
    async def last_value(self, info: Info) -> float | None:
        clock = await info.context.loader(clocks_by_project).load(self.row.project_id)
        return clock.figures.get(str(self.row.id)) if clock else None

    async def _state(self, info: Info) -> tuple[str, str]:
        if self.row.deleted_at is not None or not self.row.enabled:
            return "disabled", "it was deleted" if self.row.deleted_at else "it is disabled"
        return await info.context.loader(states_by_rule).load((self.row.project_id, self.row.id)) or ("ok", "")

    @classmethod
    def of(cls, row: RuleRow) -> Self:
        known = {str(metric.value) for metric in Metric}
        return cls(
            id=encode_id("AlertRule", row.project_id, row.id),
            row=row,
            name=row.name,
            metric=Metric(row.metric) if row.metric in known else None,
            basis=RuleBasis(row.basis),
            filter=RuleFilter.of(row.filter),
            comparison=Comparison(row.comparison),
            threshold=row.threshold,
            warn_threshold=row.warn_threshold,
            window=dt.timedelta(seconds=row.window_seconds),
            for_duration=dt.timedelta(seconds=row.for_seconds),
            no_data=NoData(row.no_data),
            severity=Severity(row.severity),
            renotify_every=_duration(row.renotify_seconds),
            throttle=_duration(row.throttle_seconds),
            runbook_url=row.runbook_url,
            enabled=row.enabled,
            file_bug_on_firing=row.files_bugs,
            origin=row.origin,
            budget_id=encode_id("Budget", row.project_id, row.budget_id) if row.budget_id else None,
            created_at=row.created_at,
            updated_at=row.updated_at,
        )


def _duration(seconds: int | None) -> dt.timedelta | None:
    return None if seconds is None else dt.timedelta(seconds=seconds)
