"""UNPRICED_MODEL: calls that cost something, but nobody knows what."""

from typing import Final

from resolvers.recommendations.aggregates import Aggregates, Model
from resolvers.recommendations.findings import Finding, confidence
from resolvers.recommendations.targets import Target
from resolvers.recommendations.thresholds import Thresholds

KIND: Final = "UNPRICED_MODEL"
CERTAINTY: Final = 1.0
MOST_PRICED: Final = 0.5


def unpriced_models(aggregates: Aggregates, thresholds: Thresholds) -> list[Finding]:
    """Models of which most calls have no cost. What it saves is not known before they have one."""
    return [
        Finding(
            KIND,
            Target(model=model.model),
            {
                "calls": model.requests,
                "calls_without_cost": model.requests - model.priced,
                "share_of_all_calls": round(model.requests / sum(other.requests for other in aggregates.models), 4),
            },
            0,
            confidence(CERTAINTY, aggregates, calls=model.requests, thresholds=thresholds),
        )
        for model in aggregates.models
        if model.requests >= thresholds.requests and _unpriced(model) and model.recent and _unpriced(model.recent)
    ]


def _unpriced(model: Model) -> bool:
    return model.priced < MOST_PRICED * model.requests
