"""IDLE_SUBJECT: a subject for whom models are called day after day, and who calls nothing any more."""

from typing import Final

from resolvers.recommendations.aggregates import Aggregates, Sums
from resolvers.recommendations.findings import Finding, confidence, dollars, worth_it
from resolvers.recommendations.targets import Target
from resolvers.recommendations.thresholds import Thresholds

KIND: Final = "IDLE_SUBJECT"
CERTAINTY: Final = 0.6
FEWEST_DAYS: Final = 7
FEWEST_SUBJECTS: Final = 5
MOST_ALIKE: Final = 0.15


def idle_subjects(aggregates: Aggregates, thresholds: Thresholds) -> list[Finding]:
    """Subjects without an API call of late, where nearly all others have some. Saved: all that they cost."""
    busy = [subject for subject in aggregates.subjects if subject.recent_requests and subject.cost]
    idle = [subject for subject in busy if not subject.recent_api_requests]
    if aggregates.days < FEWEST_DAYS or len(busy) < FEWEST_SUBJECTS or len(idle) > max(1, MOST_ALIKE * len(busy)):
        return []
    findings = []
    for subject in idle:
        if subject.subject in aggregates.touched or subject.requests < thresholds.requests:
            continue
        cells = [cell for cell in aggregates.priced if cell.subject == subject.subject]
        sums = Sums.total(cell.sums for cell in cells)
        saving = aggregates.monthly(sums.cost)
        if worth_it(saving, aggregates, thresholds):
            findings.append(
                Finding(
                    KIND,
                    Target(subject=subject.subject),
                    {
                        "calls": sums.requests,
                        "cost_usd": dollars(sums.cost),
                        "days_without_api_calls": round(aggregates.idle_days, 1),
                        "api_calls_before": subject.api_requests,
                    },
                    saving,
                    confidence(CERTAINTY, aggregates, calls=sums.requests, thresholds=thresholds),
                    cells,
                    lambda sums: sums.cost,
                )
            )
    return findings
