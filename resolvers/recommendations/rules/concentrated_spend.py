"""CONCENTRATED_SPEND: one subject costs as much as a crowd of others."""

from collections import defaultdict
from typing import Final

from resolvers.recommendations.aggregates import Aggregates, Cell, Sums
from resolvers.recommendations.findings import Finding, confidence, dollars
from resolvers.recommendations.targets import Target
from resolvers.recommendations.thresholds import Thresholds

KIND: Final = "CONCENTRATED_SPEND"
CERTAINTY: Final = 0.8
FEWEST_SUBJECTS: Final = 5
TIMES_THE_SECOND: Final = 3
DEARER: Final = 0.1


def concentrated_spend(aggregates: Aggregates, thresholds: Thresholds) -> list[Finding]:
    """The one subject that costs far more than any other, after all that other findings save.

    Saved: what its calls cost beyond the others' calls of the same model and operation, if they are a tenth dearer.
    """
    by_subject: dict[str, list[Cell]] = defaultdict(list)
    for cell in aggregates.priced:
        if cell.subject is not None:
            by_subject[cell.subject].append(cell)
    ranked = sorted(by_subject.items(), key=lambda pair: -sum(cell.sums.cost for cell in pair[1]))
    if len(aggregates.subjects) < FEWEST_SUBJECTS or len(ranked) < FEWEST_SUBJECTS:
        return []
    (subject, cells), (_, seconds) = ranked[:2]
    sums, second = Sums.total(cell.sums for cell in cells), sum(cell.sums.cost for cell in seconds)
    whole = sum(cell.sums.cost for cell in aggregates.priced)
    if (
        sums.cost < max(thresholds.spend_share * whole, TIMES_THE_SECOND * second)
        or sums.requests < thresholds.requests
    ):
        return []
    dearer = _beyond_the_others(cells, aggregates, thresholds)
    figures = {
        "calls": sums.requests,
        "cost_usd": dollars(sums.cost),
        "share_of_cost": round(sums.cost / whole, 4),
        "next_subject_cost_usd": dollars(second),
        "subjects": len(aggregates.subjects),
    }
    sure = confidence(CERTAINTY, aggregates, calls=sums.requests, thresholds=thresholds)
    saving = aggregates.monthly(dearer)
    return [Finding(KIND, Target(subject=subject), figures, saving, sure, cells, lambda sums: sums.cost)]


def _beyond_the_others(cells: list[Cell], aggregates: Aggregates, thresholds: Thresholds) -> float:
    """What the subject's calls cost beyond as many of the others'; 0 where these are too few to compare with."""
    mine = set(map(id, cells))
    others: dict[tuple[object, ...], list[Sums]] = defaultdict(list)
    for cell in aggregates.priced:
        if id(cell) not in mine:
            others[cell.provider, cell.model, cell.operation].append(cell.sums)
    cost = alternative = 0.0
    for cell in cells:
        beside = Sums.total(others[cell.provider, cell.model, cell.operation])
        if beside.requests >= thresholds.requests:
            cost += cell.sums.cost
            alternative += beside.cost / beside.requests * cell.sums.requests
    return cost - alternative if cost > (1 + DEARER) * alternative else 0.0
