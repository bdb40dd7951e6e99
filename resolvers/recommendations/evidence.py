"""The evidence of a finding: the query that shows its calls, and the figures behind it."""

import datetime as dt
from typing import Any, Final

from resolvers.recommendations.aggregates import Aggregates
from resolvers.recommendations.findings import Finding
from resolvers.recommendations.targets import Target

_ASKED: Final = "query ($period: PeriodInput!, $filter: MetricsFilter) { metrics(period: $period, filter: $filter) "
USAGE_QUERY: Final = (
    _ASKED + "{ usage { totals { requests errors errorRate costUsd pricedShare "
    "tokens { input output cacheRead cacheWrite reasoning } } } } }"
)
API_QUERY: Final = _ASKED + "{ api { totals { requests errors errorRate cacheHitRate latency { meanMs p95Ms } } } } }"


def evidence_of(finding: Finding, aggregates: Aggregates, *, start: dt.datetime, end: dt.datetime) -> dict[str, Any]:
    """JSON: `query` and `variables` for GraphQL, the `figures`, and the window that they come from.

    `shareOfCallsRead` under 1 says that figures of model calls come from an even sample.
    """
    return {
        "query": API_QUERY if finding.target.route is not None else USAGE_QUERY,
        "variables": {
            "period": {"from": start.isoformat(), "to": end.isoformat()},
            "filter": _filter(finding.target),
        },
        "figures": dict(finding.figures),
        "days": round(aggregates.days, 3),
        "shareOfCallsRead": round(aggregates.share_read, 4),
    }


def _filter(target: Target) -> dict[str, list[str]]:
    values = {
        "models": target.model,
        "providers": target.provider,
        "operations": target.operation,
        "subjects": target.subject,
        "routes": target.route,
    }
    return {name: [value] for name, value in values.items() if value is not None}
