"""SLOW_ROUTE: API calls of a route that take far longer than those of the others."""

from statistics import median
from typing import Final

from resolvers.recommendations.aggregates import Aggregates
from resolvers.recommendations.findings import Finding, confidence
from resolvers.recommendations.targets import Target
from resolvers.recommendations.thresholds import Thresholds

KIND: Final = "SLOW_ROUTE"
CERTAINTY: Final = 0.9
TIMES_THE_OTHERS: Final = 2


def slow_routes(aggregates: Aggregates, thresholds: Thresholds) -> list[Finding]:
    """Routes whose 95th percentile is high, and twice that of half of the others. It is time that is saved."""
    timed = [route for route in aggregates.routes if route.timed >= thresholds.requests and route.p95_ms is not None]
    findings = []
    for route in timed:
        p95 = route.p95_ms or 0.0
        others = median([other.p95_ms or 0.0 for other in timed if other is not route] or [0.0])
        still = route.recent is not None and (route.recent.p95_ms or 0.0) >= p95 / 2
        if still and p95 >= thresholds.route_p95_ms and p95 >= TIMES_THE_OTHERS * others:
            figures = {
                "calls": route.requests,
                "p95_ms": round(p95),
                "mean_ms": round(route.mean_ms or 0.0),
                "p95_ms_elsewhere": round(others),
            }
            sure = confidence(CERTAINTY, aggregates, calls=route.timed, thresholds=thresholds)
            findings.append(Finding(KIND, Target(route=route.route), figures, 0, sure))
    return findings
