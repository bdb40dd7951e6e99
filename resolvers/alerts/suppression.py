"""What keeps an alert quiet: a silence, a maintenance window, the component that it depends on, the rule's throttle.

Only notifications are held back, never evaluations; and no alert is kept from ending.
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from models import Alert, AlertRule, Silence
from resolvers.alerts.components import Outages
from resolvers.alerts.matchers import parse

DEPENDENCY, THROTTLE = "dependency", "throttle"
KINDS: Final = ("silence", "maintenance", DEPENDENCY, THROTTLE)


@dataclass(frozen=True, slots=True)
class Suppression:
    """`key` is the number of the silence, of the component, or of the rule; `until` may be unknown."""

    kind: str
    key: str
    reason: str
    until: dt.datetime | None


def labels_of(rule: AlertRule, alert: Alert) -> dict[str, str]:
    """What matchers look at."""
    return {
        "rule": rule.name,
        "severity": alert.severity,
        "metric": rule.metric,
        "component": alert.instance if alert.kind == "figure" else "",
    }


def suppressions_of(
    rule: AlertRule,
    alert: Alert,
    *,
    silences: Sequence[tuple[Silence, dt.datetime]],
    outages: Outages | None,
    now: dt.datetime,
) -> list[Suppression]:
    """Everything that holds back a notification that an alert fires."""
    labels = labels_of(rule, alert)
    found = [
        Suppression(silence.kind, str(silence.id), silence.reason, until)
        for silence, until in silences
        if parse(silence.matcher).meets(labels)
    ]
    found += dependency(alert.instance, outages, time=now)
    if rule.throttle_seconds and rule.notified_at is not None:
        until = rule.notified_at + dt.timedelta(seconds=rule.throttle_seconds)
        if now < until:
            found.append(Suppression(THROTTLE, str(rule.id), "the rule told of an alert a short while ago", until))
    return found


def dependency(instance: str, outages: Outages | None, *, time: dt.datetime) -> list[Suppression]:
    """The component that an instance depends on, directly, when that is down or may turn out to be."""
    if outages is None:
        return []
    if parent := outages.parent_down(instance):
        why = f"{parent}, which it depends on, is down"
    elif parent := outages.parent_unsure(instance, time):
        why = f"{parent}, which it depends on, has yet to be looked at"
    else:
        return []
    return [Suppression(DEPENDENCY, str(outages.numbers[parent]), why, None)]
