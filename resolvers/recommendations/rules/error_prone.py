"""ERROR_PRONE: model calls or API calls that fail far more often than the others."""

from collections.abc import Sequence
from typing import Final

from resolvers.recommendations.aggregates import Aggregates, Cell, Route
from resolvers.recommendations.findings import Finding, confidence, dollars, target_of
from resolvers.recommendations.slices import Score, Slice, worst_slices
from resolvers.recommendations.targets import Target
from resolvers.recommendations.thresholds import Thresholds

KIND: Final = "ERROR_PRONE"
CERTAINTY: Final = 0.8
USUAL_RATE: Final = 0.005
TIMES_THE_REST: Final = 3
FEWEST_ERRORS: Final = 20
DEVIATIONS: Final = 8
"""How far an error rate must lie above the others': many slices are looked at, and chance shall make none of them."""


def error_prone(aggregates: Aggregates, thresholds: Thresholds) -> list[Finding]:
    """Slices of model calls, and routes. Saved: what the failing calls cost beyond the error rate of the others."""
    return [*_of_models(aggregates, thresholds), *_of_routes(aggregates, thresholds)]


def _of_models(aggregates: Aggregates, thresholds: Thresholds) -> list[Finding]:
    def score_among(_: Sequence[Cell]) -> Score:
        def score(found: Slice) -> float | None:
            sums, rest = found.sums, found.rest
            return _excess(sums.errors, sums.requests, rest.errors, rest.requests, thresholds)

        return score

    findings = []
    for found in worst_slices(aggregates.cells, score_among):
        sums, rest = found.sums, found.rest
        rate, usual = sums.errors / sums.requests, rest.errors / max(1, rest.requests)
        findings.append(
            Finding(
                KIND,
                target_of(found.cells),
                {
                    "calls": sums.requests,
                    "errors": sums.errors,
                    "error_rate": round(rate, 4),
                    "error_rate_elsewhere": round(usual, 4),
                    "cost_usd": dollars(sums.cost),
                    "errors_cost_usd": dollars(sums.errors_cost),
                },
                aggregates.monthly(sums.errors_cost * (1 - usual / rate)),
                confidence(CERTAINTY, aggregates, calls=sums.requests, thresholds=thresholds),
                found.cells,
                lambda sums: sums.errors,
            )
        )
    return findings


def _of_routes(aggregates: Aggregates, thresholds: Thresholds) -> list[Finding]:
    left = list(aggregates.routes)
    findings = []
    while left:
        errors, requests = sum(route.errors for route in left), sum(route.requests for route in left)

        def excess(route: Route, errors: int = errors, requests: int = requests) -> float:
            beside = errors - route.errors, requests - route.requests
            return _excess(route.errors, route.requests, *beside, thresholds) or 0.0

        worst = max(left, key=excess)
        if not excess(worst):
            break
        left.remove(worst)
        if worst.recent is None or worst.recent.errors / worst.recent.requests < worst.errors / worst.requests / 2:
            continue
        usual = (errors - worst.errors) / max(1, requests - worst.requests)
        figures = {
            "calls": worst.requests,
            "errors": worst.errors,
            "error_rate": round(worst.errors / worst.requests, 4),
            "error_rate_elsewhere": round(usual, 4),
        }
        sure = confidence(CERTAINTY, aggregates, calls=worst.requests, thresholds=thresholds)
        findings.append(Finding(KIND, Target(route=worst.route), figures, 0, sure))
    return findings


def _excess(errors: int, calls: int, errors_beside: int, calls_beside: int, thresholds: Thresholds) -> float | None:
    """By how many standard deviations errors are more than usual beside; None when they are not error-prone."""
    usual = max(errors_beside / calls_beside if calls_beside else 0.0, USUAL_RATE)
    if errors < FEWEST_ERRORS or calls < thresholds.requests:
        return None
    if errors < max(thresholds.error_rate, TIMES_THE_REST * usual) * calls:
        return None
    deviations = float((errors - usual * calls) / (calls * usual * (1 - usual)) ** 0.5)
    return deviations if deviations >= DEVIATIONS else None
