"""Alerts in words: figures with their units, conditions, titles."""

import datetime as dt
from typing import Final

from models import Alert
from resolvers.alerts.definitions import Rule
from resolvers.alerts.figures import CHANGE

NAMES: Final = {
    "usage_cost_usd": "cost",
    "usage_requests": "model calls",
    "usage_tokens": "tokens",
    "usage_error_rate": "error rate of model calls",
    "usage_mean_ms": "mean time of model calls",
    "usage_p95_ms": "95th percentile of model calls",
    "api_requests": "API calls",
    "api_error_rate": "error rate of API calls",
    "api_mean_ms": "mean time of API calls",
    "api_p95_ms": "95th percentile of API calls",
    "api_cache_hit_rate": "cache hit rate",
    "components_down": "components down",
    "bugs_open": "open bugs",
    "sockets": "open sockets",
    "auth_failures": "refused keys",
    "ingest_lag_seconds": "ingest lag",
    "budget_spent_share": "spent share of the budget",
    "budget_projected_share": "projected share of the budget",
}
SIGNS: Final = {"greater": ">", "greater_or_equal": "≥", "less": "<", "less_or_equal": "≤"}
NO_DATA: Final = "no data"
BROKEN: Final = "broken"


def amount(metric: str, basis: str, value: float | None) -> str:
    """A figure with its unit."""
    if value is None:
        return NO_DATA
    if basis == CHANGE:
        return f"{value:+.1%}"
    if metric.endswith(("_rate", "_share")):
        return f"{value:.2%}"
    if metric.endswith("_usd"):
        return f"${value:,.2f}"
    if metric.endswith("_ms"):
        return f"{value:,.0f} ms"
    if metric.endswith("_seconds"):
        return f"{value:,.1f} s"
    return f"{value:,.6g}"


def length(span: dt.timedelta) -> str:
    """A length of time in its largest units."""
    parts = []
    seconds = int(span.total_seconds())
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min"), (1, "s")):
        count, seconds = divmod(seconds, size)
        if count:
            parts.append(f"{count} {unit}")
    return " ".join(parts) or "0 s"


def condition(rule: Rule, value: float | None, threshold: float) -> str:
    """What holds: `error rate of API calls 12.00% > 5.00% over 5 min`."""
    shown = amount(rule.metric, rule.basis, value)
    asked = f"{SIGNS[rule.comparison]} {amount(rule.metric, rule.basis, threshold)}"
    if value is None:
        return f"no data for {NAMES[rule.metric]} (asked: {asked})"
    return f"{NAMES[rule.metric]} {shown} {asked} over {length(rule.window)}"


def title(rule_name: str, alert: Alert) -> str:
    """An alert in a line."""
    if alert.kind == BROKEN:
        return f"{rule_name}: the rule cannot be evaluated"
    return f"{rule_name}: {alert.instance}" if alert.instance else rule_name


def ended(rule: Rule, value: float) -> str:
    """What does not hold any more: `error rate of API calls 0.40%, not > 5.00%`."""
    mildest = rule.threshold if rule.warn_threshold is None else rule.warn_threshold
    asked = f"{SIGNS[rule.comparison]} {amount(rule.metric, rule.basis, mildest)}"
    return f"{NAMES[rule.metric]} {amount(rule.metric, rule.basis, value)}, not {asked}"


def worst(comparison: str, before: float | None, value: float) -> float:
    """The value that is further beyond what a comparison asks for."""
    if before is None:
        return value
    return max(before, value) if comparison.startswith("greater") else min(before, value)
