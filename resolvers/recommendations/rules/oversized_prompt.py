"""OVERSIZED_PROMPT: prompts several times as long as the others' for the same operation."""

from collections.abc import Mapping, Sequence
from typing import Final

from resolvers.recommendations.aggregates import Aggregates, Cell, Sums
from resolvers.recommendations.findings import Finding, confidence, dollars, target_of, worth_it
from resolvers.recommendations.slices import Score, Slice, worst_slices
from resolvers.recommendations.thresholds import Thresholds

KIND: Final = "OVERSIZED_PROMPT"
CERTAINTY: Final = 0.6
MOST_ALIKE: Final = 0.15
ALONE_RATIO: Final = 2
"""An operation that nothing compares with must be so many times larger still, and say little in return."""
ALONE_INPUT_TO_OUTPUT: Final = 80


def oversized_prompts(aggregates: Aggregates, thresholds: Thresholds) -> list[Finding]:
    """Slices with long prompts. Saved: the input beyond the mean prompt of the others of the same operation."""
    cells = [cell for cell in aggregates.priced if cell.listed and cell.sums.output]

    def score_among(left: Sequence[Cell]) -> Score:
        by_operation = _by_operation(left)

        def score(found: Slice) -> float | None:
            mean = found.sums.mean_input
            if found.sums.requests < thresholds.requests or mean < thresholds.prompt_input:
                return None
            typical = _typical(found, by_operation, thresholds)
            if typical is None or mean < thresholds.prompt_ratio * typical:
                return None
            return float((mean - typical) * found.sums.requests**0.5)

        return score

    def usual(found: Slice, others: Sequence[Cell]) -> bool:
        operations = {cell.operation for cell in found.cells}
        peers = [cell.sums for cell in others if cell.operation in operations] or [cell.sums for cell in others]
        alike = sum(sums.requests for sums in peers if sums.mean_input > found.sums.mean_input / 2)
        return alike > MOST_ALIKE * sum(sums.requests for sums in peers)

    findings = []
    left = list(cells)
    for found in worst_slices(cells, score_among, usual=usual):
        typical = _typical(found, _by_operation(left), thresholds)
        gone = set(map(id, found.cells))
        left = [cell for cell in left if id(cell) not in gone]
        finding = None if typical is None else _finding(found, typical, aggregates, thresholds)
        if finding is not None:
            findings.append(finding)
    return findings


def _finding(found: Slice, typical: float, aggregates: Aggregates, thresholds: Thresholds) -> Finding | None:
    sums = found.sums
    saving = aggregates.monthly(sums.list_input_cost * (1 - typical / sums.mean_input) * sums.discount)
    if not worth_it(saving, aggregates, thresholds):
        return None
    figures = {
        "calls": sums.requests,
        "mean_input_tokens": round(sums.mean_input),
        "mean_input_tokens_elsewhere": round(typical),
        "mean_output_tokens": round(sums.mean_output),
        "cost_usd": dollars(sums.cost),
        "input_cost_usd": dollars(sums.list_input_cost * sums.discount),
    }
    sure = confidence(CERTAINTY, aggregates, calls=sums.requests, thresholds=thresholds)

    def wasted(sums: Sums) -> float:
        return sums.input - typical * sums.requests

    return Finding(KIND, target_of(found.cells), figures, saving, sure, found.cells, wasted)


def _by_operation(cells: Sequence[Cell]) -> dict[str | None, Sums]:
    groups: dict[str | None, list[Sums]] = {}
    for cell in cells:
        groups.setdefault(cell.operation, []).append(cell.sums)
    return {operation: Sums.total(group) for operation, group in groups.items()}


def _typical(found: Slice, by_operation: Mapping[str | None, Sums], thresholds: Thresholds) -> float | None:
    """The mean prompt beside the slice, operation by operation; None when there is too little to compare with."""
    expected = compared = 0.0
    for operation, sums in _by_operation(found.cells).items():
        beside = by_operation[operation] - sums
        if beside.requests >= thresholds.requests:
            expected += sums.requests * beside.mean_input
            compared += sums.requests
    if compared >= found.sums.requests / 2:
        return expected / compared
    if found.rest.requests < thresholds.requests or compared:
        return None
    sums = found.sums
    extreme = sums.input >= ALONE_INPUT_TO_OUTPUT * sums.output
    far = sums.mean_input >= ALONE_RATIO * thresholds.prompt_ratio * max(
        found.rest.mean_input, thresholds.prompt_input / ALONE_RATIO
    )
    return found.rest.mean_input if extreme and far else None
