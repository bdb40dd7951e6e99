"""CHEAPER_MODEL: simple calls, short in and short out, made with a model that has a smaller sibling."""

from collections.abc import Iterator, Sequence
from typing import Final

from resolvers.recommendations.aggregates import Aggregates, Cell, Sums
from resolvers.recommendations.findings import Finding, confidence, dollars, target_of, worth_it
from resolvers.recommendations.thresholds import Thresholds

KIND: Final = "CHEAPER_MODEL"
CERTAINTY: Final = 0.6


def cheaper_models(aggregates: Aggregates, thresholds: Thresholds) -> list[Finding]:
    """Models used for simple calls. Saved: what they cost beyond the same tokens at the alternative's price."""
    by_model: dict[tuple[str | None, str], list[Cell]] = {}
    for cell in aggregates.priced:
        if cell.alternative is not None:
            by_model.setdefault((cell.provider, cell.model), []).append(cell)
    findings = []
    for cells in by_model.values():
        for simple in _simple(cells, thresholds):
            sums = Sums.total(cell.sums for cell in simple)
            saving = aggregates.monthly(sums.cost - sums.alternative_cost)
            if sums.requests >= thresholds.requests and worth_it(saving, aggregates, thresholds):
                findings.append(_finding(simple, sums, saving, aggregates, thresholds))
    return findings


def _simple(cells: Sequence[Cell], thresholds: Thresholds) -> Iterator[list[Cell]]:
    """The calls of one model that are simple: all of them, else those of an operation, else those of a subject in it.

    A subject's calls must be simple beside the operation's others too: some are always a little shorter.
    """

    def is_simple(sums: Sums) -> bool:
        return (
            sums.mean_input <= thresholds.cheaper_model_input
            and 0 < sums.mean_output <= thresholds.cheaper_model_output
        )

    by_operation: dict[str | None, list[Cell]] = {}
    for cell in cells:
        by_operation.setdefault(cell.operation, []).append(cell)
    totals = {operation: Sums.total(cell.sums for cell in group) for operation, group in by_operation.items()}
    if all(map(is_simple, totals.values())):
        yield list(cells)
        return
    for operation, group in by_operation.items():
        whole = totals[operation]
        if is_simple(whole):
            yield group
            continue
        for cell in group:
            others = whole - cell.sums
            if cell.subject is not None and is_simple(cell.sums) and cell.sums.mean_output < others.mean_output / 2:
                yield [cell]


def _finding(
    cells: Sequence[Cell], sums: Sums, saving: float, aggregates: Aggregates, thresholds: Thresholds
) -> Finding:
    alternative = cells[0].alternative
    return Finding(
        KIND,
        target_of(cells, alternative_provider=cells[0].provider, alternative_model=alternative),
        {
            "calls": sums.requests,
            "mean_input_tokens": round(sums.mean_input),
            "mean_output_tokens": round(sums.mean_output),
            "cost_usd": dollars(sums.cost),
            "alternative_cost_usd": dollars(sums.alternative_cost),
        },
        saving,
        confidence(CERTAINTY, aggregates, calls=sums.requests, thresholds=thresholds),
        cells,
        lambda sums: sums.cost - sums.alternative_cost,
    )
