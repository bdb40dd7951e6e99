"""RETRY_STORM: the same call made again and again within a trace, each paid for."""

from collections.abc import Sequence
from typing import Final

from resolvers.recommendations.aggregates import Aggregates, Cell
from resolvers.recommendations.findings import Finding, confidence, dollars, target_of, worth_it
from resolvers.recommendations.slices import Score, Slice, worst_slices
from resolvers.recommendations.thresholds import Thresholds

KIND: Final = "RETRY_STORM"
CERTAINTY: Final = 0.9
USUAL_SHARE: Final = 0.005
TIMES_THE_REST: Final = 3
FEWEST_REPEATS: Final = 20


def retry_storms(aggregates: Aggregates, thresholds: Thresholds) -> list[Finding]:
    """Slices whose calls are repeats for a good part, far more than elsewhere. Saved: all but one call of each run."""

    def score_among(_: Sequence[Cell]) -> Score:
        def score(found: Slice) -> float | None:
            repeats, calls = found.sums.repeats, found.sums.requests
            usual = max(found.rest.repeats / found.rest.requests if found.rest.requests else 0.0, USUAL_SHARE)
            if repeats < FEWEST_REPEATS or repeats < max(thresholds.retry_share, TIMES_THE_REST * usual) * calls:
                return None
            return float((repeats - usual * calls) / calls**0.5)

        return score

    findings = []
    for found in worst_slices(aggregates.priced, score_among):
        sums = found.sums
        saving = aggregates.monthly(sums.repeats_cost)
        if worth_it(saving, aggregates, thresholds):
            findings.append(
                Finding(
                    KIND,
                    target_of(found.cells),
                    {
                        "calls": sums.requests,
                        "repeats": sums.repeats,
                        "repeats_share": round(sums.repeats / sums.requests, 4),
                        "repeats_share_elsewhere": round(found.rest.repeats / max(1, found.rest.requests), 4),
                        "cost_usd": dollars(sums.cost),
                        "repeats_cost_usd": dollars(sums.repeats_cost),
                    },
                    saving,
                    confidence(CERTAINTY, aggregates, calls=sums.requests, thresholds=thresholds),
                    found.cells,
                    lambda sums: sums.repeats,
                )
            )
    return findings
