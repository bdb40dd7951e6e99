"""What clients send about alerts."""

import datetime as dt
import re

import strawberry

from resolvers.alerts.definitions import Rule
from resolvers.alerts.listing import AlertFilter
from resolvers.errors import NotFound
from resolvers.metrics.filters import MetricsFilter
from schema.alerts.words import AlertState, Comparison, Metric, NoData, RuleBasis
from schema.ids import own_key
from schema.metrics import MetricsFilterInput
from schema.periods import PeriodInput
from schema.severities import Severity

NUMBER = re.compile("[1-9][0-9]{0,8}")


@strawberry.input(description="A rule.")
class AlertRuleInput:
    name: str = strawberry.field(description="What it is called: 1 to 200 characters.")
    metric: Metric = strawberry.field(description="The figure that it watches.")
    basis: RuleBasis | None = strawberry.field(default=RuleBasis.VALUE, description="What of the figure is compared.")
    filter: MetricsFilterInput | None = strawberry.field(
        default=None, description="What the figure is restricted to; figures that are not of traffic ignore it."
    )
    comparison: Comparison = strawberry.field(description="How it is compared.")
    threshold: float = strawberry.field(description="With what: rates are 0..1, times milliseconds, costs dollars.")
    warn_threshold: float | None = strawberry.field(
        default=None,
        description="A milder threshold: what meets only this one fires one severity lower, LOW at least.",
    )
    window: dt.timedelta = strawberry.field(
        description="The length of time that the figure is about: PT1S to P92D, in whole seconds."
    )
    for_duration: dt.timedelta | None = strawberry.field(
        default=None, description="How long the condition has to hold before it fires, at most P31D; null: not at all."
    )
    no_data: NoData | None = strawberry.field(
        default=None, description="What a figure without data counts as; null: NO_DATA."
    )
    severity: Severity = strawberry.field(description="How bad it is.")
    channel_ids: list[strawberry.ID] | None = strawberry.field(
        default=None, description="Who is told, at most 50; null: every enabled channel; none: nobody."
    )
    renotify_every: dt.timedelta | None = strawberry.field(
        default=None,
        description="How often channels are told again while it fires and nobody acknowledges it, PT1M at least.",
    )
    throttle: dt.timedelta | None = strawberry.field(
        default=None, description="How long after telling channels of an alert they are not told of another."
    )
    runbook_url: str | None = strawberry.field(
        default=None, description="What to do about it: an http, https or mailto address, or a path."
    )
    enabled: bool | None = strawberry.field(default=None, description="Whether it is evaluated; null: yes.")
    file_bug_on_firing: bool | None = strawberry.field(
        default=None, description="Whether each alert of it files a bug when it fires; null: no."
    )
    budget_id: strawberry.ID | None = strawberry.field(
        default=None, description="The budget that BUDGET_ figures are about. Its own window counts, not the rule's."
    )

    def resolve(self, project_id: int, *, field: str) -> Rule:
        """The rule meant, unchecked. Raises Invalid or NotFound for ids of channels and budgets that are none."""
        budget = None
        if self.budget_id is not None:
            budget = number_of(self.budget_id, "Budget", project_id, "budget", field=f"{field}budgetId")
        return Rule(
            name=self.name,
            metric=str(self.metric.value),
            basis=str((self.basis or RuleBasis.VALUE).value),
            filter=self.filter.resolve() if self.filter else MetricsFilter(),
            comparison=str(self.comparison.value),
            threshold=self.threshold,
            warn_threshold=self.warn_threshold,
            window=self.window,
            hold=self.for_duration or dt.timedelta(0),
            no_data=str((self.no_data or NoData.NO_DATA).value),
            severity=str(self.severity.value),
            channel_ids=None if self.channel_ids is None else _numbers(self.channel_ids, project_id, field),
            renotify_every=self.renotify_every,
            throttle=self.throttle or None,
            runbook_url=self.runbook_url or None,
            enabled=self.enabled is not False,
            files_bugs=bool(self.file_bug_on_firing),
            budget=budget,
        )


@strawberry.input(description="A rule to save.")
class SaveAlertRuleInput:
    id: strawberry.ID | None = strawberry.field(default=None, description="The rule to change; null: a new one.")
    rule: AlertRuleInput = strawberry.field(description="What it is from now on, all of it.")


@strawberry.input(description="The rule to delete.")
class DeleteAlertRuleInput:
    id: strawberry.ID = strawberry.field(description="The rule's `id`.")


@strawberry.input(
    name="AlertFilter", description="Keeps alerts that have one of the values of each list; an empty list keeps all."
)
class AlertFilterInput:
    states: list[AlertState] | None = strawberry.field(default=None, description="Where they stand, at most 1,000.")
    severities: list[Severity] | None = strawberry.field(default=None, description="How bad they are, at most 1,000.")
    rule_ids: list[strawberry.ID] | None = strawberry.field(
        default=None, description="The rules that opened them, at most 1,000."
    )
    period: PeriodInput | None = strawberry.field(default=None, description="When they were open.")

    def resolve(self, project_id: int) -> AlertFilter:
        """The filter meant. Raises Invalid for ids and periods that are none."""
        keys = [own_key(one, type_name="AlertRule", project_id=project_id) for one in self.rule_ids or ()]
        return AlertFilter(
            states=[str(state.value) for state in self.states or ()],
            severities=[str(severity.value) for severity in self.severities or ()],
            rules=[int(key) for key in keys if key and NUMBER.fullmatch(key)] if self.rule_ids else None,
            period=self.period.resolve() if self.period else None,
        )


@strawberry.input(description="The alert that somebody is on.")
class AcknowledgeAlertInput:
    id: strawberry.ID = strawberry.field(description="The alert's `id`.")
    note: str | None = strawberry.field(default=None, description="What they say: up to 2,000 characters.")


@strawberry.input(description="The alert that is over.")
class ResolveAlertInput:
    id: strawberry.ID = strawberry.field(description="The alert's `id`.")
    note: str | None = strawberry.field(default=None, description="Why: up to 2,000 characters.")


def number_of(text: str, type_name: str, project_id: int, what: str, *, field: str = "id") -> int:
    """The number in an id of this project. Raises NotFound when it names something else, Invalid when it is none."""
    key = own_key(text, type_name=type_name, project_id=project_id, field=field)
    if key is None or not NUMBER.fullmatch(key):
        raise NotFound(f"There is no such {what} in this project.", field=field)
    return int(key)


def _numbers(ids: list[strawberry.ID], project_id: int, field: str) -> tuple[int, ...]:
    return tuple(
        dict.fromkeys(number_of(one, "Channel", project_id, "channel", field=f"{field}channelIds") for one in ids)
    )
