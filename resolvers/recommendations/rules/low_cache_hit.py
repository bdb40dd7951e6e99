"""LOW_CACHE_HIT: long prompts that are paid for anew each time, where others read theirs from the provider's cache."""

from collections.abc import Sequence
from typing import Final

from resolvers.recommendations.aggregates import Aggregates, Cell, Sums
from resolvers.recommendations.findings import Finding, confidence, dollars, target_of, worth_it
from resolvers.recommendations.slices import Score, Slice, worst_slices
from resolvers.recommendations.targets import Target
from resolvers.recommendations.thresholds import Thresholds

KIND: Final = "LOW_CACHE_HIT"
CERTAINTY: Final = 0.7
CACHEABLE_INPUT: Final = 1024
"""Tokens under which no provider caches a prompt."""
MOST_ALIKE: Final = 0.15
LOW_HIT_RATE: Final = 0.2
USUAL_HIT_RATE: Final = 0.5
FEWEST_ROUTES: Final = 3


def low_cache_hits(aggregates: Aggregates, thresholds: Thresholds) -> list[Finding]:
    """Slices of model calls, and routes. Saved: the same input, cached as much as that of the others."""
    return [*_of_models(aggregates, thresholds), *_of_routes(aggregates, thresholds)]


def _of_models(aggregates: Aggregates, thresholds: Thresholds) -> list[Finding]:
    cells = [cell for cell in aggregates.priced if _cacheable(cell, thresholds)]

    def score_among(_: Sequence[Cell]) -> Score:
        def score(found: Slice) -> float | None:
            sums, rest = found.sums, found.rest
            if min(sums.requests, rest.requests) < thresholds.requests or sums.mean_input < thresholds.cache_input:
                return None
            gap = rest.cached_share - sums.cached_share
            if gap < thresholds.cache_gap or sums.cached_share > rest.cached_share / 2:
                return None
            return float(gap * sums.input**0.5)

        return score

    def usual(found: Slice, others: Sequence[Cell]) -> bool:
        low = found.rest.cached_share / 2
        alike = sum(cell.sums.input for cell in others if cell.sums.cached_share <= low)
        return alike > MOST_ALIKE * found.rest.input

    findings = []
    left = list(cells)
    for found in worst_slices(cells, score_among, usual=usual):
        gone = set(map(id, found.cells))
        left = [cell for cell in left if id(cell) not in gone]
        finding = _finding(found, _beside(found, left, thresholds), aggregates, thresholds)
        if finding is not None:
            findings.append(finding)
    return findings


def _beside(found: Slice, others: Sequence[Cell], thresholds: Thresholds) -> Sums:
    """The others' calls of the same operations; of all where these are too few, or cache no more themselves."""
    operations = {cell.operation for cell in found.cells}
    same = Sums.total(cell.sums for cell in others if cell.operation in operations)
    enough = same.requests >= thresholds.requests
    return same if enough and same.cached_share - found.sums.cached_share >= thresholds.cache_gap else found.rest


def _finding(found: Slice, others: Sums, aggregates: Aggregates, thresholds: Thresholds) -> Finding | None:
    sums, elsewhere = found.sums, others.cached_share
    saving = aggregates.monthly(_saved(sums, others))
    if not worth_it(saving, aggregates, thresholds):
        return None
    figures = {
        "calls": sums.requests,
        "mean_input_tokens": round(sums.mean_input),
        "cached_share": round(sums.cached_share, 4),
        "cached_share_elsewhere": round(elsewhere, 4),
        "cost_usd": dollars(sums.cost),
    }
    sure = confidence(CERTAINTY, aggregates, calls=sums.requests, thresholds=thresholds)

    def wasted(sums: Sums) -> float:
        return elsewhere * sums.input - sums.cache_read

    return Finding(KIND, target_of(found.cells), figures, saving, sure, found.cells, wasted)


def _cacheable(cell: Cell, thresholds: Thresholds) -> bool:
    """Whether caching can be expected of the calls: prompts near the providers' minimum tell that by doing it."""
    sums = cell.sums
    long = sums.mean_input >= (CACHEABLE_INPUT if sums.cache_read else thresholds.cache_input)
    return cell.listed and long and sums.output > 0 and sums.read_cost < sums.uncached_cost


def _saved(sums: Sums, others: Sums) -> float:
    """What the input costs beyond the same input with the others' shares of reads and writes."""
    read, written = others.cached_share, others.cache_write / others.input
    alternative = (1 - read - written) * sums.uncached_cost + read * sums.read_cost + written * sums.written_cost
    return float((sums.list_input_cost - alternative) * sums.discount)


def _of_routes(aggregates: Aggregates, thresholds: Thresholds) -> list[Finding]:
    cached = [route for route in aggregates.routes if route.hits + route.misses >= thresholds.requests]
    findings = []
    for route in cached:
        rate = route.hits / (route.hits + route.misses)
        rates = [other.hits / (other.hits + other.misses) for other in cached if other is not route]
        if rate >= LOW_HIT_RATE or len(rates) < FEWEST_ROUTES - 1:
            continue
        if sum(other >= USUAL_HIT_RATE for other in rates) < (1 - MOST_ALIKE) * len(rates):
            continue
        if route.recent is None or route.recent.hits >= USUAL_HIT_RATE * (route.recent.hits + route.recent.misses):
            continue
        figures = {
            "calls": route.hits + route.misses,
            "hit_rate": round(rate, 4),
            "hit_rate_elsewhere": round(sum(rates) / len(rates), 4),
        }
        sure = confidence(CERTAINTY, aggregates, calls=route.hits + route.misses, thresholds=thresholds)
        findings.append(Finding(KIND, Target(route=route.route), figures, 0, sure))
    return findings
