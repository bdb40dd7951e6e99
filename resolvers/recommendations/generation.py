"""Generates advice from a project's own traffic: reads it, applies the rules, finds words, issues what was found."""

import asyncio
import datetime as dt
import time
from collections.abc import Collection, Sequence
from typing import Final

from prometheus_client import Counter, Histogram

from integrations.wording import Wording, Words
from models import Database, Recommendation
from resolvers.errors import Invalid
from resolvers.recommendations.aggregates import Aggregates
from resolvers.recommendations.evidence import evidence_of
from resolvers.recommendations.findings import Finding, Rule, persists
from resolvers.recommendations.issuing import GENERATED, Advice, issue
from resolvers.recommendations.reading import LONGEST, Sources, read_aggregates
from resolvers.recommendations.rules import (
    cheaper_model,
    concentrated_spend,
    error_prone,
    idle_subject,
    low_cache_hit,
    oversized_prompt,
    retry_storm,
    slow_route,
    unpriced_model,
)
from resolvers.recommendations.terms import Terms
from resolvers.recommendations.texts import brief_of, named, words_of
from resolvers.recommendations.thresholds import Thresholds

RULES: Final[dict[str, Rule]] = {
    unpriced_model.KIND: unpriced_model.unpriced_models,
    slow_route.KIND: slow_route.slow_routes,
    retry_storm.KIND: retry_storm.retry_storms,
    error_prone.KIND: error_prone.error_prone,
    oversized_prompt.KIND: oversized_prompt.oversized_prompts,
    low_cache_hit.KIND: low_cache_hit.low_cache_hits,
    cheaper_model.KIND: cheaper_model.cheaper_models,
    idle_subject.KIND: idle_subject.idle_subjects,
    concentrated_spend.KIND: concentrated_spend.concentrated_spend,
}
"""In this order: what one finding covers, later rules do not see, so that savings add up."""

MOST_FINDINGS: Final = 100

GENERATIONS: Final = Histogram(
    "vigie_recommendation_generation_seconds", "Duration of one generation.", buckets=(0.1, 0.5, 1, 5, 10, 30, 60)
)
FOUND: Final = Counter("vigie_recommendation_findings_total", "What the rules found, by kind.", ["kind"])
for _kind in RULES:
    FOUND.labels(_kind)


def find_waste(aggregates: Aggregates, thresholds: Thresholds) -> list[Finding]:
    """Everything that the rules find and that goes on, the largest saving first.

    What has been mended covers its calls too: nothing else is to be found in what it was.
    """
    findings: list[Finding] = []
    for rule in RULES.values():
        found = rule(aggregates, thresholds)
        aggregates = aggregates.without([cell for finding in found for cell in finding.covers])
        findings += [finding for finding in found if persists(finding, aggregates)]
    return sorted(findings, key=lambda finding: -finding.saving)


def check_kinds(kinds: Sequence[str]) -> None:
    """Raises Invalid for a kind that no rule finds, and for more kinds than there are."""
    if len(kinds) > len(RULES):
        raise Invalid(f"There are {len(RULES)} kinds, each to be named at most once.", field="kinds")
    for place, kind in enumerate(kinds):
        if kind not in RULES:
            raise Invalid(f"`{kind[:64]}` is none of the kinds {', '.join(sorted(RULES))}.", field=f"kinds.{place}")


class Generator:
    """Generates advice. It reads much, so it reads for one caller at a time; nobody waits for another's words."""

    def __init__(
        self, sources: Sources | None = None, *, terms: Terms | None = None, wording: Wording | None = None
    ) -> None:
        self._sources = sources or Sources()
        self._terms = terms or Terms()
        self._wording = wording
        self._turn = asyncio.Lock()

    async def generate(
        self,
        database: Database,
        *,
        project_id: int,
        start: dt.datetime,
        end: dt.datetime,
        kinds: Collection[str] = (),
    ) -> list[Recommendation]:
        """At most 100 recommendations that [start, end) gives reason for, new and known, the largest saving first.

        Of the `kinds` named; all when none is. The time is cut to its last 31 days and to now. Commits what it issues;
        no session is open while words are found.
        """
        async with self._turn:
            started = time.monotonic()
            now = dt.datetime.now(dt.UTC)
            async with database.read() as session:
                aggregates = await read_aggregates(
                    session, project_id=project_id, start=start, end=end, now=now, sources=self._sources
                )
            if aggregates is None:
                return []
            findings = await asyncio.to_thread(find_waste, aggregates, self._sources.thresholds)
        findings = [finding for finding in findings if not kinds or finding.kind in kinds][:MOST_FINDINGS]
        if not findings:
            return []
        words = await self._words(findings)
        end = min(end, now)
        start = max(start, end - LONGEST)
        advice = [
            _advice(finding, said, evidence_of(finding, aggregates, start=start, end=end), since=start)
            for finding, said in zip(findings, words, strict=True)
        ]
        async with database.write() as session:
            rows = await issue(session, project_id=project_id, advice=advice, terms=self._terms)
        GENERATIONS.observe(time.monotonic() - started)
        for finding in findings:
            FOUND.labels(finding.kind).inc()
        return rows

    async def _words(self, findings: Sequence[Finding]) -> list[Words]:
        found = await self._wording.word([brief_of(finding) for finding in findings]) if self._wording else None
        if found is None:
            return [words_of(finding) for finding in findings]
        return [named(words, finding) for words, finding in zip(found, findings, strict=True)]


def _advice(finding: Finding, words: Words, evidence: dict[str, object], *, since: dt.datetime) -> Advice:
    return Advice(
        kind=finding.kind,
        title=words.title,
        body=words.body,
        subject=finding.target.subject,
        target=finding.target,
        evidence=evidence,
        expected_monthly_saving_picousd=round(finding.saving),
        confidence=finding.confidence,
        source=GENERATED,
        since=since,
    )
